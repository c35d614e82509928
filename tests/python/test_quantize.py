"""edge_ml.quantize, and what the settings of tf.lite.TFLiteConverter about quantization do."""
from __future__ import annotations

import gzip
import json
import pathlib

import edge_ml
import numpy as np
import pytest
from edge_ml import lite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "digits.h5"
INT8_AND_FLOAT = [lite.OpsSet.TFLITE_BUILTINS_INT8, lite.OpsSet.TFLITE_BUILTINS]
WIDE = lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def bundled(name: str) -> np.ndarray:
    with gzip.open(ROOT / "src" / "data" / "digits" / f"digits-{name}-ubyte.gz") as file:
        content = file.read()
    return np.frombuffer(content, np.uint8, offset=16 if "idx3" in name else 8)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return bundled("images-idx3").reshape(-1, 1, 8, 8, 1).astype(np.float32)


@pytest.fixture(scope="module")
def dataset(images):
    return lambda: ([image] for image in images[:100])


def types(content: bytes) -> set:
    """Of all tensors that nodes make."""
    interpreter = edge_ml.Interpreter(model_content=content)
    kinds = {t["index"]: np.dtype(t["dtype"]).name for t in interpreter.get_tensor_details()}
    return {kinds[int(o)] for op in interpreter._get_ops_details() for o in op["outputs"]}


def ends(content: bytes) -> tuple:
    interpreter = edge_ml.Interpreter(model_content=content)
    return tuple(np.dtype(d[0]["dtype"]).name for d in (interpreter.get_input_details(), interpreter.get_output_details()))


def accuracy(content: bytes, images: np.ndarray) -> float:
    model = edge_ml.load(content)
    labels = bundled("labels-idx1")[1437:]
    return float(np.mean([np.argmax(model(image)) == label for image, label in zip(images[1437:], labels)]))


@pytest.mark.parametrize("scheme", ["dynamic", "weight-int8", "float16", "int8", "int8-float", "int16x8", "int4"])
def test_schemes(scheme, dataset, images):
    content = edge_ml.quantize(MODEL, scheme, dataset)
    assert isinstance(content, bytes) and len(content) == content.report["output_bytes"] < content.report["float_bytes"]
    assert accuracy(content, images) > (0.9 if scheme == "int4" else 0.96)


def test_the_same_file_as_the_command(edgeml, images, tmp_path):
    np.savez(tmp_path / "x.npz", x=images[:100, 0])
    edgeml("quantize", MODEL, tmp_path / "a.tflite", "--calibration", f"npz:{tmp_path / 'x.npz'}", "--method", "mse",
           "--rounding", "adaround", "--bias-correction", "--output-type", "int8")
    content = edge_ml.quantize(MODEL, "int8", [[x] for x in images[:100]], method="mse", rounding="adaround",
                               bias_correction=True, output_type=np.int8)
    assert content == (tmp_path / "a.tflite").read_bytes()
    assert sum(layer["changed"] for layer in content.report["refined"]) > 0


def test_what_a_model_may_be(dataset, tmp_path):
    content = edge_ml.quantize(MODEL, "int8", dataset)
    assert edge_ml.quantize(str(MODEL), "int8", dataset) == content
    assert edge_ml.quantize(MODEL.read_bytes(), "int8", dataset) == content
    floats = edge_ml.Converter.from_keras_file(MODEL).convert()
    assert types(edge_ml.quantize(floats, "int8", dataset)) == types(content)
    content.save(tmp_path / "out.tflite")
    assert (tmp_path / "out.tflite").read_bytes() == content
    with pytest.raises(edge_ml.ConverterError, match="quantized already"):
        edge_ml.quantize(content, "int8", dataset)


def test_what_a_sample_may_be(images):
    some = images[:12]
    wanted = edge_ml.quantize(MODEL, "int8", [[x] for x in some])
    for samples in (
        lambda: some, list(some), ({"image": x} for x in some), (("serving_default", {"image": x}) for x in some),
        ([x.astype(np.float64)] for x in some), ([x.astype(np.uint8)] for x in some),
        lite.RepresentativeDataset(lambda: ([x] for x in some)),
    ):
        assert edge_ml.quantize(MODEL, "int8", samples) == wanted
    together = edge_ml.quantize(MODEL, "int8", [[some[:, 0]]])  # as a batch, which the model takes
    assert together.report["calibration_samples"] == 1 and len(together) == len(wanted)


@pytest.mark.parametrize("sample,words", [
    ([np.zeros((1, 8, 7, 1), np.float32)], r"sample 0: input 0 \('image'\) takes shape .* not \[1, 8, 7, 1\]"),
    ([np.full((1, 8, 8, 1), np.nan, np.float32)], "sample 0: input 0 .* not a number"),
    ({"picture": 0}, "no array for the input 'image'; it has: picture"),
    ({"image": np.zeros((1, 8, 8, 1)), "more": 0}, "no input 'more'"),
    (("other", {}), "for the signature 'other'"),
    ([1.0, 2.0], "gives 2 arrays; the model has 1 inputs"),
    ([np.zeros((1, 8, 8, 1), complex)], "takes float32, not complex128"),
])
def test_bad_samples(sample, words):
    with pytest.raises(edge_ml.ConverterError, match=words):
        edge_ml.quantize(MODEL, "int8", [sample])


def test_bad_settings(dataset):
    for words, settings in {
        "there is no scheme 'int9'": {"scheme": "int9"},
        "there is no method 'most'": {"method": "most"},
        "there is no rounding 'up'": {"rounding": "up"},
        "called 'nobody'": {"keep_float": ["nobody"]},
        "something to judge by": {"auto": True},
        "percentile": {"percentile": 0},
    }.items():
        with pytest.raises(edge_ml.ConverterError, match=words):
            edge_ml.quantize(MODEL, representative_dataset=dataset, **settings)
    with pytest.raises(edge_ml.ConverterError, match="needs to see data"):
        edge_ml.quantize(MODEL)
    with pytest.raises(edge_ml.ConverterError, match="neither an iterable"):
        edge_ml.quantize(MODEL, representative_dataset=3)

    def breaks():
        yield from dataset()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        edge_ml.quantize(MODEL, representative_dataset=breaks)


def test_ranges_are_kept(dataset, tmp_path):
    first = edge_ml.quantize(MODEL, "int8", dataset, save_ranges=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["format"] == "edgeml-ranges"
    assert edge_ml.quantize(MODEL, "int8", ranges=tmp_path / "r.json") == first
    with pytest.raises(edge_ml.ConverterError, match="No such file"):
        edge_ml.quantize(MODEL, "int8", ranges=tmp_path / "absent.json")
    with pytest.raises(edge_ml.ConverterError, match="finds none"):
        edge_ml.quantize(MODEL, "dynamic", save_ranges=tmp_path / "s.json")


def test_auto_asks_what_the_caller_measures(dataset, images):
    asked = []

    def evaluate(content):
        asked.append(content)
        return accuracy(content, images)

    content = edge_ml.quantize(MODEL, "int8", dataset, auto=True, evaluate=evaluate, max_drop=0.01)
    assert content.report["within_budget"] and content.report["steps"] and len(asked) >= 2
    with pytest.raises(ZeroDivisionError):
        edge_ml.quantize(MODEL, "int8", dataset, auto=True, evaluate=lambda content: 1 / 0)
    with pytest.raises(edge_ml.ConverterError, match="returned no number"):
        edge_ml.quantize(MODEL, "int8", dataset, auto=True, evaluate=lambda content: "good")


def converter(**settings) -> lite.TFLiteConverter:
    made = lite.TFLiteConverter.from_keras_file(MODEL)
    for name, value in settings.items():
        if name in ("supported_ops", "supported_types"):
            setattr(made.target_spec, name, value)
        else:
            setattr(made, name, value)
    return made


DEFAULT = [lite.Optimize.DEFAULT]


def test_default_alone_is_dynamic_range():
    whole, small = converter().convert(), converter(optimizations=DEFAULT).convert()
    assert len(small) < 0.4 * len(whole) and types(small) == {"float32"}


def test_with_data_integers_where_possible(dataset):
    made = converter(optimizations=DEFAULT, representative_dataset=dataset)
    content = made.convert()
    assert "int8" in types(content) and ends(content) == ("float32", "float32")
    assert made.report["calibration_samples"] == 100
    made.inference_input_type, made.inference_output_type = np.uint8, "int8"
    assert ends(made.convert()) == ("uint8", "int8")
    assert converter(optimizations=DEFAULT, representative_dataset=dataset, supported_ops=INT8_AND_FLOAT).convert() == content


def test_integers_only(dataset):
    made = converter(optimizations=DEFAULT, representative_dataset=dataset, inference_input_type=np.int8,
                     inference_output_type=np.int8, supported_ops=[lite.OpsSet.TFLITE_BUILTINS_INT8])
    content = made.convert()
    assert types(content) == {"int8"} and ends(content) == ("int8", "int8")
    made.target_spec.supported_ops, made.target_spec.supported_types = {lite.OpsSet.TFLITE_BUILTINS}, [np.int8]
    assert made.convert() == content
    floats = types(converter(optimizations=DEFAULT, representative_dataset=dataset).convert())
    assert "float32" in floats


def test_integers_only_names_what_stands_in_the_way(two_op_model, tmp_path):
    """SIN has no integer form."""
    (tmp_path / "m.tflite").write_bytes(two_op_model)
    made = lite.TFLiteConverter(tmp_path / "m.tflite")
    made.optimizations = DEFAULT
    made.representative_dataset = lambda: ([np.float32([[1, 2, 3, 4]])] for _ in range(3))
    content = made.convert()
    assert types(content) >= {"int8", "float32"}
    made.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    with pytest.raises(edge_ml.ConverterError, match=r"cannot be integers only: SIN \(1x, first y"):
        made.convert()


def test_int16_activations(dataset):
    made = converter(optimizations=DEFAULT, representative_dataset=dataset, supported_ops=[WIDE])
    assert types(made.convert()) == {"int16", "float32"} and ends(made.convert()) == ("float32", "float32")
    made.inference_input_type = made.inference_output_type = np.int16
    assert types(made.convert()) == {"int16"}
    made.inference_input_type = np.int8
    with pytest.raises(edge_ml.ConverterError, match="inputs cannot be int8 with activations of int16"):
        made.convert()


def test_halves_with_or_without_data(dataset):
    made = converter(optimizations=DEFAULT, supported_types=[np.float16])
    content = made.convert()
    made.representative_dataset = dataset
    assert made.convert() == content


@pytest.mark.parametrize("words,settings", [
    ("optimizations is empty", {"supported_ops": [lite.OpsSet.TFLITE_BUILTINS_INT8]}),
    ("optimizations is empty", {"supported_types": [np.float16]}),
    ("needs to see data", {"optimizations": DEFAULT, "supported_ops": [lite.OpsSet.TFLITE_BUILTINS_INT8]}),
    ("needs to see data", {"optimizations": DEFAULT, "supported_ops": [WIDE]}),
    ("needs to see data", {"optimizations": DEFAULT, "representative_dataset": lambda: [], "supported_ops": [WIDE]}),
    ("cannot be int8 and float32", {"inference_input_type": np.int8}),
    ("cannot be int8 and float32", {"optimizations": DEFAULT, "inference_input_type": np.int8}),
    ("float16 and int8 can be had", {"optimizations": DEFAULT, "supported_types": ["bfloat16"]}),
])
def test_what_does_not_go_together(words, settings):
    with pytest.raises(edge_ml.ConverterError, match=words):
        converter(**settings).convert()


def test_sparse_weights_when_asked_for(data):
    def size(*optimizations, **settings):
        made = lite.TFLiteConverter.from_keras_file(str(data / "keras" / "mnist_dense128_pruned_finetuned.h5"))
        made.optimizations = list(optimizations)
        for name, value in settings.items():
            setattr(made.target_spec, name, value)
        return len(made.convert())

    half = {"supported_types": [np.float16]}
    assert size(lite.Optimize.EXPERIMENTAL_SPARSITY) < 0.65 * size()
    assert size(lite.Optimize.DEFAULT, lite.Optimize.EXPERIMENTAL_SPARSITY, **half) < 0.8 * size(lite.Optimize.DEFAULT, **half)


def test_data_alone_changes_nothing(dataset):
    assert converter(representative_dataset=dataset).convert() == converter().convert()


def test_several_inputs_by_name(tmp_path, add_model):
    rng = np.random.default_rng(1)
    a, b = rng.uniform(-1, 1, (20, 1, 4)).astype(np.float32), rng.uniform(-8, 8, (20, 1, 4)).astype(np.float32)
    by_name = edge_ml.quantize(add_model, "int8", ({"b": y, "a": x} for x, y in zip(a, b)))
    assert by_name == edge_ml.quantize(add_model, "int8", ([x, y] for x, y in zip(a, b)))
    assert by_name == edge_ml.quantize(add_model, "int8", (("add", {"a": x, "b": y}) for x, y in zip(a, b)), signature="add")
    wide = edge_ml.quantize(add_model, "int8", ([y, y] for y in b))
    assert wide != by_name


def test_a_script_of_tensorflow(dataset, tmp_path):
    """As its guide for post-training integer quantization has it, but for the import."""
    script = f"""
import edge_ml as tf, edge_ml.lite
converter = tf.lite.TFLiteConverter.from_keras_file({str(MODEL)!r})
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = representative_data_gen
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = uint8
converter.inference_output_type = uint8
tflite_model_quant = converter.convert()
interpreter = tf.lite.Interpreter(model_content=tflite_model_quant)
input_type = interpreter.get_input_details()[0]['dtype']
"""
    names = {"representative_data_gen": dataset, "uint8": np.uint8}
    exec(compile(script, "script", "exec"), names)  # pylint: disable=exec-used
    assert names["input_type"] == np.uint8
