"""Cases of the StableHLO operators, and of the two of TFLite that were made for them."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, single
from flatbuffers import flexbuffers
from table_control_flow import body_graph, pad_graph
from tflite_builder import Graph, Op, T, numpy_type

NUMBERS = ("f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool")
INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool")
WINDOWED = ("f32", "f64", "i8", "u8", "i16", "i32", "i64")
MOVED = ("f32", "f16", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "c64")


def values(d: Dice, shape, dtype: str) -> np.ndarray:
    """Numbers of which products and sums sometimes leave the type, with a NaN now and then."""
    if dtype == "c64":
        return (d.rng.standard_normal(shape) + 1j * d.rng.standard_normal(shape)).astype(np.complex64)
    data = d.values(shape, dtype)
    kind = numpy_type(dtype)
    if np.issubdtype(kind, np.integer) and d.chance(0.3):
        span = np.iinfo(kind)
        data = np.asarray(d.rng.integers(span.min, span.max, shape, kind, endpoint=True))
    if np.issubdtype(kind, np.floating) and data.size > 2 and d.chance(0.2):
        data.reshape(-1)[d.int(0, data.size - 1)] = d.pick([np.nan, np.inf, -0.0])
    return data


def tensor(d: Dice, shape, dtype: str, const_chance: float = 0.0) -> T:
    return T(list(shape), dtype, None, values(d, shape, dtype), const=d.chance(const_chance))


# Elementwise -------------------------------------------------------------------------------------


def elementwise(code: str):
    def make(d: Dice, dtype: str) -> Case:
        shape = d.shape(0 if d.chance(0.1) else 1, 6, 1, 4)
        if shape and d.chance(0.05):
            shape[d.int(0, len(shape) - 1)] = 0
        return single(code, [tensor(d, shape, dtype), tensor(d, shape, dtype, 0.3)],
                      [out(shape, dtype)])
    return make


def shift_left(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 4)
    bits = {"i8": 8, "i16": 16, "i32": 32}[dtype]
    x = tensor(d, shape, dtype)
    by = d.input(shape, dtype, None, 0, bits - 1)
    return single("STABLEHLO_SHIFT_LEFT", [x, by], [out(shape, dtype)])


# Pad and dilate ------------------------------------------------------------------------------------


def pad(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 5, 1, 5)
    interior = [d.pick([0, 0, 1, 2, 3]) for _ in shape]
    low, high = [], []
    for n, i in zip(shape, interior):
        whole = (n - 1) * (i + 1) + 1
        a, b = (d.int(-whole - 1, 4) if d.chance(0.4) else d.int(0, 3) for _ in range(2))
        if whole + a + b < 1 and d.chance(0.9):  # now and then everything is cut off
            b = d.int(0, 3) + 1 - whole - a
        low.append(a)
        high.append(b)
    y = [(n - 1) * (i + 1) + 1 + a + b for n, i, a, b in zip(shape, interior, low, high)]
    if min(y) <= 0:
        y = [0] * len(y)
    options = {"edgePaddingLow": low, "edgePaddingHigh": high, "interiorPadding": interior}
    return single("STABLEHLO_PAD", [tensor(d, shape, dtype), tensor(d, [], dtype, 0.5)],
                  [out(y, dtype)], ("StablehloPadOptions", options))


def dilate(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 6, 1, 4)
    by = [d.pick([1, 1, 2, 3]) for _ in shape]
    y = [(n - 1) * f + 1 for n, f in zip(shape, by)]
    return single("DILATE", [tensor(d, shape, dtype), d.param(by), tensor(d, [], dtype, 0.5)],
                  [out(y, dtype)], ("DilateOptions", {}))


# Gather and scatter --------------------------------------------------------------------------------


def index_vectors(d: Dice, batch: list, entries: int, limits: list, dtype: str) -> tuple:
    """Index vectors for each of `batch`, their dimension, and a tensor with them.

    limits: by entry, the first coordinate that is too large; some leave the range on either side.
    """
    dim = d.int(0, len(batch))
    columns = [d.rng.integers(-1 if d.chance(0.3) else 0, n + (2 if d.chance(0.3) else 0), batch)
               for n in limits]
    data = np.stack([np.asarray(c) for c in columns], axis=dim)
    return dim, d.param(data, dtype, const_chance=0.3)


def mixed(d: Dice, first: int, second: int) -> list:
    """Sorted places of `first` dimensions among first + second."""
    return sorted(int(i) for i in d.rng.permutation(first + second)[:first])


def gather(d: Dice, dtype: str) -> Case:
    operand = d.shape(1, 4, 1, 5)
    rank = len(operand)
    batch = d.shape(0, 3, 1, 3)
    entries = d.int(1, rank)
    start_map = [int(i) for i in d.rng.permutation(rank)[:entries]]
    collapsed = sorted(int(i) for i in d.rng.permutation(rank)[:d.int(0, rank - 1 if rank > 1 else 1)])
    sizes = [1 if i in collapsed else d.int(1, n) for i, n in enumerate(operand)]
    dim, indices = index_vectors(d, batch, entries, [operand[i] for i in start_map],
                                 d.pick(["i32", "i64"]))
    slice_shape = [n for i, n in enumerate(sizes) if i not in collapsed]
    offsets = mixed(d, len(slice_shape), len(batch))
    y, left, right = [], list(slice_shape), list(batch)
    for i in range(len(slice_shape) + len(batch)):
        y.append(left.pop(0) if i in offsets else right.pop(0))
    options = {"offsetDims": offsets, "collapsedSliceDims": collapsed, "startIndexMap": start_map,
               "indexVectorDim": dim, "sliceSizes": sizes, "indicesAreSorted": d.chance(0.5)}
    return single("STABLEHLO_GATHER", [tensor(d, operand, dtype), indices], [out(y, dtype)],
                  ("StablehloGatherOptions", options))


def scalar_graph(codes: list, dtype: str, name: str = "region") -> Graph:
    """Two scalars, combined by the operators one after the other; without any, the second one."""
    a, b = out([], dtype), out([], dtype)
    result, ops = b, []
    for code in codes:
        made = out([], dtype)
        ops.append(Op(code, [a, result], [made], OPTIONS_OF.get(code)))
        result = made
    return Graph(ops, [a, b], [result], name)


OPTIONS_OF = {"ADD": ("AddOptions", {}), "MUL": ("MulOptions", {}),
              "MAXIMUM": ("MaximumMinimumOptions", {}), "MINIMUM": ("MaximumMinimumOptions", {}),
              "LOGICAL_AND": ("LogicalAndOptions", {}), "LOGICAL_OR": ("LogicalOrOptions", {})}


def scatter(d: Dice, dtype: str) -> Case:
    target = d.shape(1, 4, 1, 5)
    rank = len(target)
    batch = d.shape(0, 2, 1, 4)
    entries = d.int(1, rank)
    to_operand = [int(i) for i in d.rng.permutation(rank)[:entries]]
    inserted = sorted(int(i) for i in d.rng.permutation(rank)[:d.int(0, rank)])
    window = [d.int(1, n + (1 if d.chance(0.1) else 0)) for i, n in enumerate(target)
              if i not in inserted]
    limits = [n if i in inserted or d.chance(0.3) else 2 for i, n in enumerate(target)]
    dim, indices = index_vectors(d, batch, entries, [limits[i] for i in to_operand],
                                 d.pick(["i32", "i64"]))
    window_dims = mixed(d, len(window), len(batch))
    shape, left, right = [], list(window), list(batch)
    for i in range(len(window) + len(batch)):
        shape.append(left.pop(0) if i in window_dims else right.pop(0))
    region = d.pick([[], ["STABLEHLO_ADD"], ["STABLEHLO_MULTIPLY"], ["STABLEHLO_MAXIMUM"],
                     ["STABLEHLO_MINIMUM"]])
    options = {"indicesAreSorted": False, "updateWindowDims": window_dims,
               "insertedWindowDims": inserted, "scatterDimsToOperandDims": to_operand,
               "indexVectorDim": dim, "uniqueIndices": False, "updateComputationSubgraphIndex": 1}
    case = single("STABLEHLO_SCATTER", [tensor(d, target, dtype), indices,
                                        tensor(d, shape, dtype, 0.2)], [out(target, dtype)],
                  ("StablehloScatterOptions", options))
    return Case([*case.graphs, scalar_graph(region, dtype)])


# Windows -------------------------------------------------------------------------------------------


def window_of(d: Dice, sizes: list, high: int = 3) -> tuple:
    """Window dimensions, strides and dilations; the window fits in nine of ten cases."""
    window, strides, dilations = [], [], []
    for n in sizes:
        dilation = d.pick([1, 1, 2, 3])
        fits = max(1, (n - 1) // dilation + 1)
        window.append(d.int(1, min(high, fits)) if d.chance(0.95) else d.int(1, high))
        strides.append(d.int(1, 3))
        dilations.append(dilation)
    return window, strides, dilations


def outputs_of(sizes, window, strides, dilations) -> list:
    reach = [(w - 1) * f + 1 for w, f in zip(window, dilations)]
    return [0 if n < r else (n - r) // s + 1 for n, r, s in zip(sizes, reach, strides)]


def small(d: Dice, shape, dtype: str) -> np.ndarray:
    """Values whose products over a window stay within float32."""
    if numpy_type(dtype) in (np.float32, np.float64):
        data = d.values(shape, dtype, -2, 2)
        if data.size > 2 and d.chance(0.2):
            data.reshape(-1)[d.int(0, data.size - 1)] = np.nan
        return data
    return values(d, shape, dtype)


REGIONS = ["ADD", "MUL", "MAXIMUM", "MINIMUM", "STABLEHLO_ADD", "STABLEHLO_MULTIPLY",
           "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM", "LOGICAL_AND", "LOGICAL_OR"]


def stablehlo_reduce_window(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 4, 1, 6)
    rank = len(shape)
    base = [d.pick([1, 1, 2, 3]) for _ in shape]
    holes = [(n - 1) * f + 1 for n, f in zip(shape, base)]
    pads = []
    for n in holes:
        pads += [d.int(-min(2, (n - 1) // 2) if d.chance(0.4) else 0, 3) for _ in range(2)]
    padded = [n + a + b for n, a, b in zip(holes, pads[0::2], pads[1::2])]
    window, strides, dilations = window_of(d, padded)
    region = d.pick(["LOGICAL_AND", "LOGICAL_OR", "STABLEHLO_ADD", "STABLEHLO_MULTIPLY"]
                    if dtype == "bool" else REGIONS)
    options = {"windowDimensions": window, "windowStrides": strides, "baseDilations": base,
               "windowDilations": dilations, "padding": pads, "bodySubgraphIndex": 1}
    for name, default in (("windowStrides", [1] * rank), ("baseDilations", [1] * rank),
                          ("windowDilations", [1] * rank), ("padding", [0] * 2 * rank)):
        if options[name] == default and d.chance(0.5):
            del options[name]
    x = T(shape, dtype, None, small(d, shape, dtype))
    start = T([], dtype, None, small(d, [], dtype), const=d.chance(0.5))
    case = single("STABLEHLO_REDUCE_WINDOW", [x, start],
                  [out(outputs_of(padded, window, strides, dilations), dtype)],
                  ("StablehloReduceWindowOptions", options))
    return Case([*case.graphs, scalar_graph([region], dtype)])


def reduce_window(d: Dice, dtype: str) -> Case:
    shape = d.shape(1, 5, 1, 6)
    window, strides, dilations = window_of(d, shape)
    function = d.pick([1, 2, 3, 4, 5, 6]) if dtype != "bool" else d.pick([2, 5, 6])
    x = T(shape, dtype, None, small(d, shape, dtype))
    start = T([], dtype, None, small(d, [], dtype), const=d.chance(0.5))
    parameters = [d.param(v, "i64", const=True) for v in (window, strides, dilations)]
    return single("REDUCE_WINDOW", [x, start, *parameters],
                  [out(outputs_of(shape, window, strides, dilations), dtype)],
                  ("ReduceWindowOptions", {"reduceFunction": function}))


# Random bits -----------------------------------------------------------------------------------------


def rng_bit_generator(d: Dice, variant: str) -> Case:
    algorithm, _, dtype = variant.partition("_")
    words = 2 if algorithm == "threefry" else d.int(2, 3)
    state = np.asarray(d.rng.integers(0, 2**64 - 1, words, np.uint64, endpoint=True))
    if d.chance(0.2):  # the counter wraps
        state[1] = 2**64 - 1 - d.int(0, 3)
    if d.chance(0.2):
        state[1] = (state[1] & ~np.uint64(0xFFFFFFFF)) | np.uint64(0xFFFFFFFF - d.int(0, 3))
    shape = d.shape(0 if d.chance(0.1) else 1, 3)
    number = {"default": 0, "philox": 1, "threefry": 2}[algorithm]
    return single("STABLEHLO_RNG_BIT_GENERATOR", [T([words], "u64", None, state)],
                  [out([words], "u64"), out(shape, dtype)],
                  ("StablehloRngBitGeneratorOptions", {"algorithm": number}))


# Graphs ----------------------------------------------------------------------------------------------


def case_(d: Dice, variant: str) -> Case:
    dtype = "i32" if variant == "int32" else "f32"
    shape = d.shape(1, 3)
    count = d.int(1, 4)
    picked = [d.int(-1, count) for _ in range(3)]
    scalar = [] if d.chance(0.5) else [1]
    index = T(scalar, "i32", None, np.full(scalar, picked[0], np.int32))
    index.feeds = [np.full(scalar, v, np.int32) for v in picked[1:]]
    low, high = (None, None) if dtype == "f32" else (-5, 5)
    x, y = d.input(shape, dtype, None, low, high), d.input(shape, dtype, None, low, high)
    if variant == "shapes":
        branches = [pad_graph(d, shape, dtype, [[d.int(0, 2), d.int(0, 2)] for _ in shape],
                              f"b{i}") for i in range(count)]
    else:
        branches = [body_graph(d, shape, dtype, f"b{i}") for i in range(count)]
    order = [int(i) + 1 for i in d.rng.permutation(count)]
    result = out(branches[order[0] - 1].outputs[0].shape, dtype)
    op = Op("STABLEHLO_CASE", [index, x, y], [result],
            ("StablehloCaseOptions", {"branchSubgraphIndices": order}))
    return Case([Graph([op], [index, x, y], [result]), *branches], invokes=3)


def composite(d: Dice, variant: str) -> Case:
    dtype = "i32" if variant == "int32" else "f32"
    shape = d.shape(1, 3)
    low, high = (None, None) if dtype == "f32" else (-5, 5)
    x, y = d.input(shape, dtype, None, low, high), d.input(shape, dtype, None, low, high)
    if variant == "chain":  # the same graph twice, the second time on the first one's result
        body = body_graph(d, shape, dtype, "impl.add")
    elif variant == "forward":  # an input is an output
        a, b = out(shape, dtype), out(shape, dtype)
        total = out(shape, dtype)
        body = Graph([Op("ADD", [a, b], [total], ("AddOptions", {}))], [a, b], [total, b], "impl")
    else:
        body = body_graph(d, shape, dtype, "impl.add")
    attributes = np.frombuffer(flexbuffers.Dumps({"axis": d.int(0, 3)}), np.uint8)
    options = ("StableHLOCompositeOptions", {
        "name": b"test.add", "decompositionSubgraphIndex": 1, "version": d.int(0, 2),
        "compositeAttributes": attributes})
    results = [out(t.shape, dtype) for t in body.outputs]
    ops = [Op("STABLEHLO_COMPOSITE", [x, y], results, options)]
    if variant == "chain":
        last = out(shape, dtype)
        ops.append(Op("STABLEHLO_COMPOSITE", [results[0], y], [last], options))
        results = [last]
    return Case([Graph(ops, [x, y], results), body], invokes=2)


GENERATORS = tuple(f"{a}_{t}" for a in ("default", "philox", "threefry")
                   for t in ("i32", "u32", "i64", "u64"))

ROWS = [
    Row("STABLEHLO_ADD", elementwise("STABLEHLO_ADD"), NUMBERS, 2),
    Row("STABLEHLO_AND", elementwise("STABLEHLO_AND"), INTEGERS, 2),
    Row("STABLEHLO_MAXIMUM", elementwise("STABLEHLO_MAXIMUM"), NUMBERS, 2),
    Row("STABLEHLO_MINIMUM", elementwise("STABLEHLO_MINIMUM"), NUMBERS, 2),
    Row("STABLEHLO_MULTIPLY", elementwise("STABLEHLO_MULTIPLY"), NUMBERS, 2),
    Row("STABLEHLO_SHIFT_LEFT", shift_left, ("i8", "i16", "i32"), 3),
    Row("STABLEHLO_PAD", pad, MOVED, 3),
    Row("DILATE", dilate, MOVED, 2),
    Row("STABLEHLO_GATHER", gather, MOVED, 4),
    Row("STABLEHLO_SCATTER", scatter, NUMBERS, 5),
    Row("STABLEHLO_REDUCE_WINDOW", stablehlo_reduce_window, WINDOWED + ("bool",), 5),
    Row("REDUCE_WINDOW", reduce_window, WINDOWED + ("bool",), 4),
    Row("STABLEHLO_RNG_BIT_GENERATOR", rng_bit_generator, GENERATORS, 2),
    Row("STABLEHLO_CASE", case_, ("float32", "int32", "shapes"), 5),
    Row("STABLEHLO_COMPOSITE", composite, ("float32", "int32", "chain", "forward"), 4),
]
