"""edge_ml.load: a model as a function from arrays to arrays."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from ._numpy import np
from .custom_op import CustomOp, CustomOps
from .interpreter import Interpreter, OpResolverType, TensorDetails


class TensorSpec(NamedTuple):
    """An input or an output. `shape` has -1 where any size goes; scale 0 means not quantized."""

    name: str
    shape: Tuple[int, ...]
    dtype: type
    scale: float
    zero_point: int


class Model:
    """A model that can be called; made by edge_ml.load. One thread at a time may call it."""

    def __init__(self, interpreter: Interpreter, signature: Optional[str] = None):
        self._interpreter = interpreter
        listed = interpreter.get_signature_list()
        if signature is not None and signature not in listed:
            known = ", ".join(repr(key) for key in listed) or "none"
            raise ValueError(f"the model has no signature {signature!r}; it has {known}")
        if signature is None and len(listed) == 1:
            signature = next(iter(listed))
        self._signature = signature
        self._graph = 0 if signature is None else interpreter._subgraph_of_signature(signature)
        if signature is None:
            self._inputs = [(d["name"], d) for d in interpreter.get_input_details()]
            self._outputs = [(d["name"], d) for d in interpreter.get_output_details()]
        else:
            runner = interpreter.get_signature_runner(signature)
            self._inputs = _in_graph_order(runner.get_input_details(), interpreter._model.inputs(self._graph))
            self._outputs = _in_graph_order(runner.get_output_details(), interpreter._model.outputs(self._graph))

    @property
    def inputs(self) -> List[TensorSpec]:
        """The inputs in the order of positional arguments."""
        return [_spec(name, detail) for name, detail in self._inputs]

    @property
    def outputs(self) -> List[TensorSpec]:
        """The outputs in the order of the result."""
        return [_spec(name, detail) for name, detail in self._outputs]

    @property
    def interpreter(self) -> Interpreter:
        """The interpreter inside, for everything this class leaves out."""
        return self._interpreter

    def __call__(self, *args: Any, **kwargs: Any) -> Union[np.ndarray, Dict[str, np.ndarray]]:
        """Runs the model.

        Args: the inputs by position or by name: arrays, or what numpy.asarray takes. Inputs are resized to the arrays'
          shapes. Values are converted to the input's type only where nothing but precision is lost (float64 to
          float32, an int64 that fits an int32); quantized inputs take the stored integers.

        Returns: the output's array, or, of several outputs, a dictionary by name. Copies: theirs to keep.

        Raises:
          TypeError: missing, surplus or unknown arguments, or values that do not convert.
          ValueError, RuntimeError: shapes or values the model cannot take.
        """
        own, graph = self._interpreter, self._graph
        own._ensure_safe()
        values = self._match(args, kwargs)
        for (_, detail), value in zip(self._inputs, values):
            own._resize(detail["index"], value.shape, False, graph)
        own._allocate(graph)
        for (_, detail), value in zip(self._inputs, values):
            own._set_tensor(detail["index"], value, graph)
        own._invoke(graph)
        results = {name: own.get_tensor(detail["index"], graph) for name, detail in self._outputs}
        return next(iter(results.values())) if len(self._outputs) == 1 else results

    def reset(self) -> None:
        """Forgets the state of recurrent operators and variables."""
        self._interpreter.reset_all_variables()

    def _match(self, args: Sequence[Any], kwargs: Dict[str, Any]) -> List[np.ndarray]:
        names = [name for name, _ in self._inputs]
        if len(args) > len(names):
            raise TypeError(f"the model takes {len(names)} inputs ({', '.join(names)}), {len(args)} were given")
        given = dict(zip(names, args))
        for name, value in kwargs.items():
            if name not in names:
                raise TypeError(f"the model has no input {name!r}; it has {', '.join(names)}")
            if name in given:
                raise TypeError(f"input {name!r} was given twice")
            given[name] = value
        missing = [name for name in names if name not in given]
        if missing:
            raise TypeError(f"missing input {', '.join(missing)}")
        return [_convert(name, given[name], detail["dtype"]) for name, detail in self._inputs]

    def __repr__(self) -> str:
        def line(specs: List[TensorSpec]) -> str:
            return ", ".join(f"{s.name}: {np.dtype(s.dtype)}{list(s.shape)}" for s in specs)

        return f"<edge_ml.Model ({line(self.inputs)}) -> ({line(self.outputs)})>"


def load(
    path: Union[str, bytes, "os.PathLike[str]"],
    *,
    exact: bool = False,
    num_threads: Optional[int] = None,
    signature: Optional[str] = None,
    custom_ops: Iterable[Union[CustomOp, CustomOps]] = (),
) -> Model:
    """Loads a .tflite file as a function: `scores = edge_ml.load("model.tflite")(image)`.

    Args:
      path: the file, or its content as bytes.
      exact: use the reference kernels, whose integers equal LiteRT's in every bit.
      num_threads: threads of one run, at least 1; None means 1.
      custom_ops: what runs the model's custom operators.
      signature: which of the model's signatures; may be left out when it has at most one.

    Raises:
      ValueError: the file cannot be read, is malformed, or needs an operator we lack.
    """
    kind = OpResolverType.BUILTIN_REF if exact else OpResolverType.AUTO
    source = {"model_content": path} if isinstance(path, bytes) and path[4:8] == b"TFL3" else {"model_path": path}
    return Model(Interpreter(num_threads=num_threads, experimental_op_resolver_type=kind, custom_ops=custom_ops, **source),
                 signature)


def _in_graph_order(details: Dict[str, TensorDetails], order: List[int]) -> List[Tuple[str, TensorDetails]]:
    place = {index: i for i, index in enumerate(order)}
    return sorted(details.items(), key=lambda item: place.get(item[1]["index"], len(place)))


def _spec(name: str, detail: TensorDetails) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    return TensorSpec(name, tuple(int(n) for n in detail["shape_signature"]), detail["dtype"], float(scale),
                      int(zero_point))


def _convert(name: str, value: Any, dtype: type) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype == dtype or array.dtype.kind in "SUO":
        return array
    wanted = np.dtype(dtype)
    if np.can_cast(array.dtype, wanted, "safe") or (array.dtype.kind == wanted.kind == "f"):
        return array.astype(wanted)
    if array.dtype.kind in "iu" and wanted.kind in "iuf":
        converted = array.astype(wanted)
        if wanted.kind == "f" or np.array_equal(converted, array):
            return converted
        raise TypeError(f"input {name!r} is {wanted}: some of the {array.dtype} values do not fit")
    raise TypeError(f"input {name!r} is {wanted}; the given {array.dtype} values are not converted to it")
