#!/usr/bin/env python3
"""Makes networks of keras.applications with random weights for test_applications.py. Runs in the TensorFlow environment.

    make_applications.py FOLDER [NAME…]

For each network FOLDER/NAME.h5, NAME.keras and NAME.npz (x, y: inputs and Keras' outputs before the softmax; tf_ops: the
operators that TensorFlow's converter makes). With plain random weights these networks answer the same to everything. Here
batch normalization has random scales and shifts, and the statistics of a batch that went through: the outputs spread.
"""

import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

APPLICATIONS = keras.applications
MAKERS = {
    "MobileNet": lambda **k: APPLICATIONS.MobileNet(input_shape=(96, 96, 3), **k),
    "MobileNetV2": lambda **k: APPLICATIONS.MobileNetV2(input_shape=(96, 96, 3), **k),
    "MobileNetV3Small": lambda **k: APPLICATIONS.MobileNetV3Small(input_shape=(96, 96, 3), **k),
    "MobileNetV3Large": lambda **k: APPLICATIONS.MobileNetV3Large(input_shape=(96, 96, 3), **k),
    "EfficientNetB0": lambda **k: APPLICATIONS.EfficientNetB0(input_shape=(96, 96, 3), **k),
    "EfficientNetV2B0": lambda **k: APPLICATIONS.EfficientNetV2B0(input_shape=(96, 96, 3), **k),
    "ResNet50": lambda **k: APPLICATIONS.ResNet50(input_shape=(96, 96, 3), **k),
    "ResNet50V2": lambda **k: APPLICATIONS.ResNet50V2(input_shape=(96, 96, 3), **k),
    "DenseNet121": lambda **k: APPLICATIONS.DenseNet121(input_shape=(96, 96, 3), **k),
    "NASNetMobile": lambda **k: APPLICATIONS.NASNetMobile(input_shape=(96, 96, 3), **k),
    "InceptionV3": lambda **k: APPLICATIONS.InceptionV3(input_shape=(160, 160, 3), **k),
    "Xception": lambda **k: APPLICATIONS.Xception(input_shape=(96, 96, 3), **k),
}


def layers_of(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)
        else:
            yield layer


def images(name, count, rng):
    """Pixels in the range that the network expects: some scale them themselves."""
    low, high = (0, 255) if "MobileNetV3" in name or "Efficient" in name else (-1, 1)
    size = 160 if name == "InceptionV3" else 96  # at 96 one pixel is left in the end, and its rounding errors
    return rng.uniform(low, high, (count, size, size, 3)).astype(np.float32)


def randomise(model, batch, rng):
    """Random scales and shifts; the means and variances are those of a batch in training."""
    norms = [layer for layer in layers_of(model) if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        if layer.gamma is not None:
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
        if layer.beta is not None:
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
        layer.momentum = 0.0
    model(batch, training=True)
    for layer in norms:
        layer.momentum = 0.99
        # A channel that hardly varies within a small batch would be blown up, rounding errors with it.
        variance = layer.moving_variance.numpy()
        layer.moving_variance.assign(np.maximum(variance, 0.1 * variance.mean()))


def operators(model):
    """How many operators TensorFlow's converter makes of the model, with a batch of one."""
    fixed = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]))
    with tempfile.TemporaryDirectory() as folder:
        keras.Model(fixed, model(fixed)).export(folder, verbose=False)
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=(
        tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))
    names = [details["op_name"] for details in interpreter._get_ops_details()]  # pylint: disable=protected-access
    return names, len(content)


def make(name, folder):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = MAKERS[name](weights=None, classes=100, classifier_activation=None)
    randomise(model, images(name, 16, rng), rng)
    x = images(name, 2, rng)
    y = model.predict(x, verbose=0)
    names, size = operators(model)
    model.save(folder / f"{name}.h5")
    model.save(folder / f"{name}.keras")
    partial = folder / f".{name}.npz"
    np.savez(partial, x=x, y=y, tf_ops=np.array(names), tf_bytes=size)
    partial.rename(folder / f"{name}.npz")  # the last one: with it the network is complete
    print(f"{name}: {len(names)} operators, spread {np.std(y):.3g}", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MAKERS:
        if not (folder / f"{name}.npz").exists():
            make(name, folder)


if __name__ == "__main__":
    main()
