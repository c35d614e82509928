"""Custom operators and the command: the audio front-end runs, others are refused by name."""
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import audio_cases  # noqa: E402


def test_unknown_ones_are_refused(edgeml):
    model = ROOT / "examples" / "peak_hold.tflite"
    for command in ("run", "benchmark"):
        inputs = ["--input", "/dev/null"] if command == "run" else []
        error = edgeml(command, model, *inputs, code=4)
        assert "PeakHold (1 time, first at node 0 of subgraph 0)" in error
    assert edgeml("inspect", model, code=4)


def test_the_audio_front_end_runs(edgeml, tmp_path):
    rng = np.random.default_rng(1)
    case = audio_cases.features(rng)
    model, audio, out = tmp_path / "features.tflite", tmp_path / "audio.npy", tmp_path / "out.npz"
    model.write_bytes(case.model)
    np.save(audio, rng.integers(-20000, 20000, (1, 320)).astype(np.int16))
    assert edgeml("inspect", model, as_json=True)["unsupported_ops"] == []
    for mode in ([], ["--exact"]):
        edgeml("run", model, "--input", audio, "--output", out, *mode)
        found = np.load(out)
        assert any(found[name].dtype == np.int16 and found[name].any() for name in found)
