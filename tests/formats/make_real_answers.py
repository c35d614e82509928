#!/usr/bin/env python3
"""What Keras and TensorFlow answer for real model files. Runs in the TensorFlow environment.

    make_real_answers.py FOLDER DATA

For each model of DATA a file FOLDER/NAME.npz with x (random inputs in the range that the model expects) and y. Old .h5 files
load in tf-keras, those of Keras 3 in Keras.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
import tf_keras

# File: the largest value of its inputs.
FILES = {
    "keras/EN10_dense.h5": 1,
    "keras/TFKeras.h5": 1,
    "keras/mnist_cnn_gnudisme.h5": 1,
    "keras/mnist_dense128_pruned_finetuned.h5": 1,
    "mlperf-tiny/ad01.h5": 1,
    "mlperf-tiny/pretrainedResnet.h5": 255,
    "mlperf-tiny/vww_96.h5": 1,
    "mlperf-tiny/kws_ref_model": 1,
}


def load(path):
    """A function from an array to an array, and the shape of one input."""
    if path.is_dir():
        model = tf.saved_model.load(str(path))
        function = model.signatures["serving_default"]
        (name, spec), = function.structured_input_signature[1].items()
        run = lambda x: next(iter(function(**{name: tf.constant(x)}).values())).numpy()  # noqa: E731
        run.model = model  # keeps the variables alive
        return run, spec.shape
    try:
        model = tf_keras.models.load_model(path, compile=False)
    except (TypeError, ValueError):
        model = keras.saving.load_model(path, compile=False)
    return lambda x: model(x, training=False).numpy(), model.inputs[0].shape


def main():
    folder, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, largest in FILES.items():
        out = folder / f"{pathlib.Path(name).stem}.npz"
        if out.exists():
            continue
        run, shape = load(data / name)
        x = np.random.default_rng(1).uniform(0, largest, [d or 8 for d in shape]).astype(np.float32)
        partial = out.with_name(f".{out.name}")
        np.savez(partial, x=x, y=run(x))
        partial.rename(out)
        print(f"{name}: {x.shape}", flush=True)


if __name__ == "__main__":
    main()
