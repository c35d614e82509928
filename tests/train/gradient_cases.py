"""What test_gradients.py differentiates: for each operator with a gradient, on random shapes, the TFLite node and the same in
TensorFlow; and a small network. NumPy alone, as both environments import it: TensorFlow is handed to the functions.
"""
from __future__ import annotations

import dataclasses
import zlib
from typing import Callable, Sequence

import numpy as np

SAME, VALID = 0, 1
PADDINGS = ("SAME", "VALID")


@dataclasses.dataclass(frozen=True)
class Node:
    """An operand is an input of the case (its number), an output of an earlier node (its name), a constant array or None."""
    op: str
    operands: Sequence
    options: tuple | None = None  # ("Conv2DOptions", {field: value})
    outputs: Sequence[str] = ("y",)


@dataclasses.dataclass(frozen=True)
class Case:
    inputs: Sequence[np.ndarray]
    nodes: Sequence[Node]  # the last one makes the outputs
    function: Callable  # (tf, *inputs) -> output, or a list of them


class Dice:
    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence):
        return options[self.int(0, len(options) - 1)]

    def shape(self, least: int = 1, most: int = 4) -> list:
        return [self.int(1, 5) for _ in range(self.int(least, most))]

    def values(self, shape, low: float = -2.0, high: float = 2.0) -> np.ndarray:
        return self.rng.uniform(low, high, shape).astype(np.float32)

    def away_from_zero(self, shape) -> np.ndarray:
        return self.values(shape, 0.5, 2) * self.rng.choice(np.float32([-1, 1]), shape)


def ints(*values) -> np.ndarray:
    return np.array(values, np.int32)


def activate(tf, x, number: int):
    """A fused activation, by its number in the format."""
    return (lambda x: x, tf.nn.relu, lambda x: tf.clip_by_value(x, -1.0, 1.0), tf.nn.relu6)[number](x)


def simple(op: str, inputs: Sequence[np.ndarray], function: Callable, options: tuple | None = None,
           constants: Sequence = (), outputs: int = 1) -> Case:
    """One node: the inputs, then constants."""
    node = Node(op, [*range(len(inputs)), *constants], options, [f"y{i}" for i in range(outputs)])
    return Case(inputs, [node], function)


# One input, element by element -------------------------------------------------------------------

def unary(function: Callable, low: float = -2.0, high: float = 2.0) -> Callable:
    return lambda d, op: simple(op, [d.values(d.shape(), low, high)], function)


def leaky_relu(d: Dice, op: str) -> Case:
    alpha = float(d.values((), 0.01, 0.5))
    return simple(op, [d.values(d.shape())], lambda tf, x: tf.nn.leaky_relu(x, alpha), ("LeakyReluOptions", {"alpha": alpha}))


def gelu(d: Dice, op: str) -> Case:
    approximate = d.pick([False, True])
    return simple(op, [d.values(d.shape())], lambda tf, x: tf.nn.gelu(x, approximate), ("GeluOptions", {"approximate": approximate}))


def fake_quant(d: Dice, op: str) -> Case:
    low, high = float(d.values((), -1.5, -0.1)), float(d.values((), 0.1, 1.5))
    bits = d.int(2, 8)  # LiteRT's kernel knows no narrow range
    return simple(op, [d.values([40, 5])], lambda tf, x: tf.quantization.fake_quant_with_min_max_args(x, low, high, bits),
                  ("FakeQuantOptions", {"min": low, "max": high, "numBits": bits}))


# Two or more inputs ------------------------------------------------------------------------------

def binary(function: Callable, fuses: str = "") -> Callable:
    """`fuses`: the options of an operator with a fused activation."""
    def make(d: Dice, op: str) -> Case:
        full = d.shape()
        shapes = [[1 if d.int(0, 3) == 0 else n for n in full] for _ in range(2)]
        shapes[1] = shapes[1][d.int(0, len(full) - 1):]
        inputs = [d.values(shapes[0]), d.away_from_zero(shapes[1])]
        activation = d.int(0, 3) if fuses else 0
        options = (fuses, {"fusedActivationFunction": activation}) if fuses else None
        if d.pick([False, True]) and op != "DIV":
            inputs.reverse()
        return simple(op, inputs, lambda tf, a, b: activate(tf, function(tf, a, b), activation), options)
    return make


def add_n(d: Dice, op: str) -> Case:
    shape = d.shape()
    return simple(op, [d.values(shape) for _ in range(d.int(1, 4))], lambda tf, *x: tf.add_n(x))


def batch_matmul(d: Dice, op: str) -> Case:
    m, k, n = (d.int(1, 5) for _ in range(3))
    lead = d.shape(0, 2)
    leads = [[1 if d.int(0, 2) == 0 else size for size in lead] for _ in range(2)]
    adj_x, adj_y = d.pick([False, True]), d.pick([False, True])
    x = d.values(leads[0] + ([k, m] if adj_x else [m, k]))
    y = d.values(leads[1] + ([n, k] if adj_y else [k, n]))
    return simple(op, [x, y], lambda tf, a, b: tf.matmul(a, b, adj_x, adj_y), ("BatchMatMulOptions", {"adjX": adj_x, "adjY": adj_y}))


# Windows -----------------------------------------------------------------------------------------

def dilated(tf, w, rates):
    """A filter [height, width, …] with zeros between its taps: TensorFlow has no gradient of dilated convolutions on CPUs."""
    height, width = w.shape[:2]
    rest = w.shape[2:]
    spread = tf.pad(w[:, None, :, None], [[0, 0], [0, rates[0] - 1], [0, 0], [0, rates[1] - 1]] + [[0, 0]] * len(rest))
    spread = tf.reshape(spread, [height * rates[0], width * rates[1], *rest])
    return spread[:(height - 1) * rates[0] + 1, :(width - 1) * rates[1] + 1]


def window(d: Dice, same_strides: bool = False) -> tuple:
    """Padding, taps, strides, dilations, and an image at least as large as the window."""
    padding, taps = d.int(0, 1), [d.int(1, 3), d.int(1, 3)]
    strides = [d.int(1, 3)] * 2 if same_strides else [d.int(1, 3), d.int(1, 3)]
    rates = [d.pick([1, 1, 2]) for _ in taps]
    image = [d.int(0, 6) + (n - 1) * rate + 1 for n, rate in zip(taps, rates)]
    return padding, taps, strides, rates, image


def window_options(padding, strides, rates, activation) -> dict:
    return {"padding": padding, "strideH": strides[0], "strideW": strides[1], "dilationHFactor": rates[0],
            "dilationWFactor": rates[1], "fusedActivationFunction": activation}


def convolve(tf, x, w, b, padding, strides, rates, groups=1):
    """As CONV_2D: w [out, height, width, in / groups]."""
    w = dilated(tf, tf.transpose(w, [1, 2, 3, 0]), rates)
    parts = zip(tf.split(x, groups, 3), tf.split(w, groups, 3))
    return tf.concat([tf.nn.conv2d(a, f, strides, PADDINGS[padding]) for a, f in parts], 3) + b


def convolve_depthwise(tf, x, w, b, padding, strides, rates):
    """As DEPTHWISE_CONV_2D: w [1, height, width, out]."""
    w = tf.reshape(w[0], [*w.shape[1:3], x.shape[3], w.shape[3] // x.shape[3]])
    return tf.nn.depthwise_conv2d(x, dilated(tf, w, rates), [1, *strides, 1], PADDINGS[padding]) + b


def conv_2d(d: Dice, op: str) -> Case:
    padding, taps, strides, rates, image = window(d)
    groups, activation = d.pick([1, 1, 2]), d.int(0, 3)
    width, out = d.int(1, 5), d.int(1, 6) * groups
    inputs = [d.values([d.int(1, 2), *image, width * groups]), d.values([out, *taps, width], -0.5, 0.5), d.values([out])]
    return simple(op, inputs, lambda tf, x, w, b: activate(tf, convolve(tf, x, w, b, padding, strides, rates, groups), activation),
                  ("Conv2DOptions", window_options(padding, strides, rates, activation)))


def depthwise_conv_2d(d: Dice, op: str) -> Case:
    padding, taps, strides, rates, image = window(d, same_strides=True)
    multiplier, activation, channels = d.pick([1, 1, 2]), d.int(0, 3), d.int(1, 9)
    out = channels * multiplier
    inputs = [d.values([d.int(1, 2), *image, channels]), d.values([1, *taps, out], -0.5, 0.5), d.values([out])]
    options = window_options(padding, strides, rates, activation) | {"depthMultiplier": multiplier}
    return simple(op, inputs, lambda tf, x, w, b: activate(tf, convolve_depthwise(tf, x, w, b, padding, strides, rates), activation),
                  ("DepthwiseConv2DOptions", options))


def pool(function: Callable) -> Callable:
    def make(d: Dice, op: str) -> Case:
        padding, taps, strides, _, image = window(d)
        options = {"padding": padding, "strideH": strides[0], "strideW": strides[1], "filterHeight": taps[0],
                   "filterWidth": taps[1], "fusedActivationFunction": 0}
        return simple(op, [d.values([d.int(1, 2), *image, d.int(1, 5)])],
                      lambda tf, x: function(tf)(x, taps, strides, PADDINGS[padding]), ("Pool2DOptions", options))
    return make


def fully_connected(d: Dice, op: str) -> Case:
    depth, units, activation = d.int(1, 20), d.int(1, 20), d.int(0, 3)
    inputs = [d.values([*d.shape(1, 2), depth]), d.values([units, depth], -0.5, 0.5), d.values([units])]
    return simple(op, inputs, lambda tf, x, w, b: activate(tf, tf.tensordot(x, w, [[-1], [1]]) + b, activation),
                  ("FullyConnectedOptions", {"fusedActivationFunction": activation, "keepNumDims": True}))


def resize(kind: str, options: str) -> Callable:
    def make(d: Dice, op: str) -> Case:
        size = ints(d.int(1, 9), d.int(1, 9))
        align, half = d.pick([(False, False), (True, False), (False, True)])
        return simple(op, [d.values([d.int(1, 2), d.int(1, 6), d.int(1, 6), d.int(1, 3)])],
                      lambda tf, x: getattr(tf.raw_ops, kind)(images=x, size=size, align_corners=align, half_pixel_centers=half),
                      (options, {"alignCorners": align, "halfPixelCenters": half}), [size])
    return make


# Rows and sums -----------------------------------------------------------------------------------

def reduction(function: Callable) -> Callable:
    def make(d: Dice, op: str) -> Case:
        x, keep = d.values(d.shape()), d.pick([False, True])
        axes = np.sort(d.rng.permutation(x.ndim)[:d.int(1, x.ndim)]).astype(np.int32)
        axes -= x.ndim * d.int(0, 1)
        return simple(op, [x], lambda tf, x: function(tf)(x, axes, keep), ("ReducerOptions", {"keepDims": keep}), [axes])
    return make


def softmax(d: Dice, op: str) -> Case:
    beta = float(d.values((), 0.5, 2))
    return simple(op, [d.values(d.shape())], lambda tf, x: tf.nn.softmax(beta * x), ("SoftmaxOptions", {"beta": beta}))


# Movement ----------------------------------------------------------------------------------------

def reshape(d: Dice, op: str) -> Case:
    x = d.values(d.shape(2))
    shape = ints(-1, x.shape[0])
    return simple(op, [x], lambda tf, x: tf.reshape(x, shape), ("ReshapeOptions", {"newShape": shape}), [shape])


def expand_dims(d: Dice, op: str) -> Case:
    x = d.values(d.shape())
    axis = d.int(-x.ndim - 1, x.ndim)
    return simple(op, [x], lambda tf, x: tf.expand_dims(x, axis), None, [ints(axis)[0]])


def squeeze(d: Dice, op: str) -> Case:
    shape = d.shape()
    axis = d.int(0, len(shape))
    shape.insert(axis, 1)
    return simple(op, [d.values(shape)], lambda tf, x: tf.squeeze(x, [axis]), ("SqueezeOptions", {"squeezeDims": [axis]}))


def transpose(d: Dice, op: str) -> Case:
    x = d.values(d.shape())
    order = d.rng.permutation(x.ndim).astype(np.int32)
    return simple(op, [x], lambda tf, x: tf.transpose(x, order), None, [order])


def pad(d: Dice, op: str) -> Case:
    x = d.values(d.shape())
    sizes = np.array([[d.int(0, 3), d.int(0, 3)] for _ in x.shape], np.int32)
    value = np.float32(0.5) if op == "PADV2" else np.float32(0)
    return simple(op, [x], lambda tf, x: tf.pad(x, sizes, constant_values=value), None, [sizes] + ([value] if op == "PADV2" else []))


def slice_(d: Dice, op: str) -> Case:
    x = d.values(d.shape())
    begin = ints(*(d.int(0, n - 1) for n in x.shape))
    size = ints(*(d.pick([-1, d.int(1, n - at)]) for n, at in zip(x.shape, begin)))
    return simple(op, [x], lambda tf, x: tf.slice(x, begin, size), None, [begin, size])


def strided_slice(d: Dice, op: str) -> Case:
    x = d.values(d.shape())
    begin, end, strides, masks = [], [], [], {"begin": 0, "end": 0, "shrink": 0}
    for axis, n in enumerate(x.shape):
        first, last = sorted((d.int(0, n - 1), d.int(0, n - 1)))
        step = d.int(1, 2)
        kind = d.pick(["up", "down", "open", "one"])
        begin.append(first if kind in ("up", "open") else last)
        end.append({"up": last + 1, "down": first - 1 - n, "open": 0, "one": last + 1}[kind])
        strides.append(-step if kind == "down" else 1 if kind == "one" else step)
        masks["end"] |= (kind == "open") << axis
        masks["shrink"] |= (kind == "one") << axis
    constants = [ints(*begin), ints(*end), ints(*strides)]
    return simple(op, [x],
                  lambda tf, x: tf.strided_slice(x, *constants, end_mask=masks["end"], shrink_axis_mask=masks["shrink"]),
                  ("StridedSliceOptions", {"endMask": masks["end"], "shrinkAxisMask": masks["shrink"]}), constants)


def concatenation(d: Dice, op: str) -> Case:
    shape = d.shape()
    axis = d.int(-len(shape), len(shape) - 1)
    inputs = []
    for _ in range(d.int(1, 4)):
        shape[axis] = d.int(1, 4)
        inputs.append(d.values(shape))
    return simple(op, inputs, lambda tf, *x: tf.concat(x, axis), ("ConcatenationOptions", {"axis": axis}))


def pack(d: Dice, op: str) -> Case:
    shape, count = d.shape(1, 3), d.int(1, 4)
    axis = d.int(0, len(shape))
    return simple(op, [d.values(shape) for _ in range(count)], lambda tf, *x: tf.stack(x, axis),
                  ("PackOptions", {"valuesCount": count, "axis": axis}))


def unpack(d: Dice, op: str) -> Case:
    x = d.values(d.shape(2))
    axis = d.int(0, x.ndim - 1)
    count = x.shape[axis]
    return simple(op, [x], lambda tf, x: tf.unstack(x, count, axis), ("UnpackOptions", {"num": count, "axis": axis}), (), count)


def split(d: Dice, op: str) -> Case:
    shape, count = d.shape(), d.int(1, 3)
    axis = d.int(0, len(shape) - 1)
    if op == "SPLIT":
        shape[axis] = count * d.int(1, 3)
        node = Node(op, [ints(axis)[0], 0], ("SplitOptions", {"numSplits": count}), [f"y{i}" for i in range(count)])
        return Case([d.values(shape)], [node], lambda tf, x: tf.split(x, count, axis))
    sizes = ints(*(d.int(1, 4) for _ in range(count)))
    shape[axis] = int(sizes.sum())
    return simple(op, [d.values(shape)], lambda tf, x: tf.split(x, sizes, axis), ("SplitVOptions", {"numSplits": count}),
                  [sizes, ints(axis)[0]], count)


def broadcast_to(d: Dice, op: str) -> Case:
    full = d.shape()
    x = d.values([1 if d.int(0, 1) else n for n in full][d.int(0, len(full) - 1):])
    shape = ints(*full)
    return simple(op, [x], lambda tf, x: tf.broadcast_to(x, shape), None, [shape])


# A network ---------------------------------------------------------------------------------------

def network(d: Dice, _: str) -> Case:
    """A residual net: all its weights are inputs, so that the gradient of each is compared."""
    weights = {"x": [2, 9, 8, 3], "w1": [8, 3, 3, 3], "b1": [8], "w2": [1, 3, 3, 8], "b2": [8], "w3": [8, 1, 1, 8], "b3": [8],
               "w4": [5, 8], "b4": [5]}
    inputs = [d.values(shape, -1, 1) for shape in weights.values()]
    at = {name: number for number, name in enumerate(weights)}
    strided, plain = window_options(SAME, (2, 2), (1, 1), 3), window_options(SAME, (1, 1), (1, 1), 0)
    nodes = [
        Node("CONV_2D", [at["x"], at["w1"], at["b1"]], ("Conv2DOptions", strided), ["first"]),
        Node("DEPTHWISE_CONV_2D", ["first", at["w2"], at["b2"]],
             ("DepthwiseConv2DOptions", {**plain, "fusedActivationFunction": 1, "depthMultiplier": 1}), ["second"]),
        Node("CONV_2D", ["second", at["w3"], at["b3"]], ("Conv2DOptions", plain), ["third"]),
        Node("ADD", ["first", "third"], ("AddOptions", {"fusedActivationFunction": 1}), ["sum"]),
        Node("MAX_POOL_2D", ["sum"], ("Pool2DOptions", {"padding": VALID, "strideH": 2, "strideW": 2, "filterHeight": 2,
                                                        "filterWidth": 2, "fusedActivationFunction": 0}), ["pooled"]),
        Node("MEAN", ["pooled", ints(1, 2)], ("ReducerOptions", {"keepDims": False}), ["mean"]),
        Node("FULLY_CONNECTED", ["mean", at["w4"], at["b4"]], ("FullyConnectedOptions", {"fusedActivationFunction": 0}), ["logits"]),
        Node("LOG_SOFTMAX", ["logits"], None),
    ]

    def function(tf, x, w1, b1, w2, b2, w3, b3, w4, b4):
        first = tf.nn.relu6(convolve(tf, x, w1, b1, SAME, (2, 2), (1, 1)))
        second = tf.nn.relu(convolve_depthwise(tf, first, w2, b2, SAME, (1, 1), (1, 1)))
        total = tf.nn.relu(first + convolve(tf, second, w3, b3, SAME, (1, 1), (1, 1)))
        mean = tf.reduce_mean(tf.nn.max_pool2d(total, 2, 2, "VALID"), [1, 2])
        return tf.nn.log_softmax(tf.matmul(mean, w4, transpose_b=True) + b4)

    return Case(inputs, nodes, function)


# Name of an operator, or of a network: dice, name -> Case.
MAKERS = {
    "ABS": unary(lambda tf, x: tf.abs(x)),
    "ADD": binary(lambda tf, a, b: a + b, "AddOptions"),
    "ADD_N": add_n,
    "AVERAGE_POOL_2D": pool(lambda tf: tf.nn.avg_pool2d),
    "BATCH_MATMUL": batch_matmul,
    "BROADCAST_TO": broadcast_to,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "COS": unary(lambda tf, x: tf.cos(x)),
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DIV": binary(lambda tf, a, b: a / b, "DivOptions"),
    "ELU": unary(lambda tf, x: tf.nn.elu(x)),
    "EXP": unary(lambda tf, x: tf.exp(x)),
    "EXPAND_DIMS": expand_dims,
    "FAKE_QUANT": fake_quant,
    "FULLY_CONNECTED": fully_connected,
    "GELU": gelu,
    "HARD_SWISH": unary(lambda tf, x: x * tf.nn.relu6(x + 3) / 6, -5, 5),
    "LEAKY_RELU": leaky_relu,
    "LOG": unary(lambda tf, x: tf.math.log(x), 0.5),
    "LOGISTIC": unary(lambda tf, x: tf.sigmoid(x)),
    "LOG_SOFTMAX": unary(lambda tf, x: tf.nn.log_softmax(x)),
    "MAXIMUM": binary(lambda tf, a, b: tf.maximum(a, b)),
    "MAX_POOL_2D": pool(lambda tf: tf.nn.max_pool2d),
    "MEAN": reduction(lambda tf: tf.reduce_mean),
    "MINIMUM": binary(lambda tf, a, b: tf.minimum(a, b)),
    "MUL": binary(lambda tf, a, b: a * b, "MulOptions"),
    "NEG": unary(lambda tf, x: -x),
    "PACK": pack,
    "PAD": pad,
    "PADV2": pad,
    "RELU": unary(lambda tf, x: tf.nn.relu(x)),
    "RELU_0_TO_1": unary(lambda tf, x: tf.clip_by_value(x, 0.0, 1.0)),
    "RELU6": unary(lambda tf, x: tf.nn.relu6(x), -8, 8),
    "RELU_N1_TO_1": unary(lambda tf, x: tf.clip_by_value(x, -1.0, 1.0)),
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize("ResizeBilinear", "ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": resize("ResizeNearestNeighbor", "ResizeNearestNeighborOptions"),
    "RSQRT": unary(lambda tf, x: tf.math.rsqrt(x), 0.5),
    "SIN": unary(lambda tf, x: tf.sin(x)),
    "SLICE": slice_,
    "SOFTMAX": softmax,
    "SPLIT": split,
    "SPLIT_V": split,
    "SQRT": unary(lambda tf, x: tf.sqrt(x), 0.5),
    "SQUARE": unary(lambda tf, x: tf.square(x)),
    "SQUARED_DIFFERENCE": binary(lambda tf, a, b: tf.math.squared_difference(a, b)),
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "SUB": binary(lambda tf, a, b: a - b, "SubOptions"),
    "SUM": reduction(lambda tf: tf.reduce_sum),
    "TANH": unary(lambda tf, x: tf.tanh(x)),
    "TRANSPOSE": transpose,
    "UNPACK": unpack,
    "network": network,
}
COUNT = 3  # of each


def seed_of(name: str, number: int, base: int) -> int:
    return zlib.crc32(f"{name}#{number}#{base}".encode())


def make(name: str, seed: int) -> Case:
    return MAKERS[name](Dice(seed), name)
