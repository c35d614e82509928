"""Converts trained models to TFLite, with the interface of tf.lite.TFLiteConverter.

    content = edge_ml.Converter.from_keras_file("model.h5").convert()

Reading a file needs neither TensorFlow nor Keras. A live model (`from_keras_model`, `from_concrete_functions`) is saved by
the library it comes from first.
"""

from __future__ import annotations

import enum
import os
import pathlib
import sys
import tempfile
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union


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
        self.input_shapes: Union[Sequence[Sequence[int]], Dict[str, Sequence[int]]] = []
        self.signature = ""
        self.tags: List[str] = []
        self.input_arrays: List[str] = []
        self.output_arrays: List[str] = []
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
        """The folder of a SavedModel. One signature is converted, serving_default unless another one is named."""
        converter = cls(saved_model_dir)
        keys = list(signature_keys or [])
        if len(keys) > 1:
            raise ConverterError(f"one signature at a time can be converted, not {len(keys)}: {', '.join(keys)}")
        converter.signature = keys[0] if keys else ""
        converter.tags = sorted(tags or [])
        return converter

    @classmethod
    def from_graph_def_file(
        cls,
        graph_def_file: Union[str, os.PathLike],
        input_arrays: Sequence[str] = (),
        output_arrays: Sequence[str] = (),
        input_shapes: Optional[Dict[str, Sequence[int]]] = None,
    ) -> "Converter":
        """A frozen GraphDef (.pb), with the names of the tensors to feed and to answer with."""
        converter = cls(graph_def_file)
        converter.input_arrays, converter.output_arrays = list(input_arrays), list(output_arrays)
        converter.input_shapes = dict(input_shapes or {})
        return converter

    from_frozen_graph = from_graph_def_file

    @classmethod
    def from_keras_model(cls, model: Any) -> "Converter":
        """A live Keras model, of Keras 3 or of tf_keras. It is saved to a temporary file; a model that is a class of its
        own is exported as SavedModel."""
        converter = cls()

        def save(folder: str) -> str:
            described = any(c.__name__ in ("Functional", "Sequential") for c in type(model).__mro__)
            path = os.path.join(folder, "model.keras" if described else "model")
            if described:
                model.save(path)
            else:
                model.export(path)
            return path

        converter._save = save
        return converter

    @classmethod
    def from_concrete_functions(cls, funcs: Sequence[Any], trackable_obj: Any = None) -> "Converter":
        """A concrete function of TensorFlow. `trackable_obj` is what holds its variables. Saved to a temporary folder."""
        if len(funcs) != 1:
            raise ConverterError(f"one function at a time can be converted, not {len(funcs)}")
        converter = cls()

        def save(folder: str) -> str:
            import tensorflow as tf  # type: ignore[import-not-found]

            holder = trackable_obj
            if holder is None:
                holder = tf.Module()
                holder.captured = list(funcs[0].variables)  # so that they are saved
            path = os.path.join(folder, "model")
            tf.saved_model.save(holder, path, signatures=funcs[0])
            return path

        converter._save = save
        return converter

    def _float16(self) -> bool:
        """Whether weights are asked for as float16, and nothing else."""
        types = [_type_name(t) for t in self.target_spec.supported_types]
        return types == ["float16"] and bool(self.optimizations) and self.representative_dataset is None

    def _refuse_what_is_not_there(self) -> None:
        types = {_type_name(t) for t in self.target_spec.supported_types}
        ops = {_type_name(getattr(o, "value", o)) for o in self.target_spec.supported_ops}
        ends = {_type_name(self.inference_input_type), _type_name(self.inference_output_type)}
        wanted = []
        if self.optimizations and not self._float16():
            wanted.append("optimizations")
        if self.representative_dataset is not None:
            wanted.append("representative_dataset")
        if types - {"float32"} and not self._float16():
            wanted.append("target_spec.supported_types")
        if ops - {"TFLITE_BUILTINS", "SELECT_TF_OPS"}:
            wanted.append("target_spec.supported_ops")
        if ends - {"float32"}:
            wanted.append("inference_input_type / inference_output_type")
        if wanted:
            raise ConverterError(
                f"quantization is not built in yet, so {', '.join(wanted)} cannot be honoured; "
                "leave them at their defaults to get a float model, or ask for float16 weights"
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
        _convert = _load()
        shapes = self.input_shapes
        named = shapes.items() if isinstance(shapes, dict) else [("", shape) for shape in shapes]
        content, report = _convert.convert(
            path,
            batch=self.batch,
            input_shapes=[(name, [-1 if d is None else int(d) for d in shape]) for name, shape in named],
            verify=self.verify,
            signature=self.signature,
            tags=self.tags,
            inputs=self.input_arrays,
            outputs=self.output_arrays,
            float16=self._float16(),
            allow_custom=bool(self.allow_custom_ops),
        )
        if content is None:
            raise ConverterError(report)
        assert isinstance(report, dict)
        self.report = report
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


def _load() -> Any:
    """The extension module of the converter, which running models does without.

    It uses the Protobuf library, and so does TensorFlow, another version of it: where both are in one process, ours must
    find its own functions first.
    """
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))
    try:
        from . import _convert
    finally:
        sys.setdlopenflags(flags)
    return _convert


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
