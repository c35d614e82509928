"""SmoothQuant: a transformer block with outliers in some channels."""
from __future__ import annotations

import edge_ml
import numpy as np
import pytest


@pytest.fixture(scope="session")
def transformer(tensorflow):
    """The file, samples for calibration, samples to judge by, and what Keras makes of these."""
    folder = tensorflow.make(["../quantize/make_outliers.py"])
    made = np.load(folder / "transformer.npz")
    return folder / "transformer.keras", made["x"][:64], made["x"][64:], made["y"][64:]


def test_outliers_cost_less(transformer, edgeml, engines, tmp_path):
    source, calibration, x, y = transformer
    np.savez(tmp_path / "x.npz", x=calibration)
    samples, wanted = [[v[None]] for v in x], [[v[None]] for v in y]
    found = {}
    for name, options in {"plain": [], "smooth": ["--smooth"], "activations": ["--smooth", "--smooth-alpha", "1"]}.items():
        out = tmp_path / f"{name}.tflite"
        report = edgeml("quantize", source, out, "--batch", 1, "--scheme", "int8-float", "--calibration",
                        f"npz:{tmp_path / 'x.npz'}", *options, as_json=True)
        assert any(note.startswith("smoothed what 10 layers read, in 6 places") for note in report["notes"]) == bool(options)
        # Behind GELU nothing can take the factors; the head reads a sum.
        left = [note for note in report["notes"] if note.startswith("not smoothed")]
        assert len(left) == (3 if options else 0), left
        ours = engines.exact(out.read_bytes(), samples)
        engines.same(ours, engines.litert(out.read_bytes(), samples))
        found[name] = engines.sqnr(wanted, ours)
    print({name: round(value, 1) for name, value in found.items()})
    assert min(found["smooth"], found["activations"]) >= found["plain"] + 15, found


def test_in_python(transformer, edgeml, tmp_path):
    source, calibration, _, _ = transformer
    np.savez(tmp_path / "x.npz", x=calibration[:8])
    edgeml("quantize", source, tmp_path / "a.tflite", "--batch", 1, "--scheme", "dynamic", "--calibration",
           f"npz:{tmp_path / 'x.npz'}", "--smooth", "--smooth-alpha", 0.6)
    content = edge_ml.quantize(source, "dynamic", ([v[None]] for v in calibration[:8]), batch=1, smooth=True, smooth_alpha=0.6)
    assert content == (tmp_path / "a.tflite").read_bytes()
    with pytest.raises(edge_ml.ConverterError, match="smooth_alpha"):
        edge_ml.quantize(source, "int8", ([v[None]] for v in calibration[:8]), smooth=True, smooth_alpha=2)


def test_without_data(edgeml, models, tmp_path):
    error = edgeml("quantize", models / "digits.h5", tmp_path / "out.tflite", "--scheme", "dynamic", "--smooth", code=2)
    assert "--calibration" in error and not (tmp_path / "out.tflite").exists()
