"""Pruned weights stored sparse: smaller files, and nothing else changed, whatever runs them."""
from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import interpreter as peer

PRUNED = ["scattered", "blocks", "filters"]
SCHEMES = ["float", "float16", "dynamic", "weight-int8", "int8", "int16x8"]
RESOLVERS = peer.OpResolverType
# AUTO comes with the default delegate.
KERNELS = [RESOLVERS.BUILTIN_REF, RESOLVERS.BUILTIN_WITHOUT_DEFAULT_DELEGATES, RESOLVERS.AUTO]
# Most bytes beside the dense file's, where float or all weights may be sparse. Whole filters need no places; int8 dense
# layers, the largest here, stay as they are.
MOST = {"scattered": {"float": 0.30, "float16": 0.40, "weight-int8": 0.60, "int16x8": 0.60},
        "blocks": {"float": 0.30, "float16": 0.40, "weight-int8": 0.60, "int16x8": 0.60},
        "filters": {"float": 0.50, "float16": 0.50, "weight-int8": 0.60, "int16x8": 0.60}}


@pytest.fixture(scope="session")
def pruned(tensorflow):
    return tensorflow.make(["../quantize/make_pruned.py"])


@pytest.fixture(scope="module")
def write(pruned, edgeml, tmp_path_factory):
    """The bytes of a model in a scheme with an option of --sparse."""
    folder = tmp_path_factory.mktemp("sparse")

    def call(name, scheme, sparse):
        out = folder / f"{name}.{scheme}.{sparse}.tflite"
        command = ["convert"] if scheme == "float" else ["quantize", "--scheme", scheme]
        if scheme.startswith("int"):
            command += ["--calibration", f"npz:{pruned / name}.npz"]
        if not out.exists():
            edgeml(*command, pruned / f"{name}.h5", out, "--sparse", sparse)
        return out.read_bytes()
    return call


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PRUNED)
def test_smaller_and_the_same(name, scheme, pruned, write, engines):
    samples = [[x[None]] for x in np.load(pruned / f"{name}.npz")["x"][:3]]
    dense, sparse = write(name, scheme, "off"), write(name, scheme, "auto")
    assert len(sparse) <= len(dense) * MOST[name].get(scheme, 1)
    for kernels in KERNELS:
        wanted = engines.run(peer, kernels, dense, samples)
        assert any(np.ptp(outputs[0]) > 0 for outputs in wanted)
        found = engines.run(peer, kernels, sparse, samples)
        np.testing.assert_array_equal(found, wanted)
    ours = engines.exact(sparse, samples)
    np.testing.assert_array_equal(ours, engines.exact(dense, samples))
    engines.same(ours, engines.litert(sparse, samples))


@pytest.mark.parametrize("scheme", ["dynamic", "int8"])
@pytest.mark.parametrize("name", PRUNED)
def test_where_no_delegate_is_in_the_way(name, scheme, pruned, write, engines):
    samples = [[x[None]] for x in np.load(pruned / f"{name}.npz")["x"][:3]]
    dense, sparse = write(name, scheme, "off"), write(name, scheme, "all")
    assert len(sparse) < 0.7 * len(dense)
    for kernels in KERNELS[:2]:
        np.testing.assert_array_equal(engines.run(peer, kernels, sparse, samples), engines.run(peer, kernels, dense, samples))
    np.testing.assert_array_equal(engines.exact(sparse, samples), engines.exact(dense, samples))
    # Why this is not the default.
    with pytest.raises(RuntimeError, match="delegate"):
        engines.run(peer, RESOLVERS.AUTO, sparse, samples)


@pytest.mark.parametrize("scheme", ["float", "float16"])
@pytest.mark.parametrize("name", PRUNED)
def test_smaller_than_tensorflows(name, scheme, pruned, write):
    assert len(write(name, scheme, "auto")) < (pruned / f"{name}.{scheme}.tflite").stat().st_size


@pytest.mark.parametrize("scheme", ["float", "float16", "weight-int8", "tensorflow"])
def test_quantizing_what_is_sparse(scheme, pruned, write, edgeml, tmp_path):
    source = tmp_path / "source.tflite"
    source.write_bytes((pruned / "scattered.float16.tflite").read_bytes() if scheme == "tensorflow" else
                       write("scattered", scheme, "auto"))
    report = edgeml("quantize", source, tmp_path / "out.tflite", "--calibration", f"npz:{pruned / 'scattered.npz'}",
                    as_json=True)
    assert {layer["op"]: layer["quantized"] for layer in report["layers"]}.items() >= {
        "CONV_2D": True, "DEPTHWISE_CONV_2D": True, "FULLY_CONNECTED": True, "TRANSPOSE_CONV": True}.items()
    assert all(layer["quantized"] for layer in report["layers"])
    assert len((tmp_path / "out.tflite").read_bytes()) == pytest.approx(len(write("scattered", "int8", "auto")), abs=2000)


# Half of its weights are zeros: floats gain, bytes would not.
@pytest.mark.parametrize("scheme,most", [("float", 260_000), ("float16", 158_000), ("int8", 110_000), ("int4", 65_000)])
def test_a_pruned_network(scheme, most, data, edgeml, tmp_path):
    source, out = data / "keras" / "mnist_dense128_pruned_finetuned.h5", tmp_path / "out.tflite"
    if scheme == "float":
        edgeml("convert", source, out, "--sparse", "auto")
    else:
        edgeml("quantize", source, out, "--scheme", scheme, "--calibration", f"mnist:{data / 'mnist'}", "--samples", 32)
    assert out.stat().st_size <= most
