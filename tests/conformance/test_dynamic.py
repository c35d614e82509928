"""Resized inputs and shapes that only running tells, against LiteRT."""
from __future__ import annotations

import numpy as np
import pytest
import runner
import tables
from case import Case, Dice, out, seed_of
from tflite_builder import Graph, Op, T, build

MODES = runner.MODES
# Operators whose first dimension may change with that of their runtime inputs. Not the slices: LiteRT keeps SLICE's first
# output shape, and reads outside where STRIDED_SLICE drops a dimension at an index that it no longer has.
RESIZABLE = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "AVERAGE_POOL_2D",
             "MAX_POOL_2D", "ADD", "MUL", "SUB", "RELU", "RELU6", "LOGISTIC", "TANH", "SOFTMAX",
             "HARD_SWISH", "LEAKY_RELU", "QUANTIZE", "DEQUANTIZE", "CAST", "RESIZE_BILINEAR",
             "CONCATENATION", "SPLIT", "PAD", "SQUEEZE", "SUM", "MEAN", "TRANSPOSE", "DEPTH_TO_SPACE",
             "REVERSE_V2", "GATHER", "L2_NORMALIZATION", "PRELU", "EXP", "DIV", "MAXIMUM", "POW", "FLOOR_DIV",
             "FLOOR_MOD", "SQUARED_DIFFERENCE", "ADD_N", "EQUAL", "LESS", "GREATER_EQUAL", "LOGICAL_AND",
             "LOGICAL_NOT", "SELECT", "SELECT_V2", "ABS", "NEG", "SIGN", "ROUND", "SQRT", "LOG", "ZEROS_LIKE",
             "LOG_SOFTMAX", "ELU", "GELU", "REDUCE_MAX", "REDUCE_PROD", "REDUCE_ANY", "ARG_MAX", "CUMSUM",
             "TOPK_V2", "MIRROR_PAD", "PADV2", "TILE", "PACK", "EXPAND_DIMS", "SHAPE",
             "RANK", "WHERE", "SPACE_TO_DEPTH", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "GATHER_ND",
             "RESIZE_NEAREST_NEIGHBOR")
# Of these, a second runtime input is a parameter.
PARAMETERIZED = ("RESIZE_BILINEAR", "SPLIT", "PAD", "SUM", "MEAN", "TRANSPOSE", "REVERSE_V2", "GATHER",
                 "REDUCE_MAX", "REDUCE_PROD", "REDUCE_ANY", "ARG_MAX", "CUMSUM", "TOPK_V2", "MIRROR_PAD", "PADV2",
                 "TILE", "EXPAND_DIMS", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND",
                 "GATHER_ND", "RESIZE_NEAREST_NEIGHBOR")


def open_ours(content: bytes, mode: str):
    import edge_ml
    kind = edge_ml.OpResolverType.BUILTIN_REF if mode == "exact" else edge_ml.OpResolverType.AUTO
    return edge_ml.Interpreter(model_content=content, experimental_op_resolver_type=kind)


def outputs(interpreter) -> list:
    return [runner.fetch(interpreter, d["index"], n)
            for n, d in enumerate(interpreter.get_output_details())]


def step(interpreter, values: list, resize: bool) -> list:
    """Sets the inputs, resized first when asked for, runs, and returns the outputs."""
    details = interpreter.get_input_details()
    if resize:
        for detail, value in zip(details, values):
            interpreter.resize_tensor_input(detail["index"], value.shape)
        interpreter.allocate_tensors()
    for detail, value in zip(details, values):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return outputs(interpreter)


def longer(values: list, rows: int, dice: Dice) -> list:
    """The values with `rows` along dimension 0, drawn from their own rows."""
    picked = dice.rng.integers(0, values[0].shape[0], rows)
    return [v[np.resize(picked % v.shape[0], rows)] for v in values]


def data_inputs(case: Case) -> list:
    """The runtime inputs when they share their first dimension, else nothing."""
    feeds = [t.data for t in case.graphs[0].inputs]
    tensors = [t for op in case.graphs[0].ops for t in op.inputs if t is not None]
    parameters = case.graphs[0].ops[0].code in PARAMETERIZED and len(feeds) > 1
    if not feeds or parameters or any(t.variable for t in tensors):
        return []
    if any(v.ndim < 1 or v.shape[0] == 0 or v.shape[0] != feeds[0].shape[0] for v in feeds):
        return []
    return feeds


def cases():
    for rows in tables.FAMILIES.values():
        for row in rows:
            for variant in row.variants if row.op in RESIZABLE else ():
                # LiteRT aborts when the power-of-two form of ADD and SUB is made to broadcast, and reads past
                # the scales when the dimension they belong to grows; its kernel for shuffled weights computes 1 or 4
                # rows and leaves any other output unwritten.
                if variant.endswith(("pot", "channels", "shuffled_4x16")):
                    continue
                for number in range(3):
                    name = f"{row.op}-{variant}-{number}"
                    if data_inputs(tables.make(row, variant, seed_of("dynamic-" + name))):
                        yield name, row, variant


@pytest.mark.parametrize("name,row,variant", [pytest.param(*c, id=c[0]) for c in cases()])
def test_resized_operator(name, row, variant):
    seed = seed_of("dynamic-" + name)
    case = tables.make(row, variant, seed)
    feeds = data_inputs(case)
    dice = Dice(seed)
    turns = [(feeds, False)]
    for rows in (feeds[0].shape[0] + 2, 1, feeds[0].shape[0]):
        turns.append((longer(feeds, rows, dice), True))
    content = runner.build_case(case)
    theirs, _ = runner.make_peer(content, runner.OPTIMIZED if case.optimized else None)
    theirs.allocate_tensors()
    everyone = {mode: open_ours(content, mode) for mode in MODES}
    for ours in everyone.values():
        ours.allocate_tensors()
    for turn, (values, resize) in enumerate(turns):
        try:
            expected = step(theirs, values, resize)
        except (ValueError, RuntimeError):  # a shape that the operator cannot take: we refuse it too
            for ours in everyone.values():
                with pytest.raises((ValueError, RuntimeError)):
                    step(ours, values, resize)
            continue
        for mode, ours in everyone.items():
            for a, b, d in zip(step(ours, values, resize), expected, theirs.get_output_details()):
                quantized = len(d["quantization_parameters"]["scales"]) > 0
                problem = runner.worst(np.asarray(a), np.asarray(b), quantized,
                                       runner.bound_of(case, mode))
                assert problem is None, f"{name} ({mode}, seed {seed}), turn {turn}: {problem}"


# Chains ----------------------------------------------------------------------------------------


def flatten_chain() -> tuple:
    """SHAPE, STRIDED_SLICE, PACK, RESHAPE: how converters flatten a batch of unknown size."""
    x = T([1, 3, 2], "f32", signature=(-1, 3, 2))
    shape, batch, target, y = T([3], "i32"), T([], "i32"), T([2], "i32"), out([1, 6])
    begin, end, one = (T([1], "i32", None, np.int32([v]), const=True) for v in (0, 1, 1))
    rest = T([], "i32", None, np.int32(6), const=True)
    ops = [Op("SHAPE", [x], [shape], ("ShapeOptions", {"outType": 2})),
           Op("STRIDED_SLICE", [shape, begin, end, one], [batch],
              ("StridedSliceOptions", {"shrinkAxisMask": 1})),
           Op("PACK", [batch, rest], [target], ("PackOptions", {"valuesCount": 2})),
           Op("RESHAPE", [x, target], [y], ("ReshapeOptions", {}))]
    values = [[np.arange(n * 6, dtype=np.float32).reshape(n, 3, 2)] for n in (1, 4, 2)]
    return Graph(ops, [x], [y]), values


def where_chain() -> tuple:
    """WHERE, GATHER_ND, MUL, SUM: a masked sum; the number of elements follows from the values."""
    x, mask = T([2, 3], "f32"), T([2, 3], "bool")
    places, found, doubled, y = T([1, 2], "i64"), T([1], "f32"), T([1], "f32"), T([1], "f32")
    two = T([1], "f32", None, np.float32([2]), const=True)
    axis = T([1], "i32", None, np.int32([0]), const=True)
    ops = [Op("WHERE", [mask], [places], ("WhereOptions", {})),
           Op("GATHER_ND", [x, places], [found], ("GatherNdOptions", {})),
           Op("MUL", [found, two], [doubled], ("MulOptions", {})),
           Op("SUM", [doubled, axis], [y], ("ReducerOptions", {"keepDims": True}))]
    rng = np.random.default_rng(7)
    values = [[rng.normal(size=(2, 3)).astype(np.float32), rng.random((2, 3)) < p]
              for p in (0.5, 1.1, 0.4, 0.7)]
    return Graph(ops, [x, mask], [doubled, y]), values


def range_chain() -> tuple:
    """RANGE of a runtime limit, EXPAND_DIMS, TILE, CAST, ADD."""
    limit, bias = T([], "i32"), T([1], "f32")
    start, delta = (T([], "i32", None, np.int32(v), const=True) for v in (0, 1))
    axis, times = T([], "i32", None, np.int32(0), const=True), T([2], "i32")
    r, e, t, c, y = T([1], "i32"), T([1, 1], "i32"), T([1, 1], "i32"), T([1, 1], "f32"), T([1, 1], "f32")
    ops = [Op("RANGE", [start, limit, delta], [r], ("RangeOptions", {})),
           Op("EXPAND_DIMS", [r, axis], [e], ("ExpandDimsOptions", {})),
           Op("TILE", [e, times], [t], ("TileOptions", {})),
           Op("CAST", [t], [c], ("CastOptions", {"inDataType": 2, "outDataType": 0})),
           Op("ADD", [c, bias], [y], ("AddOptions", {}))]
    values = [[np.int32(n), np.float32([0.5]), np.int32([k, 2])] for n, k in ((3, 1), (5, 2), (1, 1))]
    return Graph(ops, [limit, bias, times], [y]), values


def fill_chain() -> tuple:
    """FILL of runtime dimensions, PAD, REVERSE_V2, RELU."""
    dims, value = T([2], "i32"), T([], "f32")
    pads = T([2, 2], "i32", None, np.int32([[1, 0], [0, 2]]), const=True)
    axis = T([1], "i32", None, np.int32([1]), const=True)
    f, p, r, y = (T([1, 1], "f32") for _ in range(4))
    ops = [Op("FILL", [dims, value], [f], ("FillOptions", {})),
           Op("PAD", [f, pads], [p], ("PadOptions", {})),
           Op("REVERSE_V2", [p, axis], [r], ("ReverseV2Options", {})), Op("RELU", [r], [y])]
    values = [[np.int32([a, b]), np.float32(v)] for a, b, v in ((2, 3, 1.5), (1, 1, -2), (4, 2, 3))]
    return Graph(ops, [dims, value], [y]), values


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chain", [flatten_chain, where_chain, range_chain, fill_chain],
                         ids=lambda f: f.__name__)
def test_chain_of_dynamic_shapes(chain, mode):
    graph, turns = chain()
    content = build([graph])
    theirs, _ = runner.make_peer(content)
    ours = open_ours(content, mode)
    for interpreter in (theirs, ours):
        interpreter.allocate_tensors()
    for turn, values in enumerate(turns):
        resize = any(tuple(d["shape"]) != v.shape
                     for d, v in zip(theirs.get_input_details(), values))
        expected, mine = step(theirs, values, resize), step(ours, values, resize)
        for number, (a, b) in enumerate(zip(mine, expected)):
            problem = runner.worst(np.asarray(a), np.asarray(b), False, mode)
            assert problem is None, f"turn {turn}, output {number}: {problem}"
        for mine_d, their_d in zip(ours.get_output_details(), theirs.get_output_details()):
            np.testing.assert_array_equal(mine_d["shape"], their_d["shape"])


def test_control_flow_after_a_resize():
    """A branch's and a loop's graphs are planned anew for the resized inputs."""
    for op, variant in (("IF", "float32"), ("WHILE", "float32")):
        row = next(r for r in tables.FAMILIES["control_flow"] if r.op == op)
        case: Case = tables.make(row, variant, seed_of("resize-" + op))
        content = runner.build_case(case)
        theirs, _ = runner.make_peer(content)
        values = [t.data for t in case.graphs[0].inputs]
        first = 1  # the condition, or the counter, keeps its shape
        grown = values[:first] + [np.repeat(v, 2, axis=0) for v in values[first:]]
        theirs.allocate_tensors()
        expected = [step(theirs, values, False), step(theirs, grown, True)]
        for mode in MODES:
            ours = open_ours(content, mode)
            ours.allocate_tensors()
            for result, want in zip([step(ours, values, False), step(ours, grown, True)], expected):
                for a, b in zip(result, want):
                    assert runner.worst(np.asarray(a), np.asarray(b), False, mode) is None
