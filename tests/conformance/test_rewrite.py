"""What we write, LiteRT runs with the same outputs: real models, and a model of each operator and variant."""
from __future__ import annotations

import os
import pathlib
import subprocess

import numpy as np
import pytest
import real_data
import runner
import tables
from ai_edge_litert import interpreter as peer
from test_models import random_inputs, run

BIN = pathlib.Path(os.environ.get("EDGEML_BIN", real_data.REPOSITORY / "build/release/bin/edgeml"))
CASES = [case for case in tables.all_cases() if case[0].endswith("-0")]


# Files with pruning wrappers left in: their weights become constants, which LiteRT gives to other kernels.
STRIPPED = {"mnist_dense128_dynamic_range.tflite"}


def rewrite(source: pathlib.Path, target: pathlib.Path) -> None:
    done = subprocess.run([BIN, "convert", source, target], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def equal(a: list, b: list) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_array_equal(x, y)


@pytest.mark.skipif(not real_data.have(), reason="no real models (set EDGEML_TEST_DATA)")
@pytest.mark.parametrize("path", real_data.models(), ids=lambda p: p.name)
def test_real_model(path: pathlib.Path, tmp_path: pathlib.Path):
    target = tmp_path / "rewritten.tflite"
    rewrite(path, target)
    before, after = (peer.Interpreter(model_path=str(p)) for p in (path, target))
    for interpreter in (before, after):
        interpreter.allocate_tensors()
    values = random_inputs(before, seed=1)
    if path.name in STRIPPED:
        np.testing.assert_allclose(run(before, *values)[0], run(after, *values)[0], rtol=0, atol=1e-6)
    else:
        equal(run(before, *values), run(after, *values))
    assert before.get_signature_list() == after.get_signature_list()
    assert target.stat().st_size <= path.stat().st_size * 1.05 + 4096


@pytest.mark.parametrize("name,row,variant,seed", CASES, ids=lambda v: v if isinstance(v, str) and "-" in v else "")
def test_operator(name: str, row, variant: str, seed: int, tmp_path: pathlib.Path):
    case = tables.make(row, variant, seed)
    content = runner.build_case(case)
    try:
        before = runner.run_peer(content, case)
    except runner.Rejected as error:
        pytest.skip(f"LiteRT rejects it: {error}")
    source, target = tmp_path / "source.tflite", tmp_path / "rewritten.tflite"
    source.write_bytes(content)
    rewrite(source, target)
    after = runner.run_peer(target.read_bytes(), case)
    assert before.resolver == after.resolver
    for turn, (a, b) in enumerate(zip(before.outputs, after.outputs)):
        for number, (x, y) in enumerate(zip(runner.written(a, case), runner.written(b, case))):
            np.testing.assert_array_equal(x, y, err_msg=f"invocation {turn}, output {number}")
