"""Makes the files that test_keras_layers.py reads: a model for each line of keras_cases.py, by both generations of Keras.

Run by an interpreter that has TensorFlow: keras_matrix.py FOLDER [--all] [--only NAME,…]. For each case and generation
(keras3, keras2) it writes NAME.GENERATION.h5, .keras and .npz (the inputs x0, x1, … and what Keras answers, y0, y1, …)
and a line in index.json. What is there already is left alone.
"""
from __future__ import annotations

import argparse
import fcntl
import json
import os
import pathlib
import time
import traceback
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

SAMPLES = 3  # in a batch that the model leaves open


def randomise(np, model, rng) -> None:
    """Weights that show mistakes: no zeros, no ones, statistics that are not those of the initial state."""
    for variable in model.variables:
        shape, name = tuple(variable.shape), getattr(variable, "path", None) or variable.name
        if "int" in str(getattr(variable, "dtype", "")):
            continue
        if "variance" in name:
            values = rng.uniform(0.5, 2, shape)
        elif "gamma" in name or name.endswith("scale") or "scale:0" in name:
            values = rng.uniform(0.5, 1.5, shape)
        else:
            fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 4
            values = rng.normal(0, 1 / np.sqrt(max(fan_in, 1)), shape)
        variable.assign(values.astype("float32"))
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # what follows from the weights is kept apart
            layer.finalize_state()


def draw(np, tensor, batch: int, rng):
    shape = [size or 7 for size in tuple(tensor.shape)[1:]]
    kind = np.dtype(getattr(tensor.dtype, "as_numpy_dtype", tensor.dtype))
    if kind == np.bool_:
        return rng.integers(0, 2, [batch, *shape]).astype(kind)
    if np.issubdtype(kind, np.integer):
        return rng.integers(0, 10, [batch, *shape]).astype(kind)
    return rng.normal(0, 1.5, [batch, *shape]).astype(kind)


def flat(values) -> list:
    if isinstance(values, dict):
        return [v for key in values for v in flat(values[key])]
    if isinstance(values, (list, tuple)):
        return [v for value in values for v in flat(value)]
    return [values]


def ops_of_tensorflow(tf, model, batch) -> int | None:
    """Operators that TensorFlow's own converter makes of it; none where it cannot without its own kernels."""
    from tensorflow.lite.python import schema_py_generated as schema  # pylint: disable=import-outside-toplevel
    from tensorflow.python.framework.convert_to_constants import (  # pylint: disable=import-outside-toplevel
        convert_variables_to_constants_v2 as freeze)
    specs = [tf.TensorSpec([batch, *tuple(x.shape)[1:]], getattr(x.dtype, "as_numpy_dtype", x.dtype)) for x in model.inputs]
    function = tf.function(lambda *xs: model(list(xs) if len(xs) > 1 else xs[0], training=False))
    try:
        frozen = freeze(function.get_concrete_function(*specs), lower_control_flow=False)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        content = schema.Model.GetRootAs(converter.convert(), 0)
    except Exception:  # pylint: disable=broad-exception-caught
        return None
    return sum(content.Subgraphs(i).OperatorsLength() for i in range(content.SubgraphsLength()))


def make(name: str, case, generation: str, k, folder: pathlib.Path, count_ops: bool) -> dict:
    import numpy as np  # pylint: disable=import-outside-toplevel
    import tensorflow as tf  # pylint: disable=import-outside-toplevel
    seed = zlib.crc32(name.encode())
    k.backend.clear_session()
    k.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)
    model = case.build(k, rng)
    rng = np.random.default_rng(seed + 1)
    if not case.keep_weights:
        randomise(np, model, rng)
    batch = case.batch or SAMPLES
    xs = [draw(np, x, batch, rng) for x in model.inputs]
    if case.inputs:
        xs = case.inputs(np, rng, batch)
    ys = flat(model(xs if len(xs) > 1 else xs[0], training=False))
    arrays = {f"x{i}": x for i, x in enumerate(xs)} | {f"y{i}": np.asarray(y) for i, y in enumerate(ys)}
    line = {"name": name, "generation": generation, "batch": case.batch, "files": [], "expect": case.expect,
            "inputs": [x.name.split(":")[0] for x in model.inputs], "tensorflow_ops": None}
    for ending in ("h5", "keras") if case.archive else ("h5",):
        file = f"{name}.{generation}.{ending}"
        try:
            model.save(str(folder / file))
        except Exception as error:  # pylint: disable=broad-exception-caught
            line[f"{ending}_refused"] = f"{type(error).__name__}: {error}"[:200]
            continue
        line["files"].append(file)
    if count_ops and not case.expect:
        line["tensorflow_ops"] = ops_of_tensorflow(tf, model, case.batch)
    np.savez(folder / f"{name}.{generation}.npz", **arrays)
    return line


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    # Tests that run side by side ask for the folder at the same time: the first one fills it.
    lock = open(options.folder / ".lock", "w", encoding="ascii")  # pylint: disable=consider-using-with
    fcntl.flock(lock, fcntl.LOCK_EX)
    index_path = options.folder / "index.json"
    index = json.loads(index_path.read_text()) if index_path.exists() else {}

    import keras_cases  # pylint: disable=import-outside-toplevel
    wanted = keras_cases.cases(everything=options.all)
    if all(f"{name}.{generation}" in index for name, case in wanted.items() for generation in case.generations):
        return  # without the seconds that importing TensorFlow takes

    import logging  # pylint: disable=import-outside-toplevel
    import warnings  # pylint: disable=import-outside-toplevel
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    import keras as keras3  # pylint: disable=import-outside-toplevel
    import tf_keras as keras2  # pylint: disable=import-outside-toplevel
    only = [word for word in options.only.split(",") if word]
    started = time.process_time()
    for name, case in wanted.items():
        if only and not any(name.startswith(word) for word in only):
            continue
        for generation, k in (("keras3", keras3), ("keras2", keras2)):
            key = f"{name}.{generation}"
            if generation not in case.generations or key in index:
                continue
            try:
                # The peer's converter sees the same graph from both; once is enough.
                index[key] = make(name, case, generation, k, options.folder, generation == case.generations[0])
            except Exception:  # pylint: disable=broad-exception-caught
                index[key] = {"name": name, "generation": generation, "failed": traceback.format_exc()[-1500:], "files": []}
        index_path.with_suffix(".part").write_text(json.dumps(index, indent=1))
        index_path.with_suffix(".part").replace(index_path)
    failed = [key for key, line in index.items() if "failed" in line]
    print(f"{len(index)} models in {time.process_time() - started:.0f} s of processor time; {len(failed)} failed", *failed)


if __name__ == "__main__":
    main()
