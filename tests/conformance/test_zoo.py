"""The zoo (tools/make_zoo.py): whole models of current converters against LiteRT, in both modes.

Only with `./test --all` (EDGEML_ALL=1) and with the zoo at hand (EDGEML_CACHE/zoo). EDGEML_ZOO=name,… keeps the models whose
names begin so.

What is measured is the largest difference of an output, as a share of its largest magnitude (floats) or in quanta (integers):
- exact mode: integers are equal; floats within 1e-4, also where int16 tensors lead to a float output.
- default mode: floats within 1e-4. Where activations are rounded to 8 bits on the way ("dynamic", "int8"), a float sum in another
  order moves one across a tie now and then, and the jump is a quantum of an inner tensor: dynamic models are bounded by 5e-3
  (1.3e-3 was measured), integers by two quanta (one was measured), floats made from int8 by two quanta of 1/256.
LiteRT's reference kernels lack an operator or abort for some models; there its optimized kernels take their place, which are
themselves a quantum off, and the default mode's bounds hold in both modes.
"""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from case import seed_of

MODES = ("exact", "default")
FLOAT_BOUND, DYNAMIC_BOUND, QUANTA = 1e-4, 5e-3, 2
QUANTUM_OF_FLOATS = 1 / 256  # a softmax
# LiteRT's second LSTM takes its input gate for the tanh of a state with scale 2^-16 (kernels/recurrent/integer.h).
LITERT_IS_WRONG = {"lstm_fused_int8"}


def folder() -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("EDGEML_CACHE") or pathlib.Path(cache) / "edgeml") / "zoo"


def models() -> list:
    kept = tuple(filter(None, os.environ.get("EDGEML_ZOO", "").split(",")))
    return sorted(p for p in folder().glob("*.tflite") if not kept or p.name.startswith(kept))


ALL = "1" in (os.environ.get("EDGEML_ALL"), os.environ.get("EDGEML_TEST_ALL"))
MODELS = models() if ALL else []
pytestmark = pytest.mark.skipif(
    not MODELS, reason=f"no models in {folder()} (tools/make_zoo.py)" if ALL else "the zoo runs with --all only")


def draw(details: list, seed: int) -> list:
    """Inputs of the shapes and types of these details; whole numbers are taken for small indices."""
    rng = np.random.default_rng(seed)
    values = []
    for detail in details:
        kind, shape = detail["dtype"], detail["shape"]
        if np.issubdtype(kind, np.floating):
            values.append(rng.uniform(-2, 2, shape).astype(kind))
        elif detail["quantization"][0]:
            limits = np.iinfo(kind)
            values.append(rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True))
        else:
            values.append(rng.integers(0, 16, shape, dtype=kind))
    return values


def run(interpreter, values: list) -> list:
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def run_litert(path: str, kind: str, target: str) -> None:
    """In a process of its own (see __main__): inputs and outputs go to `target`; a refusal exits with 3."""
    from ai_edge_litert import interpreter as peer
    try:
        interpreter = peer.Interpreter(model_path=path, experimental_op_resolver_type=peer.OpResolverType[kind])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        print(error)
        sys.exit(3)
    values = draw(interpreter.get_input_details(), seed_of(pathlib.Path(path).name))
    outputs = run(interpreter, values)
    np.savez(target, **{f"in{n}": v for n, v in enumerate(values)}, **{f"out{n}": v for n, v in enumerate(outputs)})


RESULTS: dict = {}


def litert(path: pathlib.Path) -> tuple:
    """(inputs, outputs, whether they are the reference kernels') or the reason why there is none."""
    if path not in RESULTS:
        RESULTS[path] = None, None, "no kernels ran it"
        with tempfile.TemporaryDirectory() as scratch:
            target = os.path.join(scratch, "results.npz")
            for kind in ("BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"):
                child = subprocess.run([sys.executable, __file__, str(path), kind, target], capture_output=True, text=True)
                if child.returncode == 0:
                    with np.load(target) as stored:
                        ins = [stored[f"in{n}"] for n in range(sum(k.startswith("in") for k in stored))]
                        outs = [stored[f"out{n}"] for n in range(sum(k.startswith("out") for k in stored))]
                    RESULTS[path] = ins, outs, kind == "BUILTIN_REF"
                    break
                said = (child.stdout.strip() or child.stderr.strip()).splitlines()
                RESULTS[path] = None, None, f"exit code {child.returncode}: {said[-1] if said else ''}"
    return RESULTS[path]


def problem(ours: np.ndarray, theirs: np.ndarray, name: str, exact: bool) -> str:
    """What is wrong with an output, or nothing."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{ours.dtype} {ours.shape}, expected {theirs.dtype} {theirs.shape}"
    gap = float(np.abs(ours.astype(np.float64) - theirs).max())
    if np.issubdtype(theirs.dtype, np.floating):
        rounds = not exact and not name.endswith(("_float", "_float16"))
        bound = (DYNAMIC_BOUND if rounds else FLOAT_BOUND) * max(float(np.abs(theirs).max()), 1e-30)
        if rounds and name.endswith("_int8"):
            bound = QUANTA * QUANTUM_OF_FLOATS
    else:
        bound = 0 if exact else QUANTA
    return "" if gap <= bound else f"{gap} from LiteRT, bound {bound}"  # a NaN is a problem too


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_model(path, mode):
    import edge_ml
    kind = edge_ml.OpResolverType.BUILTIN_REF if mode == "exact" else edge_ml.OpResolverType.AUTO
    values, expected, reference = litert(path)
    if values is None:
        pytest.skip(f"LiteRT does not run it: {reference}")
    outputs = run(edge_ml.Interpreter(model_path=path, experimental_op_resolver_type=kind), values)
    assert len(outputs) == len(expected)
    if path.stem in LITERT_IS_WRONG:
        pytest.skip("ran, but LiteRT's result is wrong")
    for number, (a, b) in enumerate(zip(outputs, expected)):
        wrong = problem(a, b, path.stem, mode == "exact" and reference)
        assert not wrong, f"output {number}: {wrong}"


if __name__ == "__main__":
    run_litert(*sys.argv[1:])
