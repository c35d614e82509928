"""Real Keras files and a real SavedModel, converted: the numbers of Keras and TensorFlow, and the known accuracies."""
from __future__ import annotations

import json
import os
import pathlib
import subprocess

import edge_ml
import numpy as np
import pytest
from ai_edge_litert import interpreter as peer

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BINARY = os.environ.get("EDGEML_BIN") or str(ROOT / "build" / "release" / "bin" / "edgeml")
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA") or ROOT.parent / "shared" / "data")
FILES = ["keras/EN10_dense.h5", "keras/TFKeras.h5", "keras/mnist_cnn_gnudisme.h5", "keras/mnist_dense128_pruned_finetuned.h5",
         "mlperf-tiny/ad01.h5", "mlperf-tiny/pretrainedResnet.h5", "mlperf-tiny/vww_96.h5", "mlperf-tiny/kws_ref_model"]
TOLERANCE = 1e-5  # of the largest output

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real models at {DATA}")


@pytest.fixture(scope="module")
def answers(tensorflow):
    return tensorflow.make(["make_real_answers.py"], DATA)


def edgeml(*words):
    done = subprocess.run([BINARY, *map(str, words), "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(engine, path, x):
    interpreter = engine(model_path=str(path))
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("name", FILES)
def test_answers_as_tensorflow(name, answers, tmp_path):
    made = np.load(answers / f"{pathlib.Path(name).stem}.npz")
    report = edgeml("convert", DATA / name, tmp_path / "out.tflite")
    assert report["verified_runs"] == 1
    for engine in (edge_ml.Interpreter, peer.Interpreter):
        found = run(engine, tmp_path / "out.tflite", made["x"])
        np.testing.assert_allclose(found, made["y"], rtol=0, atol=TOLERANCE * np.abs(made["y"]).max())


# The MNIST nets take pixels divided by 255; images of the whole test set, or the first `count`.
@pytest.mark.parametrize("name,count,accuracy", [
    ("mnist_dense128_pruned_finetuned.h5", 10000, 0.9745),
    ("TFKeras.h5", 10000, 0.9238),
    ("mnist_cnn_gnudisme.h5", 2000, 0.9895),
    ("EN10_dense.h5", 2000, 0.8965),
])
def test_accuracy_on_mnist(name, count, accuracy, tmp_path):
    out = tmp_path / "out.tflite"
    edgeml("convert", DATA / "keras" / name, out, "--mean", 0, "--std", 255)
    limit = [] if count == 10000 else ["--limit", count]
    report = edgeml("evaluate", out, "--data", f"mnist:{DATA / 'mnist'}:test", *limit)
    assert report["count"] == count and report["accuracy"] == pytest.approx(accuracy, abs=5e-5)


def test_accuracy_on_the_official_pictures(tmp_path):
    rows = (DATA / "mlperf-tiny" / "ic01_y_labels.csv").read_text().split()
    records = b""
    for row in rows:
        name, _, label = row.split(",")
        pixels = np.fromfile(DATA / "mlperf-tiny" / "ic01_inputs" / name, np.uint8).reshape(32, 32, 3)
        records += bytes([int(label)]) + pixels.transpose(2, 0, 1).tobytes()
    (tmp_path / "ic01.bin").write_bytes(records)
    edgeml("convert", DATA / "mlperf-tiny" / "pretrainedResnet.h5", tmp_path / "out.tflite")
    report = edgeml("evaluate", tmp_path / "out.tflite", "--data", f"cifar10:{tmp_path / 'ic01.bin'}")
    assert report["count"] == 200 and report["accuracy"] == 0.87


@pytest.mark.parametrize("picture,person", [("man_in_red_jacket.png", 0.978), ("st_paul_s_cathedral.png", 1 - 0.981)])
def test_visual_wake_words(picture, person, tmp_path):
    edgeml("convert", DATA / "mlperf-tiny" / "vww_96.h5", tmp_path / "out.tflite", "--mean", 0, "--std", 255)
    edgeml("run", tmp_path / "out.tflite", "--input", DATA / "mlperf-tiny" / "vww_samples" / picture, "--output",
           tmp_path / "out.npz")
    probabilities, = np.load(tmp_path / "out.npz").values()
    assert probabilities.reshape(-1)[1] == pytest.approx(person, abs=1e-3)


def test_pruning_wrappers_in_tflite_are_stripped(tmp_path):
    """Its weights are variables that each run masks and assigns again."""
    source, out = DATA / "keras" / "mnist_dense128_dynamic_range.tflite", tmp_path / "out.tflite"
    report = edgeml("convert", source, out)
    assert report["verified_runs"] == 1 and report["ops"] == 4
    assert any("dense/kernel, dense_1/kernel" in note for note in report["notes"])
    assert out.stat().st_size < 410_000 < 818_276 == source.stat().st_size
    x = np.random.default_rng(1).random((1, 28, 28), np.float32)
    wanted = run(peer.Interpreter, source, x)
    for engine in (edge_ml.Interpreter, peer.Interpreter):
        np.testing.assert_allclose(run(engine, out, x), wanted, rtol=0, atol=TOLERANCE * wanted.max())
