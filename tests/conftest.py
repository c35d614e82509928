"""What tests of several folders share: the command, the real data, and files that are made with TensorFlow."""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[1])
BINARY = os.environ.get("EDGEML_BIN") or str(ROOT / "build" / "release" / "bin" / "edgeml")
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA") or ROOT.parent / "shared" / "data")
MAKERS = pathlib.Path(__file__).resolve().parent / "formats"


class TensorFlow:
    """The environment with TensorFlow, and folders of what its scripts make, once, kept in the cache folder."""

    def __init__(self):
        done = subprocess.run([ROOT / "tools" / "setup", "tensorflow"], stdout=subprocess.PIPE, text=True, check=True)
        self.python = pathlib.Path(done.stdout.split()[-1])
        self.cache = self.python.parents[2]

    def make(self, scripts, *arguments, name=""):
        """Runs scripts[0] FOLDER ARGUMENTS… of tests/formats; returns FOLDER, which depends on the text of all of them."""
        digest = hashlib.sha256(b"\0".join((MAKERS / script).read_bytes() for script in scripts)).hexdigest()[:12]
        folder = self.cache / f"{name or pathlib.Path(scripts[0]).stem}-{digest}"
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        with (self.cache / f"{folder.name}.lock").open("w") as lock:  # tests run in several processes
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run([self.python, MAKERS / scripts[0], folder, *map(str, arguments)], capture_output=True,
                                  text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return folder


@pytest.fixture(scope="session")
def tensorflow():
    return TensorFlow()


@pytest.fixture(scope="session")
def edgeml():
    """Calls the command; checks the exit code, and that an error is one line. `as_json=True` gives the object."""
    def call(*args, code=0, as_json=False):
        words = [BINARY, *map(str, args)] + (["--json"] if as_json else [])
        done = subprocess.run(words, capture_output=True, timeout=300, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"{words}\n{out}\n{err}"
        if code:
            assert err.count("\n") == 1 and err.startswith("edgeml"), err
            return err
        return json.loads(out) if as_json else out
    return call


@pytest.fixture(scope="session")
def binary():
    return BINARY


@pytest.fixture(scope="session")
def models():
    return ROOT / "models"


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"no real models at {DATA}")
    return DATA
