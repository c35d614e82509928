#!/usr/bin/env python3
"""Gradients of the cases of gradient_cases.py by TensorFlow's GradientTape. Runs in the TensorFlow environment.

    make_gradients.py FOLDER BASE

BASE is what the seeds depend on. FOLDER/BASE.npz holds for each case NAME-NUMBER/x0 … (inputs), y0 … (outputs), dy0 … (random
gradients of a scalar with respect to them) and dx0 … (the scalar's with respect to the inputs).
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import gradient_cases
import numpy as np
import tensorflow as tf


def answers(name, seed):
    case = gradient_cases.make(name, seed)
    inputs = [tf.constant(x) for x in case.inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = case.function(tf, *inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    rng = np.random.default_rng(seed)
    cotangents = [rng.uniform(-1, 1, y.shape).astype(np.float32) for y in outputs]
    gradients = tape.gradient(outputs, inputs, [tf.constant(dy) for dy in cotangents])
    return {"x": inputs, "y": outputs, "dy": cotangents, "dx": gradients}


def main():
    folder, base = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{base}.npz"
    if out.exists():
        return
    arrays = {}
    for name in gradient_cases.MAKERS:
        for number in range(gradient_cases.COUNT):
            found = answers(name, gradient_cases.seed_of(name, number, base))
            arrays |= {f"{name}-{number}/{kind}{i}": np.asarray(value) for kind, values in found.items()
                       for i, value in enumerate(values)}
    partial = out.with_name(f".{out.name}")
    np.savez(partial, **arrays)
    partial.rename(out)


if __name__ == "__main__":
    main()
