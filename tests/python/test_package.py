"""The package as a whole: types, imports, values without a NumPy type."""
from __future__ import annotations

import pathlib
import subprocess
import sys

import edge_ml
import numpy as np
import pytest
from edge_ml import _tensors

FOLDER = pathlib.Path(edge_ml.__file__).parent


def test_typed():
    assert (FOLDER / "py.typed").exists()
    assert (FOLDER / "_edge_ml.pyi").exists()


def test_stub_names_what_the_module_has():
    import ast
    from edge_ml import _edge_ml
    for node in ast.parse((FOLDER / "_edge_ml.pyi").read_text()).body:
        if isinstance(node, ast.ClassDef):
            real = getattr(_edge_ml, node.name)
            stated = {f.name for f in node.body if isinstance(f, ast.FunctionDef) and f.name[0] != "_"}
            have = {name for name in dir(real) if name[0] != "_"}
            if node.name != "StatusError":
                assert stated == have, node.name


def test_import_is_quick():
    """150 ms, at best of some tries: other work may slow any one down. NumPy comes with the first array."""
    code = ("import sys, time; t = time.perf_counter(); from edge_ml import Interpreter, load; "
            "print(time.perf_counter() - t, 'numpy' in sys.modules)")
    times = []
    for _ in range(8):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds, with_numpy = out.stdout.split()
        assert with_numpy == "False"
        times.append(float(seconds))
        if times[-1] <= 0.150:
            break
    assert min(times) <= 0.150


@pytest.mark.parametrize("code,low,high", [(_tensors.INT4, -8, 7), (_tensors.UINT4, 0, 15),
                                           (_tensors.INT2, -2, 1)])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3), (3, 5), (0,)])
def test_packed_values(code, low, high, shape):
    values = np.random.default_rng(3).integers(low, high, shape, endpoint=True).astype(
        _tensors.numpy_type(code))
    raw = _tensors.pack(values, code)
    assert raw.dtype == np.uint8
    np.testing.assert_array_equal(_tensors.unpack(raw, code, shape), values)


def test_int4_constants_are_unpacked():
    from tflite_builder import Graph, Op, Q, T, build
    w = T([2, 4], "i4", Q(np.float32(0.5), 0), np.int8([[1, -8, 7, 0], [-1, 2, -3, 4]]), const=True)
    y = T([2, 4], "f32")
    interpreter = edge_ml.Interpreter(model_content=build([Graph(
        [Op("DEQUANTIZE", [w], [y], ("DequantizeOptions", {}))], [], [y])]))
    stored = [d for d in interpreter.get_tensor_details() if d["dtype"] is np.int8][0]
    assert interpreter.get_tensor(stored["index"]).tolist() == [[1, -8, 7, 0], [-1, 2, -3, 4]]
    interpreter.allocate_tensors()
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert result.tolist() == [[0.5, -4, 3.5, 0], [-0.5, 1, -1.5, 2]]


def test_strings_of_a_buffer():
    raw = np.int32([3, 16, 18, 18, 21]).tobytes()[:4] + np.int32([20, 22, 22, 25]).tobytes() + b"abcde"
    assert _tensors.strings(raw, [3]).tolist() == [b"ab", b"", b"cde"]
    assert _tensors.strings(raw, [1, 3]).shape == (1, 3)
    assert _tensors.strings(b"", [0]).size == 0


def test_memory_does_not_grow():
    """Views, copies and sessions are all given back."""
    import gc
    import resource
    from tflite_builder import Graph, Op, T, build
    x, y = T([256, 1024], "f32"), T([256, 1024], "f32")
    content = build([Graph([Op("NEG", [x], [y], ("NegOptions", {}))], [x], [y])])

    def once():
        interpreter = edge_ml.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.tensor(0)()[:] = 1
        interpreter.invoke()
        return interpreter.get_tensor(1)[0, 0]

    for _ in range(20):
        once()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        once()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40 * 1024, f"{grown} KiB more after 200 sessions of 2 MiB"
