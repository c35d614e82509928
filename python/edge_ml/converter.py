"""Converts trained models to TFLite, with the interface of tf.lite.TFLiteConverter.

    content = edge_ml.Converter.from_keras_file("model.h5").convert()

Reading a file needs neither TensorFlow nor Keras. A live model (`from_keras_model`, `from_concrete_functions`) is saved by
the library it comes from first.
"""

from __future__ import annotations

import contextlib
import enum
import os
import pathlib
import sys
import tempfile
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from ._numpy import np

__all__ = ["Converter", "ConverterError", "OpsSet", "Optimize", "Quantized", "RepresentativeDataset", "TargetSpec", "quantize"]


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
    """Samples to calibrate with: a function that yields for each a list of arrays, one for each input; or a dict by the
    inputs' names; or a pair of a signature's name and such a dict."""

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


_INT16X8 = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"


class Converter:
    """Set what is wanted, then `convert()` returns the bytes of a .tflite file.

    verify: random inputs on which the model as read and the result are compared before anything is returned.
    report: after `convert()`, what was read and done.

    Quantization is asked for as in TensorFlow, by `optimizations`, `representative_dataset`, `target_spec` and
    `inference_input_type`; `edge_ml.quantize` has more to choose from.
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
        self.default_ranges: Optional[Tuple[float, float]] = None
        self.learned_ranges = False
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

    def _plan(self) -> Tuple[str, Dict[str, Any]]:
        """What the settings stand for, as TensorFlow reads them: a scheme, "" for float, and options of quantize()."""
        types = {_type_name(t) for t in self.target_spec.supported_types}
        ops = {_type_name(getattr(o, "value", o)) for o in self.target_spec.supported_ops}
        wanted = {_type_name(getattr(o, "value", o)) for o in self.optimizations}
        data = self.representative_dataset is not None
        wanted.discard("EXPERIMENTAL_SPARSITY")  # see _sparse
        if types - {"float32", "float16", "int8"}:
            raise ConverterError(f"target_spec.supported_types: {', '.join(sorted(types))}; float16 and int8 can be had")
        int8, wide = "TFLITE_BUILTINS_INT8" in ops, _INT16X8 in ops
        floats = "TFLITE_BUILTINS" in ops or "SELECT_TF_OPS" in ops
        if not wanted:
            if int8 or wide or types - {"float32"}:
                raise ConverterError("target_spec asks for quantized weights or operators, and optimizations is empty; "
                                     "set it to [Optimize.DEFAULT]")
            return "", {}
        if types == {"float16"}:
            return "float16", {}
        if not data:
            if int8 and not floats or wide or types == {"int8"}:
                raise ConverterError("integer arithmetic needs to see data: set representative_dataset to a function that "
                                     "yields lists of arrays, one for each input")
            return "dynamic", {}
        if wide:
            return "int16x8", {"allow_float": floats}
        return ("int8" if int8 and not floats or types == {"int8"} else "int8-float"), {}

    def _sparse(self) -> str:
        """Whether pruned weights are stored without their zeros: only when asked for, as in TensorFlow."""
        return "auto" if "EXPERIMENTAL_SPARSITY" in {_type_name(getattr(o, "value", o)) for o in self.optimizations} else "off"

    def _learned(self) -> Tuple[str, Dict[str, Any]]:
        """Integers whose ranges training found: tflite_convert --inference_type."""
        options: Dict[str, Any] = {"learned_only": True}
        if self.default_ranges is not None:
            options["default_range"] = self.default_ranges
        return "int8", options

    def convert(self) -> bytes:
        """The bytes of the .tflite file. Raises ConverterError."""
        scheme, options = self._learned() if self.learned_ranges else self._plan()
        ends = _type_name(self.inference_input_type), _type_name(self.inference_output_type)
        if scheme in ("", "float16", "dynamic") and set(ends) != {"float32"}:
            raise ConverterError(f"inference_input_type and inference_output_type cannot be {' and '.join(ends)} when "
                                 "activations stay float; set optimizations and representative_dataset")
        with self._file() as path:
            if scheme in ("", "float16"):
                return self._convert(path, scheme == "float16")
            content = _quantize(path, self._reading(), self.representative_dataset, {
                "scheme": scheme, "input_type": ends[0], "output_type": ends[1], "sparse": self._sparse(), **options,
                "per_channel": not getattr(self, "_experimental_disable_per_channel", False)})
        self.report = content.report
        return bytes(content)

    @contextlib.contextmanager
    def _file(self) -> Iterator[str]:
        if self._save is None:
            if self._path is None:
                raise ConverterError("there is no model: use one of the from_… methods")
            yield self._path
            return
        with tempfile.TemporaryDirectory() as folder:
            yield self._save(folder)

    def _reading(self) -> Dict[str, Any]:
        """How the file is read: keywords of the extension module's functions."""
        shapes = self.input_shapes
        named = shapes.items() if isinstance(shapes, dict) else [("", shape) for shape in shapes]
        return {
            "batch": self.batch,
            "input_shapes": [(name, [-1 if d is None else int(d) for d in shape]) for name, shape in named],
            "verify": self.verify,
            "signature": self.signature,
            "tags": self.tags,
            "inputs": self.input_arrays,
            "outputs": self.output_arrays,
            "allow_custom": bool(self.allow_custom_ops),
        }

    def _convert(self, path: str, float16: bool) -> bytes:
        content, report = _load().convert(path, float16=float16, sparse=self._sparse(), **self._reading())
        if content is None:
            raise ConverterError(report)
        assert isinstance(report, dict)
        self.report = report
        return content

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Converts and writes the file, whole or not at all."""
        _write(path, self.convert())


class Quantized(bytes):
    """The bytes of a .tflite file; `report` tells what was done to the model, layer by layer."""

    report: Dict[str, Any]

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes the file, whole or not at all."""
        _write(path, self)


def quantize(
    model: Any,
    scheme: str = "int8",
    representative_dataset: Any = None,
    *,
    input_type: Any = "float32",
    output_type: Any = "float32",
    keep_float: Sequence[str] = (),
    allow_float: bool = False,
    bits: Optional[Dict[str, int]] = None,
    per_channel: bool = True,
    block_size: int = 0,
    method: str = "min-max",
    percentile: float = 99.99,
    samples: int = 0,
    ranges: Union[str, os.PathLike, None] = None,
    save_ranges: Union[str, os.PathLike, None] = None,
    equalize: bool = False,
    relu6_to_relu: bool = False,
    smooth: bool = False,
    smooth_alpha: float = 0.5,
    rounding: str = "squant",
    bias_correction: bool = False,
    rounding_samples: int = 0,
    auto: bool = False,
    evaluate: Optional[Callable[[bytes], float]] = None,
    max_drop: float = 0.01,
    max_size: int = 0,
    max_latency: float = 0.0,
    sensitivity: bool = False,
    sparse: str = "auto",
    threads: int = 0,
    batch: Optional[int] = None,
    input_shapes: Union[Sequence[Sequence[int]], Dict[str, Sequence[int]], None] = None,
    signature: str = "",
    tags: Sequence[str] = (),
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    verify: int = 1,
) -> Quantized:
    """A float model made small: the command `edgeml quantize`, with data from Python.

    model: the path of a file or folder that edgeml reads, the bytes of such a file, or a live Keras model.
    scheme: dynamic, weight-int8, weight-int4, float16, int8, int8-float, int16x8, int4, binary or mixed.
    representative_dataset: samples to see the ranges of activations on, for schemes that compute in integers: an iterable,
        or a function that returns one (see RepresentativeDataset). They are held in memory.
    evaluate: for `auto` and the scheme mixed, what replaces --eval: a function from the bytes of a model to its accuracy.
    max_drop: how far that may fall, 0.01 for one point.
    ranges, save_ranges: a file of ranges to use instead of samples, or to write.

    All others are those of the command (docs/quantization.md). Raises ConverterError.
    """
    settings: Dict[str, Any] = {
        "scheme": scheme, "input_type": _type_name(input_type), "output_type": _type_name(output_type),
        "keep_float": list(keep_float), "allow_float": allow_float, "bits": dict(bits or {}), "per_channel": per_channel,
        "block_size": block_size, "method": method, "percentile": float(percentile), "samples": samples,
        "equalize": equalize, "relu6_to_relu": relu6_to_relu, "smooth": smooth, "smooth_alpha": float(smooth_alpha),
        "rounding": rounding, "bias_correction": bias_correction, "rounding_samples": rounding_samples, "auto": auto,
        "evaluate": evaluate, "max_drop": float(max_drop), "max_size": max_size, "max_latency": float(max_latency),
        "sensitivity": sensitivity, "sparse": sparse, "threads": threads,
    }
    if ranges is not None:
        settings["ranges"] = _read_text(ranges)
    with contextlib.ExitStack() as stack:
        if isinstance(model, (bytes, bytearray, memoryview)):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = os.path.join(folder, "model" + _ending(bytes(model[:8])))
            with open(path, "wb") as file:
                file.write(model)
            converter = Converter(path)
        elif isinstance(model, (str, os.PathLike)):
            converter = Converter(model)
        else:
            converter = Converter.from_keras_model(model)
        converter.batch, converter.signature, converter.tags = batch, signature, list(tags)
        converter.input_shapes, converter.verify = input_shapes if input_shapes is not None else [], verify
        converter.input_arrays, converter.output_arrays = list(inputs), list(outputs)
        path = stack.enter_context(converter._file())
        made = _quantize(path, converter._reading(), representative_dataset, settings)
    if save_ranges is not None:
        if not made.report["ranges"]:
            raise ConverterError(f"save_ranges: the scheme {scheme} finds none")
        _write(save_ranges, made.report["ranges"].encode())
    return made


def _quantize(path: str, reading: Dict[str, Any], dataset: Any, settings: Dict[str, Any]) -> Quantized:
    quantizer, problem = _load().open_quantizer(path, **reading)
    if quantizer is None:
        raise ConverterError(problem)
    for number, sample in enumerate(_samples(dataset)):
        problem = quantizer.add(_arrays(sample, quantizer.inputs(), reading["signature"], number))
        if problem:
            raise ConverterError(f"representative_dataset: sample {number}: {problem}")
    content, report = quantizer.run(settings)
    if content is None:
        raise ConverterError(report)
    made = Quantized(content)
    made.report = report
    return made


def _samples(dataset: Any) -> Iterable[Any]:
    if dataset is None:
        return ()
    made = getattr(dataset, "input_gen", dataset)
    if callable(made):
        made = made()
    try:
        return iter(made)
    except TypeError:
        raise ConverterError("representative_dataset is neither an iterable of samples nor a function that returns one") from None


def _arrays(sample: Any, inputs: List[Tuple[str, str, str]], signature: str, number: int) -> List[Tuple[str, List[int], bytes]]:
    """A sample as the extension module takes it: type, shape and bytes for each input in order."""
    where = f"representative_dataset: sample {number}"
    if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[0], str):
        wanted = signature or "serving_default"
        if sample[0] != wanted:
            raise ConverterError(f"{where} is for the signature {sample[0]!r}; {wanted!r} is what is quantized")
        sample = sample[1]
    if isinstance(sample, dict):
        left = dict(sample)
        values = []
        for name, tensor, _ in inputs:
            key = name if name in left else tensor
            if key not in left:
                raise ConverterError(f"{where} has no array for the input {name!r}; it has: {', '.join(map(str, sample))}")
            values.append(left.pop(key))
        if left:
            raise ConverterError(f"{where}: the model has no input {', '.join(map(repr, left))}; "
                                 f"it has: {', '.join(name for name, _, _ in inputs)}")
    elif isinstance(sample, (list, tuple)):
        values = list(sample)
    else:
        values = [sample]
    if len(values) != len(inputs):
        raise ConverterError(f"{where} gives {len(values)} arrays; the model has {len(inputs)} inputs")
    arrays = []
    for value, (name, _, kind) in zip(values, inputs):
        array = np.asarray(value)
        if not np.can_cast(array.dtype, np.dtype(kind), "same_kind"):
            raise ConverterError(f"{where}: the input {name!r} takes {kind}, not {array.dtype}")
        array = np.ascontiguousarray(array, np.dtype(kind)).reshape(array.shape)
        arrays.append((kind, list(array.shape), array.tobytes()))
    return arrays


def _ending(start: bytes) -> str:
    return ".h5" if start.startswith(b"\x89HDF") else ".keras" if start.startswith(b"PK") else ".tflite"


def _read_text(path: Union[str, os.PathLike]) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConverterError(f"ranges: {error}") from None


def _write(path: Union[str, os.PathLike], content: bytes) -> None:
    """The file appears whole or not at all."""
    target = pathlib.Path(path)
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
