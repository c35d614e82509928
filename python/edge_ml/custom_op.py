"""Custom operators in Python.

    @edge_ml.custom_op("Twice")
    def twice(x):
        return 2 * x

    interpreter = edge_ml.Interpreter("model.tflite", custom_ops=[twice])

docs/custom-operators.md says more, and how the same is done in C++ and C.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from . import _tensors
from ._edge_ml import CustomOps as _CustomOps
from ._edge_ml import StatusError as _StatusError
from ._numpy import np

_ANY_VERSION = 2**31 - 1

Shape = Sequence[int]


class CustomTensor:
    """What is known of a tensor of a custom operator while it is being prepared.

    Attributes:
      shape: a tuple; of outputs (), it is for prepare to say.
      dtype: NumPy's type of the elements.
      value: of an input that never changes, its value; else None.
      scales, zero_points, quantized_dimension: quantization; no scales mean none.
    """

    def __init__(self, info: Dict[str, Any]):
        self._code: int = info["dtype"]
        self.shape: Tuple[int, ...] = tuple(info["shape"])
        self.scales: List[float] = info["scales"]
        self.zero_points: List[int] = info["zero_points"]
        self.quantized_dimension: int = info["quantized_dimension"]
        self._raw = info["value"]

    @property
    def dtype(self) -> "np.dtype":
        return np.dtype(_tensors.numpy_type(self._code))

    @property
    def value(self) -> "Optional[np.ndarray]":
        return None if self._raw is None else _from_memory(self._raw, self._code, self.shape)

    def __repr__(self) -> str:
        return f"<{self.dtype}{list(self.shape)}>"


class CustomNode:
    """The node that a kernel stands for.

    Attributes:
      name, version: of the operator.
      custom_options: the bytes that the model keeps for it.
      options: the numbers in them by name, when they are a FlexBuffers map, as floats; else empty.
      inputs, outputs: a CustomTensor each; None for one that is absent.
    """

    def __init__(self, info: Dict[str, Any]):
        self.name: str = info["name"]
        self.version: int = info["version"]
        self.custom_options: bytes = info["custom_options"]
        self.options: Dict[str, float] = info["options"]
        self.inputs: List[Optional[CustomTensor]] = [i and CustomTensor(i) for i in info["inputs"]]
        self.outputs: List[Optional[CustomTensor]] = [o and CustomTensor(o) for o in info["outputs"]]


class CustomOp:
    """What runs a custom operator: a name, a range of versions, and a class or functions. Made by custom_op."""

    def __init__(self, name: str, kernel: Callable[[], Any], min_version: int = 1, max_version: Optional[int] = None):
        self.name = name
        self.kernel = kernel
        self.min_version = min_version
        self.max_version = _ANY_VERSION if max_version is None else max_version

    def __repr__(self) -> str:
        return f"<edge_ml.CustomOp {self.name!r}>"


class CustomOps:
    """A set of custom operators."""

    def __init__(self, ops: "Iterable[Union[CustomOp, CustomOps]]" = ()):
        self._native = _CustomOps()
        for op in ops:
            self.add(op)

    def add(self, op: "Union[CustomOp, CustomOps]") -> None:
        """Adds an operator, or all of another set.

        Raises:
          ValueError: one of that name and version is there already or built in, or an empty range of versions.
          TypeError: something else.
        """
        try:
            if isinstance(op, CustomOps):
                self._native.add_all(op._native)
            elif isinstance(op, CustomOp):
                self._native.add(op.name, lambda: _Kernel(op.kernel()), op.min_version, op.max_version)
            else:
                raise TypeError(f"{op!r} is not a custom operator: make one with edge_ml.custom_op")
        except _StatusError as error:
            raise ValueError(error.args[1]) from None

    @property
    def names(self) -> List[str]:
        return self._native.names()

    def __repr__(self) -> str:
        return f"<edge_ml.CustomOps {', '.join(self.names)}>"


def custom_op(
    name: str,
    run: Optional[Callable[..., Any]] = None,
    *,
    prepare: Optional[Callable[[CustomNode], Any]] = None,
    min_version: int = 1,
    max_version: Optional[int] = None,
) -> Any:
    """A custom operator of a function or a class; also usable as a decorator: `@custom_op("Name")`.

    Args:
      name: what models call it.
      run: takes the inputs as NumPy arrays (None for an absent one), which are the function's to keep, and returns
        the output's array, or a tuple of several. Types must be the outputs' own: nothing is converted.
        Or a class: an object of it is made for each node of each session, with the methods `run(self, *inputs)` and,
        where needed, `prepare(self, node)` and `reset(self)`, which forgets what runs have left behind.
      prepare: takes a CustomNode, checks it, and returns the shape of the output, or a list of the shapes of several.
        Called again when the inputs' shapes change. Without it (or with None for a shape) shapes follow from what run
        returns, which costs some time in every run.
      min_version, max_version: the versions of the operator that it is for; no max_version means any.

    An exception becomes the error of allocate_tensors() or invoke(): a RuntimeError with its text and with the
    exception as its cause.
    """
    if run is None:
        return lambda function: custom_op(name, function, prepare=prepare, min_version=min_version,
                                          max_version=max_version)
    if isinstance(run, type):
        if prepare is not None:
            raise TypeError("of a class, prepare is a method")
        return CustomOp(name, run, min_version, max_version)
    if not callable(run):
        raise TypeError("run must be a function or a class")
    function = run
    return CustomOp(name, lambda: _Functions(function, prepare), min_version, max_version)


def audio_frontend_ops() -> CustomOps:
    """The signal operators of TFLite Micro models: SignalFramer, SignalWindow, SignalRfft, SignalFilterBank and so on."""
    ops = CustomOps()
    ops._native.add_audio_frontend()
    return ops


def register(ops: CustomOps, registerer: Any) -> None:
    """Adds what an element of InterpreterWithCustomOps' custom_op_registerers stands for. Raises ValueError."""
    if isinstance(registerer, (CustomOp, CustomOps)):
        ops.add(registerer)
        return
    if callable(registerer):
        own = CustomOps()
        try:
            registerer(own)
        except TypeError as error:  # a function of an extension module that takes the resolver's address
            raise ValueError(f"{registerer!r} does not take an edge_ml.CustomOps: {error}") from error
        if not own.names:
            raise ValueError(f"{registerer!r} registered no operator; if it is meant for TfLite's op resolver, that is "
                             "something which Edge ML does not have")
        ops.add(own)
        return
    if not isinstance(registerer, str):
        raise ValueError(f"{registerer!r} is no registerer: make one with edge_ml.custom_op")
    import ctypes

    library, _, symbol = registerer.rpartition(".")
    file = f"{library}.so" if library else None
    try:
        loaded = ctypes.CDLL(file)
    except OSError as error:
        raise ValueError(f"Loading library '{file}' failed with error '{error}'.") from None
    try:
        getattr(loaded, symbol)
    except AttributeError as error:
        raise ValueError(f"Looking up symbol '{symbol}' failed with error '{error}'.") from None
    raise ValueError(f"'{registerer}' registers ops with TfLite's op resolver, which Edge ML does not have")


class _Functions:
    """A kernel of functions without state."""

    def __init__(self, run: Callable[..., Any], prepare: Optional[Callable[[CustomNode], Any]]):
        self.run = run
        if prepare is not None:
            self.prepare = prepare


_failures = threading.local()


def take_failure() -> Optional[BaseException]:
    """The exception that a kernel raised last in this thread; it is forgotten."""
    failure = getattr(_failures, "last", None)
    _failures.last = None
    return failure


class _Kernel:
    """Stands between the runtime and a kernel: what the former calls, of the latter's methods."""

    def __init__(self, kernel: Any):
        if not callable(getattr(kernel, "run", None)):
            raise TypeError(f"{type(kernel).__name__} has no method run")
        self._kernel = kernel
        self._inputs: List[Optional[CustomTensor]] = []
        self._outputs: List[Optional[CustomTensor]] = []
        self._shapes: List[Optional[List[int]]] = []
        self._reset_failure: Optional[BaseException] = None

    def prepare(self, info: Dict[str, Any]) -> List[Optional[List[int]]]:
        """The outputs' shapes, None where only running tells."""
        try:
            node = CustomNode(info)
            self._inputs, self._outputs = list(node.inputs), list(node.outputs)
            prepare = getattr(self._kernel, "prepare", None)
            found = None if prepare is None else prepare(node)
            count = len(self._outputs)
            if found is None:
                shapes = [None] * count
            elif count == 1 and _is_shape(found):
                shapes = [found]
            else:
                shapes = list(found)
            if len(shapes) != count:
                raise ValueError(f"prepare returned {len(shapes)} shapes for {count} outputs")
            self._shapes = [None if s is None else [int(n) for n in s] for s in shapes]
            return self._shapes
        except BaseException as error:
            _failures.last = error
            raise

    def run(self, arrays: List[Any]) -> List[Any]:
        """Of each output its shape and its bytes; None of an absent one."""
        try:
            if self._reset_failure is not None:
                failure, self._reset_failure = self._reset_failure, None
                raise failure
            inputs = [_from_memory(a, t._code, t.shape) if t is not None else None
                      for a, t in zip(arrays, self._inputs)]
            found = self._kernel.run(*inputs)
            results = list(found) if isinstance(found, (tuple, list)) else [found]
            if len(results) != len(self._outputs):
                raise ValueError(f"run returned {len(results)} arrays for {len(self._outputs)} outputs")
            return [None if t is None else self._checked(i, r, t)
                    for i, (r, t) in enumerate(zip(results, self._outputs))]
        except BaseException as error:
            _failures.last = error
            raise

    def reset(self) -> None:
        try:
            reset = getattr(self._kernel, "reset", None)
            if reset is not None:
                reset()
        except BaseException as error:
            self._reset_failure = error

    def _checked(self, i: int, result: Any, tensor: CustomTensor) -> Tuple[List[int], Any]:
        array = np.asarray(result)
        if array.dtype != tensor.dtype:
            raise TypeError(f"run returned {array.dtype} for output {i}, which is {tensor.dtype}")
        wanted = self._shapes[i]
        if wanted is not None and list(array.shape) != wanted:
            raise ValueError(f"run returned the shape {list(array.shape)} for output {i}; prepare said {wanted}")
        if tensor._code in _tensors.PACKED:
            return list(array.shape), _tensors.pack(array, tensor._code)
        return list(array.shape), np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _is_shape(found: Any) -> bool:
    return all(isinstance(n, (int, np.integer)) for n in found)


def _from_memory(raw: Any, code: int, shape: Shape) -> Any:
    return _tensors.unpack(raw, code, shape) if code in _tensors.PACKED else raw
