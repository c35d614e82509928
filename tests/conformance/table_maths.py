"""Cases of bitwise, complex and three-dimensional operators, of random numbers and transforms, and of suppression."""
from __future__ import annotations

import numpy as np
import table_movement
import table_shaping
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, out, single
from table_conversion import CAST_TYPES
from tflite_builder import DTYPES, SAME, VALID, T

PARTS = {"c64": "f32", "c128": "f64"}
# The operators that only move elements, and in LiteRT complex64 ones as well.
COMPLEX_MOVERS = ("BATCH_TO_SPACE_ND", "BROADCAST_TO", "DYNAMIC_UPDATE_SLICE", "EXPAND_DIMS", "FILL", "MIRROR_PAD",
                  "RESHAPE", "SLICE", "SPACE_TO_BATCH_ND", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE")


def complex_input(d: Dice, shape, dtype: str) -> T:
    t = d.input(shape, dtype)
    if d.chance(0.2) and t.data.size:
        t.data.flat[0] = d.pick([0, complex(np.inf, 1), complex(3e38, -3e38), complex(-0.0, 1e-40)])
    return t


def complex_part(code: str):
    def make(d: Dice, dtype: str) -> Case:
        shape = d.shape(0, 5, 0 if d.chance(0.1) else 1)
        return single(code, [complex_input(d, shape, dtype)], [out(shape, PARTS[dtype])])
    return make


def complex_mul(d: Dice, dtype: str) -> Case:
    a, b = d.broadcast_pair()
    return single("MUL", [complex_input(d, a, dtype), complex_input(d, b, dtype)],
                  [out(np.broadcast_shapes(tuple(a), tuple(b)), dtype)], ("MulOptions", {}))


def complex_cast(d: Dice, variant: str) -> Case:
    """From and to complex64. Floats stay where every integer type can hold them."""
    a, b = variant.split("_to_")
    shape = d.shape(0, 4)
    x = d.input(shape, a, None, *((0, 100) if a != "bool" else ()))
    if a == "c64":
        x.data = np.asarray(np.abs(x.data.real) * 7 + 1j * x.data.imag, np.complex64)
    kinds = {"inDataType": getattr(schema.TensorType, DTYPES[a][0]),
             "outDataType": getattr(schema.TensorType, DTYPES[b][0])}
    return single("CAST", [x], [out(shape, b)], ("CastOptions", kinds))


def atan2(d: Dice, dtype: str) -> Case:
    shape = d.shape(0, 5)
    y, x = d.input(shape, dtype), d.input(shape, dtype)
    for t in (y, x):  # both zeros, and infinities
        edges = d.rng.choice([0.0, -0.0, np.inf, -np.inf, 1e-7], shape)
        t.data = np.where(d.rng.random(shape) < 0.2, edges, t.data).astype(t.data.dtype)
    return single("ATAN2", [y, x], [out(shape, dtype)], ("ATan2Options", {}))


def bits(code: str, options: str):
    def make(d: Dice, dtype: str) -> Case:
        a, b = d.broadcast_pair()
        info = np.iinfo({"u8": "uint8", "i8": "int8"}.get(dtype, dtype.replace("i", "int").replace("u", "uint")))
        low, high = int(info.min), int(info.max)
        x = d.input(a, dtype, None, low, high)
        if code == "RIGHT_SHIFT" and d.chance(0.7):
            y = d.input(b, dtype, None, max(low, -3), info.bits + 3)
        else:
            y = d.input(b, dtype, None, low, high)
        return single(code, [x, y], [out(np.broadcast_shapes(tuple(a), tuple(b)), dtype)], (options, {}))
    return make


def window(size: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    reach = (taps - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - reach) // stride + 1


def conv_3d(d: Dice, variant: str) -> Case:
    dilated = variant == "dilated"
    strides, taps = [d.int(1, 3) for _ in range(3)], [d.int(1, 3) for _ in range(3)]
    dilations = [d.int(1, 3) if dilated else 1 for _ in range(3)]
    sizes = [(t - 1) * r + d.int(1, 5) for t, r in zip(taps, dilations)]
    padding = d.pick([SAME, VALID])
    batch, depth, units = d.int(1, 2), d.int(1, 4), d.int(1, 5)
    x = d.input([batch, *sizes, depth])
    make = d.const if d.chance(0.7) else d.input
    inputs = [x, make([*taps, depth, units])]
    if d.chance(0.7):
        inputs.append(d.const([units]) if d.chance(0.8) else None)
    y = [window(*each, padding) for each in zip(sizes, taps, strides, dilations)]
    return single("CONV_3D", inputs, [out([batch, *y, units])], options_3d(d, padding, strides, dilations))


def options_3d(d: Dice, padding: int, strides, dilations) -> tuple:
    fields = {"padding": padding, "fusedActivationFunction": d.activation()}
    for axis, stride, dilation in zip("DHW", strides, dilations):
        fields[f"stride{axis}"] = stride
        fields[f"dilation{axis}Factor"] = dilation
    return ("Conv3DOptions", fields)


def conv_3d_transpose(d: Dice, variant: str) -> Case:
    dilated = variant == "dilated"
    strides, taps = [d.int(1, 3) for _ in range(3)], [d.int(1, 3) for _ in range(3)]
    dilations = [d.int(1, 3) if dilated else 1 for _ in range(3)]
    padding = d.pick([SAME, VALID])
    y = [(t - 1) * r + d.int(1, 6) for t, r in zip(taps, dilations)]
    x = [window(*each, padding) for each in zip(y, taps, strides, dilations)]
    batch, depth, units = d.int(1, 2), d.int(1, 4), d.int(1, 4)
    inputs = [d.param([batch, *y, units]), d.const([*taps, units, depth]), d.input([batch, *x, depth])]
    if d.chance(0.7):
        inputs.append(d.const([units]) if d.chance(0.8) else None)
    return single("CONV_3D_TRANSPOSE", inputs, [out([batch, *y, units])],
                  options_3d(d, padding, strides, dilations))


def l2_pool(d: Dice, _: str) -> Case:
    taps, strides = [d.int(1, 4), d.int(1, 4)], [d.int(1, 3), d.int(1, 3)]
    padding = d.pick([SAME, VALID])
    sizes = [t + d.int(0, 5) for t in taps] if padding == VALID else [d.int(1, 8), d.int(1, 8)]
    batch, channels = d.int(1, 3), d.int(1, 9)
    y = [window(n, t, s, 1, padding) for n, t, s in zip(sizes, taps, strides)]
    return single("L2_POOL_2D", [d.input([batch, *sizes, channels])], [out([batch, *y, channels])],
                  ("Pool2DOptions", {"padding": padding, "strideH": strides[0], "strideW": strides[1],
                                     "filterHeight": taps[0], "filterWidth": taps[1],
                                     "fusedActivationFunction": d.activation()}))


def local_response(d: Dice, _: str) -> Case:
    shape = [d.int(1, 3), d.int(1, 4), d.int(1, 4), d.int(1, 12)]
    fields = {"radius": d.int(0, 6), "bias": d.real(0.1, 2) if d.chance(0.8) else d.real(-1, 0.3),
              "alpha": d.real(0, 2) if d.chance(0.8) else d.real(-3, 0), "beta": d.pick([0.25, 0.5, 0.75, 1.0, 2.0])}
    return single("LOCAL_RESPONSE_NORMALIZATION", [d.input(shape)], [out(shape)],
                  ("LocalResponseNormalizationOptions", fields))


def fake_quant(d: Dice, _: str) -> Case:
    shape = d.shape(0, 5)
    low, high = d.real(-6, -0.01), d.real(0.01, 6)
    if d.chance(0.3):
        low, high = d.pick([(0.0, high), (low, 0.0), (0.5, 0.5 + high), (low - 1, -1.0)])
    return single("FAKE_QUANT", [d.input(shape)], [out(shape)],
                  ("FakeQuantOptions", {"min": low, "max": high, "numBits": d.pick([8, 8, 16, 4, d.int(2, 16)])}))


def rfft2d(d: Dice, _: str) -> Case:
    # A width of 1 is left out: LiteRT returns what its library left behind.
    lengths = [2 ** d.int(0, 5), 2 ** d.int(1, 6)]
    shape = d.shape(0, 2, 1, 3) + [max(1, lengths[0] + d.int(-3, 3)), max(1, lengths[1] + d.int(-3, 3))]
    return single("RFFT2D", [d.input(shape), d.param(lengths)],
                  [out([*shape[:-2], lengths[0], lengths[1] // 2 + 1], "c64")], ("Rfft2dOptions", {}))


def seeds(d: Dice) -> dict:
    """At least one is not 0, also in its lower 32 bits: else LiteRT draws other numbers each time."""
    def seed() -> int:
        return d.int(1, 1 << 20) * d.pick([-1, 1]) + (d.int(-(1 << 30), 1 << 30) << 32 if d.chance(0.3) else 0)
    first = 0 if d.chance(0.3) else seed()
    return {"seed": first, "seed2": seed() if first == 0 or d.chance(0.5) else 0}


def random_numbers(code: str):
    def make(d: Dice, _: str) -> Case:
        shape = d.shape(0 if d.chance(0.1) else 1, 4, 0 if d.chance(0.05) else 1, 9)
        # LiteRT writes behind its output when a pair of normal numbers is cut: not for it to crash on.
        if code == "RANDOM_STANDARD_NORMAL" and np.prod(shape) % 2:
            shape = [*shape, 2]
        feed = d.param(np.asarray(shape, np.int32))
        feed.feeds = [feed.data, feed.data * 2]  # the stream goes on in another shape
        return single(code, [feed], [out(shape)], ("RandomOptions", seeds(d)), invokes=3)
    return make


def multinomial(d: Dice, dtype: str) -> Case:
    batch, classes, samples = d.int(1, 4), d.int(1, 12), d.int(0 if d.chance(0.05) else 1, 30)
    logits = d.input([batch, classes], invokes=3)
    if d.chance(0.3):
        logits.data.flat[d.int(0, logits.data.size - 1)] = d.pick([np.inf, -np.inf, np.nan])
    count = d.param(samples)
    count.feeds = [count.data, count.data + 1]
    return single("MULTINOMIAL", [logits, count], [out([batch, samples], dtype)], ("RandomOptions", seeds(d)),
                  invokes=3)


def suppression(code: str):
    def make(d: Dice, variant: str) -> Case:
        boxes = d.int(0 if d.chance(0.05) else 1, 40)
        corners = d.values([boxes, 2], "f32", 0, 1)
        sizes = d.values([boxes, 2], "f32", 0.05, 0.6)
        if variant == "odd" and boxes:  # boxes without area, or with their corners exchanged
            sizes[d.rng.random(boxes) < 0.2] = 0
            sizes[d.rng.random(boxes) < 0.3] *= -1
        coordinates = T([boxes, 4], "f32", None, np.concatenate([corners, corners + sizes], 1))
        scores = d.input([boxes], "f32", None, 0, 1)
        if variant == "ties":
            scores.data = (np.round(scores.data * 4) / 4).astype(np.float32)
        if variant == "odd":
            scores.data = np.where(d.rng.random(boxes) < 0.1, np.nan, scores.data - 0.5).astype(np.float32)
        most = d.int(0 if d.chance(0.1) else 1, 45)
        overlap = d.pick([0.0, 0.3, 0.5, 0.9, 1.5] if variant == "odd" else [0.3, 0.5, 0.7])
        inputs = [coordinates, scores, d.param(most), d.param(overlap, "f32"),
                  d.param(d.pick([-1.0, 0.0, 0.2, 0.5]), "f32")]
        outputs = [out([most], "i32"), out([], "i32")]
        if code.endswith("V5"):
            inputs.append(d.param(d.pick([0.0, 0.1, 0.5, 1.0]), "f32"))
            outputs.insert(1, out([most], "f32"))
        return single(code, inputs, outputs, (f"NonMaxSuppression{code[-2:]}Options", {}))
    return make


MOVERS = [row for row in table_movement.ROWS + table_shaping.ROWS if row.op in COMPLEX_MOVERS]
SMALL_INTEGERS = ("i8", "u8", "i16", "u16", "i32", "u32")

ROWS = [
    Row("ATAN2", atan2, ("f32", "f64", "f16"), 4),
    Row("BITWISE_XOR", bits("BITWISE_XOR", "BitwiseXorOptions"), SMALL_INTEGERS, 4),
    Row("RIGHT_SHIFT", bits("RIGHT_SHIFT", "RightShiftOptions"), SMALL_INTEGERS, 5),
    Row("COMPLEX_ABS", complex_part("COMPLEX_ABS"), ("c64", "c128"), 4),
    Row("REAL", complex_part("REAL"), ("c64", "c128"), 3),
    Row("IMAG", complex_part("IMAG"), ("c64", "c128"), 3),
    Row("MUL", complex_mul, ("c64",), 5),
    Row("CAST", complex_cast, tuple(f"c64_to_{t}" for t in CAST_TYPES) + tuple(f"{t}_to_c64" for t in CAST_TYPES), 1),
    *(Row(row.op, row.make, ("c64",), 1) for row in MOVERS),
    Row("RFFT2D", rfft2d, ("float32",), 20),
    Row("CONV_3D", conv_3d, ("float32", "dilated"), 15),
    Row("CONV_3D_TRANSPOSE", conv_3d_transpose, ("float32", "dilated"), 15),
    Row("L2_POOL_2D", l2_pool, ("float32",), 15),
    Row("LOCAL_RESPONSE_NORMALIZATION", local_response, ("float32",), 15),
    Row("FAKE_QUANT", fake_quant, ("float32",), 15),
    Row("RANDOM_UNIFORM", random_numbers("RANDOM_UNIFORM"), ("float32",), 12),
    Row("RANDOM_STANDARD_NORMAL", random_numbers("RANDOM_STANDARD_NORMAL"), ("float32",), 12),
    Row("MULTINOMIAL", multinomial, ("i32", "i64"), 8),
    Row("NON_MAX_SUPPRESSION_V4", suppression("NON_MAX_SUPPRESSION_V4"), ("plain", "ties", "odd"), 10),
    Row("NON_MAX_SUPPRESSION_V5", suppression("NON_MAX_SUPPRESSION_V5"), ("plain", "ties", "odd"), 10),
]
