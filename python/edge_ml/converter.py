"""Converts trained models to TFLite, with the interface of tf.lite.TFLiteConverter.

    content = edge_ml.Converter.from_keras_file("model.h5").convert()

Reading a file needs neither TensorFlow nor Keras. A live model (`from_keras_model`, `from_concrete_functions`) is saved by
the library it comes from first.
"""

from __future__ import annotations

import enum
import os
import pathlib
import tempfile
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from . import _edge_ml

__all__ = ["Converter", "ConverterError", "OpsSet", "Optimize", "RepresentativeDataset", "TargetSpec"]


class ConverterError(ValueError):
    """The model cannot be converted; the message says what, where, and how to mend it."""


class Optimize(enum.Enum):
    DEFAULT = "DEFAULT"
    OPTIMIZE_FOR_SIZE = "OPTIMIZE_FOR_SIZE"
    OPTIMIZE_FOR_LATENCY = "OPTIMIZE_FOR_LATENCY"
    EXPERIMENTAL_SPARSITY = "EXPERIMENTAL_SPARSITY"


class OpsSet(enum.Enum):
    TFLITE_BUILTINS = "TFLITE_BUILTINS"
    SELECT_TF_OPS = "SELECT_TF_OPS"
    TFLITE_BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
    EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 = (
        "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    )


class RepresentativeDataset:
    """Inputs to calibrate with: a function that yields lists of arrays, one for each input."""

    def __init__(self, input_gen: Callable[[], Iterable[Any]]) -> None:
        self.input_gen = input_gen


class TargetSpec:
    def __init__(
        self,
        supported_ops: Optional[Iterable[OpsSet]] = None,
        supported_types: Optional[Iterable[Any]] = None,
        **_: Any,
    ) -> None:
        self.supported_ops = set(supported_ops) if supported_ops is not None else {OpsSet.TFLITE_BUILTINS}
        self.supported_types = list(supported_types) if supported_types is not None else []


def _type_name(kind: Any) -> str:
    """'float32' of NumPy's, TensorFlow's and PyTorch's types and of names."""
    if isinstance(kind, str):
        return kind
    name = getattr(kind, "name", None) or getattr(kind, "__name__", None) or str(kind)
    return str(name).rsplit(".", maxsplit=1)[-1]


class Converter:
    """Set what is wanted, then `convert()` returns the bytes of a .tflite file.

    verify: random inputs on which the model as read and the result are compared before anything is returned.
    report: after `convert()`, what was read and done.
    """

    def __init__(self, path: Union[str, os.PathLike, None] = None) -> None:
        self._path = None if path is None else os.fspath(path)
        self._save: Optional[Callable[[str], str]] = None  # into a folder; returns the path
        self.optimizations: List[Any] = []
        self.representative_dataset: Any = None
        self.target_spec = TargetSpec()
        self.inference_input_type: Any = "float32"
        self.inference_output_type: Any = "float32"
        self.allow_custom_ops = False
        self.batch: Optional[int] = None
        self.input_shapes: Sequence[Sequence[int]] = []
        self.verify = 1
        self.report: Dict[str, Any] = {}

    @classmethod
    def from_keras_file(cls, path: Union[str, os.PathLike]) -> "Converter":
        """A model that Keras saved: .h5, .keras, or .json with its weights beside it."""
        return cls(path)

    @classmethod
    def from_saved_model(
        cls,
        saved_model_dir: Union[str, os.PathLike],
        signature_keys: Optional[Sequence[str]] = None,
        tags: Optional[Iterable[str]] = None,
    ) -> "Converter":
        raise ConverterError("SavedModels cannot be read yet; save the Keras model as .keras or .h5")

    @classmethod
    def from_keras_model(cls, model: Any) -> "Converter":
        """A live Keras model, of Keras 3 or of tf_keras. It is saved to a temporary file."""
        converter = cls()

        def save(folder: str) -> str:
            path = os.path.join(folder, "model.keras")
            model.save(path)
            return path

        converter._save = save
        return converter

    @classmethod
    def from_concrete_functions(cls, funcs: Sequence[Any], trackable_obj: Any = None) -> "Converter":
        raise ConverterError("functions cannot be converted yet; save the Keras model as .keras or .h5")

    def _refuse_what_is_not_there(self) -> None:
        types = {_type_name(t) for t in self.target_spec.supported_types}
        ops = {_type_name(getattr(o, "value", o)) for o in self.target_spec.supported_ops}
        ends = {_type_name(self.inference_input_type), _type_name(self.inference_output_type)}
        wanted = []
        if self.optimizations:
            wanted.append("optimizations")
        if self.representative_dataset is not None:
            wanted.append("representative_dataset")
        if types - {"float32"}:
            wanted.append("target_spec.supported_types")
        if ops - {"TFLITE_BUILTINS", "SELECT_TF_OPS"}:
            wanted.append("target_spec.supported_ops")
        if ends - {"float32"}:
            wanted.append("inference_input_type / inference_output_type")
        if wanted:
            raise ConverterError(
                f"quantization is not built in yet, so {', '.join(wanted)} cannot be honoured; "
                "leave them at their defaults to get a float model"
            )

    def convert(self) -> bytes:
        """The bytes of the .tflite file. Raises ConverterError."""
        self._refuse_what_is_not_there()
        if self._save is None:
            if self._path is None:
                raise ConverterError("there is no model: use one of the from_… methods")
            return self._convert(self._path)
        with tempfile.TemporaryDirectory() as folder:
            return self._convert(self._save(folder))

    def _convert(self, path: str) -> bytes:
        try:
            content, self.report = _edge_ml.convert(
                path, self.batch, [list(shape) for shape in self.input_shapes], self.verify
            )
        except _edge_ml.StatusError as error:
            raise ConverterError(error.args[1]) from None
        return content

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Converts and writes the file, whole or not at all."""
        target = pathlib.Path(path)
        content = self.convert()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
