"""String tensors: what goes in and comes out, compared with LiteRT."""
from __future__ import annotations

import importlib

import edge_ml
import numpy as np
import pytest
from tflite_builder import Graph, Op, T, build

peer = importlib.import_module("ai_edge_litert.interpreter")

BOTH = pytest.mark.parametrize("kind", [edge_ml.Interpreter, peer.Interpreter], ids=["edge_ml", "litert"])
TEXT = [b"zero", b"", b"two\0zeros\0", "vier ä".encode(), b"x" * 300]


def gather(shape=(5,), positions=(3,), constant=None) -> bytes:
    """GATHER of strings: inputs "text" (unless constant) and "positions"."""
    text = T(list(shape), "string", None, constant, const=constant is not None, name="text")
    ids = T(list(positions), "i64", name="positions")
    y = T([*positions, *shape[1:]], "string", name="y")
    inputs = [ids] if constant is not None else [text, ids]
    return build([Graph([Op("GATHER", [text, ids], [y], ("GatherOptions", {}))], inputs, [y])])


def ready(kind, content: bytes):
    interpreter = kind(model_content=content)
    interpreter.allocate_tensors()
    return interpreter


def indices(interpreter) -> dict:
    return {d["name"]: d["index"] for d in interpreter.get_tensor_details()}


def objects(strings) -> np.ndarray:
    out = np.empty(len(strings), object)
    out[:] = strings
    return out


@BOTH
@pytest.mark.parametrize("values,expected", [
    (objects(TEXT), TEXT),
    (objects(["a", "ä", "", "日本", "e"]), [b"a", "ä".encode(), b"", "日本".encode(), b"e"]),
    (np.array([b"a", b"bc", b"", b"d", b"e"]), [b"a", b"bc", b"", b"d", b"e"]),
    (np.array(["a", "bc", "", "d", "ä"]), [b"a", b"bc", b"", b"d", "ä".encode()]),
], ids=["bytes objects", "text objects", "bytes", "text"])
def test_gathers_strings(kind, values, expected):
    interpreter = ready(kind, gather())
    at = indices(interpreter)
    for ids in ([4, 2, 0], [1, 1, 3]):
        interpreter.set_tensor(at["text"], values)
        interpreter.set_tensor(at["positions"], np.int64(ids))
        interpreter.invoke()
        y = interpreter.get_tensor(at["y"])
        assert y.dtype == object and y.shape == (3,)
        assert y.tolist() == [expected[i] for i in ids]
        assert interpreter.get_tensor(at["text"]).tolist() == expected


@BOTH
def test_details_and_types(kind):
    interpreter = ready(kind, gather())
    at = indices(interpreter)
    details = interpreter.get_output_details()[0]
    assert details["dtype"] is np.bytes_ and details["shape"].tolist() == [3]
    with pytest.raises(ValueError, match="Got value of type FLOAT32 but expected type STRING"):
        interpreter.set_tensor(at["text"], np.zeros(5, np.float32))
    with pytest.raises(ValueError, match="Dimension mismatch"):
        interpreter.set_tensor(at["text"], np.array(["a", "b"]))
    with pytest.raises(ValueError):
        interpreter.set_tensor(at["text"], objects([b"a", 1, b"c", b"d", b"e"]))


@BOTH
def test_gathers_constants(kind):
    interpreter = ready(kind, gather(constant=TEXT))
    at = indices(interpreter)
    interpreter.set_tensor(at["positions"], np.int64([3, 2, 1]))
    interpreter.invoke()
    assert interpreter.get_tensor(at["y"]).tolist() == [TEXT[3], TEXT[2], TEXT[1]]
    assert interpreter.get_tensor(at["text"]).tolist() == TEXT


@BOTH
def test_resized_inputs(kind):
    interpreter = ready(kind, gather())
    at = indices(interpreter)
    interpreter.resize_tensor_input(at["text"], [2])
    interpreter.resize_tensor_input(at["positions"], [2, 2])
    interpreter.allocate_tensors()
    interpreter.set_tensor(at["text"], np.array(["no", "yes"]))
    interpreter.set_tensor(at["positions"], np.int64([[0, 1], [1, 1]]))
    interpreter.invoke()
    assert interpreter.get_tensor(at["y"]).tolist() == [[b"no", b"yes"], [b"yes", b"yes"]]


@BOTH
def test_a_position_out_of_range_fails(kind):
    interpreter = ready(kind, gather())
    at = indices(interpreter)
    interpreter.set_tensor(at["text"], objects(TEXT))
    interpreter.set_tensor(at["positions"], np.int64([0, 5, 0]))
    with pytest.raises(RuntimeError):
        interpreter.invoke()


@BOTH
def test_a_single_string_keeps_its_width(kind):
    x, y = T([], "string", name="x"), T([3], "i32", name="y")
    one, two = T([3], "i32", name="one"), T([3], "i32", name="two")
    content = build([Graph([Op("ADD", [one, two], [y], ("AddOptions", {}))], [x, one, two], [y])])
    interpreter = ready(kind, content)
    interpreter.set_tensor(indices(interpreter)["x"], np.array(b"abcd" + bytes(16)))
    assert interpreter.get_tensor(indices(interpreter)["x"]).item(0) == b"abcd" + bytes(16)


@BOTH
def test_the_shape_of_strings(kind):
    x, y, r = T([2, 3], "string", name="x"), T([2], "i32", name="y"), T([], "i32", name="r")
    interpreter = ready(kind, build([Graph([Op("SHAPE", [x], [y], ("ShapeOptions", {"outType": 2})),
                                            Op("RANK", [x], [r], ("RankOptions", {}))], [x], [y, r])]))
    interpreter.invoke()
    assert interpreter.get_tensor(indices(interpreter)["y"]).tolist() == [2, 3]
    assert interpreter.get_tensor(indices(interpreter)["r"]) == 2


def test_other_operators_refuse_strings():
    x, y = T([2], "string", name="x"), T([2], "string", name="y")
    content = build([Graph([Op("NEG", [x], [y], ("NegOptions", {}))], [x], [y])])
    with pytest.raises(RuntimeError, match="takes no strings"):
        ready(edge_ml.Interpreter, content)


@pytest.mark.parametrize("bad", [
    np.array(5, np.int32), np.array([4, 24, 24, 24], np.int32), np.array([5, 28, 20, 28, 28, 28, 28], np.int32),
    np.array([5, 28, 28, 28, 28, 28, 2000], np.int32), np.array([-1, 8], np.int32)])
def test_damaged_constants_are_refused(bad, monkeypatch):
    import tflite_builder
    monkeypatch.setattr(tflite_builder, "string_buffer", lambda strings: np.frombuffer(bad.tobytes(), np.uint8))
    with pytest.raises(ValueError, match="string"):
        edge_ml.Interpreter(model_content=gather(constant=TEXT))


def test_strings_are_not_set_under_a_view():
    interpreter = ready(edge_ml.Interpreter, gather())
    at = indices(interpreter)
    view = interpreter.tensor(at["text"])()
    with pytest.raises(RuntimeError, match="reference to internal data"):
        interpreter.set_tensor(at["text"], objects(TEXT))
    del view
    interpreter.set_tensor(at["text"], objects(TEXT))
    interpreter.tensor(at["text"])()[:] = 255  # spoilt by its owner: refused, never followed
    with pytest.raises(RuntimeError):
        interpreter.invoke()
    with pytest.raises(ValueError):
        interpreter.get_tensor(at["text"])
