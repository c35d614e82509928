"""Cases with several subgraphs: branches, loops, initialization and variables."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out
from tflite_builder import Graph, Op, Q, T

# Small bodies of a branch or a loop: (operator, options).
STEPS = [("ADD", ("AddOptions", {})), ("MUL", ("MulOptions", {})),
         ("MAXIMUM", ("MaximumMinimumOptions", {})), ("SUB", ("SubOptions", {}))]


def body_graph(d: Dice, shape, dtype: str, name: str) -> Graph:
    """out = step(x, y) with a random step, now and then followed by a constant's step."""
    x, y = out(shape, dtype), out(shape, dtype)
    code, options = d.pick(STEPS)
    result = out(shape, dtype)
    ops = [Op(code, [x, y], [result], options)]
    if d.chance(0.5):
        code, options = d.pick(STEPS)
        more = out(shape, dtype)
        constant = d.const([1], dtype, None, *((-2, 2) if dtype != "f32" else (-1, 1)))
        ops.append(Op(code, [result, constant], [more], options))
        result = more
    return Graph(ops, [x, y], [result], name)


def pad_graph(d: Dice, shape, dtype: str, pads: list, name: str) -> Graph:
    x, y = out(shape, dtype), out(shape, dtype)
    result = out([n + a + b for n, (a, b) in zip(shape, pads)], dtype)
    return Graph([Op("PAD", [x, d.param(pads, const=True)], [result], ("PadOptions", {}))],
                 [x, y], [result], name)


def if_(d: Dice, variant: str) -> Case:
    dtype = "i32" if variant == "int32" else "f32"
    shape = d.shape(1, 3)
    condition = T([] if d.chance(0.5) else [1], "bool", None, np.asarray(d.chance(0.5)))
    condition.data = np.broadcast_to(condition.data, condition.shape).copy()
    condition.feeds = [~condition.data, condition.data]
    low, high = (None, None) if dtype == "f32" else (-5, 5)
    x, y = d.input(shape, dtype, None, low, high), d.input(shape, dtype, None, low, high)
    if variant == "shapes":  # the branches make outputs of different shapes
        branches = [pad_graph(d, shape, dtype, [[d.int(0, 2), d.int(0, 2)] for _ in shape], n)
                    for n in ("then", "else")]
    else:
        branches = [body_graph(d, shape, dtype, n) for n in ("then", "else")]
    result = out(branches[0].outputs[0].shape, dtype)
    op = Op("IF", [condition, x, y], [result], ("IfOptions", {
        "thenSubgraphIndex": 1, "elseSubgraphIndex": 2}))
    ops, last = [op], result
    if d.chance(0.4) and variant != "shapes":
        last = out(shape, dtype)
        ops.append(Op("ADD", [result, x], [last], ("AddOptions", {})))
    return Case([Graph(ops, [condition, x, y], [last]), *branches], invokes=3)


def while_(d: Dice, variant: str) -> Case:
    """Counts an int32 up to a limit while it works on a value; "grow" makes the value larger."""
    dtype = "i32" if variant == "int32" else "f32"
    shape = d.shape(1, 3, 1, 4)
    start, limit = d.int(0, 2), d.int(0, 5)
    counter = T([1], "i32", None, np.int32([start]))
    counter.feeds = [np.int32([d.int(0, 4)])]
    value = d.input(shape, dtype, None, *((-3, 3) if dtype == "i32" else (-1, 1)), invokes=2)

    c, v = out([1], "i32"), out(shape, dtype)
    go = out([1], "bool")
    top = T([1], "i32", None, np.int32([limit]), const=True)
    condition = Graph([Op("LESS", [c, top], [go], ("LessOptions", {}))], [c, v], [go], "cond")

    c2, v2 = out([1], "i32"), out(shape, dtype)
    one = T([1], "i32", None, np.int32([1]), const=True)
    next_c = out([1], "i32")
    ops = [Op("ADD", [c2, one], [next_c], ("AddOptions", {}))]
    if variant == "grow":
        pads = [[d.int(0, 1), d.int(0, 1)] for _ in shape]
        next_v = out(shape, dtype)
        ops.append(Op("PAD", [v2, d.param(pads, const=True)], [next_v], ("PadOptions", {})))
    elif variant == "forward":  # an input of the body is its output, unchanged
        return forwarding_loop(d, shape, counter, limit)
    else:
        code, options = d.pick(STEPS)
        constant = d.const([1], dtype, None, *((-2, 2) if dtype == "i32" else (-1, 1)))
        next_v = out(shape, dtype)
        ops.append(Op(code, [v2, constant], [next_v], options))
    body = Graph(ops, [c2, v2], [next_c, next_v], "body")
    outs = [out([1], "i32"), out(shape, dtype)]
    loop = Op("WHILE", [counter, value], outs, ("WhileOptions", {
        "condSubgraphIndex": 1, "bodySubgraphIndex": 2}))
    return Case([Graph([loop], [counter, value], outs), condition, body], invokes=2)


def forwarding_loop(d: Dice, shape, counter: T, limit: int) -> Case:
    a, b = d.input(shape, invokes=2), d.input(shape, invokes=2)
    c, ca, cb = out([1], "i32"), out(shape), out(shape)
    go = out([1], "bool")
    top = T([1], "i32", None, np.int32([limit]), const=True)
    condition = Graph([Op("LESS", [c, top], [go], ("LessOptions", {}))], [c, ca, cb], [go], "cond")
    c2, a2, b2 = out([1], "i32"), out(shape), out(shape)
    one = T([1], "i32", None, np.int32([1]), const=True)
    next_c, mixed = out([1], "i32"), out(shape)
    body = Graph([Op("ADD", [c2, one], [next_c], ("AddOptions", {})),
                  Op("SUB", [a2, b2], [mixed], ("SubOptions", {}))],
                 [c2, a2, b2], [next_c, mixed, b2], "body")
    outs = [out([1], "i32"), out(shape), out(shape)]
    loop = Op("WHILE", [counter, a, b], outs, ("WhileOptions", {
        "condSubgraphIndex": 1, "bodySubgraphIndex": 2}))
    return Case([Graph([loop], [counter, a, b], outs), condition, body], invokes=2)


def variable(name: str) -> tuple:
    handle = T([], "resource")
    return handle, Op("VAR_HANDLE", [], [handle], ("VarHandleOptions", {
        "container": b"", "sharedName": name.encode()}))


def variables(d: Dice, variant: str) -> Case:
    """An accumulator: CALL_ONCE assigns a constant; each run adds the input and reads it back."""
    dtype, _, tail = variant.partition("_")
    dtype = {"float32": "f32", "int32": "i32", "int64": "i64"}[dtype]
    shape = d.shape(1, 3)
    name = f"v{d.int(0, 9)}"
    handle, make = variable(name)
    first = d.const(shape, dtype)
    init = Graph([make, Op("ASSIGN_VARIABLE", [handle, first], [], ("AssignVariableOptions", {}))],
                 [], [], "init")
    x = d.input(shape, dtype, invokes=3)
    handle, make = variable(name)
    before, after, result = out(shape, dtype), out(shape, dtype), out(shape, dtype)
    ops = [Op("CALL_ONCE", [], [], ("CallOnceOptions", {"initSubgraphIndex": 1})), make,
           Op("READ_VARIABLE", [handle], [before], ("ReadVariableOptions", {})),
           Op("ADD", [before, x], [after], ("AddOptions", {})),
           Op("ASSIGN_VARIABLE", [handle, after], [], ("AssignVariableOptions", {}))]
    if tail == "twice":  # read again after the assignment, through a second handle
        again, make_again = variable(name)
        ops += [make_again, Op("READ_VARIABLE", [again], [result], ("ReadVariableOptions", {}))]
        outs = [result]
    else:
        outs = [after]
    return Case([Graph(ops, [x], outs), init], invokes=3)


VARIABLES = ("float32", "float32_twice", "int32", "int64_twice")

ROWS = [
    Row("IF", if_, ("float32", "int32", "shapes"), 6),
    Row("WHILE", while_, ("float32", "int32", "grow", "forward"), 6),
    Row("CALL_ONCE", variables, VARIABLES, 2),
    Row("VAR_HANDLE", variables, VARIABLES, 1),
    Row("READ_VARIABLE", variables, VARIABLES, 1),
    Row("ASSIGN_VARIABLE", variables, VARIABLES, 1),
]
