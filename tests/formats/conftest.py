"""Files made with TensorFlow, once, and kept in the cache folder."""
from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
HERE = pathlib.Path(__file__).resolve().parent


class TensorFlow:
    """The environment with TensorFlow, and folders of what its scripts make."""

    def __init__(self):
        done = subprocess.run([ROOT / "tools" / "setup", "tensorflow"], stdout=subprocess.PIPE, text=True, check=True)
        self.python = pathlib.Path(done.stdout.split()[-1])
        self.cache = self.python.parents[2]

    def make(self, scripts, *arguments, name=""):
        """Runs scripts[0] FOLDER ARGUMENTS… of this folder; returns FOLDER, which depends on the text of all of them."""
        digest = hashlib.sha256(b"\0".join((HERE / script).read_bytes() for script in scripts)).hexdigest()[:12]
        folder = self.cache / f"{name or pathlib.Path(scripts[0]).stem}-{digest}"
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        with (self.cache / f"{folder.name}.lock").open("w") as lock:  # tests run in several processes
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run([self.python, HERE / scripts[0], folder, *map(str, arguments)], capture_output=True,
                                  text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return folder


@pytest.fixture(scope="session")
def tensorflow():
    return TensorFlow()
