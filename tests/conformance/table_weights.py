"""Cases of operators with weights in the rarer forms: narrower than a byte, in blocks, sparse, shuffled, with other
scales than usual, computed at run time, and float16 ones that a DEQUANTIZE widens.

A variant is "<input>_<weights>" with the short names of types, and then what is special about it:
  tensor    one scale (else one per channel where the operator has such)
  float16   weights stored in half precision
"""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, out, output_q, single
from table_convolution import geometry
from tflite_builder import SAME, VALID, Graph, Op, Q, T, numpy_type

LIMITS = {"i8": 127, "i4": 7, "i2": 1, "i16": 3000, "u8": 255}
TYPICAL = {"i8": 74, "u8": 74, "i16": 18900, "i4": 4, "i2": 1}


def parts(variant: str) -> tuple:
    """(input type, weights type, set of the rest)."""
    words = variant.split("_")
    return words[0], words[1], set(words[2:])


def weights_of(d: Dice, dtype: str, shape: list, dim: int, per_tensor: bool, scale=(-3, -1)) -> T:
    if dtype == "f32":
        return d.const(shape)
    if dtype == "u8":
        return d.const(shape, "u8", d.q("u8", *scale))
    q = Q(np.float32(10.0 ** d.real(*scale)), 0) if per_tensor else d.q_channels(shape[dim], dim, *scale)
    limit = LIMITS[dtype]
    return d.const(shape, dtype, q, -limit - (1 if dtype in ("i4", "i2") and d.chance(0.5) else 0), limit)


def input_of(d: Dice, dtype: str, shape: list) -> T:
    return d.input(shape, dtype, None if dtype == "f32" else d.q(dtype))


def output_of(d: Dice, x: T, w: T, shape: list, taps: int, dtype: str = None) -> T:
    if x.dtype == "f32":
        return out(shape)
    size = float(x.q.scales()[0]) * float(w.q.scales().mean()) * np.sqrt(max(taps, 1)) * 2
    dtype = dtype or x.dtype
    return out(shape, dtype, output_q(d, dtype, size * TYPICAL[x.dtype] * TYPICAL[w.dtype]))


def bias_of(d: Dice, x: T, w: T, count: int, taps: int, absent: float = 0.25, wide: bool = None):
    if d.chance(absent):
        return None
    if x.dtype == "f32":
        return d.const([count])
    scales = w.q.scales() * x.q.scales()[0]
    q = Q(scales, np.zeros(scales.size, np.int64), 0)
    wide = x.dtype == "i16" if wide is None else wide
    spread = 20 * TYPICAL[w.dtype] * max(taps, 1)
    return d.const([count], "i64" if wide else "i32", q, -spread, spread)


def fed(t: T) -> T:
    """The same tensor as a runtime input."""
    t.const = False
    return t


def half_weights(d: Dice, w: T) -> tuple:
    """(the widened tensor, the node that widens `w`'s values stored as float16)."""
    stored = T(w.shape, "f16", None, w.data.astype(np.float16), const=True)
    wide = out(w.shape)
    return wide, Op("DEQUANTIZE", [stored], [wide], ("DequantizeOptions", {}))


def model(x_inputs: list, before: list, op: Op) -> Case:
    feeds = [t for t in x_inputs if t is not None and not t.const and t.data is not None]
    return Case([Graph([*before, op], feeds, [op.outputs[0]])])


# FULLY_CONNECTED ---------------------------------------------------------------------------------


def dense(d: Dice, variant: str) -> Case:
    kind, stored, rest = parts(variant)
    units, depth, rows = d.int(1, 12), d.int(1, 24), d.int(1, 4)
    x = input_of(d, kind, [rows, depth])
    w = weights_of(d, stored, [units, depth], 0, "tensor" in rest or stored == "u8")
    if kind == "f32" and stored == "u8":
        w.q = Q(w.q.scale, 0)
    # LiteRT takes the bias of a 16-bit node for 64 bits wide unless told; with 16-bit weights for 32.
    stated = d.pick([schema.TensorType.INT32, schema.TensorType.INT64]) if kind == "i16" else None
    # LiteRT reads a bias that is absent when uint8 gives int16.
    b = bias_of(d, x, w, units, depth, 0 if "out16" in rest else 0.25, stated == schema.TensorType.INT64)
    fields = {"fusedActivationFunction": d.activation(), "asymmetricQuantizeInputs": d.chance(0.5)}
    if stated is not None:
        fields["quantizedBiasType"] = stated
    if kind == "f32" and stored != "f32":
        fields["fusedActivationFunction"] = d.pick([0, 1, 2, 3, 4, 5])
    y = output_of(d, x, w, [rows, units], depth, "i16" if "out16" in rest else None)
    before = []
    if "float16" in rest:
        w, node = half_weights(d, w)
        before = [node]
    elif "fed" in rest:
        w = fed(w)
    inputs = [x, w] + ([b] if b is not None or d.chance(0.5) else [])
    return model(inputs, before, Op("FULLY_CONNECTED", inputs, [y], ("FullyConnectedOptions", fields)))


def shuffle_4x16(w: np.ndarray) -> np.ndarray:
    units, depth = w.shape
    tiles = w.reshape(units // 4, 4, depth // 16, 16).transpose(0, 2, 1, 3)
    return (tiles ^ np.uint8(0x80)).reshape(units, depth)


def shuffled(d: Dice, variant: str) -> Case:
    units, depth, rows = 4 * d.int(1, 4), 16 * d.int(1, 4), d.pick([1, 4])
    x = d.input([rows, depth], "u8", Q(np.float32(10.0 ** d.real(-2.5, -0.5)), 128))
    w = d.const([units, depth], "u8", Q(np.float32(10.0 ** d.real(-3, -1)), 128))
    w.data = shuffle_4x16(w.data)
    b = bias_of(d, x, w, units, depth, absent=0)
    y = output_of(d, x, w, [rows, units], depth, "i16")
    work = out([rows, depth], "u8")
    fields = {"fusedActivationFunction": d.activation(),
              "weightsFormat": schema.FullyConnectedOptionsWeightsFormat.SHUFFLED4x16INT8}
    case = single("FULLY_CONNECTED", [x, w, b], [y, work], ("FullyConnectedOptions", fields))
    case.graphs[0].outputs = [y, work]
    return case


def in_blocks(d: Dice, variant: str) -> Case:
    """Constants of 4 bits, from 4 units and a depth of 32: LiteRT has no other, and only in its optimized kernel."""
    block = d.pick([16, 32, 64])
    units, depth, rows = d.int(4, 12), block * d.int(1 if block > 16 else 2, 4), d.int(1, 4)
    scales = T([units, depth // block], "f16", None,
               10.0 ** d.rng.uniform(-3, -1, [units, depth // block]).astype(np.float16), const=True)
    w = d.const([units, depth], "i4", Q(0, blocks=(block, scales)), -8, 7)
    x = d.input([rows, depth])
    inputs = [x, w] + ([d.const([units])] if d.chance(0.7) else [])
    keep = d.chance(0.5)  # LiteRT forgets a fused activation
    case = single("FULLY_CONNECTED", inputs, [out([rows, units])],
                  ("FullyConnectedOptions", {"keepNumDims": keep}))
    case.optimized = True
    return case


def embedding_lookup(d: Dice, variant: str) -> Case:
    """Tables of 8, 4 or 2 bits to float32 or float16: one scale, one per row, or one per block."""
    kind, y_kind, rest = parts(variant)
    rows, count = d.int(1, 8), d.int(1, 6)
    block = d.pick([2, 4, 8, 3]) if "blocks" in rest else 1
    width = block * d.int(1, 4)
    ids = d.input([count], "i32", None, 0, rows - 1)
    if "blocks" in rest:
        scales = T([rows, width // block], "f16", None,
                   10.0 ** d.rng.uniform(-3, -1, [rows, width // block]).astype(np.float16), const=True)
        q = Q(0, blocks=(block, scales))
    else:
        q = d.q_channels(rows, 0) if "rows" in rest else Q(np.float32(10.0 ** d.real(-3, -1)), 0)
    limit = LIMITS[kind]
    table = d.const([rows, width], kind, q, -limit - 1, limit)
    return single("EMBEDDING_LOOKUP", [ids, table], [out([count, width], y_kind)])


# Sparse weights ----------------------------------------------------------------------------------


def level(dense_size: int = None, segments=None, indices=None) -> schema.DimensionMetadataT:
    record = schema.DimensionMetadataT()
    record.format = schema.DimensionType.DENSE if segments is None else schema.DimensionType.SPARSE_CSR
    if segments is None:
        record.denseSize = dense_size
        return record
    for field, values in (("arraySegments", segments), ("arrayIndices", indices)):
        vector = schema.Int32VectorT()
        vector.values = [int(v) for v in values]
        setattr(record, field, vector)
        setattr(record, field + "Type", schema.SparseIndexVector.Int32Vector)
    return record


def sparse_matrix(d: Dice, w: T, block: int) -> T:
    """`w` [rows, columns] with most blocks of 1 x `block` zero, stored so: rows, columns of blocks, blocks."""
    rows, columns = w.shape
    blocks = np.asarray(w.data).reshape(rows, columns // block, block).copy()
    keep = d.rng.random(blocks.shape[:2]) < 0.4
    keep[0, 0] = True
    blocks[~keep] = 0
    segments = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    sparsity.dimMetadata = [level(rows), level(None, segments, np.nonzero(keep)[1])]
    if block > 1:
        sparsity.traversalOrder = [0, 1, 2]
        sparsity.blockMap = [1]
        sparsity.dimMetadata.append(level(block))
    return T(w.shape, w.dtype, w.q, blocks[keep], const=True, sparsity=sparsity)


def sparse_dense(d: Dice, variant: str) -> Case:
    """The blocks that LiteRT knows: 16 columns of int8; single columns and others of float32."""
    kind, stored, rest = parts(variant)
    block = d.pick([1, 4, 2]) if stored == "f32" else 16
    units, depth, rows = d.int(1, 9), block * d.int(1, 5), d.int(1, 5)
    x = input_of(d, kind, [rows, depth])
    w = weights_of(d, stored, [units, depth], 0, "tensor" in rest)
    b = bias_of(d, x, w, units, depth)
    y = output_of(d, x, w, [rows, units], depth)
    fields = {"fusedActivationFunction": d.activation(), "asymmetricQuantizeInputs": d.chance(0.5)}
    inputs = [x, sparse_matrix(d, w, block)] + ([b] if b is not None else [])
    return single("FULLY_CONNECTED", inputs, [y], ("FullyConnectedOptions", fields))


def densified(d: Dice, variant: str) -> Case:
    """A convolution whose weights DENSIFY makes of a sparse constant, as converters write it."""
    channels, filters, taps = d.int(1, 6), d.int(1, 6), d.int(1, 3)
    kernel = weights_of(d, variant, [filters, taps, taps, channels], 0, True)
    flat = T([filters, taps * taps * channels], kernel.dtype, kernel.q,
             np.asarray(kernel.data).reshape(filters, -1))
    stored = sparse_matrix(d, flat, 1)
    stored.shape = kernel.shape
    # One compressed level over the innermost dimension of each (filter, row, column).
    dense_values = np.zeros(flat.shape, numpy_type(kernel.dtype))
    segments, indices = (np.array(v.values) for v in (stored.sparsity.dimMetadata[1].arraySegments,
                                                      stored.sparsity.dimMetadata[1].arrayIndices))
    for row in range(filters):
        span = slice(segments[row], segments[row + 1])
        dense_values[row, indices[span]] = np.asarray(stored.data).reshape(-1)[span]
    lines = dense_values.reshape(-1, channels)
    ends = np.concatenate([[0], np.cumsum((lines != 0).sum(axis=1))])
    stored.sparsity.traversalOrder = [0, 1, 2, 3]
    stored.sparsity.dimMetadata = [level(filters), level(taps), level(taps),
                                   level(None, ends, np.nonzero(lines)[1])]
    stored.data = lines[lines != 0]
    if stored.data.size == 0:
        stored.data = np.zeros(1, lines.dtype)
        stored.sparsity.dimMetadata[3] = level(None, [0] + [1] * lines.shape[0], [0])
    x = input_of(d, {"f32": "f32", "i8": "i8"}[variant], [1, d.int(3, 6), d.int(3, 6), channels])
    w = out(kernel.shape, kernel.dtype, kernel.q)
    b = bias_of(d, x, kernel, filters, taps * taps * channels, absent=0)
    y = output_of(d, x, kernel, [*x.shape[:3], filters], taps * taps * channels)
    options = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return model([x], [Op("DENSIFY", [stored], [w], ("DensifyOptions", {}))],
                 Op("CONV_2D", [x, w, b], [y], ("Conv2DOptions", options)))


# Convolutions ------------------------------------------------------------------------------------


def conv_2d(d: Dice, variant: str) -> Case:
    kind, stored, rest = parts(variant)
    g = geometry(d, 6)
    (h, kh, sh, dh, oh), (w_, kw, sw, dw, ow) = g["h"], g["w"]
    groups = d.pick([2, 3]) if "grouped" in rest else 1
    cin, cout, batch = d.int(1, 5), d.int(1, 4) * groups, d.int(1, 2)
    x = input_of(d, kind, [batch, h, w_, cin * groups])
    w = weights_of(d, stored, [cout, kh, kw, cin], 0, "tensor" in rest or stored == "u8")
    if kind == "f32" and stored == "u8":
        w.q = Q(w.q.scale, 0)
    taps = kh * kw * cin
    stated = {}
    if kind == "i16":
        wide = "bias32" not in rest
        stated = {"quantizedBiasType": schema.TensorType.INT64 if wide else schema.TensorType.INT32}
    b = bias_of(d, x, w, cout, taps, absent=0, wide=kind == "i16" and "bias32" not in rest)
    y = output_of(d, x, w, [batch, oh, ow, cout], taps)
    before = []
    if "float16" in rest:
        w, node = half_weights(d, w)
        before = [node]
    elif "fed" in rest:
        w = fed(w)
    fields = {"padding": g["padding"], "strideH": sh, "strideW": sw, "dilationHFactor": dh,
              "dilationWFactor": dw, "fusedActivationFunction": d.activation(), **stated}
    return model([x, w], before, Op("CONV_2D", [x, w, b], [y], ("Conv2DOptions", fields)))


def depthwise_conv_2d(d: Dice, variant: str) -> Case:
    kind, stored, rest = parts(variant)
    g = geometry(d, 6)
    (h, kh, sh, dh, oh), (w_, kw, sw, dw, ow) = g["h"], g["w"]
    multiplier, cin, batch = d.pick([1, 2, 3]), d.int(1, 6), d.int(1, 2)
    cout = cin * multiplier
    x = input_of(d, kind, [batch, h, w_, cin])
    w = weights_of(d, stored, [1, kh, kw, cout], 3, "tensor" in rest or stored == "u8")
    b = bias_of(d, x, w, cout, kh * kw)
    y = output_of(d, x, w, [batch, oh, ow, cout], kh * kw)
    before = []
    if "float16" in rest:
        w, node = half_weights(d, w)
        before = [node]
    elif "fed" in rest:
        w = fed(w)
    fields = {"padding": g["padding"], "strideH": sh, "strideW": sw, "dilationHFactor": dh,
              "dilationWFactor": dw, "depthMultiplier": multiplier,
              "fusedActivationFunction": d.activation()}
    inputs = [x, w] + ([b] if b is not None else [])
    return model([x, w], before,
                 Op("DEPTHWISE_CONV_2D", inputs, [y], ("DepthwiseConv2DOptions", fields)))


def transpose_conv(d: Dice, variant: str) -> Case:
    kind, stored, rest = parts(variant)
    padding, batch, cin, cout = d.pick([SAME, VALID]), d.int(1, 2), d.int(1, 5), d.int(1, 5)
    sides = []
    for _ in range(2):
        size, taps, stride = d.int(1, 4), d.int(1, 4), d.int(1, 3)
        full = (size - 1) * stride + taps if padding == VALID else size * stride - d.int(0, stride - 1)
        sides.append((size, taps, stride, max(full, 1)))
    (h, kh, sh, oh), (w_, kw, sw, ow) = sides
    x = input_of(d, kind, [batch, h, w_, cin])
    w = weights_of(d, stored, [cout, kh, kw, cin], 0, "tensor" in rest or stored == "u8")
    stated = {}
    if kind == "i16":
        wide = "bias32" not in rest
        stated = {"quantizedBiasType": schema.TensorType.INT64 if wide else schema.TensorType.INT32}
    b = bias_of(d, x, w, cout, kh * kw * cin, wide=kind == "i16" and "bias32" not in rest)
    y = output_of(d, x, w, [batch, oh, ow, cout], kh * kw * cin)
    before = []
    if "float16" in rest:
        w, node = half_weights(d, w)
        before = [node]
    elif "fed" in rest:
        w = fed(w)
    shape = d.param([batch, oh, ow, cout])
    fields = {"padding": padding, "strideH": sh, "strideW": sw, "fusedActivationFunction": d.pick([0, 1, 3]),
              **stated}
    inputs = [shape, w, x] + ([b] if b is not None else [])
    return model([shape, w, x], before,
                 Op("TRANSPOSE_CONV", inputs, [y], ("TransposeConvOptions", fields)))


# BATCH_MATMUL ------------------------------------------------------------------------------------


def batch_matmul(d: Dice, variant: str) -> Case:
    kind, stored, rest = parts(variant)
    m, k, n = d.int(1, 6), d.int(1, 9), d.int(1, 6)
    lead_a, lead_b = ([], []) if d.chance(0.3) else d.broadcast_pair(3, 3)
    adj_x, adj_y = d.chance(0.5), d.chance(0.5)
    b_shape = lead_b + ([n, k] if adj_y else [k, n])
    a = input_of(d, kind, lead_a + ([k, m] if adj_x else [m, k]))
    lead = list(np.broadcast_shapes(tuple(lead_a), tuple(lead_b)))
    b = weights_of(d, stored, b_shape, len(b_shape) - (2 if adj_y else 1), "channels" not in rest)
    if stored == "i8" and kind == "i8":
        b.q = d.q("i8")
    b.const = "fed" not in rest and d.chance(0.7)
    y = output_of(d, a, b, lead + [m, n], k)
    fields = {"adjX": adj_x, "adjY": adj_y, "asymmetricQuantizeInputs": d.chance(0.5)}
    return single("BATCH_MATMUL", [a, b], [y], ("BatchMatMulOptions", fields))


ROWS = [
    Row("FULLY_CONNECTED", dense,
        ("i8_i2", "i8_i2_tensor", "i8_i4_tensor", "i8_i8_fed", "i8_i4_fed", "u8_u8_fed", "u8_u8_out16", "i16_i4",
         "i16_i2", "i16_i2_tensor", "i16_i16", "i16_i16_tensor", "i16_i8_fed", "f32_i2", "f32_i2_tensor",
         "f32_i4_tensor", "f32_i8_tensor", "f32_u8", "f32_i8_fed", "f32_f32_float16", "f32_f32_fed"), 3),
    Row("FULLY_CONNECTED", shuffled, ("shuffled_4x16",), 8),
    Row("FULLY_CONNECTED", in_blocks, ("in_blocks",), 8),
    Row("FULLY_CONNECTED", sparse_dense,
        ("f32_f32_sparse", "i8_i8_sparse", "i8_i8_sparse_tensor", "f32_i8_sparse", "f32_i8_sparse_tensor"), 6),
    Row("EMBEDDING_LOOKUP", embedding_lookup,
        ("i8_f16", "i8_f16_rows", "i4_f32", "i4_f16", "i4_f32_rows", "i2_f32", "i2_f16_rows", "i4_f32_blocks",
         "i4_f16_blocks", "i2_f32_blocks", "i2_f16_blocks"), 3),
    Row("CONV_2D", densified, ("f32", "i8"), 4),
    Row("CONV_2D", conv_2d,
        ("f32_u8", "f32_i8_tensor", "f32_i4_tensor", "f32_i8_grouped",
         "f32_i4_grouped", "f32_f32_grouped", "f32_f32_float16", "f32_f32_fed", "i8_i8_grouped",
         "i8_i4_grouped", "i8_i4_tensor", "u8_u8_grouped", "i16_i8_grouped", "i16_i4", "i16_i4_tensor",
         "i16_i8_grouped_bias32", "i8_i8_fed"), 3),
    Row("DEPTHWISE_CONV_2D", depthwise_conv_2d,
        ("i8_i8_tensor", "i8_i4_tensor", "i16_i8_tensor", "f32_f32_float16", "f32_f32_fed", "f32_i8_fed",
         "i8_i8_fed"), 4),
    Row("TRANSPOSE_CONV", transpose_conv,
        ("i16_i8_tensor", "i16_i8_bias32", "f32_i8_tensor", "f32_f32_float16", "f32_f32_fed", "i8_i8_fed"), 4),
    Row("BATCH_MATMUL", batch_matmul,
        ("f32_i8_channels", "f32_i8_fed", "i16_i8", "i16_i16", "i8_i8", "f32_f32"), 6),
]
