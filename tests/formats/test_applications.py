"""keras.applications from .h5, .keras and SavedModels: the numbers of Keras, and no more operators than TensorFlow makes.

The networks have random weights (make_applications.py). `./test` takes two of them, `./test --all` every one.
"""
from __future__ import annotations

import collections
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
SMALL = ["MobileNetV2", "MobileNetV3Small"]
ALL = SMALL + ["MobileNet", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0", "ResNet50", "ResNet50V2", "DenseNet121",
               "NASNetMobile", "InceptionV3", "Xception"]
EXPORTED = SMALL + ["EfficientNetB0", "DenseNet121", "NASNetMobile"]  # as SavedModels too
NAMES = ALL if os.environ.get("EDGEML_ALL") == "1" else SMALL
# Of the largest output. Folding batch normalization into weights rounds differently, layer after layer; a network with
# random weights has more of it than a trained one.
TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=NAMES)
def network(request, tensorflow):
    folder = tensorflow.make(["make_applications.py"], request.param)
    return folder, request.param, np.load(folder / f"{request.param}.npz")


def answer(engine, path, x):
    interpreter = engine(model_path=str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("kind", ["h5", "keras", "saved_model"])
def test_answers_as_keras(network, kind, tensorflow, tmp_path):
    folder, name, made = network
    out = tmp_path / "out.tflite"
    model = folder / f"{name}.{kind}"
    if kind == "saved_model":
        if name not in EXPORTED:
            pytest.skip("not among those that are exported")
        model = tensorflow.make(["export_application.py"], folder / f"{name}.keras") / name
    done = subprocess.run([BINARY, "convert", model, out, "--batch", "2", "--json"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verified_runs"] == 1
    x, y = made["x"], made["y"]
    assert np.std(y) > 1e-2, "the outputs do not differ: such a test could not fail"
    for engine in (edge_ml.Interpreter, peer.Interpreter):
        np.testing.assert_allclose(answer(engine, out, x), y, rtol=0, atol=TOLERANCE * np.abs(y).max())
    print(f"{name}.{kind}: {report['ops']} operators, TensorFlow {len(made['tf_ops'])}")
    ours = collections.Counter(d["op_name"] for d in edge_ml.Interpreter(model_path=str(out))._get_ops_details())
    assert report["ops"] <= len(made["tf_ops"]), (ours, collections.Counter(made["tf_ops"].tolist()))
    assert report["output_bytes"] <= 1.01 * int(made["tf_bytes"])
