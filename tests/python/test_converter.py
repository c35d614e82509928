"""edge_ml.Converter and the command tflite_convert."""
from __future__ import annotations

import pathlib
import subprocess
import sys

import edge_ml
import numpy as np
import pytest
from edge_ml import lite, tflite_convert

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"


def test_converts_a_file():
    converter = edge_ml.Converter.from_keras_file(MODELS / "digits.h5")
    content = converter.convert()
    assert converter.report["format"] == "Keras HDF5" and converter.report["verified_runs"] == 1
    ours = edge_ml.Interpreter(model_content=content)
    theirs = edge_ml.Interpreter(model_path=str(MODELS / "digits_float.tflite"))
    image = np.random.default_rng(1).uniform(0, 16, (1, 8, 8, 1)).astype(np.float32)
    results = []
    for interpreter in (ours, theirs):
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_a_fixed_batch():
    converter = lite.TFLiteConverter.from_keras_file(MODELS / "digits.h5")
    details = edge_ml.Interpreter(model_content=converter.convert()).get_input_details()[0]
    assert details["shape_signature"].tolist() == [-1, 8, 8, 1]
    converter.batch = 3
    details = edge_ml.Interpreter(model_content=converter.convert()).get_input_details()[0]
    assert details["shape"].tolist() == [3, 8, 8, 1]


def test_float16_weights():
    converter = lite.TFLiteConverter.from_keras_file(MODELS / "digits.h5")
    whole = converter.convert()
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [np.float16]
    half = converter.convert()
    assert len(half) < 0.65 * len(whole)
    assert 0 < converter.report["float16_difference"] < 0.01


def test_errors_are_converter_errors(tmp_path):
    with pytest.raises(edge_ml.ConverterError, match="no such file"):
        edge_ml.Converter.from_keras_file(tmp_path / "absent.h5").convert()
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(edge_ml.ConverterError, match="not a model of a format that is read"):
        edge_ml.Converter.from_keras_file(tmp_path / "text.h5").convert()


def test_save_is_whole_or_not_at_all(tmp_path):
    edge_ml.Converter.from_keras_file(MODELS / "digits.h5").save(tmp_path / "a.tflite")
    assert edge_ml.load(tmp_path / "a.tflite").inputs
    with pytest.raises(edge_ml.ConverterError):
        edge_ml.Converter.from_keras_file(tmp_path / "absent.h5").save(tmp_path / "b.tflite")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tflite"]


def test_the_command(tmp_path, capsys):
    out = tmp_path / "digits.tflite"
    flags = [f"--keras_model_file={MODELS / 'digits.h5'}", f"--output_file={out}", "--input_shapes=1,8,8,1",
             "--experimental_new_converter=true"]
    assert tflite_convert.main(flags) == 0
    assert edge_ml.Interpreter(model_path=str(out)).get_input_details()[0]["shape_signature"].tolist() == [1, 8, 8, 1]
    whole = out.stat().st_size
    assert tflite_convert.main([*flags, "--post_training_quantize"]) == 0
    dynamic = out.stat().st_size
    assert tflite_convert.main([*flags, "--quantize_to_float16"]) == 0
    assert dynamic < 0.4 * whole and 0.5 * whole < out.stat().st_size < 0.65 * whole
    assert tflite_convert.main([*flags, "--inference_type=INT8"]) == 1
    assert "the range of" in capsys.readouterr().err
    assert tflite_convert.main([*flags, "--inference_type=QUANTIZED_UINT8", "--default_ranges_min=-8",
                                "--default_ranges_max=8"]) == 0
    quantized = edge_ml.Interpreter(model_path=str(out))
    assert quantized.get_input_details()[0]["dtype"] == quantized.get_output_details()[0]["dtype"] == np.uint8
    done = subprocess.run([sys.executable, "-m", "edge_ml.tflite_convert", "--help"], capture_output=True, text=True,
                          check=True)
    assert "--keras_model_file" in done.stdout
