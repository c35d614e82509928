"""Recurrent cells as integers: near the float model, in LiteRT what they are here, and no worse than TensorFlow's."""
from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from case import Dice, out, seed_of, single  # noqa: E402
from table_recurrent import float_lstm, state, weight  # noqa: E402
from tflite_builder import build  # noqa: E402

SAMPLES = 24
TANH, RELU = 4, 1


def lstm(d: Dice, code: str):
    depth = d.int(2, 6)
    x = d.input([1, depth] if code == "LSTM" else [1, d.int(3, 7), depth])
    inputs, width = float_lstm(d, "float32", x, 1, depth)
    fields = {"fusedActivationFunction": TANH, "cellClip": d.pick([0.0, 0.7, 3.0]), "projClip": d.pick([0.0, 0.4])}
    if code == "LSTM":
        return single(code, inputs, [out([1, width])], ("LSTMOptions", fields))
    inputs += [None] * (24 - len(inputs))
    return single(code, inputs, [out([*x.shape[:2], width])], ("UnidirectionalSequenceLSTMOptions", fields))


def svdf(d: Dice, code: str):
    depth, units, rank, memory = d.int(2, 6), d.int(2, 5), d.int(1, 3), d.int(1, 5)
    inputs = [d.input([1, depth]), weight(d, [units * rank, depth], "float32"), weight(d, [units * rank, memory], "float32"),
              d.const([units], "f32", None, 0, 2) if d.chance(0.7) else None, state([1, memory * units * rank])]
    return single(code, inputs, [out([1, units])], ("SVDFOptions", {"rank": rank, "fusedActivationFunction": RELU}))


# With normalization, projection, peepholes and coupled gates as the dice fall.
CELLS = {"UNIDIRECTIONAL_SEQUENCE_LSTM": lstm, "LSTM": lstm, "SVDF": svdf}


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("code", CELLS)
def test_any_cell(code, number, edgeml, engines, tmp_path):
    d = Dice(seed_of(f"quantize {code} {number}"))
    case = CELLS[code](d, code)
    content = build(case.graphs)
    (tmp_path / "float.tflite").write_bytes(content)
    x = d.rng.normal(0, 1, (SAMPLES, *case.graphs[0].inputs[0].shape[1:])).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    report = edgeml("quantize", tmp_path / "float.tflite", tmp_path / "out.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}",
                    as_json=True)
    assert [layer["op"] for layer in report["layers"]] == [code] and report["layers"][0]["weight_bits"] == 8
    samples = [[v[None]] for v in x]
    quantized = (tmp_path / "out.tflite").read_bytes()
    ours = engines.exact(quantized, samples)
    engines.same(ours, engines.litert(quantized, samples))
    wanted = engines.exact(content, samples)
    found = engines.sqnr(wanted, ours)
    assert 33 < found < 100, f"{found:.1f} dB"


@pytest.fixture(scope="session")
def keras_cells(tensorflow):
    return tensorflow.make(["../quantize/make_cells.py"])


@pytest.mark.parametrize("name", ["sequence", "dense", "stack", "bidirectional"])
def test_keras_lstm_beside_tensorflow(name, keras_cells, edgeml, engines, tmp_path):
    source, made = keras_cells / f"{name}.h5", np.load(keras_cells / f"{name}.npz")
    samples = [[x[None]] for x in made["test"]]
    edgeml("convert", source, tmp_path / "float.tflite", "--verify", 0)
    np.savez(tmp_path / "x.npz", x=made["x"])
    report = edgeml("quantize", source, tmp_path / "out.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}", as_json=True)
    assert all(layer["quantized"] for layer in report["layers"])
    content, theirs = (tmp_path / "out.tflite").read_bytes(), (keras_cells / f"{name}.tflite").read_bytes()
    ours = engines.exact(content, samples)
    engines.same(ours, engines.litert(content, samples))
    wanted = engines.exact((tmp_path / "float.tflite").read_bytes(), samples)
    assert engines.sqnr(wanted, ours) >= engines.sqnr(wanted, engines.litert(theirs, samples)) - 0.05
    assert 25 < engines.sqnr(wanted, ours) < 100 and len(content) <= len(theirs)


def test_sixteen_bits_stay_float(keras_cells, edgeml, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.load(keras_cells / "dense.npz")["x"])
    command = "quantize", keras_cells / "dense.h5", tmp_path / "out.tflite", "--scheme", "int16x8", "--calibration", \
        f"npz:{tmp_path / 'x.npz'}"
    error = edgeml(*command, code=4)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in error and "no int16 form" in error
    report = edgeml(*command, "--allow-float", as_json=True)
    assert {layer["op"]: layer["quantized"] for layer in report["layers"]} == {
        "UNIDIRECTIONAL_SEQUENCE_LSTM": False, "FULLY_CONNECTED": True}
