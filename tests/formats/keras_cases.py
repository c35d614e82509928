"""The models of keras_matrix.py: one line for each, small, with the layers and options that the reader knows.

`chain(shape, layers)` is a sequential model; `graph(shapes, function)` a functional one. Both get the Keras module that
is to build it, so that one line serves both generations.
"""
from __future__ import annotations

import dataclasses
import random
from typing import Callable, Optional

BOTH, NEW, OLD = ("keras3", "keras2"), ("keras3",), ("keras2",)


@dataclasses.dataclass
class Case:
    build: Callable  # (keras module, random generator) → model
    generations: tuple = BOTH
    batch: Optional[int] = None  # none: open
    inputs: Optional[Callable] = None  # (numpy, random generator, batch) → arrays; none: drawn by type
    keep_weights: bool = False
    expect: str = ""  # part of the error that is to come instead of a model
    only_all: bool = False  # left out unless everything is asked for
    archive: bool = True  # also as .keras
    tolerance: float = 1e-5  # of the largest output


def chain(shape, layers, dtype="float32", **options) -> Case:
    def build(k, rng):  # pylint: disable=unused-argument
        return k.Sequential([k.layers.Input(shape, dtype=dtype), *layers(k)])
    return Case(build, **options)


def graph(shapes, function, dtypes=(), names=(), **options) -> Case:
    def build(k, rng):  # pylint: disable=unused-argument
        inputs = [k.layers.Input(shape, dtype=dtypes[i] if dtypes else "float32", name=names[i] if names else None)
                  for i, shape in enumerate(shapes)]
        return k.Model(inputs if len(inputs) > 1 else inputs[0], function(k, *inputs))
    return Case(build, **options)


def integers(low: int, high: int, shape) -> Callable:
    return lambda np, rng, batch: [rng.integers(low, high, [batch, *shape]).astype("int32")]


def padded(steps: int, features: int) -> Callable:
    """Sequences that end in masked (zero) steps, one with a hole, too."""
    def make(np, rng, batch):
        x = rng.normal(0, 1, [batch, steps, features]).astype("float32")
        for i in range(batch):
            x[i, steps - 1 - i % steps:] = 0
        x[0, 1] = 0
        return [x]
    return make


def common() -> dict:
    cases = {}
    for name in ("linear", "relu", "relu6", "sigmoid", "tanh", "exponential", "swish", "hard_sigmoid", "softmax", "softplus",
                 "softsign", "elu", "selu", "gelu", "mish"):
        cases[f"activation_{name}"] = chain((6,), lambda k, n=name: [k.layers.Dense(5), k.layers.Activation(n)])
    for name in ("leaky_relu", "silu", "hard_silu", "hard_tanh", "log_softmax", "log_sigmoid", "celu", "glu", "hard_shrink",
                 "soft_shrink", "tanh_shrink", "squareplus", "sparse_sigmoid", "sparse_plus", "threshold", "sparsemax"):
        cases[f"activation_{name}"] = chain((6,), lambda k, n=name: [k.layers.Dense(4), k.layers.Activation(n)],
                                            generations=NEW)
    cases |= {
        "relu_max": chain((4, 3), lambda k: [k.layers.ReLU(max_value=1.5)]),
        "relu_slope": chain((4, 3), lambda k: [k.layers.ReLU(max_value=1.0, negative_slope=0.2)]),
        "relu_threshold": chain((4, 3), lambda k: [k.layers.ReLU(negative_slope=0.1, threshold=0.5)]),
        "leaky_relu": chain((4, 3), lambda k: [k.layers.LeakyReLU(0.15)]),
        "prelu": chain((4, 4, 3), lambda k: [k.layers.PReLU()]),
        "prelu_shared": chain((4, 4, 3), lambda k: [k.layers.PReLU(shared_axes=[1, 2])]),
        "elu_alpha": chain((5,), lambda k: [k.layers.ELU(0.7)]),
        "softmax_layer": chain((4, 3), lambda k: [k.layers.Softmax(axis=1)]),
        "softmax_axes": chain((4, 3, 2), lambda k: [k.layers.Softmax(axis=[1, 2])], generations=NEW),
        "thresholded_relu": chain((5,), lambda k: [k.layers.ThresholdedReLU(0.4)], generations=OLD),
        "dense_stack": chain((9,), lambda k: [k.layers.Dense(8, "relu"), k.layers.Dropout(0.5), k.layers.Dense(3, "softmax")]),
        "dense_no_bias": chain((9,), lambda k: [k.layers.Dense(8, use_bias=False)]),
        "dense_wide": chain((3, 4, 5), lambda k: [k.layers.Dense(6, "tanh")]),
        "embedding": chain((6,), lambda k: [k.layers.Embedding(10, 4), k.layers.GlobalAveragePooling1D()], dtype="int32"),
        "embedding_mask": chain((6,), lambda k: [k.layers.Embedding(10, 4, mask_zero=True), k.layers.GlobalAveragePooling1D(),
                                                 k.layers.Dense(2)], dtype="int32"),
        "masking": chain((5, 3), lambda k: [k.layers.Masking(0.0), k.layers.Dense(4)], inputs=padded(5, 3)),
        "flatten": chain((3, 4, 2), lambda k: [k.layers.Flatten(), k.layers.Dense(3)]),
        "flatten_first": chain((3, 4, 2), lambda k: [k.layers.Flatten(data_format="channels_first"), k.layers.Dense(3)]),
        "reshape": chain((12,), lambda k: [k.layers.Reshape((3, -1)), k.layers.Reshape((2, 2, 3))]),
        "permute": chain((3, 4, 2), lambda k: [k.layers.Permute((3, 1, 2))]),
        "repeat_vector": chain((5,), lambda k: [k.layers.RepeatVector(4)]),
        "noise": chain((5,), lambda k: [k.layers.GaussianNoise(0.3), k.layers.GaussianDropout(0.3), k.layers.Dense(2),
                                        k.layers.ActivityRegularization(0.1), k.layers.SpatialDropout1D(0.3)][:4]),
    }
    for d in (1, 2, 3):
        shape, name = (6, 8, 10)[:d] + (4,), f"{d}D"
        ones, pairs = [1] * d, [(1, 2)] * d
        layer = lambda k, kind, d=d: getattr(k.layers, f"{kind}{d}D")  # noqa: E731
        cases |= {
            f"zero_padding_{name}": chain(shape, lambda k, f=layer, p=pairs: [f(k, "ZeroPadding")(p[0] if len(p) == 1 else p)]),
            f"cropping_{name}": chain(shape, lambda k, f=layer, p=pairs: [f(k, "Cropping")(p[0] if len(p) == 1 else p)]),
            f"up_sampling_{name}": chain(shape, lambda k, f=layer: [f(k, "UpSampling")(2)]),
            f"max_pool_{name}": chain(shape, lambda k, f=layer: [f(k, "MaxPooling")(2)]),
            f"max_pool_same_{name}": chain(shape, lambda k, f=layer: [f(k, "MaxPooling")(3, strides=2, padding="same")]),
            f"average_pool_{name}": chain(shape, lambda k, f=layer: [f(k, "AveragePooling")(2)]),
            f"average_pool_same_{name}": chain(shape, lambda k, f=layer: [f(k, "AveragePooling")(3, strides=2, padding="same")]),
            f"global_average_{name}": chain(shape, lambda k, f=layer: [f(k, "GlobalAveragePooling")()]),
            f"global_max_{name}": chain(shape, lambda k, f=layer: [f(k, "GlobalMaxPooling")(keepdims=True)]),
            f"global_max_first_{name}": chain(shape, lambda k, f=layer: [f(k, "GlobalMaxPooling")(data_format="channels_first")]),
        }
        del ones
    cases |= {
        "up_sampling_bilinear": chain((5, 6, 3), lambda k: [k.layers.UpSampling2D((2, 3), interpolation="bilinear")]),
        "up_sampling_first": chain((3, 5, 6), lambda k: [k.layers.UpSampling2D(2, data_format="channels_first")]),
        "batch_norm": chain((6,), lambda k: [k.layers.Dense(4), k.layers.BatchNormalization()]),
        "batch_norm_conv": chain((8, 8, 3), lambda k: [k.layers.Conv2D(4, 3, use_bias=False), k.layers.BatchNormalization(),
                                                       k.layers.ReLU(6.0)]),
        "batch_norm_axis": chain((5, 4, 3), lambda k: [k.layers.BatchNormalization(axis=1, scale=False)]),
        "batch_norm_plain": chain((5, 4), lambda k: [k.layers.BatchNormalization(scale=False, center=False)]),
        "layer_norm": chain((5, 6), lambda k: [k.layers.LayerNormalization()]),
        "layer_norm_axes": chain((5, 6, 3), lambda k: [k.layers.LayerNormalization(axis=[1, 2], epsilon=1e-5)]),
        "layer_norm_axis": chain((5, 6, 3), lambda k: [k.layers.LayerNormalization(axis=1, center=False)]),
        "group_norm": chain((4, 4, 6), lambda k: [k.layers.GroupNormalization(3)]),
        "group_norm_axis": chain((6, 4), lambda k: [k.layers.GroupNormalization(2, axis=1)]),
        "instance_norm": chain((4, 4, 3), lambda k: [k.layers.GroupNormalization(-1)]),
        "unit_norm": chain((6,), lambda k: [k.layers.UnitNormalization()]),
        "unit_norm_axes": chain((6, 4, 2), lambda k: [k.layers.UnitNormalization(axis=[1, 3])]),
        "rms_norm": chain((5, 6), lambda k: [k.layers.RMSNormalization()], generations=NEW),
        "layer_norm_rms": chain((5, 6), lambda k: [k.layers.LayerNormalization(rms_scaling=True)], generations=NEW),
        "spectral_norm": chain((5, 6, 2), lambda k: [k.layers.SpectralNormalization(k.layers.Conv2D(3, 2))], generations=NEW),
        "activation_sparsemax": chain((6,), lambda k: [k.layers.Activation("sparsemax")], generations=NEW, expect="sparsemax"),
    }
    return cases


def convolutions() -> dict:
    def conv(kind, shape, *arguments, generations=BOTH, **options):
        return chain(shape, lambda k: [getattr(k.layers, kind)(*arguments, **options)], generations=generations)
    return {
        "conv1d": conv("Conv1D", (9, 4), 5, 3, activation="relu"),
        "conv1d_causal": conv("Conv1D", (9, 4), 5, 3, padding="causal", dilation_rate=2),
        "conv1d_same": conv("Conv1D", (9, 4), 5, 4, strides=2, padding="same", use_bias=False),
        "conv1d_groups": conv("Conv1D", (9, 4), 6, 3, groups=2),
        "conv2d": conv("Conv2D", (8, 9, 3), 5, (3, 2), strides=(2, 1)),
        "conv2d_same": conv("Conv2D", (8, 9, 3), 5, 3, strides=2, padding="same", activation="relu"),
        "conv2d_dilated": conv("Conv2D", (9, 9, 3), 4, 3, dilation_rate=2, padding="same"),
        "conv2d_groups": conv("Conv2D", (8, 8, 6), 9, 3, groups=3),
        "conv2d_depthwise_groups": conv("Conv2D", (8, 8, 4), 8, 3, groups=4, padding="same"),
        "conv3d": conv("Conv3D", (5, 6, 7, 2), 4, (2, 3, 2), strides=(1, 2, 1), padding="same"),
        "conv3d_valid": conv("Conv3D", (5, 6, 7, 2), 3, 3, activation="relu"),
        "depthwise1d": conv("DepthwiseConv1D", (9, 4), 3, depth_multiplier=2),
        "depthwise2d": conv("DepthwiseConv2D", (8, 8, 4), 3, strides=2, padding="same", activation="relu"),
        "depthwise2d_dilated": conv("DepthwiseConv2D", (9, 9, 3), 3, dilation_rate=2, depth_multiplier=2),
        "separable1d": conv("SeparableConv1D", (9, 4), 5, 3),
        "separable1d_causal": conv("SeparableConv1D", (9, 4), 5, 3, padding="causal", generations=OLD),
        "separable2d": conv("SeparableConv2D", (8, 8, 4), 5, 3, depth_multiplier=2, activation="relu"),
        "conv1d_transpose": conv("Conv1DTranspose", (7, 3), 4, 3, strides=2, padding="same"),
        "conv1d_transpose_valid": conv("Conv1DTranspose", (7, 3), 4, 4, strides=3),
        "conv2d_transpose": conv("Conv2DTranspose", (5, 6, 3), 4, 3, strides=2, padding="same", activation="relu"),
        "conv2d_transpose_valid": conv("Conv2DTranspose", (5, 6, 3), 4, (2, 4), strides=(3, 2), use_bias=False),
        "conv2d_transpose_extra": conv("Conv2DTranspose", (5, 5, 3), 4, 3, strides=2, padding="same", output_padding=1),
        "conv2d_transpose_dilated": conv("Conv2DTranspose", (5, 5, 3), 2, 3, dilation_rate=2),
        "conv3d_transpose": conv("Conv3DTranspose", (3, 4, 5, 2), 3, 3, strides=2, padding="same"),
        "conv2d_open_size": chain((None, None, 3), lambda k: [k.layers.Conv2D(4, 3, padding="same", activation="relu"),
                                                              k.layers.GlobalAveragePooling2D()]),
        "conv2d_first": chain((3, 8, 8), lambda k: [k.layers.ZeroPadding2D(1, data_format="channels_first"),
                                                    k.layers.Permute((2, 3, 1)), k.layers.Conv2D(4, 3)]),
        "small_cnn": chain((16, 16, 3), lambda k: [
            k.layers.Conv2D(8, 3, padding="same"), k.layers.BatchNormalization(), k.layers.ReLU(), k.layers.MaxPooling2D(),
            k.layers.SeparableConv2D(12, 3, padding="same"), k.layers.BatchNormalization(), k.layers.Activation("swish"),
            k.layers.GlobalAveragePooling2D(), k.layers.Dropout(0.2), k.layers.Dense(5, "softmax")]),
    }


def merges() -> dict:
    cases = {}
    for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        cases[f"merge_{kind.lower()}"] = graph([(4, 3), (4, 3)], lambda k, a, b, n=kind: getattr(k.layers, n)()([a, b]))
    return cases | {
        "merge_add_three": graph([(4,), (4,), (4,)], lambda k, *xs: k.layers.Add()(list(xs))),
        "merge_broadcast": graph([(4, 3), (1, 3)], lambda k, a, b: k.layers.Multiply()([a, b])),
        "concatenate": graph([(4, 3), (4, 2)], lambda k, a, b: k.layers.Concatenate()([a, b])),
        "concatenate_axis": graph([(4, 3), (2, 3)], lambda k, a, b: k.layers.Concatenate(axis=1)([a, b])),
        "dot": graph([(4, 5), (3, 5)], lambda k, a, b: k.layers.Dot(axes=2)([a, b])),
        "dot_normal": graph([(5,), (5,)], lambda k, a, b: k.layers.Dot(axes=1, normalize=True)([a, b])),
        "dot_axes": graph([(5, 4), (3, 5)], lambda k, a, b: k.layers.Dot(axes=(1, 2))([a, b])),
        "shared_layer": graph([(6,), (6,)], lambda k, a, b: (
            lambda d: k.layers.Concatenate()([d(a), d(b)]))(k.layers.Dense(4, "relu"))),
        "two_outputs": graph([(6,)], lambda k, x: [k.layers.Dense(2, name="first")(x), k.layers.Dense(3, name="second")(x)]),
        "nested": graph([(6,)], lambda k, x: k.layers.Dense(2)(k.Sequential(
            [k.layers.Input((6,)), k.layers.Dense(5, "relu"), k.layers.BatchNormalization()])(x))),
        "nested_twice": graph([(6,), (6,)], lambda k, a, b: (
            lambda m: k.layers.Add()([m(a), m(b)]))(k.Sequential([k.layers.Input((6,)), k.layers.Dense(5, "tanh")]))),
        "residual": graph([(8, 8, 4)], lambda k, x: k.layers.Add()(
            [x, k.layers.Conv2D(4, 3, padding="same", activation="relu")(x)])),
        "float16_policy": chain((6,), lambda k: [k.layers.Dense(4, "relu", dtype="mixed_float16"),
                                                 k.layers.Dense(2, dtype="float32")], tolerance=2e-3),  # Keras computes in halves
        "lambda": chain((6,), lambda k: [k.layers.Lambda(lambda x: x * 2)], expect="Python code"),
    }


def recurrent() -> dict:
    cases = {}

    def one(name, shape, layers, **options):
        cases[name] = chain(shape, layers, **{"batch": 1, **options})

    for sequences in (False, True):
        tail = "_sequences" if sequences else ""
        for kind in ("LSTM", "GRU", "SimpleRNN"):
            one(f"{kind.lower()}{tail}", (7, 3),
                lambda k, n=kind, s=sequences: [getattr(k.layers, n)(5, return_sequences=s)])
            one(f"{kind.lower()}_backwards{tail}", (7, 3),
                lambda k, n=kind, s=sequences: [getattr(k.layers, n)(4, return_sequences=s, go_backwards=True)])
            one(f"{kind.lower()}_masked{tail}", (7, 3),
                lambda k, n=kind, s=sequences: [k.layers.Masking(), getattr(k.layers, n)(4, return_sequences=s)],
                batch=None, inputs=padded(7, 3))
            one(f"{kind.lower()}_short{tail}", (3, 2),
                lambda k, n=kind, s=sequences: [getattr(k.layers, n)(4, return_sequences=s)])
            one(f"{kind.lower()}_masked_backwards{tail}", (6, 3),
                lambda k, n=kind, s=sequences: [k.layers.Masking(), getattr(k.layers, n)(
                    4, return_sequences=s, go_backwards=True)], batch=None, inputs=padded(6, 3))
            one(f"bidirectional_{kind.lower()}{tail}", (6, 3),
                lambda k, n=kind, s=sequences: [k.layers.Bidirectional(getattr(k.layers, n)(4, return_sequences=s))])
    for merge in ("sum", "mul", "ave"):
        one(f"bidirectional_{merge}", (6, 3),
            lambda k, m=merge: [k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True), merge_mode=m)])
    one("lstm_no_bias", (7, 3), lambda k: [k.layers.LSTM(5, use_bias=False)])
    one("lstm_relu", (7, 3), lambda k: [k.layers.LSTM(5, activation="relu", return_sequences=True)])
    one("lstm_hard", (7, 3), lambda k: [k.layers.LSTM(5, recurrent_activation="hard_sigmoid")])
    one("lstm_open_batch", (7, 3), lambda k: [k.layers.LSTM(5, activation="softsign")], batch=None)
    one("lstm_stack", (7, 3), lambda k: [k.layers.LSTM(5, return_sequences=True), k.layers.LSTM(4), k.layers.Dense(2)])
    one("lstm_mask_embedding", (7,), lambda k: [k.layers.Embedding(10, 4, mask_zero=True), k.layers.LSTM(5), k.layers.Dense(2)],
        dtype="int32", batch=None)
    one("gru_before", (7, 3), lambda k: [k.layers.GRU(5, reset_after=False, return_sequences=True)])
    one("gru_no_bias", (7, 3), lambda k: [k.layers.GRU(5, use_bias=False)], batch=None)
    one("gru_before_no_bias", (7, 3), lambda k: [k.layers.GRU(5, use_bias=False, reset_after=False)])
    one("gru_long", (40, 3), lambda k: [k.layers.GRU(5)], batch=None)
    one("simplernn_relu", (7, 3), lambda k: [k.layers.SimpleRNN(5, activation="relu", return_sequences=True)])
    one("simplernn_sigmoid", (7, 3), lambda k: [k.layers.SimpleRNN(5, activation="sigmoid")])
    one("simplernn_no_bias", (7, 3), lambda k: [k.layers.SimpleRNN(5, use_bias=False)])
    one("rnn_lstm_cell", (7, 3), lambda k: [k.layers.RNN(k.layers.LSTMCell(4), return_sequences=True)])
    one("rnn_gru_cell", (7, 3), lambda k: [k.layers.RNN(k.layers.GRUCell(4))])
    one("rnn_stacked", (7, 3), lambda k: [k.layers.RNN([k.layers.LSTMCell(4), k.layers.GRUCell(3)], return_sequences=True)])
    one("rnn_stacked_lstm", (7, 3), lambda k: [k.layers.RNN([k.layers.LSTMCell(4), k.layers.LSTMCell(3)])])
    one("rnn_simple_cell", (7, 3), lambda k: [k.layers.RNN(k.layers.SimpleRNNCell(4))])
    one("zero_output", (7, 3), lambda k: [k.layers.Masking(), k.layers.RNN(
        k.layers.GRUCell(4), return_sequences=True, zero_output_for_mask=True)], batch=None, inputs=padded(7, 3))
    one("lstm_open_time", (None, 3), lambda k: [k.layers.LSTM(5)])
    one("gru_open_time", (None, 3), lambda k: [k.layers.GRU(5, return_sequences=True)])
    one("bidirectional_masked", (6, 3), lambda k: [k.layers.Masking(), k.layers.Bidirectional(
        k.layers.GRU(4, return_sequences=True))], batch=None, inputs=padded(6, 3))
    one("bidirectional_open_batch", (6, 3), lambda k: [k.layers.Bidirectional(k.layers.GRU(4))], batch=None)
    one("bidirectional_layers", (6, 3), lambda k: [k.layers.Bidirectional(
        k.layers.LSTM(4), backward_layer=k.layers.GRU(3, go_backwards=True))])
    one("lstm_stateful", (6, 3), lambda k: [k.layers.LSTM(4)])
    one("time_distributed_dense", (5, 6), lambda k: [k.layers.TimeDistributed(k.layers.Dense(3, "relu"))], batch=None)
    one("time_distributed_conv", (4, 6, 6, 2), lambda k: [k.layers.TimeDistributed(k.layers.Conv2D(3, 3)),
                                                          k.layers.TimeDistributed(k.layers.GlobalMaxPooling2D())], batch=None)
    one("time_distributed_norm", (4, 6), lambda k: [k.layers.TimeDistributed(k.layers.BatchNormalization())], batch=None)
    one("time_distributed_model", (4, 6), lambda k: [k.layers.TimeDistributed(k.Sequential(
        [k.layers.Input((6,)), k.layers.Dense(5, "relu"), k.layers.Dense(2)]))], batch=None)
    one("conv_lstm_1d", (4, 6, 2), lambda k: [k.layers.ConvLSTM1D(3, 3, padding="same")])
    one("conv_lstm_2d", (3, 6, 6, 2), lambda k: [k.layers.ConvLSTM2D(3, 3, return_sequences=True)])
    one("conv_lstm_2d_strided", (6, 6, 7, 2), lambda k: [k.layers.ConvLSTM2D(3, (3, 2), strides=2, padding="same")])

    def both(name, shapes, function, **options):
        cases[name] = graph(shapes, function, **{"batch": 1, **options})

    both("lstm_state", [(6, 3)], lambda k, x: k.layers.LSTM(4, return_state=True)(x))
    both("lstm_sequences_state", [(6, 3)], lambda k, x: k.layers.LSTM(4, return_state=True, return_sequences=True)(x))
    both("gru_state", [(6, 3)], lambda k, x: k.layers.GRU(4, return_state=True, return_sequences=True)(x))
    both("simplernn_state", [(6, 3)], lambda k, x: k.layers.SimpleRNN(4, return_state=True)(x))
    both("lstm_initial", [(6, 3), (4,), (4,)], lambda k, x, h, c: k.layers.LSTM(4)(x, initial_state=[h, c]))
    both("gru_initial", [(6, 3), (4,)], lambda k, x, h: k.layers.GRU(4, return_sequences=True)(x, initial_state=h))
    both("bidirectional_none", [(6, 3)], lambda k, x: k.layers.Bidirectional(
        k.layers.LSTM(4, return_sequences=True), merge_mode=None)(x))
    both("bidirectional_state", [(6, 3)], lambda k, x: k.layers.Bidirectional(
        k.layers.LSTM(4, return_sequences=True, return_state=True))(x))
    both("encoder_decoder", [(6, 3), (5, 2)], lambda k, a, b: (lambda o: k.layers.Dense(3)(k.layers.LSTM(
        4, return_sequences=True)(b, initial_state=list(o[1:]))))(k.layers.LSTM(4, return_state=True)(a)))
    both("gru_mask_argument", [(6, 3), (6,)], lambda k, x, m: k.layers.GRU(4)(x, mask=m), dtypes=("float32", "bool"), batch=None)
    return cases


def attention() -> dict:
    cases = {}

    def one(name, shapes, function, **options):
        cases[name] = graph(shapes, function, **options)

    one("attention", [(5, 4), (6, 4)], lambda k, q, v: k.layers.Attention()([q, v]))
    one("attention_key", [(5, 4), (6, 3), (6, 4)], lambda k, q, v, x: k.layers.Attention(use_scale=True)([q, v, x]))
    one("attention_concat", [(5, 4), (6, 4)], lambda k, q, v: k.layers.Attention(score_mode="concat", use_scale=True)([q, v]))
    one("attention_causal", [(5, 4), (5, 4)], lambda k, q, v: k.layers.Attention()([q, v], use_causal_mask=True))
    one("attention_scores", [(5, 4), (6, 4)], lambda k, q, v: k.layers.Attention()([q, v], return_attention_scores=True))
    one("additive_attention", [(5, 4), (6, 4)], lambda k, q, v: k.layers.AdditiveAttention()([q, v]))
    one("additive_attention_plain", [(5, 4), (6, 4)], lambda k, q, v: k.layers.AdditiveAttention(use_scale=False)([q, v]))
    heads = lambda k, **o: k.layers.MultiHeadAttention(**{"num_heads": 2, "key_dim": 3, **o})  # noqa: E731
    one("heads", [(5, 4)], lambda k, x: heads(k)(x, x))
    one("heads_cross", [(5, 4), (6, 3)], lambda k, q, v: heads(k, value_dim=5)(q, v))
    one("heads_key", [(5, 4), (6, 3), (6, 2)], lambda k, q, v, x: heads(k, use_bias=False)(q, v, x))
    one("heads_output", [(5, 4)], lambda k, x: heads(k, output_shape=7)(x, x))
    one("heads_causal", [(5, 4)], lambda k, x: heads(k)(x, x, use_causal_mask=True))
    one("heads_mask", [(5, 4), (5, 5)], lambda k, x, m: heads(k)(x, x, attention_mask=m), dtypes=("float32", "bool"),
        inputs=lambda np, rng, n: [rng.normal(0, 1, [n, 5, 4]).astype("float32"),
                                   (rng.uniform(0, 1, [n, 5, 5]) < 0.7) | np.eye(5, dtype=bool)])
    one("heads_scores", [(5, 4), (6, 4)], lambda k, q, v: heads(k)(q, v, return_attention_scores=True))
    one("heads_image", [(3, 4, 5)], lambda k, x: heads(k, attention_axes=(1, 2))(x, x))
    one("heads_axis", [(3, 4, 5)], lambda k, x: heads(k, attention_axes=(2,))(x, x))
    one("heads_masked", [(7, 3)], lambda k, x: (lambda y: heads(k)(y, y))(k.layers.Masking()(x)), inputs=padded(7, 3))
    one("grouped_heads", [(5, 8), (6, 8)], lambda k, q, v: k.layers.GroupQueryAttention(3, 4, 2)(q, v), generations=NEW)
    one("transformer_block", [(6, 8)], lambda k, x: (lambda y: k.layers.LayerNormalization()(k.layers.Add()(
        [y, k.layers.Dense(8)(k.layers.Dense(16, "gelu")(y))])))(k.layers.LayerNormalization()(k.layers.Add()([x, heads(k)(x, x)]))))
    for name, equation, shape, output, bias in (("plain", "abc,cd->abd", (4, 3), (None, 5), "d"),
                                                ("heads", "abc,cde->abde", (4, 3), (None, 2, 5), "de"),
                                                ("merge", "abde,dec->abc", (4, 2, 3), (None, 5), "c"),
                                                ("middle", "abc,bd->adc", (4, 3), (5, 3), None),
                                                ("shared", "abc,bcd->abd", (4, 3), (4, 5), "d"),
                                                ("ellipsis", "...x,xy->...y", (4, 3), 6, "y")):
        one(f"einsum_dense_{name}", [shape], lambda k, x, e=equation, o=output, b=bias: k.layers.EinsumDense(
            e, output_shape=o, bias_axes=b, activation="relu")(x))
    return cases


def preprocessing() -> dict:
    cases = {}

    def one(name, shape, layers, **options):
        cases[name] = chain(shape, layers, **options)

    one("rescaling", (4, 4, 3), lambda k: [k.layers.Rescaling(1 / 127.5, offset=-1)])
    one("rescaling_channels", (4, 4, 3), lambda k: [k.layers.Rescaling([1.0, 0.5, 2.0], offset=[0.1, 0.2, 0.3])])
    one("normalization", (4, 3), lambda k: [k.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 1.0, 0.5])])
    one("normalization_number", (4, 3), lambda k: [k.layers.Normalization(axis=None, mean=1.5, variance=2.0)])
    one("normalization_invert", (4, 3), lambda k: [k.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 1.0, 0.5],
                                                                          invert=True)])
    one("normalization_weights", (4, 3), lambda k: [k.layers.Normalization(axis=-1)])
    one("resizing", (5, 6, 3), lambda k: [k.layers.Resizing(8, 9)])
    one("resizing_nearest", (6, 6, 3), lambda k: [k.layers.Resizing(4, 9, interpolation="nearest")])
    one("resizing_crop", (9, 6, 3), lambda k: [k.layers.Resizing(5, 5, crop_to_aspect_ratio=True)])
    one("resizing_pad", (9, 6, 3), lambda k: [k.layers.Resizing(8, 8, pad_to_aspect_ratio=True)], generations=NEW)
    one("resizing_bicubic", (9, 6, 3), lambda k: [k.layers.Resizing(8, 8, interpolation="bicubic")], expect="bicubic")
    one("center_crop", (9, 8, 3), lambda k: [k.layers.CenterCrop(4, 5)])
    one("center_crop_larger", (5, 8, 3), lambda k: [k.layers.CenterCrop(6, 6)])
    one("category_one_hot", (1,), lambda k: [k.layers.CategoryEncoding(10, output_mode="one_hot")], dtype="int32")
    one("category_multi_hot", (4,), lambda k: [k.layers.CategoryEncoding(10, output_mode="multi_hot")], dtype="int32")
    one("category_count", (4,), lambda k: [k.layers.CategoryEncoding(10, output_mode="count")], dtype="int32")
    one("discretization", (5,), lambda k: [k.layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.7])])
    one("discretization_one_hot", (1,), lambda k: [k.layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.7],
                                                                           output_mode="one_hot")])
    one("random_layers", (8, 8, 3), lambda k: [k.layers.RandomFlip(), k.layers.RandomRotation(0.1), k.layers.RandomZoom(0.1),
                                               k.layers.RandomContrast(0.1), k.layers.RandomTranslation(0.1, 0.1),
                                               k.layers.RandomBrightness(0.1), k.layers.Conv2D(2, 3)])
    one("random_crop", (9, 8, 3), lambda k: [k.layers.RandomCrop(5, 6)])
    one("random_crop_larger", (6, 8, 3), lambda k: [k.layers.RandomCrop(9, 9)])
    one("string_lookup", (1,), lambda k: [k.layers.StringLookup(vocabulary=["a", "b"])], dtype="string", expect="StringLookup",
        inputs=lambda np, rng, n: [np.array([["a"]] * n)], only_all=True)
    one("integer_lookup", (1,), lambda k: [k.layers.IntegerLookup(vocabulary=[3, 5])], dtype="int64", expect="IntegerLookup")
    return cases


def operations() -> dict:
    cases = {}

    def both(name, shapes, function, **options):
        cases[f"op_{name}"] = graph(shapes, function, **options)

    def new(name, shapes, function, **options):
        both(name, shapes, lambda k, *xs: function(k.ops, *xs), **{"generations": NEW, **options})

    def old(name, shapes, function, **options):
        def build(k, *xs):  # pylint: disable=unused-argument
            import tensorflow as tf  # pylint: disable=import-outside-toplevel
            return function(tf, *xs)
        cases[f"tf_{name}"] = graph(shapes, build, **{"generations": OLD, **options})

    both("operators", [(4, 3), (4, 3)], lambda k, a, b: (a + b) * 2.0 - b / 3.0)
    both("reversed_operators", [(4, 3)], lambda k, a: 1.0 - a + 2.0 / (a * a + 1.0))
    both("negative", [(4, 3)], lambda k, a: -a)
    both("power", [(4, 3)], lambda k, a: (a * a + 0.5) ** 1.5)
    both("square_power", [(4, 3)], lambda k, a: a ** 2)
    both("item", [(4, 3)], lambda k, a: a[:, 1])
    both("item_range", [(6, 3)], lambda k, a: a[:, 1:-1, ::2])
    both("item_ellipsis", [(6, 4, 3)], lambda k, a: a[..., 0])
    both("item_new_axis", [(6, 3)], lambda k, a: a[:, None, 2:])
    both("operations_between_layers", [(6,)], lambda k, x: k.layers.Dense(3)(k.layers.Dense(4)(x) * 0.5 + 1.0))

    for name in ("abs", "exp", "sin", "cos", "tanh", "sigmoid", "relu", "relu6", "softplus", "silu", "square", "sign", "floor",
                 "ceil", "elu", "leaky_relu", "hard_sigmoid", "gelu", "softmax", "log_softmax", "softsign", "selu", "negative",
                 "round", "hard_silu", "expm1", "erf", "tan", "arctan", "sinh", "cosh", "reciprocal", "isnan"):
        if name in ("isnan", "erf"):
            continue
        new(name, [(4, 3)], lambda ops, x, n=name: getattr(ops, n)(x))
    for name in ("sqrt", "rsqrt", "log", "log1p", "log2", "log10"):
        new(name, [(4, 3)], lambda ops, x, n=name: getattr(ops, n)(ops.abs(x) + 0.1))
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "true_divide", "squared_difference",
                 "floor_divide", "mod", "arctan2"):
        if name in ("squared_difference",):
            continue
        new(name, [(4, 3), (4, 3)], lambda ops, a, b, n=name: getattr(ops, n)(a, b))
    for name in ("mean", "sum", "max", "min", "prod", "var", "std", "logsumexp"):
        new(name, [(4, 3, 2)], lambda ops, x, n=name: getattr(ops, n)(x, axis=1))
        new(f"{name}_keep", [(4, 3, 2)], lambda ops, x, n=name: getattr(ops, n)(x, axis=(1, -1), keepdims=True))
    for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
        new(name, [(4, 3)], lambda ops, a, n=name: ops.cast(getattr(ops, n)(ops.round(a), 1.0), "float32"))
    for name in ("logical_and", "logical_or", "logical_xor"):
        new(name, [(4, 3)], lambda ops, a, n=name: ops.where(getattr(ops, n)(a > 0, a < 1), a, 3.0))
    new("constant_left", [(4, 3)], lambda ops, a: ops.subtract(1.0, a))
    new("logical_not", [(4, 3)], lambda ops, a: ops.where(ops.logical_not(a > 0), a, 0.0))
    new("clip", [(4, 3)], lambda ops, a: ops.clip(a, -0.5, 0.75))
    new("argmax", [(4, 3)], lambda ops, a: ops.argmax(a, axis=-1))
    new("argmin", [(4, 3)], lambda ops, a: ops.argmin(a, axis=1))
    new("reshape", [(4, 3)], lambda ops, a: ops.reshape(a, (-1, 2, 6)))
    new("transpose", [(4, 3)], lambda ops, a: ops.transpose(a, (0, 2, 1)))
    new("expand_dims", [(4, 3)], lambda ops, a: ops.expand_dims(a, 1))
    new("squeeze", [(1, 3)], lambda ops, a: ops.squeeze(a, 1))
    new("concatenate", [(4, 3), (4, 2)], lambda ops, a, b: ops.concatenate([a, b], axis=-1))
    new("stack", [(4, 3), (4, 3)], lambda ops, a, b: ops.stack([a, b], axis=1))
    new("split", [(6, 4)], lambda ops, a: ops.split(a, 2, axis=-1))
    new("split_points", [(6, 4)], lambda ops, a: ops.split(a, [1, 3], axis=1))
    new("unstack", [(3, 4)], lambda ops, a: ops.add(*ops.unstack(a, axis=1)[:2]))
    new("tile", [(2, 3)], lambda ops, a: ops.tile(a, (1, 2, 3)))
    new("repeat", [(2, 3)], lambda ops, a: ops.repeat(a, 2, axis=1))
    new("pad", [(2, 3)], lambda ops, a: ops.pad(a, ((0, 0), (1, 2), (0, 1))))
    new("pad_reflect", [(4, 3)], lambda ops, a: ops.pad(a, ((0, 0), (1, 2), (0, 1)), mode="reflect"))
    new("pad_value", [(4, 3)], lambda ops, a: ops.pad(a, ((0, 0), (1, 2), (0, 1)), constant_values=2.5))
    new("matmul", [(4, 3), (3, 5)], lambda ops, a, b: ops.matmul(a, b))
    new("einsum", [(4, 3), (5, 3)], lambda ops, a, b: ops.einsum("bik,bjk->bij", a, b))
    new("einsum_heads", [(4, 2, 3), (5, 2, 3)], lambda ops, a, b: ops.einsum("bihk,bjhk->bhij", a, b))
    new("where", [(4, 3), (4, 3)], lambda ops, a, b: ops.where(a > b, a, b))
    new("cast", [(4, 3)], lambda ops, a: ops.cast(ops.cast(a * 3.0, "int32"), "float32"))
    new("zeros_like", [(4, 3)], lambda ops, a: a + ops.zeros_like(a))
    new("ones_like", [(4, 3)], lambda ops, a: a - ops.ones_like(a))
    new("flip", [(4, 3)], lambda ops, a: ops.flip(a, axis=1))
    new("roll", [(4, 3)], lambda ops, a: ops.roll(a, 1, axis=1))
    new("take", [(4, 3)], lambda ops, a: ops.take(a, [0, 2], axis=2))
    new("norm", [(4, 3)], lambda ops, a: ops.norm(a, axis=-1))
    new("normalize", [(4, 3)], lambda ops, a: ops.normalize(a, axis=-1))
    new("swapaxes", [(4, 3)], lambda ops, a: ops.swapaxes(a, 1, 2))
    new("moveaxis", [(4, 3, 2)], lambda ops, a: ops.moveaxis(a, 3, 1))
    new("cumsum", [(4, 3)], lambda ops, a: ops.cumsum(a, axis=1))
    new("one_hot", [(4,)], lambda ops, a: ops.one_hot(a, 10), dtypes=("int32",))
    new("top_k", [(6,)], lambda ops, a: ops.top_k(a, 2)[0])
    new("average_pool", [(6, 6, 2)], lambda ops, a: ops.average_pool(a, 2, 2))
    new("max_pool", [(6, 6, 2)], lambda ops, a: ops.max_pool(a, 3, 2, padding="same"))
    new("resize", [(6, 6, 2)], lambda ops, a: ops.image.resize(a, (9, 4)))
    new("full_like", [(4, 3)], lambda ops, a: a * ops.full_like(a, 2.5))
    new("broadcast_to", [(1, 3)], lambda ops, a: ops.broadcast_to(a, (1, 4, 3)), batch=1)
    new("ravel", [(4, 3)], lambda ops, a: ops.ravel(a), batch=1)

    for name in ("abs", "exp", "sin", "cos", "tanh", "sigmoid", "square", "sign", "floor", "softplus", "negative"):
        old(f"math_{name}", [(4, 3)], lambda tf, x, n=name: getattr(tf.math, n)(x))
    for name in ("relu", "relu6", "softmax", "swish", "leaky_relu", "elu", "selu", "gelu", "log_softmax"):
        old(f"nn_{name}", [(4, 3)], lambda tf, x, n=name: getattr(tf.nn, n)(x))
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "squared_difference", "floordiv"):
        old(f"math_{name}", [(4, 3), (4, 3)], lambda tf, a, b, n=name: getattr(tf.math, n)(a, b))
    for name in ("reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_std", "reduce_variance",
                 "reduce_logsumexp"):
        old(name, [(4, 3)], lambda tf, x, n=name: getattr(tf.math, n)(x, axis=1))
        old(f"{name}_keep", [(4, 3)], lambda tf, x, n=name: getattr(tf.math, n)(x, axis=[1, 2], keepdims=True))
    old("concat", [(4, 3), (4, 2)], lambda tf, a, b: tf.concat([a, b], axis=-1))
    old("stack", [(4, 3), (4, 3)], lambda tf, a, b: tf.stack([a, b], axis=1))
    old("split", [(4, 6)], lambda tf, a: tf.split(a, 3, axis=-1)[1])
    old("split_sizes", [(4, 6)], lambda tf, a: tf.split(a, [1, 2, 3], axis=-1))
    old("unstack", [(4, 6)], lambda tf, a: tf.add(*tf.unstack(a, axis=1)[:2]))
    old("reshape", [(4, 3)], lambda tf, a: tf.reshape(a, [-1, 6, 2]))
    old("reshape_shape", [(4, 3)], lambda tf, a: tf.reshape(a, [tf.shape(a)[0], 12]))
    old("transpose", [(4, 3)], lambda tf, a: tf.transpose(a, [0, 2, 1]))
    old("expand_dims", [(4, 3)], lambda tf, a: tf.expand_dims(a, 1))
    old("squeeze", [(1, 3)], lambda tf, a: tf.squeeze(a, 1))
    old("cast", [(4, 3)], lambda tf, a: tf.cast(tf.cast(a * 3.0, tf.int32), tf.float32))
    old("clip", [(4, 3)], lambda tf, a: tf.clip_by_value(a, -0.5, 0.75))
    old("matmul", [(4, 3), (3, 5)], lambda tf, a, b: tf.matmul(a, b))
    old("matmul_transposed", [(4, 3), (5, 3)], lambda tf, a, b: tf.matmul(a, b, transpose_b=True))
    old("einsum", [(4, 3), (5, 3)], lambda tf, a, b: tf.einsum("bik,bjk->bij", a, b), expect="0 tensors")  # lost in saving
    old("where", [(4, 3), (4, 3)], lambda tf, a, b: tf.where(a > b, a, b))
    old("pad", [(4, 3)], lambda tf, a: tf.pad(a, [[0, 0], [1, 2], [0, 1]]))
    old("tile", [(4, 3)], lambda tf, a: tf.tile(a, [1, 2, 1]))
    old("gather", [(4, 3)], lambda tf, a: tf.gather(a, [0, 2], axis=2))
    old("argmax", [(4, 3)], lambda tf, a: tf.argmax(a, axis=-1, output_type=tf.int32))
    old("sqrt", [(4, 3)], lambda tf, a: tf.sqrt(tf.abs(a)) + tf.math.rsqrt(tf.abs(a) + 1.0) + tf.math.log(tf.abs(a) + 1.0))
    old("pow", [(4, 3)], lambda tf, a: tf.pow(tf.abs(a), 1.5))
    old("l2_normalize", [(4, 3)], lambda tf, a: tf.math.l2_normalize(a, axis=-1))
    old("norm", [(4, 3)], lambda tf, a: tf.norm(a, axis=-1))
    old("resize", [(6, 6, 2)], lambda tf, a: tf.image.resize(a, [9, 4]))
    old("resize_nearest", [(6, 6, 2)], lambda tf, a: tf.image.resize(a, [9, 4], method="nearest"))
    old("pool", [(6, 6, 2)], lambda tf, a: tf.nn.avg_pool2d(a, 2, 2, "SAME") + tf.nn.max_pool2d(a, 2, 2, "VALID"))
    old("depth_to_space", [(4, 4, 8)], lambda tf, a: tf.nn.space_to_depth(tf.nn.depth_to_space(a, 2), 4))
    old("one_hot", [(4,)], lambda tf, a: tf.one_hot(a, 10), dtypes=("int32",))
    old("cumsum", [(4, 3)], lambda tf, a: tf.cumsum(a, axis=1))
    old("bias_add", [(4, 3)], lambda tf, a: tf.nn.bias_add(a, [0.5, 1.0, 2.0]))
    old("zeros_like", [(4, 3)], lambda tf, a: a + tf.ones_like(a) - tf.zeros_like(a))
    old("logical", [(4, 3)], lambda tf, a: tf.where(tf.logical_or(tf.logical_not(a > 0), a > 1.0), a, tf.zeros_like(a)))
    old("reverse", [(4, 3)], lambda tf, a: tf.reverse(a, [1]))
    old("add_n", [(4, 3), (4, 3)], lambda tf, a, b: tf.add_n([a, b, a]))
    return cases


def random_convolution(r: random.Random) -> Case:
    dims = r.choice((1, 2, 2, 2, 3))
    kind = r.choice(("Conv", "Conv", "DepthwiseConv", "SeparableConv", "Transpose") if dims < 3 else ("Conv", "Transpose"))
    channels, filters = r.choice((2, 4, 6)), r.choice((2, 4, 6))
    options = {"kernel_size": r.choice((1, 2, 3, tuple(r.choice((1, 2, 3)) for _ in range(dims)))),
               "padding": r.choice(("valid", "same")), "use_bias": r.random() < 0.7,
               "activation": r.choice((None, "relu", "tanh", "swish"))}
    if r.random() < 0.5:
        options["strides"] = r.choice((1, 2))
    elif kind != "Transpose":
        options["dilation_rate"] = r.choice((1, 2))
    if kind in ("DepthwiseConv", "SeparableConv"):
        options["depth_multiplier"] = r.choice((1, 2))
    if kind != "DepthwiseConv":
        options["filters"] = filters
    if kind == "Conv" and dims < 3 and r.random() < 0.3:
        options["groups"] = 2
    name = f"Conv{dims}DTranspose" if kind == "Transpose" else f"{kind}{dims}D"
    shape = tuple(r.choice((5, 6, 9)) for _ in range(dims)) + (channels,)
    after = r.random()
    return chain(shape, lambda k: [getattr(k.layers, name)(**options)] + (
        [k.layers.BatchNormalization(), k.layers.ReLU()] if after < 0.4 else []))


def random_recurrent(r: random.Random) -> Case:
    kind = r.choice(("LSTM", "GRU", "SimpleRNN"))
    options = {"units": r.choice((1, 3, 8)), "return_sequences": r.random() < 0.5, "go_backwards": r.random() < 0.3,
               "use_bias": r.random() < 0.7, "activation": r.choice(("tanh", "tanh", "relu", "sigmoid"))}
    if kind == "GRU":
        options["reset_after"] = r.random() < 0.5
    if kind != "SimpleRNN":
        options["recurrent_activation"] = r.choice(("sigmoid", "sigmoid", "hard_sigmoid"))
    steps, masked, both = r.choice((1, 2, 5, 9)), r.random() < 0.3, r.random() < 0.3
    merge = r.choice(("concat", "sum", "mul", "ave"))
    options["go_backwards"] = options["go_backwards"] and not both

    def layers(k):
        layer = getattr(k.layers, kind)(**options)
        layer = k.layers.Bidirectional(layer, merge_mode=merge) if both else layer
        return ([k.layers.Masking()] if masked else []) + [layer]
    return chain((steps, 3), layers, batch=1, inputs=padded(steps, 3) if masked and steps > 2 else None)


def random_stack(r: random.Random) -> Case:
    """Layers that keep the number of dimensions, one after the other."""
    choices = [lambda k: k.layers.Dense(r.choice((3, 4, 5)), r.choice((None, "relu", "tanh", "sigmoid"))),
               lambda k: k.layers.BatchNormalization(), lambda k: k.layers.LayerNormalization(),
               lambda k: k.layers.Activation(r.choice(("relu", "selu", "softplus", "elu"))), lambda k: k.layers.LeakyReLU(),
               lambda k: k.layers.Dropout(0.2), lambda k: k.layers.UnitNormalization(), lambda k: k.layers.Conv1D(4, 3, padding="same")]
    picked = [r.randrange(len(choices)) for _ in range(r.choice((3, 5, 7)))]
    state = r.getstate()

    def layers(k):
        r.setstate(state)
        return [choices[i](k) for i in picked]
    return chain((6, 4), layers)


def random_graph(r: random.Random) -> Case:
    """Layers on any two of the tensors so far, which are all of one shape."""
    plan = [(r.choice(("Add", "Multiply", "Maximum", "Average", "Subtract", "Dense", "BatchNormalization", "Conv1D")),
             r.randrange(i + 1), r.randrange(i + 1)) for i in range(r.choice((3, 6, 9)))]

    def function(k, x):
        tensors = [x]
        for kind, a, b in plan:
            if kind == "Dense" or (kind == "Subtract" and a == b):  # nobody subtracts a tensor from itself
                tensors.append(k.layers.Dense(4, "tanh")(tensors[a]))
            elif kind == "Conv1D":
                tensors.append(k.layers.Conv1D(4, 3, padding="causal")(tensors[a]))
            elif kind == "BatchNormalization":
                tensors.append(k.layers.BatchNormalization()(tensors[a]))
            else:
                tensors.append(getattr(k.layers, kind)()([tensors[a], tensors[b]]))
        return k.layers.Concatenate()([tensors[-1], tensors[-2]])
    return graph([(6, 4)], function)


def drawn(everything: bool) -> dict:
    """Random configurations, the same in every run."""
    found = {}
    for kind in (random_convolution, random_recurrent, random_stack, random_graph):
        for seed in range(40 if everything else 6):
            found[f"{kind.__name__}_{seed}"] = kind(random.Random(f"{kind.__name__} {seed}"))
    return found


def learned_ranges() -> dict:
    """Stand-ins for the wrappers of the optimization toolkit, with its names, variables and config."""
    def wrapped(k, kind):
        import tensorflow as tf  # pylint: disable=import-outside-toplevel

        def fake(x, low, high):
            return tf.quantization.fake_quant_with_min_max_vars(x, low, high, 8, False)

        class QuantizeLayer(k.layers.Layer):
            def build(self, input_shape):
                self.low = self.add_weight(f"{self.name}_min", (), initializer=k.initializers.Constant(-3.1), trainable=False)
                self.high = self.add_weight(f"{self.name}_max", (), initializer=k.initializers.Constant(2.9), trainable=False)
                self.step = self.add_weight("optimizer_step", (), dtype="int32", trainable=False)

            def call(self, x):
                return fake(x, self.low, self.high)

            def get_config(self):
                return super().get_config() | {"quantizer": {"class_name": "AllValuesQuantizer", "config": {
                    "num_bits": 8, "per_axis": False, "symmetric": False, "narrow_range": False}}}

        class QuantizeWrapperV2(k.layers.Wrapper):
            def build(self, input_shape):
                super().build(input_shape)
                self.step = self.add_weight("optimizer_step", (), dtype="int32", trainable=False)
                for i, value in enumerate((-1.0, 1.0)):
                    self.add_weight(f"kernel_{('min', 'max')[i]}", (), initializer=k.initializers.Constant(value), trainable=False)
                self.low = self.add_weight(f"{kind}_min", (), initializer=k.initializers.Constant(-1.3), trainable=False)
                self.high = self.add_weight(f"{kind}_max", (), initializer=k.initializers.Constant(1.7), trainable=False)

            def call(self, x):
                return fake(self.layer(x), self.low, self.high)

            def get_config(self):
                return super().get_config() | {"quantize_config": {
                    "class_name": "Default8BitQuantizeConfig",
                    "config": {"weight_attrs": ["kernel"], "activation_attrs": ["activation"], "quantize_output": False}}}

        return [QuantizeLayer(name="quantize_layer"), QuantizeWrapperV2(k.layers.Dense(5, "tanh"), name="quant_dense")]
    return {f"learned_{kind}": chain((6,), lambda k, kind=kind: wrapped(k, kind), generations=OLD, keep_weights=True, archive=False)
            for kind in ("post_activation", "output")}


def cases(everything: bool = False) -> dict:
    found = {}
    for family in (common, convolutions, merges, recurrent, attention, preprocessing, operations,
                   learned_ranges, lambda: drawn(everything)):
        for name, case in family().items():
            assert name not in found, name
            if everything or not case.only_all:
                found[name] = case
    return found
