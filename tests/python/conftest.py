"""Small models for the tests of the Python module, made with the builder of the conformance tests."""
from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from tflite_builder import Graph, Op, Q, T, build  # noqa: E402


def adder(dtype: str = "f32", q=None, shape=(1, 4), signature=None) -> bytes:
    """y = a + b, signature "add"."""
    a = T(list(shape), dtype, q, name="a", signature=signature)
    b = T(list(shape), dtype, q, name="b", signature=signature)
    y = T(list(shape), dtype, q, name="y", signature=signature)
    fields = {"potScaleInt16": False} if dtype == "i16" else {}
    graph = Graph([Op("ADD", [a, b], [y], ("AddOptions", fields))], [a, b], [y])
    return build([graph], [("add", 0, {"a": a, "b": b}, {"sum": y})])


@pytest.fixture
def add_model() -> bytes:
    return adder()


@pytest.fixture
def integer_add_model() -> bytes:
    return adder("i32")


@pytest.fixture
def model_file(tmp_path, add_model) -> pathlib.Path:
    path = tmp_path / "add.tflite"
    path.write_bytes(add_model)
    return path


@pytest.fixture
def open_batch_model() -> bytes:
    """y = a + b with an unknown first dimension."""
    return adder(signature=(-1, 4))


@pytest.fixture
def two_signature_model() -> bytes:
    """Subgraph 0: x + 1 (signature "one"); subgraph 1: x * 3 and -x (signature "three")."""
    x, y = T([2], "f32", name="x"), T([2], "f32", name="y")
    one = T([1], "f32", None, np.float32([1]), const=True)
    first = Graph([Op("ADD", [x, one], [y], ("AddOptions", {}))], [x], [y])
    u, v, w = T([3], "f32", name="u"), T([3], "f32", name="v"), T([3], "f32", name="w")
    three = T([1], "f32", None, np.float32([3]), const=True)
    second = Graph([Op("MUL", [u, three], [v], ("MulOptions", {})),
                    Op("NEG", [u], [w], ("NegOptions", {}))], [u], [v, w], "second")
    return build([first, second], [("one", 0, {"x": x}, {"y": y}),
                                   ("three", 1, {"u": u}, {"times": v, "negative": w})])


@pytest.fixture
def where_model() -> bytes:
    """Positions of the true elements: the output's shape follows from the values."""
    x, y = T([6], "bool", name="x"), T([1, 1], "i64", name="y", signature=(-1, 1))
    return build([Graph([Op("WHERE", [x], [y], ("WhereOptions", {}))], [x], [y])])


@pytest.fixture
def state_model() -> bytes:
    """A running sum in a resource variable."""
    def handle():
        h = T([], "resource")
        return h, Op("VAR_HANDLE", [], [h], ("VarHandleOptions", {"sharedName": b"v", "container": b""}))

    h0, make0 = handle()
    zero = T([2], "f32", None, np.zeros(2, np.float32), const=True)
    init = Graph([make0, Op("ASSIGN_VARIABLE", [h0, zero], [], ("AssignVariableOptions", {}))], [], [],
                 "init")
    x, before, after = T([2], "f32", name="x"), T([2], "f32"), T([2], "f32", name="after")
    h1, make1 = handle()
    ops = [Op("CALL_ONCE", [], [], ("CallOnceOptions", {"initSubgraphIndex": 1})), make1,
           Op("READ_VARIABLE", [h1], [before], ("ReadVariableOptions", {})),
           Op("ADD", [before, x], [after], ("AddOptions", {})),
           Op("ASSIGN_VARIABLE", [h1, after], [], ("AssignVariableOptions", {}))]
    return build([Graph(ops, [x], [after]), init])


@pytest.fixture
def custom_op_model() -> bytes:
    x, y = T([2], "f32", name="x"), T([2], "f32", name="y")
    return build([Graph([Op("MyOwnOp", [x], [y], custom=b"")], [x], [y])])


@pytest.fixture
def quantized_model() -> bytes:
    """DEQUANTIZE of int8 with one scale per row."""
    q = Q(np.float32([0.5, 0.25]), np.int64([0, 0]), 0)
    x, y = T([2, 3], "i8", q, name="x"), T([2, 3], "f32", name="y")
    return build([Graph([Op("DEQUANTIZE", [x], [y], ("DequantizeOptions", {}))], [x], [y])])


@pytest.fixture
def two_op_model() -> bytes:
    """y = sin(x + x)"""
    x, t, y = (T([1, 4], "f32", name=name) for name in "xty")
    return build([Graph([Op("ADD", [x, x], [t], ("AddOptions", {})), Op("SIN", [t], [y])], [x], [y])])
