#!/usr/bin/env python3
"""Exports a network of make_applications.py as SavedModel. Runs in the TensorFlow environment.

    export_application.py FOLDER NAME.keras

FOLDER/NAME is the SavedModel.
"""

import os
import pathlib
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras


def main():
    folder, path = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    made, partial = folder / path.stem, folder / f".{path.stem}"
    if made.exists():
        return
    shutil.rmtree(partial, ignore_errors=True)
    keras.saving.load_model(path, compile=False).export(str(partial), verbose=False)
    partial.rename(made)  # the last thing: with it the model is complete


if __name__ == "__main__":
    main()
