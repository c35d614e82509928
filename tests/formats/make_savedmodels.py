#!/usr/bin/env python3
"""Makes SavedModels, frozen graphs and a tensor bundle for test_savedmodel.py. Runs in the TensorFlow environment.

    make_savedmodels.py FOLDER

FOLDER/cases/NAME is a SavedModel (NAME.pb a frozen graph), NAME.npz its inputs x0, x1 … and TensorFlow's outputs y0, y1 …
FOLDER/tf_ops.json tells for each case the operators that TensorFlow's converter makes of it; null where it fails.
FOLDER/containers/custom_NAME are functions that need custom operators; FOLDER/custom_ops.json those that TensorFlow makes.
FOLDER/containers holds models for single features of the container, FOLDER/bundle a bundle of every type, in two data
files, with a tensor in parts. FOLDER/done is written last.
"""

import json
import os
import pathlib
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from savedmodel_cases import CUSTOM, FUNCTIONS, LAYERS, OLD_LAYERS, values
from tflite_operators import custom_operators, operators

L = keras.layers


def save_answers(path, inputs, outputs):
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    np.savez(path, **{f"x{i}": np.asarray(x) for i, x in enumerate(inputs)},
             **{f"y{i}": np.asarray(y) for i, y in enumerate(outputs)})


def randomise(model, rng):
    for weight in model.weights:
        if "float" not in str(weight.dtype):
            continue
        value = rng.normal(0, 0.3, weight.shape)
        weight.assign((np.abs(value) + 0.5 if "variance" in weight.name else value).astype("float32"))


def save_layer(folder, name, make):
    inputs, output = make(L)
    model = keras.Model(inputs, output)
    rng = np.random.default_rng(sum(map(ord, name)))
    randomise(model, rng)
    xs = [rng.integers(0, 10, [d or 1 for d in i.shape]).astype("float32") if "embedding" in name
          else rng.normal(0, 1, [d or 1 for d in i.shape]).astype("float32") for i in model.inputs]
    model.export(str(folder / name), verbose=False)
    save_answers(folder / f"{name}.npz", xs, model(xs[0] if len(xs) == 1 else xs, training=False))


def save_old_layer(folder, name, make):
    model = tf_keras.Model(*make(tf_keras.layers, 1))
    rng = np.random.default_rng(sum(map(ord, name)))
    randomise(model, rng)
    x = rng.normal(0, 1, model.inputs[0].shape).astype("float32")
    model.save(str(folder / f"keras2_{name}"))
    save_answers(folder / f"keras2_{name}.npz", [x], model(x, training=False))


def save_function(folder, name, function, inputs, shapes):
    module = tf.Module()
    module.function = tf.function(
        lambda *args: dict((f"y{i}", y) for i, y in enumerate(
            (lambda r: r if isinstance(r, (list, tuple)) else [r])(function(*args)))),
        input_signature=[tf.TensorSpec(s, x.dtype, name=f"x{i}") for i, (x, s) in enumerate(zip(inputs, shapes))])
    answers = module.function(*[tf.constant(x) for x in inputs])
    tf.saved_model.save(module, str(folder / name), signatures=module.function)
    save_answers(folder / f"{name}.npz", inputs, [answers[f"y{i}"] for i in range(len(answers))])


class Counter(tf.Module):
    def __init__(self):
        super().__init__()
        # Two variables of one name, of different types.
        self.weights = tf.Variable(values(2, 3), name="w")
        self.other = tf.Variable(tf.constant([1.5, 2.5, -1.0], tf.bfloat16), name="w")
        self.count = tf.Variable(0, name="count")

    @tf.function
    def inner(self, x):
        return tf.nn.relu(x @ self.weights)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def nested(self, x):
        y = self.inner(x) + tf.cast(self.other, tf.float32)
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: y * self.weights[0], lambda: y - 1.0)
        return {"z": y, "a": tf.split(y, 3, axis=1)[1]}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="x")])
    def counting(self, x):
        self.count.assign_add(1)
        return x * tf.cast(self.count, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="x")])
    def counting_unseen(self, x):
        self.count.assign_add(1)
        return x * 2


def save_session(path, resource):
    """A model of TensorFlow 1 whose weights were made in parts; a global step that nobody reads."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        with v1.variable_scope("p", partitioner=v1.fixed_size_partitioner(2), use_resource=resource):
            weights = tf.convert_to_tensor(v1.get_variable("w", [4, 3], initializer=v1.random_normal_initializer(seed=1)))
        with v1.variable_scope("q", use_resource=resource):
            bias = v1.get_variable("b", [3], initializer=v1.constant_initializer([1.0, 2.0, 3.0]))
            v1.get_variable("step", [], tf.int64, initializer=v1.zeros_initializer())
        y = tf.nn.bias_add(tf.matmul(x, weights), bias)
        session.run(v1.global_variables_initializer())
        feed = values(2, 4)
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
        save_answers(path.with_name(path.name + ".npz"), [feed], session.run(y, {x: feed}))


def save_learning_phase(path, phase):
    """A frozen graph of TensorFlow 1 that asks whether it is being trained, with control flow of the first kind."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, [3, 4], name="x")
        training = tf.constant(phase) if phase is not None else v1.placeholder(tf.bool, [], name="training")
        training = v1.placeholder_with_default(training, [], name="phase")
        y = v1.cond(training, lambda: x * 2.0 + 1.0, lambda: tf.constant([1.0, 2.0, 3.0, 4.0]) - x)
        z = v1.cond(training, lambda: tf.constant(1.0), lambda: tf.constant(2.0))
        out = tf.add(y, z, name="y")
        feed = values(3, 4)
        path.write_bytes(v1.graph_util.extract_sub_graph(graph.as_graph_def(), ["y"]).SerializeToString())
        if phase is not None:
            save_answers(path.with_suffix(".npz"), [feed], session.run(out, {x: feed}))
    v1.enable_control_flow_v2()


def save_containers(folder, cases):
    module = Counter()
    tf.saved_model.save(module, str(folder / "module"), signatures={
        name: getattr(module, name) for name in ("nested", "counting", "counting_unseen")})
    tf.saved_model.save(module, str(cases / "nested"), signatures=module.nested)
    x = values(4, 2)
    answers = module.nested(x)
    save_answers(cases / "nested.npz", [x], [answers["a"], answers["z"]])
    graph = convert_variables_to_constants_v2(module.nested.get_concrete_function(), lower_control_flow=False).graph
    (cases / "frozen.pb").write_bytes(graph.as_graph_def().SerializeToString())
    save_answers(cases / "frozen.npz", [x], [answers["a"], answers["z"]])
    for phase in (False, True):
        save_learning_phase(cases / f"phase_{phase}.pb", phase)
    save_learning_phase(folder / "phase_open.pb", None)
    for resource in (False, True):
        save_session(cases / f"session_{'resource' if resource else 'reference'}", resource)
    old = tf_keras.Sequential([tf_keras.layers.Input((7,)), tf_keras.layers.Embedding(11, 4), tf_keras.layers.LSTM(6)])
    old.save(str(cases / "keras2_embedding_lstm"))
    x = np.arange(7, dtype="float32")[None] % 11
    save_answers(cases / "keras2_embedding_lstm.npz", [x], old(x))
    longs = tf.constant([1, 2], tf.int64)
    for name, keys, contents, other in (("table", tf.constant(["a", "b"]), longs, -1),
                                        ("table_of_words", longs, tf.constant(["ein", "zwei"]), "?"),
                                        ("table_of_floats", longs, tf.constant([0.5, 1.5]), 0.0)):
        table = tf.Module()
        table.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, contents), other)
        table.function = tf.function(table.table.lookup, input_signature=[tf.TensorSpec([None], keys.dtype, name="x")])
        tf.saved_model.save(table, str(folder / name), signatures=table.function)
    plain = tf.Module()
    plain.forward = tf.function(lambda x: x * 2, input_signature=[tf.TensorSpec([2], name="x")])
    plain.shifted = tf.function(lambda x: x + 2, input_signature=[tf.TensorSpec([2], name="x")])
    tf.saved_model.save(plain, str(folder / "no_signature"))
    (folder / "text").mkdir()
    (folder / "text" / "saved_model.pbtxt").write_text("saved_model_schema_version: 1\n")


TYPES = ("float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool",
         "complex64", "complex128")


def save_bundle(folder):
    tensors = {f"type/{t}": (values(2, 3) * 3).astype(t) for t in TYPES}
    tensors["scalar"] = np.float32(2.5)
    tensors["empty"] = np.zeros((0, 3), "float32")
    names = list(tensors) + ["strings"]
    slices = [""] * len(names)
    content = [tf.constant(v) for v in tensors.values()] + [tf.constant(["ab", "", "c" * 300])]
    whole = values(5, 4)
    parts = {"5 4 0,2:-": whole[:2], "5 4 2,3:-": whole[2:]}
    first, second = str(folder / "part_0"), str(folder / "part_1")
    tf.raw_ops.SaveV2(prefix=first, tensor_names=names + ["parts"], shape_and_slices=slices + ["5 4 0,2:-"],
                      tensors=content + [tf.constant(parts["5 4 0,2:-"])])
    tf.raw_ops.SaveV2(prefix=second, tensor_names=["parts", "last"], shape_and_slices=["5 4 2,3:-", ""],
                      tensors=[tf.constant(parts["5 4 2,3:-"]), tf.constant(values(3))])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[first, second], destination_prefix=str(folder / "bundle"))
    np.savez(folder / "tensors.npz", parts=whole, last=values(3), **{k.replace("/", "|"): v for k, v in tensors.items()})


def converted(folder, custom=False):
    """The file that TensorFlow's converter makes of a SavedModel; None when it fails."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.allow_custom_ops = custom
    try:
        return converter.convert()
    except Exception:  # pylint: disable=broad-exception-caught
        return None  # of many types


def counted(folder):
    content = converted(folder)
    return None if content is None else operators(content, schema)


def main():
    folder = pathlib.Path(sys.argv[1])
    if (folder / "done").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    cases = folder / "cases"
    for part in (cases, folder / "containers", folder / "bundle"):
        part.mkdir(parents=True)
    save_bundle(folder / "bundle")
    save_containers(folder / "containers", cases)
    for name, (function, inputs, shapes) in FUNCTIONS.items():
        save_function(cases, name, function, inputs, shapes)
    for name, make in LAYERS.items():
        save_layer(cases, name, make)
    for name, make in OLD_LAYERS.items():
        save_old_layer(cases, name, make)
    for name, (function, inputs, shapes) in CUSTOM.items():
        save_function(folder / "containers", f"custom_{name}", function, inputs, shapes)
    made = {path.name: counted(path) for path in sorted(cases.iterdir()) if path.is_dir()}
    (folder / "tf_ops.json").write_text(json.dumps(made))
    made = {path.name: custom_operators(converted(path, custom=True), schema)
            for path in sorted((folder / "containers").glob("custom_*")) if path.is_dir()}
    (folder / "custom_ops.json").write_text(json.dumps(made))
    (folder / "done").touch()


if __name__ == "__main__":
    main()
