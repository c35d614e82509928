"""Cases of convolutions, matrix products and pools."""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, is_quantized, out, output_q, single
from tflite_builder import SAME, VALID, Q, T

# Variants: <activations>[_<weights>]; weights of a quantized op are int8 per-channel when unsaid.
CONV = ("float32", "int8", "int8_tensor", "int8_int4", "uint8", "int16x8", "int16x8_tensor",
        "int16x8_bias32", "hybrid", "hybrid_int4")


def window(d: Dice, size: int, filter_size: int) -> tuple:
    """(stride, dilation): dilation only where the filter has more than one tap."""
    stride = d.pick([1, 1, 2, 3])
    dilation = d.pick([1, 1, 1, 2, 3]) if filter_size > 1 else 1
    return stride, dilation


def out_size(size: int, filter_size: int, stride: int, dilation: int, padding: int) -> int:
    effective = (filter_size - 1) * dilation + 1
    if padding == SAME:
        return -(-size // stride)
    return (size - effective) // stride + 1


def geometry(d: Dice, high: int = 9) -> dict:
    """Height and width geometry that leaves at least one output."""
    padding = d.pick([SAME, VALID])
    g = {"padding": padding}
    for axis in ("h", "w"):
        taps = d.int(1, 4)
        size = d.int(1, high)
        stride, dilation = window(d, size, taps)
        if padding == VALID:
            size = max(size, (taps - 1) * dilation + 1)
        g[axis] = (size, taps, stride, dilation, out_size(size, taps, stride, dilation, padding))
    return g


def weights(d: Dice, variant: str, shape: list, dim: int) -> T:
    """The weight tensor of a variant, per-channel along `dim` unless the variant says otherwise."""
    kind = is_quantized(variant)
    dtype = {"float32": "f32", "uint8": "u8"}.get(variant, "i4" if "int4" in variant else "i8")
    if "hybrid_uint8" == variant:
        dtype = "u8"
    if dtype == "f32":
        return d.const(shape)
    if dtype == "u8":
        q = d.q("u8", -3, -1.5)
        if kind is None:
            q = Q(q.scale, 0)
        return d.const(shape, dtype, q)
    if variant.endswith("tensor"):
        q = Q(np.float32(10.0 ** d.real(-3, -1)), 0)
    else:
        q = d.q_channels(shape[dim], dim)
    low, high = (-7, 7) if dtype == "i4" else (-127, 127)
    return d.const(shape, dtype, q, low, high)


def bias_for(d: Dice, variant: str, x: T, w: T, count: int, taps: int, absent: float = 0.25):
    if d.chance(absent):
        return None
    kind = is_quantized(variant)
    if kind is None:
        return d.const([count])
    scales = w.q.scales() * x.q.scales()[0]
    scales = np.broadcast_to(scales, (count,)) if scales.size > 1 else scales
    spread = 2000 * max(taps, 1)
    wide = kind == "i16" and not variant.endswith("bias32")
    q = Q(scales.copy(), np.zeros(scales.size, np.int64), 0)
    return d.const([count], "i64" if wide else "i32", q, -spread, spread)


def result_for(d: Dice, variant: str, x: T, w: T, shape: list, taps: int) -> T:
    kind = is_quantized(variant)
    if kind is None:
        return out(shape)
    top = {"i8": 74, "u8": 74, "i16": 18900}[kind] * (4 if w.dtype == "i4" else 74)
    magnitude = float(x.q.scales()[0]) * float(w.q.scales().mean()) * top * np.sqrt(max(taps, 1)) * 2
    return out(shape, kind, output_q(d, kind, magnitude))


def bias_type(d: Dice, variant: str) -> dict:
    """An int32 bias of an int16 operator must be announced, an int64 one may be."""
    if variant.endswith("bias32"):
        return {"quantizedBiasType": schema.TensorType.INT32}
    if is_quantized(variant) == "i16" and d.chance(0.5):
        return {"quantizedBiasType": schema.TensorType.INT64}
    return {}


def conv_input(d: Dice, variant: str, shape: list) -> T:
    kind = is_quantized(variant)
    return d.input(shape, kind or "f32", d.q(kind) if kind else None)


def conv_2d(d: Dice, variant: str) -> Case:
    g = geometry(d)
    (h, kh, sh, dh, oh), (w_, kw, sw, dw, ow) = g["h"], g["w"]
    group = d.pick([1, 1, 1, 2]) if "int4" not in variant else 1
    cin = d.int(1, 9)
    cout = d.int(1, 9) * group
    batch = d.int(1, 2)
    x = conv_input(d, variant, [batch, h, w_, cin * group])
    w = weights(d, variant, [cout, kh, kw, cin], 0)
    taps = kh * kw * cin
    b = bias_for(d, variant, x, w, cout, taps, absent=0)
    y = result_for(d, variant, x, w, [batch, oh, ow, cout], taps)
    options = {"padding": g["padding"], "strideH": sh, "strideW": sw, "dilationHFactor": dh,
               "dilationWFactor": dw, "fusedActivationFunction": d.activation(), **bias_type(d, variant)}
    inputs = [x, w, b]
    return single("CONV_2D", inputs, [y], ("Conv2DOptions", options))


def depthwise_conv_2d(d: Dice, variant: str) -> Case:
    g = geometry(d)
    (h, kh, sh, dh, oh), (w_, kw, sw, dw, ow) = g["h"], g["w"]
    multiplier = d.pick([1, 1, 2, 3])
    cin = d.int(1, 9)
    cout = cin * multiplier
    batch = d.int(1, 2)
    x = conv_input(d, variant, [batch, h, w_, cin])
    w = weights(d, variant, [1, kh, kw, cout], 3)
    b = bias_for(d, variant, x, w, cout, kh * kw)
    y = result_for(d, variant, x, w, [batch, oh, ow, cout], kh * kw)
    options = {"padding": g["padding"], "strideH": sh, "strideW": sw, "dilationHFactor": dh,
               "dilationWFactor": dw, "depthMultiplier": multiplier,
               "fusedActivationFunction": d.activation()}
    inputs = [x, w] + ([b] if b is not None else [])
    return single("DEPTHWISE_CONV_2D", inputs, [y], ("DepthwiseConv2DOptions", options))


def transpose_conv(d: Dice, variant: str) -> Case:
    padding = d.pick([SAME, VALID])
    batch, cin, cout = d.int(1, 2), d.int(1, 6), d.int(1, 6)
    sides = []
    for _ in range(2):
        size, taps, stride = d.int(1, 5), d.int(1, 4), d.int(1, 3)
        if padding == VALID:
            full = (size - 1) * stride + taps
        else:
            full = size * stride - (d.int(0, stride - 1) if stride > 1 else 0)
        sides.append((size, taps, stride, max(full, 1)))
    (h, kh, sh, oh), (w_, kw, sw, ow) = sides
    x = conv_input(d, variant, [batch, h, w_, cin])
    w = weights(d, variant, [cout, kh, kw, cin], 0)
    b = bias_for(d, variant, x, w, cout, kh * kw * cin)
    y = result_for(d, variant, x, w, [batch, oh, ow, cout], kh * kw * cin)
    shape = d.param([batch, oh, ow, cout])
    options = {"padding": padding, "strideH": sh, "strideW": sw,
               "fusedActivationFunction": d.pick([0, 0, 1, 3])}
    inputs = [shape, w, x] + ([b] if b is not None else [])
    return single("TRANSPOSE_CONV", inputs, [y], ("TransposeConvOptions", options))


def fully_connected(d: Dice, variant: str) -> Case:
    units, depth = d.int(1, 12), d.int(1, 24)
    keep = d.chance(0.4)
    lead = [d.int(1, 3) for _ in range(d.int(1, 3) if keep else 1)]
    flat = int(np.prod(lead))
    shape = lead + [depth]
    if not keep and d.chance(0.3) and depth % 2 == 0:
        shape = lead + [2, depth // 2]
    x = conv_input(d, variant, shape)
    stored = weights(d, variant, [units, depth], 0)
    if "int4" in variant and units * depth % 2:
        stored = weights(d, variant, [units, depth + depth % 2], 0)
        x = conv_input(d, variant, [flat, depth + depth % 2])
        keep, shape = False, None
    if variant == "float32" and d.chance(0.2):
        stored.const = False
    b = bias_for(d, variant, x, stored, units, stored.shape[1])
    y_shape = lead + [units] if keep else [flat, units]
    y = result_for(d, variant, x, stored, y_shape, stored.shape[1])
    options = {"fusedActivationFunction": d.activation(), "keepNumDims": keep,
               "asymmetricQuantizeInputs": "hybrid" in variant and d.chance(0.5), **bias_type(d, variant)}
    inputs = [x, stored] + ([b] if b is not None or d.chance(0.5) else [])  # absent, or not listed
    return single("FULLY_CONNECTED", inputs, [y], ("FullyConnectedOptions", options))


def batch_matmul(d: Dice, variant: str) -> Case:
    m, k, n = d.int(1, 6), d.int(1, 9), d.int(1, 6)
    lead_a, lead_b = ([], []) if d.chance(0.3) else d.broadcast_pair(2, 3)
    adj_x, adj_y = d.chance(0.5), d.chance(0.5)
    a_shape = lead_a + ([k, m] if adj_x else [m, k])
    b_shape = lead_b + ([n, k] if adj_y else [k, n])
    lead = list(np.broadcast_shapes(tuple(lead_a), tuple(lead_b)))
    options = {"adjX": adj_x, "adjY": adj_y}
    if variant == "hybrid":
        a = d.input(a_shape)
        b = d.const(b_shape, "i8", Q(np.float32(10.0 ** d.real(-3, -1)), 0), -127, 127)
        options["asymmetricQuantizeInputs"] = d.chance(0.5)
        y = out(lead + [m, n])
    elif variant == "float32":
        a, b = d.input(a_shape), d.input(b_shape)
        b.const = d.chance(0.3)
        y = out(lead + [m, n])
    elif variant == "int8_int32":
        a, b = d.input(a_shape, "i8", d.q("i8")), d.input(b_shape, "i8", d.q("i8"))
        y = out(lead + [m, n], "i32", Q(a.q.scales()[0] * b.q.scales()[0], 0))
    else:
        kind = is_quantized(variant)
        a, b = d.input(a_shape, kind, d.q(kind)), d.input(b_shape, kind, d.q(kind))
        b.const = d.chance(0.3)
        top = {"i8": 74, "i16": 18900}[kind] ** 2
        magnitude = float(a.q.scales()[0]) * float(b.q.scales()[0]) * top * np.sqrt(k) * 2
        y = out(lead + [m, n], kind, output_q(d, kind, magnitude))
    return single("BATCH_MATMUL", [a, b], [y], ("BatchMatMulOptions", options))


def pool(op: str):
    def make(d: Dice, variant: str) -> Case:
        g = geometry(d)
        sizes = []
        for axis in ("h", "w"):
            size, taps, stride, _, _ = g[axis]
            sizes.append((size, taps, stride, out_size(size, taps, stride, 1, g["padding"])))
        (h, kh, sh, oh), (w, kw, sw, ow) = sizes
        batch, c = d.int(1, 2), d.int(1, 9)
        kind = is_quantized(variant)
        q = d.q(kind) if kind else None
        x = d.input([batch, h, w, c], kind or "f32", q)
        y = out([batch, oh, ow, c], kind or "f32", q)
        options = {"padding": g["padding"], "strideH": sh, "strideW": sw, "filterHeight": kh,
                   "filterWidth": kw, "fusedActivationFunction": d.activation()}
        return single(op, [x], [y], ("Pool2DOptions", options))
    return make


ROWS = [
    Row("CONV_2D", conv_2d, CONV, 5),
    Row("DEPTHWISE_CONV_2D", depthwise_conv_2d,
        ("float32", "int8", "int8_int4", "uint8", "int16x8", "hybrid"), 6),
    Row("TRANSPOSE_CONV", transpose_conv,
        ("float32", "int8", "int8_tensor", "uint8", "int16x8", "hybrid"), 5),
    Row("FULLY_CONNECTED", fully_connected,
        ("float32", "int8", "int8_tensor", "int8_int4", "uint8", "int16x8", "int16x8_tensor",
         "int16x8_bias32", "hybrid", "hybrid_int4"), 5),
    Row("BATCH_MATMUL", batch_matmul, ("float32", "int8", "int8_int32", "int16", "hybrid"), 6),
    Row("AVERAGE_POOL_2D", pool("AVERAGE_POOL_2D"), ("float32", "int8", "uint8", "int16"), 5),
    Row("MAX_POOL_2D", pool("MAX_POOL_2D"), ("float32", "int8", "uint8", "int16"), 5),
]
