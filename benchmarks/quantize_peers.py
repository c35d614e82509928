#!/usr/bin/env python3
"""What quantize_models.py runs in the environments of other converters.

    quantize_peers.py tensorflow FOLDER NAME=MODEL…   in the environment with TensorFlow
    quantize_peers.py aiedge FOLDER NAME…             in the one with AI Edge Quantizer
    quantize_peers.py mobilenet MODEL.h5 PICTURES OUT.tflite   TensorFlow on MobileNetV2

For each model FOLDER/NAME.calibration.npy holds the samples; FOLDER/NAME.SCHEME.tensorflow.tflite and so on are written.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np


def maker(tf, path):
    """A function that makes a converter of the model with a batch of one. Variables become constants first: TensorFlow's
    calibration cannot read them."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as freeze
    if path.is_dir():
        model = tf.saved_model.load(str(path))  # held as long as its function is used
        served = model.signatures["serving_default"]
        (name, spec), = served.structured_input_signature[1].items()
        run, shape = (lambda x: next(iter(served(**{name: x}).values()))), spec.shape[1:]
    else:
        import keras
        import tf_keras
        try:
            model = tf_keras.models.load_model(path, compile=False)
        except (TypeError, ValueError):
            model = keras.saving.load_model(path, compile=False)
        run, shape = (lambda x: model(x, training=False)), model.inputs[0].shape[1:]
    function = freeze(tf.function(run).get_concrete_function(tf.TensorSpec([1, *shape], tf.float32)))
    return lambda: tf.lite.TFLiteConverter.from_concrete_functions([function])


def tensorflow(folder, models):
    import tensorflow as tf
    builtins = tf.lite.OpsSet
    for argument in models:
        name, _, path = argument.partition("=")
        samples = np.load(folder / f"{name}.calibration.npy")
        make = maker(tf, pathlib.Path(path))
        for scheme in ("float", "dynamic", "float16", "int8", "int16x8"):
            out = folder / f"{name}.{scheme}.tensorflow.tflite"
            if out.exists():
                continue
            converter = make()
            if scheme != "float":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if scheme == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if scheme.startswith("int"):
                converter.representative_dataset = lambda: ([x[None]] for x in samples)
                converter.target_spec.supported_ops = [
                    builtins.TFLITE_BUILTINS_INT8 if scheme == "int8"
                    else builtins.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
            out.write_bytes(converter.convert())


def signed(content):
    """The model with a signature, "run" of x, without which AI Edge Quantizer cannot calibrate."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"run", 0
    for name, indices in (("inputs", model.subgraphs[0].inputs), ("outputs", model.subgraphs[0].outputs)):
        port = schema.TensorMapT()
        port.name, port.tensorIndex = b"x" if name == "inputs" else b"y", int(indices[0])
        setattr(signature, name, [port])
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def aiedge(folder, names):
    from ai_edge_quantizer import quantizer, qtyping, recipe
    for name in names:
        source = folder / f"{name}.signed.tflite"
        source.write_bytes(signed((folder / f"{name}.float.tensorflow.tflite").read_bytes()))
        samples = np.load(folder / f"{name}.calibration.npy")
        for scheme in ("weight-int8", "weight-int4", "int4"):
            made = quantizer.Quantizer(str(source))
            data = None
            if scheme == "int4":
                made.add_static_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, 8, 4)
                data = made.calibrate({"run": [{"x": x[None]} for x in samples]})
            else:
                made.load_quantization_recipe(recipe.weight_only_wi8_afp32() if scheme == "weight-int8"
                                              else recipe.weight_only_wi4_afp32())
            out = folder / f"{name}.{scheme}.aiedge.tflite"
            out.unlink(missing_ok=True)
            made.quantize(data).export_model(str(out))


def mobilenet(model, pictures, out):
    import tensorflow as tf
    import keras

    def samples():
        for path in sorted(pathlib.Path(pictures).rglob("*.png")):
            pixels = tf.cast(tf.io.decode_png(path.read_bytes()), tf.float32)
            yield [(pixels / 127.5 - 1)[None]]
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(model, compile=False))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    pathlib.Path(out).write_bytes(converter.convert())


if __name__ == "__main__":
    kind = sys.argv[1]
    if kind == "mobilenet":
        mobilenet(*sys.argv[2:])
    else:
        {"tensorflow": tensorflow, "aiedge": aiedge}[kind](pathlib.Path(sys.argv[2]), sys.argv[3:])
