"""The command's contract: what it prints, its JSON, its exit codes."""
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image


def test_inspect_json(edgeml, models):
    out = edgeml("inspect", models / "digits_int8.tflite", as_json=True)
    assert out["inputs"][0]["dtype"] == "int8" and out["inputs"][0]["shape"] == [1, 8, 8, 1]
    assert out["macs"] > 100_000 and out["parameters"] > 10_000
    assert {op["op"] for op in out["ops"]} >= {"CONV_2D", "SOFTMAX"}
    assert out["arena_bytes"] <= 1.1 * out["arena_bound_bytes"]
    assert max(e["offset"] + e["bytes"] for e in out["plan"]) <= out["arena_bytes"]
    assert out["unsupported_ops"] == []


def test_inspect_text_and_page(edgeml, models, tmp_path):
    page = tmp_path / "graph.html"
    text = edgeml("inspect", models / "digits_float.tflite", "--plan", "--html", page)
    for word in ("CONV_2D", "arena", "bound", "Plan", "serving_default"):
        assert word in text
    assert page.read_text().startswith("<!doctype html>") and "CONV_2D" in page.read_text()


@pytest.mark.parametrize("form, accuracy", [("float", 0.9722), ("int8", 0.9750), ("dynamic", 0.9722),
                                            ("float16", 0.9722), ("int16x8", 0.9722)])
def test_evaluate_digits_exactly(edgeml, models, form, accuracy):
    out = edgeml("evaluate", models / f"digits_{form}.tflite", "--data", "digits", "--exact", as_json=True)
    assert out["count"] == 360 and out["label_shift"] == 0
    assert out["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert np.trace(out["confusion"]) == round(out["accuracy"] * 360)
    assert out["accuracy"] <= out["top5"] <= 1 and 0 < out["loss"] < 1


def test_evaluate_needs_labels_and_enough_classes(edgeml, models, tmp_path):
    x = np.zeros((3, 8, 8, 1), np.float32)
    np.savez(tmp_path / "no.npz", x=x)
    assert "label" in edgeml("evaluate", models / "digits_float.tflite", "--data", f"npz:{tmp_path}/no.npz", code=2)
    np.savez(tmp_path / "many.npz", x=x, y=[0, 1, 11])
    edgeml("evaluate", models / "digits_float.tflite", "--data", f"npz:{tmp_path}/many.npz", code=2)


def test_evaluate_shifts_labels_by_one(edgeml, models, tmp_path):
    np.savez_compressed(tmp_path / "nine.npz", x=np.zeros((9, 8, 8, 1), np.float32), y=np.arange(9))
    out = edgeml("evaluate", models / "digits_float.tflite", "--data", f"npz:{tmp_path}/nine.npz", as_json=True)
    assert out["label_shift"] == 1
    text = edgeml("evaluate", models / "digits_float.tflite", "--data", f"npz:{tmp_path}/nine.npz")
    assert "shifted by one" in text


def test_benchmark_json(edgeml, models):
    out = edgeml("benchmark", models / "digits_int8.tflite", "--seconds", "0.05", "--threads", "2", "--profile",
                 as_json=True)
    latency = out["latency_ms"]
    assert 0 < latency["min"] <= latency["median"] <= latency["p90"] <= latency["p99"]
    assert latency["mean"] > 0 and out["runs"] > 0 and out["threads"] == 2
    assert min(out[k] for k in ("load_ms", "first_inference_ms", "peak_rss_bytes", "arena_bytes")) > 0
    assert out["ops"][0]["op"] == "CONV_2D" and out["ops"][0]["kernel"]
    assert sum(op["share"] for op in out["ops"]) == pytest.approx(1)


def test_convert(edgeml, models, tmp_path):
    out = edgeml("convert", models / "digits_int8.tflite", tmp_path / "o.tflite", as_json=True)
    assert (tmp_path / "o.tflite").stat().st_size == out["output_bytes"] <= out["input_bytes"]
    same = edgeml("compare", models / "digits_int8.tflite", tmp_path / "o.tflite", "--tolerance", "0", as_json=True)
    assert same["first_part"] is None and same["matched"] == same["layers_a"] == same["layers_b"]
    edgeml("convert", models / "digits_int8.tflite", tmp_path / "o.onnx", code=4)


def test_compare(edgeml, models):
    pair = models / "digits_float.tflite", models / "digits_int8.tflite"
    out = edgeml("compare", *pair, "--tolerance", "0", as_json=True)
    assert out["first_part"] == 0 and out["layers"][0]["op"] == "CONV_2D"
    assert all(layer["sqnr_db"] > 20 for layer in out["layers"])
    both = edgeml("compare", *pair, "--data", "digits", as_json=True)["models"]
    assert [round(m["accuracy"], 4) for m in both] == [0.9722, 0.975]
    assert both[0]["agreement"] == 1 and 0.9 < both[1]["agreement"] < 1


def test_compare_many_on_data(edgeml, models):
    kinds = "float", "float16", "dynamic", "int8"
    paths = [models / f"digits_{kind}.tflite" for kind in kinds]
    first, *others = found = edgeml("compare", *paths, "--data", "digits", as_json=True)["models"]
    assert [entry["model_bytes"] for entry in found] == [path.stat().st_size for path in paths]
    assert first["latency_ratio"] == 1 and first["lost"] == first["gained"] == 0 and "confusion_change" not in first
    for entry in found:
        assert 0 < entry["latency_ms"]["min"] <= entry["latency_ms"]["median"] and entry["latency_ratio"] > 0
        assert sum(map(sum, entry["confusion"])) == entry["count"] == 360
    for entry in others:
        # Accuracy moves by what is lost and gained, and so do the matrices.
        right = round(entry["accuracy"] * 360) - round(first["accuracy"] * 360)
        change = entry["confusion_change"]
        assert entry["gained"] - entry["lost"] == right == sum(change[c][c] for c in range(10))
        assert entry["lost"] + entry["gained"] <= round((1 - entry["agreement"]) * 360)
        for t, row in enumerate(change):
            assert sum(row) == 0
            assert row == [b - a for a, b in zip(first["confusion"][t], entry["confusion"][t])]
    assert any(any(map(any, entry["confusion_change"])) for entry in others)


def test_compare_many_as_text(edgeml, models):
    paths = [models / f"digits_{kind}.tflite" for kind in ("float", "int8", "int16x8")]
    text = edgeml("compare", *paths, "--data", "digits", "--limit", 200)
    for word in ("digits_int16x8.tflite", "accuracy", "latency", "right → wrong", "Recall by class", "200 examples"):
        assert word in text
    assert "two models" in edgeml("compare", *paths, code=2)


def test_doctor(edgeml):
    out = edgeml("doctor", as_json=True)
    assert out["threads"] >= 1 and out["memory_bytes"] > 1e8 and out["simd_level"] in out["simd_levels"]


def test_run_keeps_outputs(edgeml, models, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", rng.integers(0, 17, (8, 8)).astype([np.float32, np.int64, np.float16][i]))
    files = [tmp_path / f"{i}.npy" for i in range(3)]
    edgeml("run", models / "digits_int8.tflite", "--input", *files, "--output", tmp_path / "q.npz")
    edgeml("run", models / "digits_int8.tflite", "--input", *files, "--output", tmp_path / "f.npz", "--dequantize")
    quantized, floats = np.load(tmp_path / "q.npz"), np.load(tmp_path / "f.npz")
    assert quantized.files == ["probability"]
    assert quantized["probability"].dtype == np.int8 and quantized["probability"].shape == (3, 10)
    assert floats["probability"].dtype == np.float32
    assert np.array_equal((quantized["probability"].astype(np.float32) + 128) / 256, floats["probability"])


def test_run_npz_by_name(edgeml, models, tmp_path):
    np.savez(tmp_path / "x.npz", image=np.ones((1, 8, 8, 1), np.float32), other=np.ones(3))
    out = edgeml("run", models / "digits_float.tflite", "-i", tmp_path / "x.npz", "--top-k", "2", as_json=True)
    top = out["results"][0]["outputs"][0]["top"]
    assert len(top) == 2 and top[0]["score"] >= top[1]["score"] and top[0]["label"] == str(top[0]["class"])
    np.savez(tmp_path / "y.npz", a=np.ones(2), b=np.ones(3))
    assert "image" in edgeml("run", models / "digits_float.tflite", "-i", tmp_path / "y.npz", code=2)


@pytest.mark.parametrize("kind, mode", [
    *(("png", mode) for mode in ("RGB", "L", "P", "1", "RGBA")), *(("bmp", mode) for mode in ("RGB", "L", "P", "1", "RGBA")),
    *(("jpg", mode) for mode in ("RGB", "L", "CMYK"))])
def test_pictures_are_those_of_pillow(edgeml, models, tmp_path, kind, mode):
    """A picture gives what the array of Pillow's gray, resized pixels gives."""
    rng = np.random.default_rng(len(mode))
    coarse = Image.fromarray(rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)).resize((61, 43), Image.BICUBIC)
    coarse.convert(mode).save(tmp_path / f"p.{kind}")
    gray = Image.open(tmp_path / f"p.{kind}").convert("RGB").convert("L").resize((8, 8), Image.BILINEAR)
    np.save(tmp_path / "p.npy", np.asarray(gray, np.float32))
    outputs = []
    for name in (f"p.{kind}", "p.npy"):
        edgeml("run", models / "digits_float.tflite", "--exact", "-i", tmp_path / name, "--output",
               tmp_path / "o.npz")
        outputs.append(np.load(tmp_path / "o.npz")["probability"])
    assert np.array_equal(*outputs)


def test_mean_and_std(edgeml, models, tmp_path):
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "p.png")
    np.save(tmp_path / "p.npy", ((np.arange(64.0) - 3) / 4).astype(np.float32).reshape(8, 8))
    edgeml("run", models / "digits_float.tflite", "-i", tmp_path / "p.png", "--mean", "3", "--std", "4", "--output",
           tmp_path / "a.npz")
    edgeml("run", models / "digits_float.tflite", "-i", tmp_path / "p.npy", "--output", tmp_path / "b.npz")
    assert np.array_equal(np.load(tmp_path / "a.npz")["probability"], np.load(tmp_path / "b.npz")["probability"])
    edgeml("run", models / "digits_float.tflite", "-i", tmp_path / "p.png", "--mean", "1,2,3", code=2)


def test_labels(edgeml, models, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((8, 8), np.float32))
    run = "run", models / "digits_float.tflite", "-i", tmp_path / "x.npy", "--labels"
    (tmp_path / "l.txt").write_bytes("".join(f"n°{i}\r\n" for i in range(10)).encode())
    top = edgeml(*run, tmp_path / "l.txt", as_json=True)["results"][0]["outputs"][0]["top"]
    assert all(t["label"] == f"n°{t['class']}" for t in top)
    assert edgeml(*run, tmp_path / "absent.txt", code=3).count("absent.txt") == 1
    (tmp_path / "l.txt").write_text("one\ntwo\n")
    message = edgeml(*run, tmp_path / "l.txt", code=2)
    assert "10" in message and "2" in message


@pytest.mark.parametrize("name, content", [
    ("empty.tflite", b""), ("lfs.tflite", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    ("text.tflite", b"hello, world, this is no model at all"), ("noise.tflite", bytes(range(256)) * 20)])
@pytest.mark.parametrize("command", ["inspect", "benchmark"])
def test_bad_models(edgeml, tmp_path, command, name, content):
    (tmp_path / name).write_bytes(content)
    assert name in edgeml(command, tmp_path / name, code=3)


def test_truncated_models(edgeml, models, tmp_path):
    whole = (models / "digits_int8.tflite").read_bytes()
    for size in range(0, len(whole) - 4000, 1777):
        (tmp_path / "t.tflite").write_bytes(whole[:size])
        edgeml("inspect", tmp_path / "t.tflite", code=3)


def test_exit_codes(edgeml, models, tmp_path):
    model = models / "digits_float.tflite"
    edgeml("frobnicate", code=2)
    edgeml("run", model, code=2)
    edgeml("inspect", tmp_path, code=3)
    edgeml("inspect", tmp_path / "absent.tflite", code=3)
    edgeml("benchmark", model, "--memory-cap", "1KB", code=4)
    edgeml("benchmark", model, "--threads", "0", code=2)
    np.save(tmp_path / "wrong.npy", np.zeros((1, 5, 8, 1), np.float32))
    message = edgeml("run", model, "-i", tmp_path / "wrong.npy", code=2)
    assert "[1, 8, 8, 1]" in message and "[1, 5, 8, 1]" in message
    (tmp_path / "p.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    assert "p.jpg" in edgeml("run", model, "-i", tmp_path / "p.jpg", code=3)
    edgeml("run", model, "-i", tmp_path / "p.jpg", "--draw", tmp_path / "o.png", code=2)
    edgeml("evaluate", model, "--data", "images:" + str(tmp_path / "none"), code=3)
    np.save(tmp_path / "x.npy", np.zeros((8, 8), np.float32))
    edgeml("run", model, "-i", tmp_path / "x.npy", "--output", tmp_path / "no" / "o.npz", code=1)


@pytest.mark.parametrize("command", ["inspect", "run", "evaluate", "benchmark", "convert", "compare", "doctor"])
def test_help_has_an_example(edgeml, command):
    text = edgeml(command, "--help")
    assert "Example:" in text and "--json" in text


def test_interrupt(binary, models):
    with subprocess.Popen([binary, "benchmark", models / "digits_float.tflite", "--seconds", "60"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr.read() == b"edgeml benchmark: interrupted\n"
