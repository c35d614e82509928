"""edge_ml.load: a model as a function."""
from __future__ import annotations

import edge_ml
import numpy as np
import pytest


def test_one_output_is_an_array(model_file):
    model = edge_ml.load(model_file)
    a = np.float32([[1, 2, 3, 4]])
    np.testing.assert_array_equal(model(a, a), a * 2)
    np.testing.assert_array_equal(model(b=a, a=a * 2), a * 3)
    np.testing.assert_array_equal(model([[1, 2, 3, 4]], b=a), a * 2)
    assert repr(model) == "<edge_ml.Model (a: float32[1, 4], b: float32[1, 4]) -> (sum: float32[1, 4])>"


def test_inputs_are_resized(model_file):
    model = edge_ml.load(model_file, exact=True, num_threads=2)
    for shape in ((3, 4), (1, 4), (2, 2, 2)):
        value = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        np.testing.assert_array_equal(model(value, value), value * 2)


def test_results_are_copies(model_file):
    model = edge_ml.load(model_file)
    first = model(np.ones((1, 4)), np.ones((1, 4)))
    model(np.zeros((1, 4)), np.zeros((1, 4)))
    np.testing.assert_array_equal(first, np.full((1, 4), 2, np.float32))


def test_several_outputs_and_signatures(two_signature_model):
    model = edge_ml.load(two_signature_model, signature="three")
    result = model(np.float32([1, 2, 3]))
    assert list(result) == ["times", "negative"]
    assert result["times"].tolist() == [3, 6, 9]
    assert edge_ml.load(two_signature_model, signature="one")([1.0, 2.0]).tolist() == [2, 3]
    with pytest.raises(ValueError, match="has no signature 'two'; it has 'one', 'three'"):
        edge_ml.load(two_signature_model, signature="two")


def test_specs(open_batch_model):
    model = edge_ml.load(open_batch_model)
    assert model.inputs[0] == edge_ml.TensorSpec("a", (-1, 4), np.float32, 0.0, 0)
    assert [s.name for s in model.outputs] == ["sum"]


def test_wrong_calls(model_file):
    model = edge_ml.load(model_file)
    one = np.ones((1, 4), np.float32)
    for call, message in [
        (lambda: model(one), "missing input b"),
        (lambda: model(one, one, one), "takes 2 inputs"),
        (lambda: model(one, one, a=one), "given twice"),
        (lambda: model(one, c=one), "no input 'c'; it has a, b"),
        (lambda: model(one, one.astype(np.complex64)), "complex64 values are not converted"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()


def test_conversion_loses_nothing_but_precision():
    from tflite_builder import Graph, Op, T, build
    x, y = T([2], "i32", name="x"), T([2], "i32", name="y")
    model = edge_ml.load(build([Graph([Op("ABS", [x], [y], ("AbsOptions", {}))], [x], [y])]))
    assert model([-3, 4]).tolist() == [3, 4]
    with pytest.raises(TypeError, match="do not fit"):
        model([2**40, 1])
    with pytest.raises(TypeError, match="float64 values are not converted"):
        model([0.5, 1.0])


def test_state(state_model):
    model = edge_ml.load(state_model)
    assert model([1.0, 1.0]).tolist() == [1, 1]
    assert model([1.0, 1.0]).tolist() == [2, 2]
    model.reset()
    assert model([1.0, 1.0]).tolist() == [1, 1]


@pytest.mark.parametrize("content,message", [
    (b"", "is empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "git lfs pull"),
    (b"\x00" * 40, "not a valid Flatbuffer buffer"),
])
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        edge_ml.load(path)
    with pytest.raises(ValueError):
        edge_ml.load(tmp_path)
