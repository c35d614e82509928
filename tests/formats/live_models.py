"""Converts live models of Keras and TensorFlow in their own process; run by test_live_models.py with TensorFlow's Python."""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from edge_ml import ConverterError, Interpreter, lite

IMAGES = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)


def check(name, converter, expected):
    interpreter = Interpreter(model_content=converter.convert())
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, IMAGES.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, IMAGES)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    print("converted", name)


class OwnClass(keras.Model):
    """A model whose layers are in its code alone."""

    def __init__(self):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(4)

    def call(self, x):
        return self.dense(self.flatten(x)) * 2.0


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, k in (("keras", keras), ("tf_keras", tf_keras)):
        layers = k.layers
        model = k.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(),
                              layers.Dense(3)])
        check(name, lite.TFLiteConverter.from_keras_model(model), model(IMAGES).numpy())
    model = OwnClass()
    check("own class", lite.TFLiteConverter.from_keras_model(model), model(IMAGES).numpy())

    holder = tf.Module()
    holder.weights = tf.Variable(np.random.default_rng(1).random((3, 5)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3])])
    def function(x):
        return tf.nn.relu(tf.tensordot(x, holder.weights, 1) - 1.0)

    holder.function = function
    concrete, expected = function.get_concrete_function(), function(IMAGES).numpy()
    check("function", lite.TFLiteConverter.from_concrete_functions([concrete], holder), expected)
    check("function alone", lite.TFLiteConverter.from_concrete_functions([concrete]), expected)
    tf.saved_model.save(holder, str(folder / "saved"), signatures=concrete)
    check("saved model", lite.TFLiteConverter.from_saved_model(folder / "saved"), expected)

    # TensorFlow's own constants are understood.
    converter = lite.TFLiteConverter.from_saved_model(folder / "saved")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    converter.convert()
    converter.inference_input_type = tf.int8
    try:
        converter.convert()
    except ConverterError as error:
        assert "inference_input_type" in str(error)
        print("converted nothing that was not understood")


if __name__ == "__main__":
    main()
