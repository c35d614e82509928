"""from_keras_model, from_concrete_functions and from_saved_model beside TensorFlow, in one process with it."""
from __future__ import annotations

import os
import pathlib
import subprocess

import edge_ml

HERE = pathlib.Path(__file__).resolve().parent


def test_live_models(tensorflow, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(edge_ml.__file__).parent.parent)}
    done = subprocess.run([tensorflow.python, HERE / "live_models.py", tmp_path], capture_output=True, text=True,
                          env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    converted = [line.removeprefix("converted ") for line in done.stdout.splitlines() if line.startswith("converted ")]
    assert converted == ["keras", "tf_keras", "own class", "function", "function alone", "saved model",
                         "nothing that was not understood"], done.stdout
