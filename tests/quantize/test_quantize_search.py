"""Models that are mended, or mixed of bits, until a budget holds: what is written keeps it, judged by other commands."""
from __future__ import annotations

import numpy as np
import pytest

DATA = ["--calibration", "digits:train", "--samples", "100", "--rounding-samples", "50", "--eval", "digits:test"]


@pytest.fixture(name="quantize")
def _quantize(edgeml, models, tmp_path):
    def made(*options, code: int = 0, model=models / "digits.h5"):
        return edgeml("quantize", model, tmp_path / "out.tflite", *DATA, *options, code=code, as_json=code == 0)
    return made


def accuracy(edgeml, path) -> float:
    return edgeml("evaluate", path, "--data", "digits:test", as_json=True)["accuracy"]


def bits_of(report: dict) -> list:
    return [layer["weight_bits"] for layer in report["layers"] if "weight_bits" in layer]


def test_mixed_by_accuracy(quantize, edgeml, tmp_path):
    report = quantize("--scheme", "mixed", "--max-drop", "0.6%")
    assert report["within_budget"] and report["accuracy_before"] - report["accuracy"] <= 0.006
    assert accuracy(edgeml, tmp_path / "out.tflite") == pytest.approx(report["accuracy"])
    assert 4 in bits_of(report)
    assert report["costs"] and all(cost["noise"] >= 0 and cost["bits"] == 4 for cost in report["costs"])
    # The steps end in what was taken: the last one that was kept.
    assert [step["accuracy"] for step in report["steps"] if step["kept"]][-1] == pytest.approx(report["accuracy"])


def test_mixed_by_size(quantize):
    costs = quantize("--scheme", "mixed")["costs"]
    weights = sum(cost["weights"] for cost in costs)
    largest = max(costs, key=lambda cost: cost["weights"])
    assert largest["weights"] > weights // 4
    report = quantize("--scheme", "mixed", "--max-size", weights - weights // 8)
    stored = sum(cost["weights"] * bits / 8 for cost in report["costs"] for layer in report["layers"]
                 if layer["name"] == cost["name"] and layer["op"] == cost["op"] for bits in [layer["weight_bits"]])
    assert stored <= weights - weights // 8
    assert 8 in bits_of(report) and 4 in bits_of(report)
    error = quantize("--scheme", "mixed", "--max-size", weights // 4, code=1)
    assert "4 bits everywhere" in error


def test_mixed_by_latency(quantize):
    # A second is more than all layers need: everything may stay float.
    report = quantize("--scheme", "mixed", "--max-latency", 1000)
    assert all(not layer["quantized"] for layer in report["layers"] if layer["op"] in ("CONV_2D", "FULLY_CONNECTED"))
    assert report["accuracy"] == pytest.approx(report["accuracy_before"])
    assert all(np.isfinite(cost["latency_ms"]) for cost in report["costs"] if "latency_ms" in cost)
    assert any("latency_ms" in cost for cost in report["costs"])
    error = quantize("--scheme", "mixed", "--max-latency", 1e-9, code=1)
    assert "8 bits everywhere" in error


def test_binary_layers_are_those_that_bear_it(quantize):
    strict = quantize("--scheme", "binary", "--max-drop", "0.3%")
    assert strict["accuracy_before"] - strict["accuracy"] <= 0.003 + 1e-9
    assert 8 in bits_of(strict)
    lax = quantize("--scheme", "binary", "--max-drop", "100%")
    assert set(bits_of(lax)) == {1}


def test_auto_stops_at_once_when_int8_is_good(quantize):
    report = quantize("--auto", "--max-drop", "2%")
    assert len(report["steps"]) == 1 and report["steps"][0]["kept"] and set(bits_of(report)) == {8}


def test_auto_mends(quantize):
    # Of one bit nothing is left but what is kept float.
    report = quantize("--auto", "--scheme", "binary", "--max-drop", "3%")
    assert report["accuracy_before"] - report["accuracy"] <= 0.03
    assert len(report["steps"]) > 3 and "kept float" in report["steps"][-1]["what"]


@pytest.mark.parametrize("options, words", [
    (["--scheme", "int8", "--max-size", "10K"], ["mixed"]),
    (["--scheme", "mixed", "--max-size", "10K", "--max-latency", "3"], ["one of both"]),
    (["--scheme", "int4", "--block-size", "32"], ["weight-int4"]),
    (["--scheme", "dynamic", "--auto"], ["calibrated"]),
])
def test_budgets_that_do_not_fit(options, words, quantize, tmp_path):
    error = quantize(*options, code=2)
    assert all(word in error for word in words), error
    assert not list(tmp_path.iterdir())


def test_sensitivity_names_the_worst_layer(quantize):
    report = quantize("--sensitivity", "--scheme", "int4")
    costs = report["costs"]
    assert len(costs) == len(bits_of(report)) and all(0 <= cost["accuracy"] <= 1 for cost in costs)
    noises = [cost["noise"] for cost in costs]
    assert noises == sorted(noises, reverse=True) and noises[0] > noises[-1] > 0
