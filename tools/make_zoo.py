#!/usr/bin/env python3
"""Writes the TFLite files that TensorFlow's converter makes of the usual networks, to try the reader and runtime on.

Run it in the TensorFlow environment: `tools/setup tensorflow` makes it and prints its path. Weights are random with a
fixed seed: the files are for structure, shapes and numerical comparison, not for accuracy. They go to
`$EDGEML_CACHE/zoo` (default: the user's cache folder), outside the repository; a file that exists is kept, so a run
that was stopped goes on where it was. Names: NETWORK_VARIANT.tflite with VARIANT in float, dynamic, float16, int8 and
int16x8. A pair that the converter refuses leaves NETWORK_VARIANT.refused with the reason.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

SEED = 11
VARIANTS = ("float", "int8", "dynamic", "float16", "int16x8")


def cache_folder():
    """The folder of EDGEML_CACHE, by the rule that tools/setup follows."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("EDGEML_CACHE") or pathlib.Path(base) / "edgeml")


def unet(keras, size):
    """U-Net (Ronneberger et al. 2015) with three levels, transposed convolutions and concatenation."""
    layers = keras.layers

    def block(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    image = layers.Input((size, size, 3))
    x, skips = image, []
    for filters in (8, 16, 32):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = block(x, 64)
    for filters, skip in zip((32, 16, 8), reversed(skips)):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = block(layers.Concatenate()([x, skip]), filters)
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def autoencoder(keras, size):
    """Convolutional autoencoder; the decoder upsamples by nearest neighbour and by bilinear interpolation."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((size, size, 1)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(16, 3, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(4, 3, padding="same", activation="elu"),
            layers.UpSampling2D(2),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    )


def dense_autoencoder(keras, size):
    """Fully connected autoencoder with batch normalization, as used for anomaly detection in sound."""
    layers = keras.layers
    model = keras.Sequential([layers.Input((size,))])
    for units in (64, 64, 8, 64, 64):
        model.add(layers.Dense(units))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("relu"))
    model.add(layers.Dense(size))
    return model


def ds_cnn(keras, size):
    """Depthwise-separable CNN for keyword spotting (Zhang et al. 2017) on `size` x 10 MFCC features."""
    layers = keras.layers
    model = keras.Sequential([layers.Input((size, 10, 1))])
    model.add(layers.Conv2D(64, (10, 4), strides=(2, 2), padding="same"))
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    for _ in range(4):
        for convolution in (layers.DepthwiseConv2D(3, padding="same"), layers.Conv2D(64, 1)):
            model.add(convolution)
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(12, activation="softmax"))
    return model


def recurrent(kind, **options):
    def build(keras, steps):
        layers = keras.layers
        cell = getattr(layers, kind)
        return keras.Sequential(
            [
                layers.Input((steps, 16)),
                cell(24, return_sequences=True, **options),
                cell(20, **options),
                layers.Dense(6, activation="softmax"),
            ]
        )

    return build


def bidirectional_lstm(keras, steps):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((steps, 16)),
            layers.Bidirectional(layers.LSTM(20, return_sequences=True)),
            layers.GlobalMaxPooling1D(),
            layers.Dense(6, activation="softmax"),
        ]
    )


def fused(build):
    """Builds with Keras 2 (package tf_keras): its LSTM layer becomes one UNIDIRECTIONAL_SEQUENCE_LSTM, that of Keras 3
    a WHILE loop."""

    def keras_2(_, steps):
        import tf_keras

        return build(tf_keras, steps)

    return keras_2


def transformer(keras, steps):
    """Transformer encoder (Vaswani et al. 2017): token and position embedding, two blocks, GELU, mean over time."""
    layers, width = keras.layers, 32
    tokens = layers.Input((steps,), dtype="int32")
    positions = layers.Embedding(steps, width)(keras.ops.arange(steps))
    x = layers.Embedding(100, width)(tokens) + positions
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, width // 4)(x, x))
        hidden = layers.Dense(2 * width, activation="gelu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(width)(hidden))
    return keras.Model(tokens, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def application(name, **options):
    def build(keras, size):
        return getattr(keras.applications, name)(input_shape=(size, size, 3), weights=None, classes=1000, **options)

    return build


# name: (builder, size, fixed batch). The small ones first, so that others can begin with them.
NETWORKS = {
    "ds_cnn": (ds_cnn, 49, True),
    "ds_cnn_batch": (ds_cnn, 49, False),
    "autoencoder": (autoencoder, 32, True),
    "dense_autoencoder": (dense_autoencoder, 64, True),
    "unet": (unet, 32, True),
    "lstm": (recurrent("LSTM"), 10, True),
    "lstm_batch": (recurrent("LSTM"), 10, False),
    "lstm_unrolled": (recurrent("LSTM", unroll=True), 5, True),
    "bidirectional_lstm": (bidirectional_lstm, 10, True),
    "lstm_fused": (fused(recurrent("LSTM")), 10, True),
    "bidirectional_lstm_fused": (fused(bidirectional_lstm), 10, True),
    "gru": (recurrent("GRU"), 10, True),
    "gru_unrolled": (recurrent("GRU", unroll=True), 5, True),
    "rnn": (recurrent("SimpleRNN"), 10, True),
    "transformer": (transformer, 16, True),
    "mobilenet_v1": (application("MobileNet", alpha=0.5), 96, True),
    "mobilenet_v2": (application("MobileNetV2"), 96, True),
    "mobilenet_v3_small": (application("MobileNetV3Small"), 96, True),
    "mobilenet_v3_large": (application("MobileNetV3Large"), 96, True),
    "efficientnet_b0": (application("EfficientNetB0"), 96, True),
    "mobilenet_v2_224": (application("MobileNetV2"), 224, True),
    "densenet121": (application("DenseNet121"), 96, True),
    "resnet50": (application("ResNet50"), 96, True),
}


def samples(tf, model, count):
    """Random inputs of the model: pixels in 0..255 for images of three channels, else normal or token numbers."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    shape = [1, *model.inputs[0].shape[1:]]
    for _ in range(count):
        if "int" in str(model.inputs[0].dtype):
            yield [rng.integers(0, 100, shape, dtype=np.int32)]
        elif len(shape) == 4 and shape[-1] == 3:
            yield [rng.uniform(0, 255, shape).astype(np.float32)]
        else:
            yield [rng.normal(0, 1, shape).astype(np.float32)]


def randomized(model):
    """Gives biases and normalization statistics values of their own; after construction they are all 0 or 1."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    for variable in model.weights:
        path = getattr(variable, "path", variable.name)  # Keras 3, Keras 2
        name, shape = path.rsplit("/", 1)[-1].split(":")[0], variable.shape
        if name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.8, 1.2, shape))
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(variable + rng.normal(0, 0.05, shape))


def convert(tf, model, variant, fixed_batch):
    """Returns the bytes of the TFLite file, or raises what the converter raises."""
    if fixed_batch:
        import tf_keras

        keras = tf_keras if isinstance(model, tf_keras.Model) else tf.keras
        entry = keras.layers.Input(batch_shape=(1, *model.inputs[0].shape[1:]), dtype=model.inputs[0].dtype, name="x")
        model = keras.Model(entry, model(entry))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if variant != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        converter.representative_dataset = lambda: samples(tf, model, 8)
        int16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        # TFLITE_BUILTINS lets an op without a quantized form stay float, as most users ask for.
        ops = int16 if variant == "int16x8" else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        converter.target_spec.supported_ops = [ops, tf.lite.OpsSet.TFLITE_BUILTINS]
        if variant == "int8" and "float" in str(model.inputs[0].dtype):
            converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def operators(tf, data):
    """The distinct operator names of all subgraphs, with their counts, as one line."""
    from collections import Counter

    from tensorflow.lite.python import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    counts = Counter(names[codes[op.opcodeIndex]] for graph in model.subgraphs for op in graph.operators)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=cache_folder() / "zoo")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all: " + ", ".join(NETWORKS))
    args = parser.parse_args()
    unknown = set(args.networks) - set(NETWORKS)
    if unknown:
        parser.error(f"unknown network: {', '.join(sorted(unknown))}")

    args.out.mkdir(parents=True, exist_ok=True)
    todo = [(name, variant) for name in args.networks or NETWORKS for variant in args.variants
            if not any((args.out / f"{name}_{variant}.{end}").exists() for end in ("tflite", "refused"))]
    if args.child:
        return make(args.out, todo)
    if not todo:
        print(f"nothing to do: {args.out}")
        return 0
    for name in dict.fromkeys(name for name, _ in todo):
        # The converter's calibration crashes on some networks, hence a process of its own; the file *.trying tells
        # which variant it was at.
        command = [sys.executable, __file__, "--child", "--out", args.out, "--variants", *args.variants, "--", name]
        while (code := subprocess.run(command, stderr=subprocess.DEVNULL).returncode) < 0:
            for trying in args.out.glob(f"{name}_*.trying"):
                trying.replace(trying.with_suffix(".refused")).write_text(f"the converter died of signal {-code}\n")
                print(f"{trying.stem}: refused: the converter died of signal {-code}", flush=True)
        if code:
            print(f"{name}: failed with exit code {code}", flush=True)
            return 1
    return 0


def make(out, todo):
    """Converts the (network, variant) pairs in this process."""
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    model, built = None, None
    for name, variant in todo:
        build, size, fixed_batch = NETWORKS[name]
        if built != name:
            tf.keras.backend.clear_session()
            tf.keras.utils.set_random_seed(SEED)
            model, built = build(tf.keras, size), name
            randomized(model)
        path = out / f"{name}_{variant}.tflite"
        trying = path.with_suffix(".trying")
        trying.touch()
        start = time.monotonic()
        with contextlib.redirect_stdout(sys.stderr):  # the converter talks
            try:
                data = bytes(convert(tf, model, variant, fixed_batch))
            except Exception as error:  # the converter raises many types
                data, why = None, f"{type(error).__name__}: {error}"
        if data is None:
            trying.write_text(why + "\n")
            trying.replace(path.with_suffix(".refused"))
            print(f"{path.stem}: refused: {why.splitlines()[0][:160]}", flush=True)
        else:
            trying.write_bytes(data)
            trying.replace(path)
            print(f"{path.stem}: {len(data)} bytes, {time.monotonic() - start:.0f} s: {operators(tf, data)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
