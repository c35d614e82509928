"""What one conformance case is, and the dice that make them.

A table row names an operator, its type variants and a function (dice, variant) -> Case. Everything random
comes from the dice, whose seed follows from the case's name.
"""
from __future__ import annotations

import dataclasses
import zlib
from typing import Callable, Optional, Sequence

import numpy as np
from tflite_builder import Graph, Op, Q, T, numpy_type

RANGES = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767), "i4": (-8, 7)}
PACKED_RANGES = {"i4": (-8, 7), "u4": (0, 15), "i2": (-2, 1)}


@dataclasses.dataclass
class Case:
    """graphs[0] is run `invokes` times; its inputs' `data` and `feeds` are the values fed."""

    graphs: Sequence[Graph]
    invokes: int = 1
    reset_after: Optional[int] = None  # reset the variables after this many invocations
    signatures: Sequence[tuple] = ()
    # (output, factor): only the first value-of-that-output times factor rows (dimension 1) of the
    # other outputs are written; LiteRT leaves the rest as it was.
    written_rows: Optional[tuple] = None
    # Compare with LiteRT's optimized kernel, where its reference one reads memory it never wrote.
    optimized: bool = False
    # A float state is rounded to integers at run time: see runner.rests_on_a_tie.
    rounds_state: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """Cases of one operator: `count` of each variant."""

    op: str
    make: Callable[["Dice", str], Case]
    variants: Sequence[str]
    count: int = 4


def seed_of(name: str, base: int = 0) -> int:
    return zlib.crc32(f"{name}#{base}".encode())


class Dice:
    """A seeded source of shapes, attributes, types and values."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    # Numbers -----------------------------------------------------------------------------------
    def int(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return float(np.float32(self.rng.uniform(low, high)))

    def pick(self, options: Sequence):
        return options[self.int(0, len(options) - 1)]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def shape(self, rank_low: int, rank_high: int, low: int = 1, high: int = 6) -> list:
        return [self.int(low, high) for _ in range(self.int(rank_low, rank_high))]

    def extents(self, least: int = 0, most: int = 8, empty: float = 0.04) -> list:
        """A shape of any rank, mostly of 1 to 4 dimensions; now and then one of the dimensions is 0."""
        usual = self.chance(0.8)
        rank = self.int(min(max(least, 1), most), max(least, min(4, most))) if usual else self.int(least, most)
        dims = [self.int(1, 6 if rank <= 4 else 4 if rank == 5 else 3 if rank == 6 else 2) for _ in range(rank)]
        if dims and self.chance(empty):
            dims[self.int(0, rank - 1)] = 0
        return dims

    def broadcast_pair(self, most: int = 8, high: Optional[int] = None) -> tuple:
        """Two shapes that broadcast together, equal ones in about half of the cases; with `high` of 1 to `most`
        dimensions from 1 to `high`."""
        full = self.shape(1, most, 1, high) if high else self.extents(0, most)
        if not full or self.chance(0.4):
            return full, list(full)
        a = [1 if self.chance(0.3) else n for n in full]
        b = [n if m == 1 or not self.chance(0.3) else 1 for n, m in zip(full, a)]
        cut = self.int(0, len(full)) if self.chance(0.4) else 0
        b = b[cut:]
        return (a, b) if self.chance(0.5) else (b, a)

    # Quantization ------------------------------------------------------------------------------
    def q(self, dtype: str, low: float = -2.5, high: float = -0.5, scale: float = None) -> Q:
        """Per-tensor parameters: scale 10^low … 10^high; int16 is symmetric."""
        s = scale if scale is not None else 10.0 ** self.rng.uniform(low, high)
        if dtype in ("i16", "i32", "i64", "i4"):
            return Q(np.float32(s), 0)
        first, last = RANGES[dtype]
        span = last - first
        zero = self.int(first, last) if self.chance(0.3) else self.int(first + span // 4, last - span // 4)
        return Q(np.float32(s), zero)

    def q_channels(self, count: int, dim: int, low: float = -3, high: float = -1) -> Q:
        return Q(np.float32(10.0 ** self.rng.uniform(low, high, count)), np.zeros(count, np.int64), dim)

    # Values ------------------------------------------------------------------------------------
    def values(self, shape: Sequence[int], dtype: str, low=None, high=None) -> np.ndarray:
        kind = numpy_type(dtype)
        if dtype == "bool":
            return self.rng.integers(0, 2, shape).astype(np.bool_)
        if dtype == "string":
            words = [b"", b"a", b"ab", b"b", "\u00e4".encode(), b"word", b"ab "]
            picked = np.empty(shape, object)
            for place in np.ndindex(*shape):
                picked[place] = self.pick(words)
            return picked
        if np.issubdtype(kind, np.complexfloating):
            return (self.values(shape, "f32", low, high) + 1j * self.values(shape, "f32", low, high)).astype(kind)
        if np.issubdtype(kind, np.floating):
            if low is not None:
                return self.rng.uniform(low, high, shape).astype(kind)
            return (self.rng.standard_normal(shape) * 3).astype(kind)
        if np.issubdtype(kind, np.complexfloating):
            parts = self.rng.standard_normal((2, *shape)) * 3
            return (parts[0] + 1j * parts[1]).astype(kind)
        if low is None:
            low, high = {**RANGES, **PACKED_RANGES}.get(dtype, (-1000, 1000) if np.issubdtype(kind, np.signedinteger)
                                   else (0, 1000))
        out = self.rng.integers(low, high, shape, dtype=np.int64, endpoint=True)
        return np.asarray(out).astype(kind)

    # Tensors -----------------------------------------------------------------------------------
    def input(self, shape, dtype="f32", q=None, low=None, high=None, invokes=1, **kw) -> T:
        """A runtime input with random values for each invocation."""
        t = T(list(shape), dtype, q, self.values(shape, dtype, low, high), **kw)
        t.feeds = [self.values(shape, dtype, low, high) for _ in range(invokes - 1)]
        if dtype == "string" and not t.shape:
            t.const = True  # LiteRT's Python feeds garbage for a single string without dimensions
        return t

    def const(self, shape, dtype="f32", q=None, low=None, high=None) -> T:
        return T(list(shape), dtype, q, self.values(shape, dtype, low, high), const=True)

    def param(self, values, dtype="i32", const_chance: float = 0.6, const: bool = None) -> T:
        """A small parameter tensor: a constant in the file or, now and then, a runtime input."""
        data = np.asarray(values, numpy_type(dtype))
        stored = self.chance(const_chance) if const is None else const
        return T(list(data.shape), dtype, None, data, const=stored)

    def activation(self, extra: bool = False) -> int:
        """A fused activation: none, relu, relu_n1_to_1, relu6."""
        return self.pick([0, 0, 1, 2, 3])


def out(shape, dtype="f32", q=None, **kw) -> T:
    return T(list(shape), dtype, q, **kw)


# Types that Python neither feeds nor reads: a CAST from or to float32 stands between.
HIDDEN = ("bf16", "i4", "u4", "i2")


def visible(graph: Graph) -> Graph:
    """The graph with inputs and outputs of such types turned into float32 ones."""
    def cast(a: T, b: T) -> Op:
        return Op("CAST", [a], [b], ("CastOptions", {}))

    before, after = [], []
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    for number, t in enumerate(inputs):
        if t.dtype in HIDDEN:
            inputs[number] = T(t.shape, "f32", None, np.asarray(t.data, np.float32),
                               feeds=[np.asarray(v, np.float32) for v in t.feeds])
            before.append(cast(inputs[number], t))
    for number, t in enumerate(outputs):
        if t.dtype in HIDDEN:
            outputs[number] = T(t.shape, "f32")
            after.append(cast(t, outputs[number]))
    return Graph([*before, *graph.ops, *after], inputs, outputs, graph.name)


def single(code: str, inputs, outputs, options=None, custom=None, invokes=1, intermediates=(),
           **kw) -> Case:
    """A model of one operator: every input that is not stored is fed at run time."""
    feeds = []
    for t in inputs:
        if t is not None and not t.const and not t.variable and not any(t is f for f in feeds):
            feeds.append(t)
    op = Op(code, list(inputs), list(outputs), options, custom, list(intermediates))
    return Case([visible(Graph([op], feeds, list(outputs)))], invokes=invokes, **kw)


def quantize(real: np.ndarray, q: Q, dtype: str) -> np.ndarray:
    low, high = RANGES[dtype]
    steps = np.round(np.asarray(real) / q.scales()[0]) + q.zero_points()[0]
    return np.clip(steps, low, high).astype(numpy_type(dtype))


def output_q(dice: Dice, dtype: str, magnitude: float) -> Q:
    """Parameters whose range covers roughly +-magnitude, so that most results do not saturate."""
    steps = {"i8": 127.0, "u8": 127.0, "i16": 32767.0}[dtype]
    scale = np.float32(max(magnitude, 1e-6) / steps * dice.real(0.6, 2.0))
    if dtype == "i16":
        return Q(scale, 0)
    middle = 0 if dtype == "i8" else 128
    return Q(scale, dice.int(middle - 40, middle + 40))


def is_quantized(variant: str) -> Optional[str]:
    """The activation type of a quantized variant, None for the plain ones."""
    head = variant.split("_")[0]
    return {"int8": "i8", "uint8": "u8", "int16x8": "i16", "int16": "i16"}.get(head)
