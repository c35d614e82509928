"""A case of the tables with other types of tensors, and how such a combination of types is written.

A combination is the types of an operator's inputs, an arrow, and those of its outputs. A small integer type is followed by
"q" when it is quantized by one scale, "c" by one per channel, "b" by one per block; a sparse tensor's by "s". Of operators
with many tensors, and of those that run other graphs, the types are listed once each.

A recipe says how a model of a combination is made from the tables: the row's variant, the number of the case, and how its types
are changed: "as-is", "=" (quantization stays), "-" (goes), "q" (comes), or "f32>i8" (that type becomes this one in all graphs).
"""
from __future__ import annotations

import copy
from typing import Iterator

import numpy as np
import tables
from ai_edge_litert import schema_py_generated as schema
from case import RANGES, Case, Row, seed_of, visible
from tflite_builder import DTYPES, Graph, Op, Q, T

TYPES = ("f32", "f16", "bf16", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "c64",
         "string", "i4", "u4", "i2")
# Types that carry quantization parameters when a combination is tried quantized.
QUANTIZABLE = ("i8", "u8", "i16", "i4", "i2")
MOST_TENSORS = 8  # whose types are changed one by one
# Options that repeat a tensor's type: whether an output's, and which.
TYPE_OPTIONS = {"inDataType": ("inputs", 0), "outDataType": ("outputs", 0), "outputType": ("outputs", 0),
                "outType": ("outputs", 0), "idxOutType": ("outputs", 1)}
OUTPUT = "output_"  # what the outputs' names begin with


# Combinations -----------------------------------------------------------------------------------
def operator_of(case: Case, name: str) -> Op:
    """The operator that the case is about; case.graphs has one of that name."""
    return next(op for graph in case.graphs for op in graph.ops if op.code == name)


def is_plain(case: Case, name: str) -> bool:
    """Whether the types can be changed tensor by tensor: few of them of a builtin operator, no state, no other operator but
    CAST."""
    ops = [op for op in case.graphs[0].ops if op.code != "CAST" or name == "CAST"]
    tensors = tensors_of(case, name)
    return (len(case.graphs) == 1 and len(ops) == 1 and ops[0].custom is None and len(tensors) <= MOST_TENSORS
            and not any(t.variable for t in tensors))


def tensors_of(case: Case, name: str) -> list:
    op = operator_of(case, name)
    return [t for t in (*op.inputs, *op.outputs) if t is not None]


def key_of(case: Case, name: str) -> tuple:
    return tuple(t.dtype for t in tensors_of(case, name))


def token(t: T) -> str:
    mark = ""
    if t.q is not None and t.dtype in QUANTIZABLE:
        mark = "b" if t.q.blocks is not None else "c" if len(t.q.scales()) > 1 else "q"
    return t.dtype + mark + ("s" if t.sparsity is not None else "")


def combinations(case: Case, name: str) -> list:
    """Those of all operators of that name in the case."""
    found = []
    for op in (op for graph in case.graphs for op in graph.ops if op.code == name):
        sides = [[token(t) for t in side if t is not None] for side in (op.inputs, op.outputs)]
        if not is_plain(case, name) and name != "CAST":
            sides = [list(dict.fromkeys(side)) for side in sides]
        found.append("->".join(",".join(side) for side in sides))
    return found


def combination(case: Case, name: str) -> str:
    return combinations(case, name)[0]


# Values -----------------------------------------------------------------------------------------
def converted(data, dtype: str):
    """The values of a tensor in another type; whole numbers where they can be kept."""
    if data is None:
        return None
    data = np.asarray(data)
    if data.dtype.kind in "SOU":
        data = np.asarray([len(s) for s in data.reshape(-1)]).reshape(data.shape)
    if dtype == "string":
        flat = [b"%d" % int(np.real(v)) for v in data.reshape(-1)]
        return np.array(flat, dtype=object).reshape(data.shape)
    if dtype == "bool":
        return np.asarray(data != 0)
    if dtype == "bf16":
        return np.asarray(data.real if np.iscomplexobj(data) else data, np.float32)
    kind = np.dtype(DTYPES[dtype][1])
    if np.iscomplexobj(data) and kind.kind != "c":
        data = data.real
    if kind.kind in "iu":
        low, high = {**RANGES, "i2": (-2, 1), "u4": (0, 15)}.get(dtype, (np.iinfo(kind).min, np.iinfo(kind).max))
        if kind.kind == "u" and data.dtype.kind in "if":
            data = np.abs(data)
        if data.dtype.kind == "f" or np.any(data < low) or np.any(data > high):
            data = np.clip(np.round(data.astype(np.float64)), low, high)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(data).astype(kind)


def change_type(t: T, dtype: str) -> None:
    if t.dtype == dtype:
        return
    t.data = converted(t.data, dtype)
    t.feeds = [converted(v, dtype) for v in t.feeds]
    t.dtype = dtype
    if dtype == "string" and not t.shape and t.data is not None:
        t.const = True  # LiteRT's Python feeds garbage for a single string without dimensions
    if t.q is not None and dtype == "i16":
        t.q = Q(t.q.scale, 0, t.q.dim)
    if t.q is not None and dtype == "u8":
        t.q = Q(t.q.scale, np.abs(t.q.zero_point), t.q.dim)


def state_types(op: Op) -> None:
    """Writes the tensors' types to the options that repeat them."""
    if op.options is None:
        return
    for option, (side, place) in TYPE_OPTIONS.items():
        if option in op.options[1]:
            op.options[1][option] = getattr(schema.TensorType, DTYPES[getattr(op, side)[place].dtype][0])


# Models -----------------------------------------------------------------------------------------
def retyped(base: Case, name: str, key: tuple, mode: str) -> Case:
    """A plain case with the tensors' types of `key`. mode: "=" keeps quantization, "-" removes it, "q" adds it.

    Indices, axes and the like are never quantized: tensors that are int32 or int64 where the first output is not.
    """
    case = copy.deepcopy(base)
    result = operator_of(case, name).outputs[0].dtype
    for t, dtype in zip(tensors_of(case, name), key):
        number = t.dtype in ("i32", "i64") and t.dtype != result
        change_type(t, dtype)
        if mode == "-":
            t.q = None
        elif mode == "q":
            if dtype in QUANTIZABLE and not number:
                t.q = t.q or Q(np.float32(0.05), 0)
            else:
                t.q = None
    op = operator_of(case, name)
    feeds = [t for t in op.inputs if t is not None and t.data is not None and not t.const and not t.variable]
    case.graphs = [visible(Graph([op], list(dict.fromkeys(feeds)), list(op.outputs)))]
    case.invokes, case.reset_after = 1, None
    for number, t in enumerate(op.outputs):
        t.name = f"{OUTPUT}{number}"
    state_types(op)
    return case


def everything(case: Case) -> list:
    """All tensors of all graphs."""
    found: dict = {}
    for graph in case.graphs:
        for side in (graph.inputs, graph.outputs, *(op.inputs for op in graph.ops), *(op.outputs for op in graph.ops)):
            found.update((t, None) for t in side if t is not None)
    return list(found)


def swapped(base: Case, old: str, new: str) -> Case:
    """Any case with all tensors of type `old` made `new` ones."""
    case = copy.deepcopy(base)
    for t in everything(case):
        if t.dtype == old:
            change_type(t, new)
    for graph in case.graphs:
        for op in graph.ops:
            state_types(op)
    return case


def rows_of(name: str) -> list:
    return [row for rows in tables.FAMILIES.values() for row in rows if row.op == name]


def base_case(row: Row, variant: str, number: int) -> Case:
    return tables.make(row, variant, seed_of(f"{row.op}-{variant}-{number}"))


def bases(name: str, seeds: int) -> Iterator[tuple]:
    """(variant, number, case) to start from. A variant is the business of the first row that has it."""
    done = set()
    for row in rows_of(name):
        for variant in row.variants:
            for number in range(seeds if variant not in done else 0):
                yield variant, number, base_case(row, variant, number)
            done.add(variant)


def from_recipe(name: str, text: str, recipe: str) -> Case:
    """The case that the recipe of combination `text` makes."""
    variant, number, how = recipe.split(" ")
    base = base_case(next(row for row in rows_of(name) if variant in row.variants), variant, int(number))
    if how == "as-is":
        return base
    if ">" in how:
        return swapped(base, *how.split(">"))
    key = tuple(word.rstrip("qcbs") for side in text.split("->") for word in side.split(",") if word)
    return retyped(base, name, key, how)
