#!/usr/bin/env python3
"""Trains the shipped digits classifier with TensorFlow and writes it to models/: as Keras saves it, and in five TFLite forms.

Run it in the TensorFlow environment: `tools/setup tensorflow` makes it and prints its path. Training uses the images of
`digits:train` only, calibration too; `digits:test` is for the numbers that the script prints and writes to
models/README.md. The seed is fixed and TensorFlow's operators are set to be deterministic, so another run on the same
machine and versions gives the same files.

The network takes float [N, 8, 8, 1] with values 0..16 (it scales them itself) and gives float [N, 10], the probability
of each class.
"""

import argparse
import gzip
import io
import os
import pathlib
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRAIN = 1437
SEED = 7
LABELS = "".join(f"{digit}\n" for digit in range(10)).encode()


def read_idx(path):
    """Returns the array in a gzip-compressed idx file of uint8."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    dims = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(dims)


def network():
    """Rescaling, four convolutions (one depthwise), two poolings, two dense layers, softmax."""
    layers = tf.keras.layers

    def convolution(filters, size):
        conv = layers.Conv2D(filters, size, padding="same", use_bias=False)
        return [conv, layers.BatchNormalization(), layers.ReLU()]

    return tf.keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16),
            *convolution(16, 3),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            *convolution(32, 1),
            layers.MaxPooling2D(2),
            *convolution(48, 3),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(48, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax", name="probability"),
        ]
    )


def train(model, x, y, epochs):
    """Trains with label smoothing on images that are moved, turned and scaled a little, anew in each epoch."""
    layers = tf.keras.layers
    fill = {"fill_mode": "constant", "fill_value": 0.0}
    augment = tf.keras.Sequential(
        [
            layers.RandomTranslation(0.1, 0.1, seed=SEED, **fill),
            layers.RandomRotation(0.04, seed=SEED + 1, **fill),
            layers.RandomZoom(0.1, 0.1, seed=SEED + 2, **fill),
        ]
    )
    schedule = tf.keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(x) // 64))
    loss = tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    model.compile(tf.keras.optimizers.Adam(schedule), loss)
    target = tf.one_hot(y, 10)
    for _ in range(epochs):
        model.fit(augment(x, training=True), target, batch_size=64, shuffle=True, verbose=0)


def convert(model, scheme, calibration):
    """Returns the bytes of the TFLite file in one of the schemes of `SCHEMES`, with a batch of one."""
    image = tf.keras.layers.Input(batch_shape=(1, 8, 8, 1), name="image")
    fixed = tf.keras.Model(image, {"probability": model(image)})
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    if scheme != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme in ("int8", "int16x8"):
        converter.representative_dataset = lambda: ([image[None]] for image in calibration)
        int16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ops = int16 if scheme == "int16x8" else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        converter.target_spec.supported_ops = [ops]
        kind = tf.int16 if scheme == "int16x8" else tf.int8
        converter.inference_input_type = converter.inference_output_type = kind
    return converter.convert()


SCHEMES = {
    "float": "float32 everywhere",
    "int8": "full int8: weights per channel, activations, input and output",
    "dynamic": "dynamic range: int8 weights of the large layers, float activations",
    "float16": "weights stored as float16",
    "int16x8": "int16 activations, input and output, int8 weights",
}


def metadata(name):
    """Bytes of a TFLITE_METADATA buffer: licence, input normalization (mean 0, std 1), class names in labels.txt.

    Written field by field by the published metadata schema (file identifier M001), so that no further package is
    needed; the numbers are the field positions in its tables.
    """
    b = flatbuffers.Builder(1024)

    def table(fields, size):
        b.StartObject(size)
        for slot, offset in fields.items():
            b.PrependUOffsetTRelativeSlot(slot, offset, 0)
        return b.EndObject()

    def vector(offsets):
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return b.EndVector()

    def floats(values):
        b.StartVector(4, len(values), 4)
        for value in reversed(values):
            b.PrependFloat32(value)
        return b.EndVector()

    normalization = table({0: floats([0.0]), 1: floats([1.0])}, 2)  # NormalizationOptions: mean, std
    b.StartObject(2)  # ProcessUnit: options_type, options
    b.PrependUint8Slot(0, 1, 0)
    b.PrependUOffsetTRelativeSlot(1, normalization, 0)
    unit = b.EndObject()
    text = b.CreateString
    image = table({0: text("image"), 1: text("8x8 grey image, values 0 to 16"), 4: vector([unit])}, 7)
    b_name, b_description = text("labels.txt"), text("Name of each class")
    b.StartObject(5)  # AssociatedFile: name, description, type
    b.PrependUOffsetTRelativeSlot(0, b_name, 0)
    b.PrependUOffsetTRelativeSlot(1, b_description, 0)
    b.PrependInt8Slot(2, 2, 0)  # TENSOR_AXIS_LABELS
    labels = b.EndObject()
    probability = table({0: text("probability"), 1: text("Probability of each class"), 6: vector([labels])}, 7)
    subgraph = table({2: vector([image]), 3: vector([probability])}, 5)  # SubGraphMetadata: input, output tensors
    root = table(
        {
            0: text(name),
            1: text("Handwritten digits classifier"),
            2: text("1"),
            3: vector([subgraph]),
            4: text("Edge ML"),
            5: text("Apache-2.0"),
            7: text("1.0.0"),
        },
        8,
    )
    b.Finish(root, b"M001")
    return bytes(b.Output())


def with_metadata(data, name):
    """Adds the metadata buffer to a TFLite file and appends labels.txt in a zip, as the published format does."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(metadata(name), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(data) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    out = io.BytesIO(bytes(builder.Output()))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("labels.txt", (1980, 1, 1, 0, 0, 0)), LABELS)
    return out.getvalue()


def accuracy(data, x, y):
    """Fraction of images whose largest output is the right class, by TensorFlow's TFLite interpreter."""
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = into["quantization"]
    right = 0
    for image, label in zip(x, y):
        if scale:
            info = np.iinfo(into["dtype"])
            image = np.clip(np.round(image / scale) + zero_point, info.min, info.max)
        interpreter.set_tensor(into["index"], image[None].astype(into["dtype"]))
        interpreter.invoke()
        right += int(np.argmax(interpreter.get_tensor(out["index"])[0]) == label)
    return right / len(y)


README = """# Shipped models

One small classifier of handwritten digits in {count} forms, trained on `digits:train` (see `src/data/digits/README.md`) by
`tools/train_digits.py`, which also wrote this page; and `digits.h5`, the model that they come from, as Keras
{keras} saves it. Input `image` [1, 8, 8, 1] with values 0 to 16, output `probability`
[1, 10]. The files carry TFLite metadata: the input's normalization (none), the class names and the licence.

| File | Form | Bytes | Accuracy, `digits:train` | Accuracy, `digits:test` |
|---|---|--:|--:|--:|
{rows}

Accuracy is that of the TFLite interpreter in TensorFlow {tensorflow}, as a fraction of 1,437 and of 360 images. The models
are licensed like the rest of the repository (Apache-2.0); the data set is licensed under CC BY 4.0 and cited in
`src/data/digits/README.md`.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "models")
    parser.add_argument("--epochs", type=int, default=120)
    args = parser.parse_args()

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()

    digits = ROOT / "src" / "data" / "digits"
    x = read_idx(digits / "digits-images-idx3-ubyte.gz")[..., None].astype(np.float32)
    y = read_idx(digits / "digits-labels-idx1-ubyte.gz").astype(np.int32)
    model = network()
    train(model, x[:TRAIN], y[:TRAIN], args.epochs)

    args.out.mkdir(parents=True, exist_ok=True)
    model.compile()  # without the optimizer's state
    model.save(args.out / "digits.h5", include_optimizer=False)
    rows = []
    for scheme, form in SCHEMES.items():
        data = with_metadata(bytes(convert(model, scheme, x[:TRAIN])), f"digits_{scheme}")
        on_train, on_test = (accuracy(data, x[part], y[part]) for part in (slice(TRAIN), slice(TRAIN, None)))
        (args.out / f"digits_{scheme}.tflite").write_bytes(data)
        rows.append(f"| `digits_{scheme}.tflite` | {form} | {len(data):,} | {on_train:.4f} | {on_test:.4f} |")
        print(f"digits_{scheme}: {len(data)} bytes, accuracy train {on_train:.4f}, test {on_test:.4f}", flush=True)
    words = {5: "five"}
    (args.out / "README.md").write_text(
        README.format(count=words[len(rows)], rows="\n".join(rows), tensorflow=tf.__version__,
                      keras=tf.keras.__version__))


if __name__ == "__main__":
    main()
