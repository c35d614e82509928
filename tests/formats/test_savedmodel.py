"""SavedModels and frozen graphs made with TensorFlow: what the reader sees of them, and the answers after conversion."""
from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from ai_edge_litert import interpreter as peer
from ai_edge_litert import schema_py_generated as schema

from tflite_operators import custom_operators

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BINARY = os.environ.get("EDGEML_BIN") or str(ROOT / "build" / "release" / "bin" / "edgeml")
DUMP = pathlib.Path(BINARY).parent / "savedmodel_dump"
TOLERANCE = 1e-5  # of the largest output
# Where TensorFlow's converter makes fewer operators than we do, for a reason.
MORE_OPERATORS = {
    "boxes": "TensorFlow's gives as many boxes as it may, with zeros behind those that were chosen",
    "reverse_apart": "LiteRT does not run what TensorFlow makes: dimensions that are not side by side",
    "zeros_like": "TensorFlow takes x * 0 for 0, which it is not where x is infinite or not a number",
}
# Cases that become custom operators of LiteRT, which we do not run.
CUSTOM = ("mfcc", "spectrogram")


@pytest.fixture(scope="session")
def made(tensorflow):
    return tensorflow.make(["make_savedmodels.py", "savedmodel_cases.py", "tflite_operators.py"])


def dump(*words):
    return subprocess.run([DUMP, *map(str, words)], capture_output=True, text=True, check=False)


def operators(listing):
    """The operators of a listing without constants and inputs, sorted."""
    names = re.findall(r"^  \d+ (\w+)\(", listing, re.M)
    return sorted(name for name in names if name not in ("Const", "_Arg"))


def in_order(names):
    """keras_tensor_9 before keras_tensor_10."""
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def test_converted_models_answer_as_tensorflow(made, tmp_path):
    wrong = []
    theirs = json.loads((made / "tf_ops.json").read_text())
    assert sum(operators is not None for operators in theirs.values()) > 140
    cases = sorted((made / "cases").glob("*.npz"))
    assert len(cases) > 150
    for case in cases:
        name = case.stem
        path = made / "cases" / name
        path = path if path.is_dir() else path.with_suffix(".pb")
        stored = np.load(case)
        inputs, answers = ([stored[k] for k in in_order(stored.files) if k[0] == kind] for kind in "xy")
        done = subprocess.run([BINARY, "convert", path, tmp_path / "out.tflite", "--json"], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            wrong.append(f"{name}: {done.stderr.strip()}")
            continue
        report = json.loads(done.stdout)
        assert report["verified_runs"] == (0 if name in CUSTOM else 1)
        if theirs.get(name) is not None and (report["ops"] > len(theirs[name])) != (name in MORE_OPERATORS):
            wrong.append(f"{name}: {report['ops']} operators, TensorFlow makes {len(theirs[name])}: {theirs[name]}")
        interpreter = peer.Interpreter(model_path=str(tmp_path / "out.tflite"))
        (signature, names), = interpreter.get_signature_list().items()
        runner = interpreter.get_signature_runner(signature)
        found = runner(**dict(zip(in_order(names["inputs"]), inputs)))
        for key, wanted in zip(in_order(found), answers):
            shown = found[key]
            scale = max(np.abs(wanted).max(initial=0), 1e-6)
            if shown.shape != wanted.shape or not np.abs(shown - wanted).max(initial=0) <= TOLERANCE * scale:
                wrong.append(f"{name}: {key} {shown.shape} differs from {wanted.shape}")
    assert not wrong, "\n".join(wrong)


def test_every_type_of_a_bundle(made):
    done = dump("bundle", made / "bundle" / "bundle")
    assert done.returncode == 0, done.stderr
    found = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    stored = np.load(made / "bundle" / "tensors.npz")
    assert set(found) == {name.replace("|", "/") for name in stored.files} | {"strings"}
    for name in stored.files:
        kind, shape, content = found[name.replace("|", "/")].split("\t")
        tensor = stored[name]
        assert (kind, shape) == (str(tensor.dtype), str(list(tensor.shape))), name
        assert bytes.fromhex(content) == tensor.tobytes(), name
    assert bytes.fromhex(found["strings"].split("\t")[2]).endswith(b"abc" + b"c" * 299)


def test_damaged_data_is_noticed(made, tmp_path):
    for file in (made / "bundle").glob("bundle.*"):
        shutil.copy(file, tmp_path)
    data = next(tmp_path.glob("bundle.data-00000-*"))
    content = bytearray(data.read_bytes())
    content[3] ^= 1
    data.write_bytes(content)
    done = dump("bundle", tmp_path / "bundle")
    assert done.returncode == 3 and "checksum" in done.stderr
    data.write_bytes(content[:8])
    done = dump("bundle", tmp_path / "bundle")
    assert done.returncode == 3 and "cut off" in done.stderr
    data.unlink()
    assert dump("bundle", tmp_path / "bundle").returncode == 3


def test_functions_are_inlined_and_variables_constant(made):
    listing = dump("graph", made / "containers" / "module", "nested").stdout
    assert operators(listing) == sorted(["MatMul", "Relu", "Cast", "AddV2", "Sum", "Greater", "If", "Split",  # main
                                         "StridedSlice", "Mul", "Sub"])                                    # the branches
    assert re.search(r"input \d+ x float32 \[\?, 2\]", listing)
    # Sorted by name, and two variables of one name kept apart.
    assert re.findall(r"output \S+ (\w) float32", listing)[:2] == ["a", "z"]
    assert len(re.findall(r"Const\(\) float32 \[2, 3\]", listing)) == 2
    assert len(re.findall(r"Const\(\) bfloat16 \[3\]", listing)) == 1


@pytest.mark.parametrize("path,signature,code,said", [
    ("module", "", 3, "has no signature 'serving_default'; it has 'counting', 'counting_unseen', 'nested'"),
    ("module", "counting", 4, "variable 'count' is changed by"),
    ("text", "", 4, "text form"),
    ("no_signature", "", 3, "has no signature; save the model with one"),
    ("no_signature", "", 3, "its functions: 'forward', 'shifted'"),
    ("nothing", "", 3, "saved_model.pb"),
])
def test_errors(made, path, signature, code, said):
    done = dump("graph", made / "containers" / path, *([signature] if signature else []))
    assert done.returncode == code and said in done.stderr


def test_a_variable_that_changes_unseen_is_no_error(made):
    assert operators(dump("graph", made / "containers" / "module", "counting_unseen").stdout) == ["Mul"]


def test_conditions_of_tensorflow_1_must_be_constant(made, tmp_path):
    done = subprocess.run([BINARY, "convert", made / "containers" / "phase_open.pb", tmp_path / "out.tflite"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 4 and "whose condition is not constant" in done.stderr, done.stderr


def test_lookup_tables(made, tmp_path):
    for name, words, numbers in (("table", [b"b", b"c", b""], [2, -1, -1]), ("table_of_words", [b"ein", b"?"], [1, 7])):
        done = subprocess.run([BINARY, "convert", made / "containers" / name, tmp_path / "out.tflite"], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr
        interpreter = peer.Interpreter(model_path=str(tmp_path / "out.tflite"))
        (signature, names), = interpreter.get_signature_list().items()
        given, wanted = (words, numbers) if name == "table" else (numbers, words)
        found, = interpreter.get_signature_runner(signature)(**{names["inputs"][0]: np.array(given)}).values()
        assert found.tolist() == wanted, name


def test_tables_of_other_types_are_refused(made, tmp_path):
    done = subprocess.run([BINARY, "convert", made / "containers" / "table_of_floats", tmp_path / "out.tflite"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 4 and "a table from int64 to float32" in done.stderr, done.stderr


def convert_custom(made, tmp_path, name, *options):
    return subprocess.run([BINARY, "convert", made / "containers" / name, tmp_path / "out.tflite", *options], capture_output=True,
                          text=True, check=False)


def test_custom_operators_are_those_of_tensorflow(made, tmp_path):
    """Name, options, types and shapes of each custom operator that TensorFlow's converter makes with allow_custom_ops."""
    theirs = json.loads((made / "custom_ops.json").read_text())
    assert len(theirs) > 3
    for name, wanted in theirs.items():
        done = convert_custom(made, tmp_path, name, "--allow-custom")
        assert done.returncode == 0, done.stderr
        assert "not verified" in done.stdout + done.stderr
        assert custom_operators((tmp_path / "out.tflite").read_bytes(), schema) == wanted, name


def test_what_custom_operators_are_for_is_said(made, tmp_path):
    done = convert_custom(made, tmp_path, "custom_inverse")
    assert done.returncode == 4
    assert "MatrixInverse (1 node" in done.stderr and "--allow-custom" in done.stderr
