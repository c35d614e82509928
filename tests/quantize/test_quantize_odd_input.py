"""What is wrong with data, ranges or options is said in one line that names it, and leaves no file behind."""
from __future__ import annotations

import re
import signal
import subprocess
import time

import numpy as np
import pytest


def images(count: int = 20) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 16, (count, 8, 8, 1)).astype(np.float32)


def with_one(value: float) -> np.ndarray:
    x = images()
    x[3, 2, 2] = value
    return x


CALIBRATIONS = {
    "wrong_shape": (images()[:, :7], 2, ["input 'image'", "[1, 8, 8, 1]", "[7, 8, 1]"]),
    "nan": (with_one(np.nan), 2, ["sample 3", "'image'", "not a number"]),
    "infinite": (with_one(np.inf), 2, ["sample 3", "'image'", "infinite"]),
    "none": (images()[:0], 3, ["no array x of examples"]),
}


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_bad_samples(name, edgeml, models, tmp_path):
    x, code, words = CALIBRATIONS[name]
    np.savez(tmp_path / "x.npz", x=x)
    error = edgeml("quantize", models / "digits.h5", tmp_path / "out.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}",
                   "--save-ranges", tmp_path / "ranges.json", code=code)
    assert all(word in error for word in [*words, "x.npz"]), error
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize("value", [0, 7])
def test_one_constant_picture_is_warned_of(value, edgeml, models, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.full((1, 8, 8, 1), value, np.float32))
    report = edgeml("quantize", models / "digits.h5", tmp_path / "out.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}",
                    as_json=True)
    assert any("calibrated on 1 sample" in note for note in report["notes"])
    assert any(f"('image') is {value} throughout" in note for note in report["notes"])
    answers = edgeml("evaluate", tmp_path / "out.tflite", "--data", "digits", "--limit", 20, as_json=True)
    assert np.isfinite(answers["loss"])


OPTIONS = {
    "no_data": ([], 2, ["--calibration", "--ranges"]),
    "absent_data": (["--calibration", "npz:absent.npz"], 3, ["absent.npz"]),
    "unknown_data": (["--calibration", "jpeg:x"], 2, ["jpeg"]),
    "no_labels": (["--calibration", "digits", "--eval", "npz:good.npz"], 2, ["no labels"]),
    "absent_ranges": (["--ranges", "absent.json"], 3, ["absent.json", "no such file"]),
    "no_ranges": (["--ranges", "good.npz"], 3, ["good.npz", "not valid JSON"]),
    "cut_ranges": (["--ranges", "cut.json"], 3, ["cut.json", "not valid JSON"]),
    "other_ranges": (["--ranges", "other.json"], 2, ["other.json", "another model"]),
    "keep_unknown": (["--calibration", "digits", "--keep-float", "nobody"], 2, ["nobody"]),
    "keep_unknown_dynamic": (["--scheme", "dynamic", "--keep-float", "nobody"], 2, ["nobody"]),
    "keep_in_integers": (["--calibration", "digits", "--keep-float", "SOFTMAX"], 4, ["SOFTMAX", "probability"]),
    "bits_unknown": (["--calibration", "digits", "--bits", "nobody=4"], 2, ["nobody"]),
    "bits_odd": (["--calibration", "digits", "--bits", "probability=3"], 2, ["probability=3"]),
    "scheme": (["--scheme", "int9"], 2, ["int9", "int8"]),
    "type": (["--calibration", "digits", "--input-type", "int16"], 2, ["int16", "int8"]),
    "float_type": (["--scheme", "dynamic", "--input-type", "int8"], 2, ["dynamic"]),
    "output": (["--calibration", "digits"], 4, ["out.onnx"]),
}


@pytest.fixture(scope="module")
def folder(edgeml, models, tmp_path_factory):
    found = tmp_path_factory.mktemp("odd")
    np.savez(found / "good.npz", x=images())
    ranges = "--calibration", "digits", "--samples", 12, "--save-ranges"
    edgeml("quantize", models / "digits.h5", found / "a.tflite", *ranges, found / "own.json")
    (found / "cut.json").write_bytes((found / "own.json").read_bytes()[:500])
    own = (found / "own.json").read_text()
    model = re.search(r'"model": "([0-9a-f]{16})"', own)[1]  # the hash of a model's graph and weights
    (found / "other.json").write_text(own.replace(model, model[::-1], 1))
    (found / "a.tflite").unlink()
    return found


@pytest.mark.parametrize("name", OPTIONS)
def test_bad_options(name, folder, edgeml, models, tmp_path):
    options, code, words = OPTIONS[name]
    options = [o.replace("npz:", f"npz:{folder}/") if o.startswith("npz:") else
               str(folder / o) if o.endswith((".json", ".npz")) else o for o in options]
    error = edgeml("quantize", models / "digits.h5", tmp_path / ("out.onnx" if name == "output" else "out.tflite"), *options,
                   code=code)
    assert all(word in error for word in words), error
    assert not list(tmp_path.iterdir())


def test_a_quantized_model_is_refused(edgeml, models, tmp_path):
    error = edgeml("quantize", models / "digits_int8.tflite", tmp_path / "out.tflite", "--calibration", "digits", code=2)
    assert "digits_int8.tflite" in error and "quantized already" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("moment", [0.2, 1.0])
def test_interrupted_work_leaves_nothing(moment, binary, models, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.tile(images(2000), (100, 1, 1, 1)))
    command = [binary, "quantize", models / "digits.h5", tmp_path / "out.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}",
               "--method", "mse", "--save-ranges", tmp_path / "ranges.json", "--threads", "1"]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        time.sleep(moment)
        running.send_signal(signal.SIGINT)
        _, error = running.communicate(timeout=60)
    # Before the command looks for signals, the system ends it.
    assert running.returncode in (130, -signal.SIGINT), error
    assert running.returncode != 130 or "interrupted" in error
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
