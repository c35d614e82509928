"""Whole models through the passes: the same answers before and after, in our engine and in LiteRT.

Converters have been over these models already: few nodes are left to be saved, and nothing may break. A few models run by
default, all with EDGEML_ALL=1. Models with integers in them come out bit for bit in our engine; LiteRT's own answers are
compared with the bounds below, as shares of the largest output, since it sums in another order when a node changes.
"""
from __future__ import annotations

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("EDGEML_BIN") or ROOT / "build" / "release" / "bin" / "edgeml").parent
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA") or ROOT.parent / "shared" / "data")
CACHE = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
ZOO = pathlib.Path(os.environ.get("EDGEML_CACHE") or pathlib.Path(CACHE) / "edgeml") / "zoo"
ALL = os.environ.get("EDGEML_ALL") == "1"
FEW = {"mobilenet_v3_small_float", "ds_cnn_batch_float", "transformer_float", "gru_float", "unet_float",
       "lstm_fused_float16", "ds_cnn_int8", "autoencoder_dynamic"}
# TensorFlow wrote int16 tensors between float ones there; our engine has no such LSTM.
NOT_RUN = {"lstm_fused_int16x8", "bidirectional_lstm_fused_int16x8"}
BOUND = 1e-5
# Activations rounded to 8 bits on the way: a float in another order moves one across a tie.
LITERT_BOUND = {"dynamic": 5e-3, "float": 1e-5, "float16": 1e-5}


def models():
    found = sorted(ZOO.glob("*.tflite")) + sorted(DATA.rglob("*.tflite"))
    return [path for path in found if path.stem in FEW or (ALL and path.stem not in NOT_RUN)]


MODELS = models()


def rewrite(source, target, *options):
    done = subprocess.run([BIN / "rewrite_model", source, target, *options], capture_output=True, text=True, timeout=600,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answers(path, seed):
    model = litert.Interpreter(model_path=str(path),
                               experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    model.allocate_tensors()
    rng = np.random.default_rng(seed)
    for detail in model.get_input_details():
        kind, shape = detail["dtype"], detail["shape"]
        whole = not np.issubdtype(kind, np.floating)
        value = rng.integers(0, 16, shape) if whole else rng.uniform(-1, 1, shape)
        model.set_tensor(detail["index"], value.astype(kind))
    model.invoke()
    return [model.get_tensor(detail["index"]) for detail in model.get_output_details()]


def kind_of(path):
    return path.stem.rsplit("_", 1)[-1]


@pytest.mark.skipif(not MODELS, reason=f"no models in {ZOO} (tools/make_zoo.py) or {DATA}")
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model(path, tmp_path):
    target = tmp_path / "after.tflite"
    report = rewrite(path, target)
    assert report["nodes_after"] <= report["nodes_before"]
    integer = kind_of(path) not in LITERT_BOUND
    assert report["relative_difference"] <= (LITERT_BOUND["dynamic"] if kind_of(path) == "dynamic" else BOUND)
    if integer:
        assert report["largest_difference"] == 0
    for before, after in zip(answers(path, 1), answers(target, 1), strict=True):
        assert before.dtype == after.dtype and before.shape == after.shape
        difference = np.abs(before.astype(np.float64) - after.astype(np.float64)).max(initial=0)
        assert difference <= LITERT_BOUND.get(kind_of(path), 0) * np.abs(before.astype(np.float64)).max(initial=0)


FLOATS = [path for path in MODELS if kind_of(path) == "float"]


@pytest.mark.skipif(not FLOATS, reason=f"no models in {ZOO} (tools/make_zoo.py)")
@pytest.mark.parametrize("path", FLOATS, ids=lambda path: path.stem)
def test_float16(path, tmp_path):
    target = tmp_path / "half.tflite"
    report = rewrite(path, target, "float16")
    assert report["float16_constants"] > 0
    assert target.stat().st_size < 0.75 * path.stat().st_size + 20_000
    # LiteRT on TensorFlow's own float16 file is as far from the float32 one as on ours.
    theirs = path.with_name(path.stem + "16.tflite")
    if not theirs.exists():
        pytest.skip("no such model of TensorFlow's")
    for exact, ours, other in zip(answers(path, 1), answers(target, 1), answers(theirs, 1), strict=True):
        if np.issubdtype(exact.dtype, np.floating):
            bound = 2 * np.abs(other - exact).max() + 1e-4 * np.abs(exact).max()
            assert np.abs(ours - exact).max() <= bound
