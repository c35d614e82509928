#!/usr/bin/env python3
"""A small MobileNet whose channels differ in range. Runs in the TensorFlow environment.

    make_uneven_mobilenet.py MNIST_FOLDER OUT.h5

Networks like MobileNet that were trained with batch normalization often have channels whose weights, once it is folded,
differ by a thousand times, and lose all accuracy with one scale per tensor (Nagel et al. 2019, figure 2). Pretrained ones
cannot be had here, and one trained on MNIST comes out even; so this one gets such channels afterwards: each is multiplied
by a factor of its own, 2 to the power of a normal number with a deviation of 1.5, and the next layer's weights divided by
it. With RELU between them the network computes the same as before, which is checked.
"""

import gzip
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers

BLOCKS = [(24, 1), (32, 2), (48, 1), (64, 2), (96, 1)]
DEVIATION = 1.5


def read(folder, part):
    images = gzip.open(folder / f"{part}-images-idx3-ubyte.gz").read()[16:]
    labels = gzip.open(folder / f"{part}-labels-idx1-ubyte.gz").read()[8:]
    x = np.frombuffer(images, np.uint8).reshape(-1, 28, 28, 1).astype(np.float32) / 255
    return x, np.frombuffer(labels, np.uint8).astype(int)


def network():
    def normalized(h):
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    x = keras.Input((28, 28, 1))
    h = normalized(layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(x))
    for channels, stride in BLOCKS:
        h = normalized(layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(h))
        h = normalized(layers.Conv2D(channels, 1, use_bias=False)(h))
    h = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(h))
    return keras.Model(x, h)


def make_uneven(model, rng):
    weighted = [layer for layer in model.layers if layer.weights]
    for normalization, following in zip(weighted[1::2], weighted[2::2]):
        factors = np.exp2(rng.normal(0, DEVIATION, normalization.gamma.shape)).astype(np.float32)
        normalization.gamma.assign(normalization.gamma * factors)
        normalization.beta.assign(normalization.beta * factors)
        # Dense [in, out]; convolutions [height, width, in, out or multiplier].
        following.kernel.assign(following.kernel / factors[:, None])


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    x, y = read(folder, "train")
    test, _ = read(folder, "t10k")
    keras.utils.set_random_seed(1)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 3 * 20000 // 128)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x[:20000], y[:20000], batch_size=128, epochs=3, verbose=0)
    before = model.predict(test[:500], verbose=0)
    make_uneven(model, np.random.default_rng(1))
    apart = np.abs(model.predict(test[:500], verbose=0) - before).max()
    if apart > 1e-4:
        sys.exit(f"the factors changed what the network computes, by {apart}")
    partly = out.with_name("." + out.name)
    model.save(partly)
    partly.rename(out)


if __name__ == "__main__":
    main()
