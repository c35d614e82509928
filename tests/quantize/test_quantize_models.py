"""Every scheme on real models: the file runs in LiteRT as here, and the accuracy that it costs is bounded."""
from __future__ import annotations

import numpy as np
import pytest
import real_models

INTEGER = ["int8", "int8-float", "int16x8", "int4", "binary"]
SCHEMES = ["dynamic", "weight-int8", "weight-int4", "float16", *INTEGER]
MODELS = {model.name: model for model in real_models.MODELS}
NAMES = [name for name in MODELS if name == "digits" or real_models.real_data.have()]  # the others need the real data
SAMPLES = 3


@pytest.fixture(scope="module")
def prepared(edgeml, tmp_path_factory):
    """Of each model, made once: the float file, calibration data, the ranges seen on it, and samples to run."""
    made = {}

    def get(name):
        if name not in made:
            model, folder = MODELS[name], tmp_path_factory.mktemp(name)
            calibration = model.calibration()
            np.savez(folder / "x.npz", x=calibration[:: max(1, len(calibration) // 32)])
            edgeml("convert", model.file(), folder / "float.tflite", "--verify", 0)
            edgeml("quantize", model.file(), folder / "int8.tflite", "--calibration", f"npz:{folder / 'x.npz'}",
                   "--save-ranges", folder / "ranges.json")
            samples = [[x[None]] for x in model.test()[:SAMPLES]]
            made[name] = folder, samples
        return made[name]
    return get


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_runs_in_litert_as_here(name, scheme, prepared, edgeml, engines, tmp_path):
    folder, samples = prepared(name)
    report = edgeml("quantize", MODELS[name].file(), tmp_path / "out.tflite", "--scheme", scheme, "--ranges",
                    folder / "ranges.json", as_json=True)
    content = (tmp_path / "out.tflite").read_bytes()
    assert report["output_bytes"] == len(content) < report["float_bytes"]
    ours = engines.exact(content, samples)
    engines.same(ours, engines.litert(content, samples))
    # Sound, if rough: what one bit does to weights is not judged here.
    least = {"binary": -3, "int4": 3, "weight-int4": 3, "int16x8": 30, "float16": 40}.get(scheme, 15)
    wanted = engines.exact((folder / "float.tflite").read_bytes(), samples)
    assert engines.sqnr(wanted, ours) > least


@pytest.mark.parametrize("scheme", INTEGER)
@pytest.mark.parametrize("name", NAMES)
def test_integers_at_both_ends(name, scheme, prepared, edgeml, engines, tmp_path):
    folder, samples = prepared(name)
    kind = "int16" if scheme == "int16x8" else "uint8" if scheme == "int4" else "int8"
    edgeml("quantize", MODELS[name].file(), tmp_path / "out.tflite", "--scheme", scheme, "--ranges", folder / "ranges.json",
           "--input-type", kind, "--output-type", kind)
    content = (tmp_path / "out.tflite").read_bytes()
    ours = engines.exact(content, samples)
    assert all(str(y.dtype) == kind for outputs in ours for y in outputs)
    assert any(len(np.unique(y)) > 1 for outputs in ours for y in outputs)
    engines.same(ours, engines.litert(content, samples))


# Points of accuracy that may be lost on the 1,000 test pictures, after calibration on the 500 official ones.
@pytest.mark.parametrize("scheme,most", [("int8", 0.3), ("dynamic", 0.2), ("float16", 0.05)])
def test_what_it_costs(scheme, most, data, edgeml, tmp_path):
    pictures = data / "cifar10"
    report = edgeml("quantize", data / "mlperf-tiny" / "pretrainedResnet.h5", tmp_path / "out.tflite", "--scheme", scheme,
                    "--calibration", f"cifar10:{pictures / 'ic01_calibration_samples.bin'}", "--eval",
                    f"cifar10:{pictures / 'cifar10_test_subset_1000.bin'}", as_json=True)
    assert report["accuracy_before"] == pytest.approx(0.857, abs=5e-4)
    assert 100 * (report["accuracy_before"] - report["accuracy"]) <= most + 1e-9
