"""Cases of the operators about shapes, and of those that make values from parameters."""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, out, single
from table_movement import COMMON, COPIED, WIDE, WITH_BOOL, tensor
from tflite_builder import T


def broadcast_args(d: Dice, dtype: str) -> Case:
    a, b = d.broadcast_pair()
    result = list(np.broadcast_shapes(tuple(a), tuple(b)))
    return single("BROADCAST_ARGS", [d.param(a, dtype, const=False), d.param(b, dtype)],
                  [out([len(result)], dtype)])


def broadcast_to(d: Dice, dtype: str) -> Case:
    full = d.extents()
    cut = d.int(0, len(full)) if d.chance(0.4) else 0
    shape = [1 if d.chance(0.4) else n for n in full][cut:]
    x = tensor(d, shape, dtype)
    return single("BROADCAST_TO", [x, d.param(full, d.pick(["i32", "i64"]))],
                  [out(full, dtype, x.q)], ("BroadcastToOptions", {}))


def expand_dims(d: Dice, dtype: str) -> Case:
    shape = d.extents(0, 7)
    axis = d.int(-len(shape) - 1, len(shape))
    y = list(shape)
    y.insert(axis % (len(shape) + 1), 1)
    x = tensor(d, shape, dtype)
    return single("EXPAND_DIMS", [x, d.param(axis if d.chance(0.7) else [axis])],
                  [out(y, dtype, x.q)], ("ExpandDimsOptions", {}))


def fill(d: Dice, dtype: str) -> Case:
    dims = d.extents()
    value = tensor(d, [], dtype)
    value.const = value.const or d.chance(0.5)
    return single("FILL", [d.param(dims, d.pick(["i32", "i64"])), value], [out(dims, dtype, value.q)],
                  ("FillOptions", {}))


def one_hot(d: Dice, dtype: str) -> Case:
    shape = d.extents(0, 7)
    depth = d.int(0 if d.chance(0.05) else 1, 6)
    axis = d.int(-1, len(shape))
    ids = d.input(shape, d.pick(["i32", "i64"]), None, -2, depth + 1)
    on = T([], dtype, None, d.values([], dtype), const=d.chance(0.5))
    off = T([], dtype, None, d.values([], dtype), const=d.chance(0.5))
    y = list(shape)
    y.insert(len(shape) if axis == -1 else axis, depth)
    return single("ONE_HOT", [ids, d.param(depth), on, off], [out(y, dtype)],
                  ("OneHotOptions", {"axis": axis}))


def range_(d: Dice, dtype: str) -> Case:
    start = d.real(-5, 5) if dtype == "f32" else d.int(-9, 9)
    step = d.real(0.3, 2) if dtype == "f32" else d.int(1, 4)
    count = d.int(0 if d.chance(0.1) else 1, 12)
    limit = start + step * count - (step * 0.5 if dtype == "f32" else d.int(0, step - 1))
    if count == 0:
        limit = start
    if d.chance(0.3):
        limit, step = start - (limit - start), -step
    stored = d.chance(0.5)
    inputs = [d.param(v, dtype, const=stored) for v in (start, limit, step)]
    return single("RANGE", inputs, [out([count], dtype)], ("RangeOptions", {}))


def rank(d: Dice, dtype: str) -> Case:
    return single("RANK", [tensor(d, d.extents(), dtype)], [out([], "i32")], ("RankOptions", {}))


def shape_of(d: Dice, dtype: str) -> Case:
    shape = d.extents()
    wide = d.chance(0.4)
    kind = schema.TensorType.INT64 if wide else schema.TensorType.INT32
    return single("SHAPE", [tensor(d, shape, dtype)], [out([len(shape)], "i64" if wide else "i32")],
                  ("ShapeOptions", {"outType": kind}))


def reshape(d: Dice, dtype: str) -> Case:
    y = d.extents()
    count = int(np.prod(y))
    x_shape = [count] if d.chance(0.3) else [int(n) for n in d.rng.permutation(y)]
    if not x_shape:
        x_shape = [1]
    asked = list(y)
    if asked and count and d.chance(0.4):
        asked[d.int(0, len(asked) - 1)] = -1
    x = tensor(d, x_shape, dtype)
    form = d.pick(["input", "input", "attribute", "both"]) if asked else "input"
    inputs = [x] if form == "attribute" else [x, d.param(asked)]
    options = None if form == "input" and d.chance(0.5) else ("ReshapeOptions", {
        "newShape": np.asarray(asked, np.int32)})
    return single("RESHAPE", inputs, [out(y, dtype, x.q)], options)


def squeeze(d: Dice, dtype: str) -> Case:
    shape = [1 if d.chance(0.5) else d.int(1, 3) for _ in range(d.int(0, 8))]
    ones = [i for i, n in enumerate(shape) if n == 1]
    asked = [i for i in ones if d.chance(0.6)]
    gone = asked or ones
    y = [n for i, n in enumerate(shape) if i not in gone]
    if asked and d.chance(0.1):
        asked.append(asked[0])  # named twice
    named = [i - len(shape) if d.chance(0.3) else i for i in asked]
    x = tensor(d, shape, dtype)
    return single("SQUEEZE", [x], [out(y, dtype, x.q)],
                  ("SqueezeOptions", {"squeezeDims": np.asarray(named, np.int32)}))


def where(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)
    x = d.input(shape, dtype)
    x.data = np.where(d.rng.random(shape) < 0.5, np.zeros_like(x.data), x.data).astype(x.data.dtype)
    found = int(np.count_nonzero(x.data))
    return single("WHERE", [x], [out([found, len(shape)], "i64")], ("WhereOptions", {}))


ROWS = [
    Row("BROADCAST_ARGS", broadcast_args, ("i32", "i64"), 4),
    Row("BROADCAST_TO", broadcast_to, WIDE, 3),
    Row("EXPAND_DIMS", expand_dims, (*WIDE, "i4", "u4", "i2", "string"), 2),
    Row("FILL", fill, (*WIDE, "string"), 3),
    Row("ONE_HOT", one_hot, ("f32", "i8", "u8", "i32", "i64", "bool"), 3),
    Row("RANGE", range_, ("f32", "i32", "i64"), 5),
    Row("RANK", rank, ("f32", "i8", "c64", "string"), 2),
    Row("RESHAPE", reshape, (*WIDE, "i4", "u4", "i2", "string"), 4),
    Row("SHAPE", shape_of, ("f32", "i8", "c64", "string"), 3),
    Row("SQUEEZE", squeeze, (*WIDE, "i4", "u4", "i2", "string"), 3),
    Row("WHERE", where, ("bool", "f32", "i32", "i64", "i8", "u8", "u32"), 3),
]
