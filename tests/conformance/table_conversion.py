"""Cases of the conversions between types and quantizations."""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import PACKED_RANGES, RANGES, Case, Dice, Row, out, single
from tflite_builder import DTYPES, Q, T

CAST_TYPES = ("f32", "f64", "f16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "bool", "c64", "bf16")


def cast(d: Dice, variant: str) -> Case:
    a, b = variant.split("_to_")
    shape = d.extents()
    low, high = (None, None)
    if a[0] in "fc" and b != "bool" and b[0] not in "fc":
        low, high = (0, 120) if b.startswith("u") else (-120, 120)  # beyond the range is undefined
    elif a in ("i8", "i16", "i32", "i64") and b.startswith("u"):
        low, high = None, None  # wraps
    x = d.input(shape, a, None, low, high)
    if b == "bool" and x.data.size:
        x.data = np.where(d.rng.random(x.data.shape) < 0.4, np.zeros_like(x.data), x.data)
        x.data = np.asarray(x.data, DTYPES[a][1])
    kinds = {"inDataType": getattr(schema.TensorType, DTYPES[a][0]),
             "outDataType": getattr(schema.TensorType, DTYPES[b][0])}
    return single("CAST", [x], [out(shape, b)], ("CastOptions", kinds))


def dequantize(d: Dice, variant: str) -> Case:
    dtype, _, tail = variant.partition("_")
    shape = d.extents(0 if not tail else 1, empty=0 if tail else 0.04)
    if dtype == "f16":
        x = d.input(shape, "f16")
    elif tail == "channels":
        axis = d.int(0, len(shape) - 1)
        count = shape[axis]
        q = Q(np.float32(10.0 ** d.rng.uniform(-3, -1, count)),
              d.values([count], dtype, -9, 9) if dtype == "i8" else
              d.values([count], dtype, 0, 255) if dtype == "u8" else np.zeros(count), axis)
        x = d.input(shape, dtype, q)
    else:
        x = d.input(shape, dtype, q_of(d, dtype))
    x.const = d.chance(0.3) or dtype in PACKED_RANGES
    return single("DEQUANTIZE", [x], [out(shape)], ("DequantizeOptions", {}))


def q_of(d: Dice, dtype: str) -> Q:
    """Parameters of one scale; packed types get any zero point, wide ones none."""
    if dtype in PACKED_RANGES:
        return Q(np.float32(10.0 ** d.real(-2, 0)), d.int(*PACKED_RANGES[dtype]))
    return d.q(dtype) if dtype in RANGES else Q(np.float32(1e-4), 0)


def quantize(d: Dice, variant: str) -> Case:
    a, b = variant.split("_to_")
    b, _, tail = b.partition("_")
    shape = d.extents(0 if not tail else 1, empty=0 if tail else 0.04)
    y_q = q_of(d, b)
    if tail == "channels":
        axis = d.int(0, len(shape) - 1)
        y_q = Q(np.float32(10.0 ** d.rng.uniform(-2, -0.5, shape[axis])),
                np.zeros(shape[axis], np.int64) if b == "i16" else
                d.values([shape[axis]], b, 0 if b == "u8" else -20, 20), axis)
    if a == "f32":
        x = d.input(shape)
        span = float(y_q.scales().min()) * {"i16": 40000, "i4": 12, "u4": 12}.get(b, 200)
        x.data = d.values(shape, "f32", -span, span)
        if d.chance(0.4):  # exact halves of the output's steps
            scale = y_q.scales()[0]
            x.data = np.float32(np.round(x.data / scale * 2) / 2 * scale)
    else:
        q = q_of(d, a)
        x = d.input(shape, a, q)
        if b in RANGES and a in RANGES:
            grow = {"i8": 127, "u8": 127, "i16": 32767}
            scale = float(q.scales()[0]) * grow[a] / grow[b] * d.pick([1.0, 1.0, 0.7, 1.9])
            y_q = Q(np.float32(scale), y_q.zero_point)
            if a == b and d.chance(0.2):
                y_q = q
    return single("QUANTIZE", [x], [out(shape, b, y_q)], ("QuantizeOptions", {}))


def densify(d: Dice, variant: str) -> Case:
    """A sparse constant, stored row by row with the dimension of columns compressed."""
    rows, columns = d.int(1, 8), d.int(1, 8)
    dtype = {"float32": "f32", "int8": "i8", "float16": "f16"}[variant]
    dense = d.values([rows, columns], dtype)
    dense = np.where(d.rng.random(dense.shape) < 0.6, np.zeros_like(dense), dense)
    segments, indices, kept = [0], [], []
    for row in dense:
        for column in np.flatnonzero(row):
            indices.append(int(column))
            kept.append(row[column])
        segments.append(len(indices))
    if not kept:  # nothing to store: keep one zero, which is legal
        segments[1:] = [1] * rows
        indices, kept = [0], [dense.dtype.type(0)]
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    outer = schema.DimensionMetadataT()
    outer.format = schema.DimensionType.DENSE
    outer.denseSize = rows
    inner = schema.DimensionMetadataT()
    inner.format = schema.DimensionType.SPARSE_CSR
    wide = d.pick(["Int32Vector", "Uint8Vector", "Uint16Vector"])
    for field, values in (("arraySegments", segments), ("arrayIndices", indices)):
        vector = getattr(schema, wide + "T")()
        vector.values = values
        setattr(inner, field, vector)
        setattr(inner, field + "Type", getattr(schema.SparseIndexVector, wide))
    sparsity.dimMetadata = [outer, inner]
    x = T([rows, columns], dtype, None, np.asarray(kept, dense.dtype), const=True, sparsity=sparsity)
    y = out([rows, columns], dtype)
    return single("DENSIFY", [x], [y], ("DensifyOptions", {}))


CASTS = tuple(f"{a}_to_{b}" for a in CAST_TYPES for b in CAST_TYPES if a != b) + tuple(
    f"{a}_to_{b}" for packed in ("i4", "u4", "i2") for a, b in ((packed, "f32"), ("f32", packed)))

ROWS = [
    Row("CAST", cast, CASTS, 1),
    Row("DEQUANTIZE", dequantize, ("i8", "u8", "i16", "f16", "i8_channels", "u8_channels",
                                   "i4", "u4", "i2", "i4_channels"), 4),
    Row("QUANTIZE", quantize,
        ("f32_to_i8", "f32_to_u8", "f32_to_i16", "f32_to_i4", "f32_to_u4", "f32_to_i8_channels",
         "f32_to_u8_channels", "f32_to_i16_channels", "u8_to_i16", "i8_to_i8", "i8_to_u8",
         "i8_to_i16", "u8_to_i8", "u8_to_u8", "i16_to_i8", "i16_to_i16", "i16_to_i32",
         "i32_to_i8", "i32_to_i16"), 4),
    Row("DENSIFY", densify, ("float32", "int8", "float16")),
]
