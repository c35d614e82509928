"""The audio front-end's operators against TFLite Micro's own interpreter: integers equal, floats within the plan's bound.

EDGEML_ALL=1 multiplies the cases by ten, EDGEML_SEED=n draws other ones. A failing case is saved as .tflite in
EDGEML_FAIL_DIR (build/failures).
"""
from __future__ import annotations

import os
import pathlib
import zlib

import audio_cases
import numpy as np
import pytest
from tflite_micro import runtime as micro  # a peer of tools/requirements-test.txt

import edge_ml

CASES = 12 * (10 if os.environ.get("EDGEML_ALL") == "1" else 1)
SEED = int(os.environ.get("EDGEML_SEED", "0"))


def run_micro(case):
    interpreter = micro.Interpreter.from_bytes(case.model, arena_size=1 << 20)
    count = outputs_of(case.model)
    for turn, feeds in enumerate(case.feeds):
        for i, value in enumerate(feeds):
            interpreter.set_input(np.asarray(value), i)
        interpreter.invoke()
        yield [np.array(interpreter.get_output(i)) for i in range(count)]
        if case.reset_after == turn + 1:
            interpreter.reset()


def outputs_of(model) -> int:
    return len(edge_ml.Interpreter(model_content=model, custom_ops=[edge_ml.audio_frontend_ops()]).get_output_details())


def run_ours(case, exact):
    kind = edge_ml.OpResolverType.BUILTIN_REF if exact else edge_ml.OpResolverType.AUTO
    interpreter = edge_ml.Interpreter(model_content=case.model, experimental_op_resolver_type=kind,
                                      custom_ops=[edge_ml.audio_frontend_ops()])
    interpreter.allocate_tensors()
    for turn, feeds in enumerate(case.feeds):
        for detail, value in zip(interpreter.get_input_details(), feeds):
            interpreter.set_tensor(detail["index"], np.asarray(value))
        interpreter.invoke()
        yield [np.array(interpreter.get_tensor(d["index"])) for d in interpreter.get_output_details()]
        if case.reset_after == turn + 1:
            interpreter.reset_all_variables()


def compare(ours, theirs):
    if not all(bool(t) for t in theirs if t.dtype == np.bool_):  # they left the rest as it was
        ours, theirs = ([t for t in side if t.dtype == np.bool_] for side in (ours, theirs))
    for a, b in zip(ours, theirs):
        assert a.dtype == b.dtype and a.shape == b.shape
        if a.dtype == np.float32:
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-5 * max(1.0, float(np.abs(b).max(initial=0))))
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("number", range(CASES))
@pytest.mark.parametrize("row", audio_cases.ROWS)
def test_case(row, number):
    rng = np.random.default_rng([SEED, number, zlib.crc32(row.encode())])
    case = audio_cases.ROWS[row](rng)
    theirs = list(run_micro(case))
    for exact in (True, False):
        try:
            for turn, (a, b) in enumerate(zip(run_ours(case, exact), theirs)):
                compare(a, b)
        except Exception as error:
            folder = pathlib.Path(os.environ.get("EDGEML_FAIL_DIR", "build/failures"))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{row}-{number}.tflite").write_bytes(case.model)
            pytest.fail(f"{row} {number} (seed {SEED}, exact {exact}): {error}", pytrace=False)
