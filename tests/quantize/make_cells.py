#!/usr/bin/env python3
"""Keras models of LSTM layers, and TensorFlow's int8 files of them. Runs in the TensorFlow environment.

    make_cells.py FOLDER

For each model FOLDER/NAME.h5, NAME.tflite, and NAME.npz: `x`, one long sequence that TensorFlow's converter was calibrated
on (between several it would not set the state back), and `test`, others.
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

STEPS, FEATURES = 200, 8
MODELS = {
    "sequence": lambda: [layers.LSTM(16, return_sequences=True)],
    "dense": lambda: [layers.LSTM(20, return_sequences=True), layers.Dense(5)],
    "stack": lambda: [layers.LSTM(12, return_sequences=True), layers.LSTM(10, return_sequences=True), layers.Dense(4, "softmax")],
    "bidirectional": lambda: [layers.Bidirectional(layers.LSTM(12, return_sequences=True)), layers.Dense(3)],
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, make) in enumerate(MODELS.items()):
        if (folder / f"{name}.npz").exists():
            continue
        keras.utils.set_random_seed(number)
        model = keras.Sequential([keras.Input((STEPS, FEATURES), batch_size=1), *make()])
        for weights in model.weights:  # livelier than they start
            weights.assign(np.random.normal(0, 0.3, weights.shape) if "bias" in weights.name else weights * 1.5)
        model.save(folder / f"{name}.h5")
        x = np.random.default_rng(number).normal(0, 1, (9, STEPS, FEATURES)).astype(np.float32)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda x=x: [[x[:1]]]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        (folder / f"{name}.tflite").write_bytes(converter.convert())
        np.savez(folder / f".{name}.npz", x=x[:1], test=x[1:])
        (folder / f".{name}.npz").rename(folder / f"{name}.npz")


if __name__ == "__main__":
    main()
