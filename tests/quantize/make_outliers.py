#!/usr/bin/env python3
"""A Keras transformer block with outliers in a few channels, as trained ones have them: two scales of each layer
normalization are far above the others, and the weights that read those channels as far below. Runs in the TensorFlow
environment.

    make_outliers.py FOLDER

Makes FOLDER/transformer.keras and transformer.npz (x, y: inputs and Keras' outputs).
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers

STEPS, WIDTH = 12, 32
OUTLIERS, FACTOR = [3, 17], 60.0


def block(x, name):
    y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm1")(x)
    x = x + layers.MultiHeadAttention(4, 8, name=f"{name}_attention")(y, y)
    y = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm2")(x)
    y = layers.Dense(2 * WIDTH, activation="gelu", name=f"{name}_wide")(y)
    return x + layers.Dense(WIDTH, name=f"{name}_narrow")(y)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "transformer.npz").exists():
        return
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    x = keras.Input((STEPS, WIDTH))
    model = keras.Model(x, layers.Dense(5, name="head")(block(block(x, "first"), "second")))
    factors = np.ones(WIDTH)
    factors[OUTLIERS] = FACTOR
    for layer in model.layers:
        if isinstance(layer, layers.LayerNormalization):
            layer.gamma.assign(rng.uniform(0.7, 1.3, WIDTH) * factors)
            layer.beta.assign(rng.normal(0, 0.1, WIDTH) * factors)
        elif isinstance(layer, layers.MultiHeadAttention):
            for dense in (layer.query_dense, layer.key_dense, layer.value_dense):
                dense.kernel.assign(dense.kernel / factors[:, None, None])
        elif layer.name.endswith("_wide"):
            layer.kernel.assign(layer.kernel / factors[:, None])
    model.save(folder / "transformer.keras")
    samples = rng.normal(0, 1, (96, STEPS, WIDTH)).astype(np.float32)
    np.savez(folder / ".transformer.npz", x=samples, y=np.asarray(model(samples)))
    (folder / ".transformer.npz").rename(folder / "transformer.npz")


if __name__ == "__main__":
    main()
