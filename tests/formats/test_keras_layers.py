"""Each layer, in both generations of Keras and both formats: the numbers of Keras, no more operators than TensorFlow makes.

The models are lines of keras_cases.py, made by keras_matrix.py with TensorFlow once and kept. EDGEML_KERAS=gru,conv keeps
the cases whose names begin so; `./test --all` adds the ones marked only_all.
"""
from __future__ import annotations

import json
import os
import pathlib
import subprocess

import edge_ml
import numpy as np
import pytest
from ai_edge_litert import interpreter as peer

import keras_cases

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
CONVERT = pathlib.Path(os.environ.get("EDGEML_KERAS_CONVERT") or ROOT / "build" / "release" / "bin" / "keras_convert")
ALL = os.environ.get("EDGEML_ALL") == "1"
KEPT = tuple(filter(None, os.environ.get("EDGEML_KERAS", "").split(",")))
CASES = {name: case for name, case in keras_cases.cases(everything=ALL).items() if not KEPT or name.startswith(KEPT)}


@pytest.fixture(scope="session")
def matrix(tensorflow):
    """The folder and the lines of its index."""
    folder = tensorflow.make(["keras_matrix.py", "keras_cases.py"], *(["--all"] if ALL else []))
    return folder, json.loads((folder / "index.json").read_text())


def shown(error: str) -> str:
    return error if len(error) < 400 else error[:400] + " …"


def convert(folder: pathlib.Path, line: dict, file: str, out: pathlib.Path) -> dict:
    batch = ["--batch", str(line["batch"])] if line["batch"] else []
    done = subprocess.run([CONVERT, *batch, folder / file, out], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{file}: exit code {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout)


def answers(engine, path: pathlib.Path, inputs: list) -> list:
    interpreter = engine(model_path=str(path))
    details = interpreter.get_input_details()
    assert len(details) == len(inputs)
    for detail, x in zip(details, inputs):
        if list(detail["shape"]) != list(x.shape):
            interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    for detail, x in zip(details, inputs):
        interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def compare(ours: list, theirs: list, engine: str, tolerance: float = 1e-5) -> None:
    assert len(ours) == len(theirs), f"{engine}: {len(ours)} outputs, Keras has {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        assert a.shape == b.shape, f"{engine}: output {i} has the shape {a.shape}, in Keras {b.shape}"
        assert a.dtype == b.dtype, f"{engine}: output {i} is {a.dtype}, in Keras {b.dtype}"
        if b.dtype.kind in "iub":
            np.testing.assert_array_equal(a, b, err_msg=f"{engine}: output {i}")
        else:
            largest = max(float(np.abs(b).max()), 1e-3)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * largest, err_msg=f"{engine}: output {i}")


def keys():
    return [f"{name}.{generation}.{ending}" for name, case in CASES.items() for generation in case.generations
            for ending in (("h5", "keras") if case.archive else ("h5",))]


@pytest.mark.parametrize("file", keys())
def test_answers_as_keras(matrix, file, tmp_path):
    folder, index = matrix
    key, ending = file.rsplit(".", 1)
    line = index[key]
    assert "failed" not in line, f"Keras could not make it: {line['failed']}"
    if file not in line["files"]:
        pytest.skip(f"Keras does not save it as .{ending}: {line[ending + '_refused']}")
    out = tmp_path / "out.tflite"
    report = convert(folder, line, file, out)
    if line["expect"]:
        assert not report["ok"] and line["expect"] in report["error"], report
        return
    assert report["ok"], shown(report["error"])
    made = np.load(folder / f"{key}.npz")
    inputs = [made[f"x{i}"] for i in range(sum(name.startswith("x") for name in made.files))]
    expected = [made[f"y{i}"] for i in range(sum(name.startswith("y") for name in made.files))]
    # Of the two interpreters the second shows that the file is what others understand it to be.
    tolerance = CASES[line["name"]].tolerance
    compare(answers(edge_ml.Interpreter, out, inputs), expected, "Edge ML", tolerance)
    compare(answers(peer.Interpreter, out, inputs), expected, "LiteRT", tolerance)
    if line["tensorflow_ops"]:
        assert len(report["ops"]) <= line["tensorflow_ops"], report["ops"]
