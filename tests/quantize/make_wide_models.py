#!/usr/bin/env python3
"""Small Keras models whose weights are large enough to be quantized alone. Runs in the TensorFlow environment.

    make_wide_models.py FOLDER

For each model FOLDER/NAME.h5 and NAME.npz (x, y: inputs and Keras' outputs).
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers

# Name: the shape of the input, and layers.
MODELS = {
    "dense": ((40,), lambda: [layers.Dense(64, "relu"), layers.Dense(32, "tanh")]),
    "convolution": ((10, 10, 16), lambda: [layers.Conv2D(24, 3, padding="same", activation="relu"), layers.Conv2D(48, 1)]),
    "depthwise": ((9, 9, 128), lambda: [layers.DepthwiseConv2D(3, padding="same", activation="relu")]),
    "separable": ((9, 9, 24), lambda: [layers.SeparableConv2D(48, 3), layers.GlobalAveragePooling2D()]),
    # A matrix for each gate.
    "lstm": ((6, 32), lambda: [layers.LSTM(36, return_sequences=True)]),
    "bidirectional": ((6, 32), lambda: [layers.Bidirectional(layers.LSTM(36))]),
    "transposed": ((5, 5, 16), lambda: [layers.Conv2DTranspose(16, 3, strides=2, padding="same")]),
}


def attention():
    x = keras.Input((6, 32))
    return keras.Model(x, layers.MultiHeadAttention(4, 8)(x, x))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    makers = {name: lambda shape=shape, made=made: keras.Sequential([keras.Input(shape), *made()])
              for name, (shape, made) in MODELS.items()} | {"attention": attention}
    for number, (name, make) in enumerate(makers.items()):
        if (folder / f"{name}.npz").exists():
            continue
        keras.utils.set_random_seed(number)
        model = make()
        for weights in model.weights:  # biases too
            if "bias" in weights.path:
                weights.assign(np.random.normal(0, 0.1, weights.shape))
        model.save(folder / f"{name}.h5")
        x = np.random.default_rng(number).normal(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
        y = np.concatenate([np.asarray(model(v[None])) for v in x])
        np.savez(folder / f".{name}.npz", x=x, y=y)
        (folder / f".{name}.npz").rename(folder / f"{name}.npz")


if __name__ == "__main__":
    main()
