"""Runs the command as a user does."""
from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BINARY = os.environ.get("EDGEML_BIN") or str(ROOT / "build" / "release" / "bin" / "edgeml")
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture
def edgeml():
    """Calls the command; checks the exit code, and that an error is one line. `json=True` gives the object."""
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


@pytest.fixture
def binary():
    return BINARY


@pytest.fixture
def models():
    return ROOT / "models"


@pytest.fixture
def data():
    if not DATA.is_dir():
        pytest.skip(f"no real models at {DATA}")
    return DATA
