"""Keras models of few layers, quantized: near the float model, and in LiteRT what they are here.

The models are those of tests/formats/keras_cases.py, and wider ones (make_wide_models.py) for schemes that leave weights of
less than 1,024 elements alone.
"""
from __future__ import annotations

import json

import numpy as np
import pytest

INT8, INT16 = 30, 40  # least SQNR of the outputs in dB, unless a line says otherwise
# name: (least SQNR as int8, as int16x8); the name of the operator that stands in the way instead of a number, and then
# the number for int8-float.
MODELS = {
    "activation_relu": (INT8, INT16),
    "activation_relu6": (INT8, INT16),
    "activation_sigmoid": (INT8, INT16),
    "activation_tanh": (INT8, INT16),
    "activation_exponential": (INT8, INT16),
    "activation_swish": (INT8, INT16),
    "activation_hard_sigmoid": (INT8, INT16),
    "activation_softmax": (INT8, INT16),
    "activation_softplus": (25, INT16),  # log(1 + exp(x)): steps of the largest exponential
    "activation_softsign": (("DIV", INT8), "DIV"),
    "activation_selu": (INT8, "ELU"),
    "activation_gelu": (INT8, INT16),
    "activation_log_softmax": (INT8, "LOG_SOFTMAX"),
    "leaky_relu": (INT8, INT16),
    "prelu": (INT8, INT16),
    "dense_stack": (INT8, INT16),
    "dense_wide": (INT8, INT16),
    "permute": (INT8, INT16),
    "repeat_vector": (INT8, INT16),
    "zero_padding_2D": (INT8, INT16),
    "cropping_2D": (INT8, INT16),
    "up_sampling_2D": (INT8, INT16),
    "up_sampling_bilinear": (INT8, INT16),
    "max_pool_2D": (INT8, INT16),
    "average_pool_same_2D": (INT8, INT16),
    "global_average_2D": (INT8, INT16),
    "global_max_2D": (INT8, INT16),
    "layer_norm": (INT8, 28),  # LiteRT reads int16 RSQRT from a table
    "unit_norm": (INT8, "L2_NORMALIZATION"),
    "conv1d_causal": (INT8, INT16),
    "conv2d_same": (INT8, INT16),
    "conv2d_dilated": (INT8, INT16),
    "conv2d_groups": (INT8, INT16),
    "depthwise2d": (INT8, INT16),
    "depthwise2d_dilated": (INT8, INT16),
    "separable2d": (INT8, INT16),
    "conv2d_transpose": (INT8, INT16),
    "conv2d_transpose_valid": (INT8, INT16),
    "small_cnn": (INT8, INT16),
    "residual": (INT8, INT16),
    "two_outputs": (INT8, INT16),
    "lstm_stack": (INT8, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    "gru": (("WHILE", INT8), "WHILE"),
    "heads": (INT8, INT16),
    "transformer_block": (INT8, INT16),
    "einsum_dense_plain": (INT8, INT16),
    "time_distributed_conv": (INT8, INT16),
    "op_split": (INT8, INT16),
    "op_clip": (INT8, INT16),
    "op_sqrt": (INT8, INT16),
    "embedding": (INT8, INT16),
}


@pytest.fixture(scope="session")
def matrix(tensorflow):
    folder = tensorflow.make(["keras_matrix.py", "keras_cases.py"])
    return folder, json.loads((folder / "index.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_near_the_float_model(name, matrix, edgeml, engines, tmp_path):
    folder, index = matrix
    key = next(k for k in (f"{name}.keras3", f"{name}.keras2") if k in index)
    source, x = folder / f"{key}.h5", np.load(folder / f"{key}.npz")["x0"]
    # What it is judged on, and others like it.
    rng = np.random.default_rng(1)
    more = [rng.normal(0, 1.5, x.shape).astype(x.dtype) for _ in range(8)] if x.dtype == np.float32 else []
    np.savez(tmp_path / "x.npz", x=np.concatenate([x, *more]))
    edgeml("convert", source, tmp_path / "float.tflite", "--batch", 1, "--verify", 0)
    samples = [[v[None]] for v in x]
    wanted = engines.exact((tmp_path / "float.tflite").read_bytes(), samples)
    calibration = "--calibration", f"npz:{tmp_path / 'x.npz'}"
    for scheme, least in zip(("int8", "int16x8"), MODELS[name]):
        out = tmp_path / f"{scheme}.tflite"
        command = "quantize", source, out, "--batch", 1
        if isinstance(least, (str, tuple)):
            blocker, least = least if isinstance(least, tuple) else (least, None)
            error = edgeml(*command, "--scheme", scheme, *calibration, code=4)
            assert f"cannot be integers only: {blocker} (" in error and "int8-float" in error
            assert not out.exists()
            if least is None:
                continue
            scheme = "int8-float"
        else:
            calibration = "--ranges", tmp_path / "ranges.json"
        if not (tmp_path / "ranges.json").exists():
            calibration = "--calibration", f"npz:{tmp_path / 'x.npz'}", "--save-ranges", tmp_path / "ranges.json"
        report = edgeml(*command, "--scheme", scheme, *calibration, as_json=True)
        assert any(layer["quantized"] for layer in report["layers"])
        ours = engines.exact(out.read_bytes(), samples)
        found = engines.sqnr(wanted, ours)
        assert found >= least, f"{scheme}: {found:.1f} dB"
        assert found < 200, "nothing was quantized: such a test could not fail"
        engines.same(ours, engines.litert(out.read_bytes(), samples))


# name: least SQNR with int8 weights.
WIDE = {"dense": 35, "convolution": 35, "depthwise": 35, "separable": 35, "attention": 30, "lstm": 30, "bidirectional": 30,
        "transposed": 35}


@pytest.fixture(scope="session")
def wide(tensorflow):
    return tensorflow.make(["../quantize/make_wide_models.py"])


@pytest.mark.parametrize("scheme", ["dynamic", "weight-int8"])
@pytest.mark.parametrize("name", WIDE)
def test_weights_alone(name, scheme, wide, edgeml, engines, tmp_path):
    source, made = wide / f"{name}.h5", np.load(wide / f"{name}.npz")
    samples = [[x[None]] for x in made["x"]]
    report = edgeml("quantize", source, tmp_path / "out.tflite", "--scheme", scheme, "--batch", 1, as_json=True)
    assert any(layer["quantized"] for layer in report["layers"])
    content = (tmp_path / "out.tflite").read_bytes()
    ours = engines.exact(content, samples)
    found = engines.sqnr([[y[None]] for y in made["y"]], ours)
    assert WIDE[name] <= found < 100, f"{found:.1f} dB"
    engines.same(ours, engines.litert(content, samples))
