"""Cases of the reductions, running sums, arg-max and top-k."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, output_q, single
from table_elementwise import reach, split


def axes_of(d: Dice, rank: int) -> list:
    """Some axes, any order, now and then negative or named twice; or none."""
    if rank == 0 or d.chance(0.04):
        return []
    count = d.int(1, rank)
    axes = [int(a) for a in d.rng.permutation(rank)[:count]]
    axes = [a - rank if d.chance(0.3) else a for a in axes]
    if d.chance(0.1):
        axes.append(axes[0])
    return axes


def reduce(op: str):
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        # LiteRT leaves the quantized product of nothing unwritten, and the sum with the optimized kernels.
        unwritten = op == "REDUCE_PROD" or (op == "SUM" and dtype in ("i8", "i16"))
        shape = d.extents(empty=0) if tail == "q" and unwritten else d.extents()
        axes = axes_of(d, len(shape))
        keep = d.chance(0.5)
        gone = {a % len(shape) for a in axes}
        reduced = [1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone]
        count = int(np.prod([shape[i] for i in gone]))
        q = y_q = None
        low = high = None
        if tail == "q":
            q = d.q(dtype)
            x = d.input(shape, dtype, q)
            if op in ("SUM", "MEAN", "REDUCE_PROD") and not (op == "MEAN" and d.chance(0.5)):
                grow = {"SUM": np.sqrt(count), "MEAN": 1.0, "REDUCE_PROD": 1.0}[op]
                y_q = output_q(d, dtype, reach(x) * grow)
            else:
                y_q = q
            if op == "REDUCE_PROD":  # values near one, so that products neither vanish nor saturate
                q.scale = np.float32(d.real(0.5, 1.5) / 64) if dtype == "i8" else np.float32(
                    d.real(0.5, 1.5) / 16384)
                y_q = output_q(d, dtype, 2.0)
        else:
            if op == "REDUCE_PROD":
                low, high = (0.5, 1.5) if dtype == "f32" else (-3, 3)
            x = d.input(shape, dtype, None, low, high)
        axis = d.param(axes if d.chance(0.9) or len(axes) != 1 else axes[0])
        return single(op, [x, axis], [out(reduced, dtype, y_q)], ("ReducerOptions", {"keepDims": keep}),
                      # LiteRT's reference SUM of int8 and int16 gives values that are no sums.
                      optimized=op == "SUM" and dtype in ("i8", "i16"))
    return make


def arg(op: str, options: str):
    def make(d: Dice, variant: str) -> Case:
        dtype, _ = split(variant)
        shape = d.extents(1, empty=0)
        axis = d.int(-len(shape), len(shape) - 1)
        wide = d.chance(0.4)
        low, high = (None, None)
        if dtype not in ("bool", "f32") and d.chance(0.5):
            low, high = 0, 3  # ties
        x = d.input(shape, dtype, d.q(dtype) if dtype in ("i8", "u8") else None, low, high)
        kept = [n for i, n in enumerate(shape) if i != axis % len(shape)]
        from ai_edge_litert import schema_py_generated as schema
        kind = schema.TensorType.INT64 if wide else schema.TensorType.INT32
        dim = d.param(axis if d.chance(0.6) else [axis], d.pick(["i32", "i64"]))
        return single(op, [x, dim], [out(kept, "i64" if wide else "i32")],
                      (options, {"outputType": kind}))
    return make


def cumsum(d: Dice, variant: str) -> Case:
    dtype, _ = split(variant)
    shape = d.extents(1)
    axis = d.param(d.int(-len(shape), len(shape) - 1))
    return single("CUMSUM", [d.input(shape, dtype), axis], [out(shape, dtype)],
                  ("CumsumOptions", {"exclusive": d.chance(0.5), "reverse": d.chance(0.5)}))


def top_k(d: Dice, variant: str) -> Case:
    dtype, _ = split(variant)
    shape = d.extents(1, empty=0)
    k = d.int(0 if d.chance(0.1) else 1, shape[-1])
    low, high = (None, None)
    if dtype != "f32" and d.chance(0.5):
        low, high = 0, 4  # ties
    x = d.input(shape, dtype, d.q(dtype) if dtype in ("i8", "u8") else None, low, high)
    y = shape[:-1] + [k]
    return single("TOPK_V2", [x, d.param(k, d.pick(["i32", "i32", "i16"]))],
                  [out(y, dtype, x.q), out(y, d.pick(["i32", "i32", "i16"]))],
                  ("TopKV2Options", {}))


QUANT = ("int8_q", "uint8_q", "int16_q")
PLAIN = ("float32", "int32", "int64")

ROWS = [
    Row("SUM", reduce("SUM"), (*PLAIN, "bool", *QUANT)),
    Row("MEAN", reduce("MEAN"), (*PLAIN, *QUANT), 6),
    Row("REDUCE_PROD", reduce("REDUCE_PROD"), (*PLAIN, "bool", "int8", "uint8", "int16", "int8_q", "int16_q")),
    Row("REDUCE_MAX", reduce("REDUCE_MAX"), (*PLAIN, "bool", "int8", "uint8", "int16", *QUANT)),
    Row("REDUCE_MIN", reduce("REDUCE_MIN"), (*PLAIN, "bool", "int8", "uint8", "int16", *QUANT)),
    Row("REDUCE_ANY", reduce("REDUCE_ANY"), ("bool",)),
    Row("REDUCE_ALL", reduce("REDUCE_ALL"), ("bool",)),
    Row("ARG_MAX", arg("ARG_MAX", "ArgMaxOptions"), ("float32", "int8", "uint8", "int32", "bool")),
    Row("ARG_MIN", arg("ARG_MIN", "ArgMinOptions"), ("float32", "int8", "uint8", "int32", "bool")),
    Row("CUMSUM", cumsum, PLAIN),
    Row("TOPK_V2", top_k, ("float32", "int8", "uint8", "int16", "int32", "int64")),
]
