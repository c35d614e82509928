"""Cases of the operators that put values to places found by index, and of reductions over segments."""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, out, single
from tflite_builder import T, numpy_type

TYPE = {"i32": schema.TensorType.INT32, "i64": schema.TensorType.INT64}


def fed(d: Dice, values, dtype: str, const_chance: float = 0.0) -> T:
    return d.param(values, dtype, const_chance)


def wild(d: Dice, shape, dtype: str) -> np.ndarray:
    """Values over the whole range of an integer type, so that sums wrap."""
    kind = numpy_type(dtype)
    if not np.issubdtype(kind, np.integer):
        return d.values(shape, dtype)
    limits = np.iinfo(kind)
    return d.rng.integers(limits.min, limits.max, shape, kind, endpoint=True)


def bitcast(d: Dice, variant: str) -> Case:
    source, target = variant.split("_")
    size = {name: np.dtype(numpy_type(name)).itemsize for name in (source, target)}
    shape = d.shape(0, 4)
    y = list(shape)
    if size[source] > size[target]:
        y.append(size[source] // size[target])
    elif size[source] < size[target]:
        shape.append(size[target] // size[source])
    bits = d.rng.integers(0, 256, [*shape, size[source]], np.uint8)
    values = bits.view(numpy_type(source)).reshape(shape)
    if target in ("f16", "f32", "f64", "c64") or source in ("f16", "f32", "f64", "c64"):
        values = np.nan_to_num(d.values(shape, source)) if source != "c64" else \
            (d.values(shape, "f32") + 1j * d.values(shape, "f32")).astype(np.complex64)
    return single("BITCAST", [T(shape, source, None, np.asarray(values))], [out(y, target)])


def bucketize(d: Dice, dtype: str) -> Case:
    shape = d.shape(0 if d.chance(0.2) else 1, 4)
    count = d.int(0 if d.chance(0.1) else 1, 8)
    if d.chance(0.5):  # values that meet boundaries, some of them twice
        boundaries = np.sort(d.rng.integers(-5, 5, count)).astype(np.float32)
        x = T(shape, dtype, None, np.asarray(d.rng.integers(-7, 8, shape)).astype(numpy_type(dtype)))
    else:
        boundaries = np.sort(d.values([count], "f32", -900, 900))
        x = d.input(shape, dtype)
    if dtype in ("i32", "i64") and d.chance(0.2):  # integers that float32 rounds
        boundaries = np.float32([2 ** 24, 2 ** 25])
        x.data = np.asarray(2 ** d.int(24, 25) + d.rng.integers(-3, 4, shape)).astype(numpy_type(dtype))
    return single("BUCKETIZE", [x], [out(shape, "i32")],
                  ("BucketizeOptions", {"boundaries": boundaries}))


def matrix_diag(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 4, 0 if d.chance(0.1) else 1)
    return single("MATRIX_DIAG", [d.input(shape, dtype)], [out(shape + shape[-1:], dtype)],
                  ("MatrixDiagOptions", {}))


def matrix_set_diag(d: Dice, dtype: str) -> Case:
    shape = d.shape(2, 5, 1, 5)
    diagonal = shape[:-2] + [min(shape[-2:])]
    return single("MATRIX_SET_DIAG", [d.input(shape, dtype), d.input(diagonal, dtype)],
                  [out(shape, dtype)], ("MatrixSetDiagOptions", {}))


def reverse_sequence(d: Dice, dtype: str) -> Case:
    shape = d.shape(2, 5)
    sequence, batch = (int(n) for n in d.rng.permutation(len(shape))[:2])
    low = -2 if d.chance(0.1) else 0
    lengths = d.rng.integers(low, shape[sequence], shape[batch], endpoint=True)
    return single("REVERSE_SEQUENCE",
                  [d.input(shape, dtype), d.param(lengths, d.pick(["i32", "i64"]))],
                  [out(shape, dtype)],
                  ("ReverseSequenceOptions", {"seqDim": sequence, "batchDim": batch}))


def scatter_nd(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 5, 1, 5)
    depth = d.int(0 if d.chance(0.1) else 1, len(shape))
    outer = d.shape(0, 2, 0 if d.chance(0.1) else 1)
    if not outer and depth == len(shape):
        outer = [1]
    indices = d.rng.integers(0, np.asarray(shape[:depth]), [*outer, depth])
    updates = T(outer + shape[depth:], dtype, None, wild(d, outer + shape[depth:], dtype))
    updates.const = d.chance(0.2) and updates.data.size > 0
    stored = d.chance(0.5) and indices.size > 0
    return single("SCATTER_ND", [d.param(indices, "i32", const=stored), updates, d.param(shape)],
                  [out(shape, dtype)], ("ScatterNdOptions", {}))


def sparse_to_dense(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 4, 1, 5)
    count = d.int(1, 6)
    indices = d.rng.integers(0, np.asarray(shape), [count, len(shape)])
    if len(shape) == 1 and d.chance(0.6):
        indices = indices[:, 0]
        if d.chance(0.3):
            indices, count = indices[0], 1
    value_shape = [] if d.chance(0.4) else [count]
    kind = d.pick(["i32", "i64"])
    default = T([], dtype, None, d.values([], dtype), const=d.chance(0.6))
    return single("SPARSE_TO_DENSE",
                  [d.param(indices, kind, 0.3), d.param(shape, d.pick(["i32", "i64"])),
                   d.input(value_shape, dtype), default],
                  [out(shape, dtype)], ("SparseToDenseOptions", {"validateIndices": d.chance(0.5)}))


def unique(d: Dice, dtype: str) -> Case:
    count = d.int(0 if d.chance(0.05) else 1, 40)
    low = 0 if dtype == "u8" else -5
    x = T([count], dtype, None, d.rng.integers(low, 6, count).astype(numpy_type(dtype)))
    x.feeds = [wild(d, [count], dtype)]
    if dtype == "f32":
        x.data[d.rng.random(count) < 0.2] = np.float32(-0.0)
        x.feeds = [np.round(x.feeds[0])]
    index = d.pick(["i32", "i64"])
    return single("UNIQUE", [x], [out([count], dtype), out([count], index)],
                  ("UniqueOptions", {"idxOutType": TYPE[index]}), invokes=2)


def segment_sum(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 4)
    shape[0] = d.int(1, 12)
    ids = np.cumsum(d.rng.integers(0, 2, shape[0]))
    ids -= ids[0]
    data = T(shape, dtype, None, wild(d, shape, dtype))
    return single("SEGMENT_SUM", [data, d.param(ids)], [out([int(ids[-1]) + 1, *shape[1:]], dtype)],
                  ("SegmentSumOptions", {}))


def unsorted_segment(name: str):
    def make(d: Dice, dtype: str) -> Case:
        shape = d.shape(1, 4, 1, 5)
        rank = d.int(1, len(shape))
        segments = d.int(1, 8)
        low = -2 if d.chance(0.4) else 0
        ids = d.rng.integers(low, segments, shape[:rank])
        data = T(shape, dtype, None, wild(d, shape, dtype))
        if d.chance(0.05):
            shape[-1] = 0
            rank = min(rank, len(shape) - 1)
            data, ids = T(shape, dtype, None, np.zeros(shape, numpy_type(dtype))), ids[..., 0]
            if rank == 0:
                ids, shape, data = np.int32([0]), [1], d.input([1], dtype)
            rank = ids.ndim
        options = "".join(part.capitalize() for part in name.split("_")) + "Options"
        count = d.param(segments if d.chance(0.5) else [segments])
        return single(name, [data, d.param(ids), count], [out([segments, *shape[rank:]], dtype)],
                      (options, {}))

    return make


BITCASTS = ("i32_u32", "u32_i32", "u32_i16", "i16_u32", "i32_i16", "u16_u32", "f32_i16", "i16_f32", "f32_i32",
            "i32_f32", "i8_i64", "i64_u8", "u8_i8", "i64_f64", "c64_i32", "f16_u8", "c64_i64")

ROWS = [
    Row("BITCAST", bitcast, BITCASTS, 2),
    Row("BUCKETIZE", bucketize, ("f32", "f64", "i32", "i64"), 4),
    Row("MATRIX_DIAG", matrix_diag, ("f32", "i8", "u8", "i16", "i32", "i64"), 3),
    Row("MATRIX_SET_DIAG", matrix_set_diag, ("f32", "i8", "u8", "i16", "i32", "i64"), 3),
    Row("REVERSE_SEQUENCE", reverse_sequence, ("f32", "u8", "i16", "i32", "i64"), 4),
    Row("SCATTER_ND", scatter_nd, ("f32", "u8", "i8", "bool", "i32", "i64"), 4),
    Row("SEGMENT_SUM", segment_sum, ("f32", "i32"), 6),
    Row("SPARSE_TO_DENSE", sparse_to_dense, ("f32", "i8", "u8", "i32", "i64"), 4),
    Row("UNIQUE", unique, ("f32", "i8", "u8", "i16", "i32", "i64"), 3),
    *(Row(name, unsorted_segment(name), ("f32", "i32"), 5)
      for name in ("UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_MIN", "UNSORTED_SEGMENT_PROD",
                   "UNSORTED_SEGMENT_SUM")),
]
