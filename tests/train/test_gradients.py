"""Gradients of every operator that has one, and of a small network, against TensorFlow's GradientTape.

Shapes and values are random; a failure names the seed, EDGEML_SEED=n draws other ones.
"""
from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import gradient_cases
import numpy as np
import pytest

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("EDGEML_BIN") or ROOT / "build" / "release" / "bin" / "edgeml").parent
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
BASE = int(os.environ.get("EDGEML_SEED") or 0)
TOLERANCE = 1e-5  # of the largest element


@pytest.fixture(scope="module")
def answers(tensorflow):
    folder = tensorflow.make(["../train/make_gradients.py", "../train/gradient_cases.py"], BASE)
    return np.load(folder / f"{BASE}.npz")


def build(case: gradient_cases.Case) -> bytes:
    import tflite_builder as tflite  # of tests/conformance

    inputs = [tflite.T(list(x.shape)) for x in case.inputs]
    made: dict = {}

    def tensor(operand):
        if isinstance(operand, str):
            return made[operand]
        if isinstance(operand, int):
            return inputs[operand]
        return tflite.T(list(operand.shape), "f32" if operand.dtype == np.float32 else "i32", data=operand, const=True)

    operators = []
    for node in case.nodes:
        operands = [tensor(operand) for operand in node.operands]
        outputs = [made.setdefault(name, tflite.T([])) for name in node.outputs]
        operators.append(tflite.Op(node.op, operands, outputs, node.options))
    return tflite.build([tflite.Graph(operators, inputs, operators[-1].outputs)])


@pytest.mark.parametrize("number", range(gradient_cases.COUNT))
@pytest.mark.parametrize("name", gradient_cases.MAKERS)
def test_as_tensorflow(name, number, answers, tmp_path):
    seed = gradient_cases.seed_of(name, number, BASE)
    case = gradient_cases.make(name, seed)
    prefix = f"{name}-{number}/"
    theirs = {key.removeprefix(prefix): answers[key] for key in answers.files if key.startswith(prefix)}
    (tmp_path / "model.tflite").write_bytes(build(case))
    np.savez(tmp_path / "in.npz", **{key: value for key, value in theirs.items() if re.fullmatch(r"x\d+|dy\d+", key)})
    done = subprocess.run([BIN / "graph_gradient", "model.tflite", "in.npz", "out.npz"], cwd=tmp_path, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    ours = np.load(tmp_path / "out.npz")
    assert set(ours.files) == {key for key in theirs if re.fullmatch(r"(y|dx)\d+", key)}
    for key in ours.files:
        wanted = theirs[key]
        assert ours[key].shape == wanted.shape, f"seed {seed}: {key}"
        np.testing.assert_allclose(ours[key], wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max(initial=0),
                                   err_msg=f"{key} of seed {seed}")


def test_every_operator_with_a_gradient_has_cases():
    table = (ROOT / "src" / "train" / "gradient_table.cc").read_text()
    written = {name.lower() for name in re.findall(r"\{OpCode::k(\w+), \w+Gradient,", table)}
    assert len(written) > 50
    assert written == {name.replace("_", "").lower() for name in gradient_cases.MAKERS if name != "network"}
