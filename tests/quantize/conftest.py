"""Running quantized files in LiteRT and here."""
from __future__ import annotations

import re

import edge_ml
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import interpreter as peer
from ai_edge_litert import schema_py_generated as schema


def run(engine, resolver, content: bytes, samples: list) -> list:
    """The outputs for each sample, which is a list of arrays in the order of the inputs; real numbers are quantized."""
    interpreter = engine.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    details = interpreter.get_input_details()
    assert all(len(sample) == len(details) for sample in samples)
    outputs = []
    for number, sample in enumerate(samples):
        if number == 0:
            for detail, x in zip(details, sample):
                interpreter.resize_tensor_input(detail["index"], x.shape)
            interpreter.allocate_tensors()
            details = interpreter.get_input_details()
        for detail, x in zip(details, sample):
            if detail["dtype"] != x.dtype:
                scale, zero = detail["quantization"]
                limits = np.iinfo(detail["dtype"])
                x = np.clip(np.round(x / scale) + zero, limits.min, limits.max).astype(detail["dtype"])
            interpreter.set_tensor(detail["index"], x)
        interpreter.reset_all_variables()  # each sample is a sequence of its own
        interpreter.invoke()
        outputs.append([interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()])
    return outputs


def exact(content: bytes, samples: list) -> list:
    return run(edge_ml, edge_ml.OpResolverType.BUILTIN_REF, content, samples)


def at_version(content: bytes, name: str, version: int) -> bytes:
    """The model with the version of one operator changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for code in model.operatorCodes:
        if code.builtinCode == getattr(schema.BuiltinOperator, name):
            code.version = version
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def litert(content: bytes, samples: list) -> list:
    """With the reference kernels, the only ones that round as the specification says. For some operators their list ends a
    version short of types that the kernels take all the same; those that it lacks run with the other list."""
    while True:
        try:
            return run(peer, peer.OpResolverType.BUILTIN_REF, content, samples)
        except ValueError as error:
            missing = re.search(r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'", str(error))
            if missing is None:
                raise
            name, version = missing[1], int(missing[2])
        if version == 1:
            return run(peer, peer.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, content, samples)
        content = at_version(content, name, version - 1)


def same(ours: list, theirs: list) -> None:
    """Integers equal bit for bit; floats within 1e-6 of the largest."""
    assert len(ours) == len(theirs)
    for a_outputs, b_outputs in zip(ours, theirs):
        for a, b in zip(a_outputs, b_outputs, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            if a.dtype.kind == "f":
                assert np.isfinite(b).all()
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * float(np.abs(b).max(initial=0)))
            else:
                np.testing.assert_array_equal(a, b)


def sqnr(wanted: list, found: list) -> float:
    """Of all float outputs together, dB; integer outputs do not count."""
    pairs = [(a, b) for x, y in zip(wanted, found) for a, b in zip(x, y) if a.dtype.kind == "f"]
    signal = sum(float((a.astype(np.float64) ** 2).sum()) for a, _ in pairs)
    noise = sum(float(((a.astype(np.float64) - b) ** 2).sum()) for a, b in pairs)
    return float("inf") if noise == 0 else float(10 * np.log10(max(signal, 1e-300) / noise))


@pytest.fixture(scope="session")
def engines():
    """What the tests call: run, exact, litert, same, sqnr."""
    class Engines:
        pass
    for function in (run, exact, litert, same, sqnr):
        setattr(Engines, function.__name__, staticmethod(function))
    return Engines
