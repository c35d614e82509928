#!/usr/bin/env python3
"""Pruned Keras models, and TensorFlow's files of them with sparse weights. Runs in the TensorFlow environment.

    make_pruned.py FOLDER

For each model FOLDER/NAME.h5, NAME.npz (x: inputs), NAME.float.tflite and NAME.float16.tflite.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

SHAPE = (12, 12, 8)


def scattered(rng, shape):
    return rng.random(shape) < 0.85


def blocks(rng, shape):
    """Of sixteen inputs to dense layers; else scattered."""
    if len(shape) != 2:
        return scattered(rng, shape)
    return np.repeat(rng.random((shape[0] // 16, shape[1])) < 0.85, 16, axis=0)


def filters(rng, shape):
    return np.broadcast_to(rng.random(shape[-1]) < 0.6, shape)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, prune in enumerate((scattered, blocks, filters)):
        name = prune.__name__
        if (folder / f"{name}.npz").exists():
            continue
        keras.utils.set_random_seed(number)
        rng = np.random.default_rng(number)
        model = keras.Sequential([
            keras.Input(SHAPE, batch_size=1), layers.Conv2D(48, 3, activation="relu"), layers.DepthwiseConv2D(3),
            layers.Conv2DTranspose(32, 3, strides=2), layers.AveragePooling2D(3), layers.Flatten(),
            layers.Dense(64, activation="relu"), layers.Dense(32)])
        for weights in model.weights:
            if weights.shape.rank > 1:
                weights.assign(np.where(prune(rng, weights.shape), 0, weights.numpy()))
            else:
                weights.assign(rng.normal(0, 0.1, weights.shape))
        model.save(folder / f"{name}.h5")
        for scheme in ("float", "float16"):
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
            if scheme == "float16":
                converter.optimizations.append(tf.lite.Optimize.DEFAULT)
                converter.target_spec.supported_types = [tf.float16]
            (folder / f"{name}.{scheme}.tflite").write_bytes(converter.convert())
        np.savez(folder / f".{name}.npz", x=rng.normal(0, 1, (24, *SHAPE)).astype(np.float32))
        (folder / f".{name}.npz").rename(folder / f"{name}.npz")


if __name__ == "__main__":
    main()
