"""The interpreter interface of tflite_runtime and ai_edge_litert, on Edge ML's runtime.

Keys, types, exceptions and the messages that scripts match on are those of LiteRT.
"""

from __future__ import annotations

import enum
import os
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from . import _tensors
from ._edge_ml import Model as _Model
from ._edge_ml import Session as _Session
from ._edge_ml import StatusError as _StatusError
from ._numpy import np
from .custom_op import CustomOp, CustomOps, fail, register

# The most threads that a session takes; more are of no use and asked for by nobody but by mistake.
_MAX_THREADS = 256

_REFERENCED = """There is at least 1 reference to internal data
      in the interpreter in the form of a numpy array or slice. Be sure to
      only hold the function returned from tensor() if you are using raw
      data access."""

TensorDetails = Dict[str, Any]


@enum.unique
class OpResolverType(enum.Enum):
    """Which kernels an interpreter uses.

    AUTO, BUILTIN and BUILTIN_WITHOUT_DEFAULT_DELEGATES mean the fast ones, BUILTIN_REF the reference kernels: slower,
    and equal to LiteRT's reference kernels in every bit of an integer result.
    """

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class DelegateError(ValueError, OSError):
    """A delegate cannot be used. Scripts with a fallback catch ValueError or OSError: this is both."""


class Delegate:
    """Stands for a TfLite delegate library; Edge ML cannot use any, so making one always fails.

    Args:
      library: path or name of the shared library.
      options: of the delegate; not looked at.

    Raises:
      ValueError: always, with the reason: the library is absent or broken, or it is one of TfLite's.
    """

    def __init__(self, library: Union[str, "os.PathLike[str]"], options: Optional[Dict[Any, Any]] = None):
        del options
        import ctypes  # not needed by most scripts

        try:
            loaded = ctypes.CDLL(os.fspath(library))
        except OSError as error:
            raise DelegateError(str(error)) from None
        if not hasattr(loaded, "tflite_plugin_create_delegate"):
            raise DelegateError(f"{library}: has no function tflite_plugin_create_delegate")
        raise DelegateError(f"{library}: is a delegate of the TfLite runtime, which Edge ML cannot call; "
                            "run without it")


def load_delegate(library: Union[str, "os.PathLike[str]"], options: Optional[Dict[Any, Any]] = None) -> Delegate:
    """As in tflite_runtime; raises ValueError with the reason, so that scripts fall back to the CPU."""
    try:
        return Delegate(library, options)
    except ValueError as error:
        raise DelegateError(f"Failed to load delegate from {library}\n{error}") from None


class SignatureRunner:
    """Runs one signature of a model: keyword arguments in, a dictionary of arrays out.

    Made by Interpreter.get_signature_runner.
    """

    def __init__(self, interpreter: Optional["Interpreter"] = None, signature_key: Optional[str] = None):
        if not interpreter:
            raise ValueError("None interpreter provided.")
        if not signature_key:
            raise ValueError("None signature_key provided.")
        full = interpreter._get_full_signature_list()
        if signature_key not in full:
            raise ValueError(f'Invalid signature_key provided: "{signature_key}".')
        self._interpreter = interpreter
        self._signature_key = signature_key
        self._inputs: Dict[str, int] = full[signature_key]["inputs"]
        self._outputs: Dict[str, int] = full[signature_key]["outputs"]
        self._subgraph_index = interpreter._subgraph_of_signature(signature_key)

    def __call__(self, **kwargs: Any) -> Dict[str, np.ndarray]:
        """Resizes the inputs to the given values, runs, and returns a copy of each output by name.

        Raises:
          ValueError: a missing or unknown name, or a value of another type than the input's.
          RuntimeError: the run failed.
        """
        if len(kwargs) != len(self._inputs):
            raise ValueError("Invalid number of inputs provided for running a SignatureDef, expected "
                             f"{len(self._inputs)} vs provided {len(kwargs)}")
        for name in kwargs:
            if name not in self._inputs:
                raise ValueError(f"Invalid Input name ({name}) for SignatureDef")
        own, graph = self._interpreter, self._subgraph_index
        values = {name: np.asarray(value) for name, value in kwargs.items()}
        own._ensure_safe()
        for name, value in values.items():
            own._resize(self._inputs[name], value.shape, False, graph)
        own._allocate(graph)
        for name, value in values.items():
            own._set_tensor(self._inputs[name], value, graph)
        own._invoke(graph)
        return {name: own.get_tensor(index, graph) for name, index in self._outputs.items()}

    def get_input_details(self) -> Dict[str, TensorDetails]:
        """Details of each input by its name in the signature; see Interpreter.get_input_details."""
        return {name: self._interpreter._get_tensor_details(index, self._subgraph_index)
                for name, index in self._inputs.items()}

    def get_output_details(self) -> Dict[str, TensorDetails]:
        """Details of each output by its name in the signature."""
        return {name: self._interpreter._get_tensor_details(index, self._subgraph_index)
                for name, index in self._outputs.items()}


class Interpreter:
    """Runs a model.

        interpreter = Interpreter(model_path="model.tflite")
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
        interpreter.invoke()
        result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    Args:
      model_path: file to run; str, bytes or path-like.
      model_content: its content instead (bytes or another buffer).
      experimental_delegates: none can be used: a list with members raises ValueError.
      num_threads: threads of one run, at least 1; None means 1.
      experimental_op_resolver_type: BUILTIN_REF chooses the exact reference kernels.
      experimental_preserve_all_tensors: intermediate tensors can be read after a run; costs memory.
      custom_ops: what runs the model's custom operators, made by edge_ml.custom_op (or sets of them, like
        edge_ml.audio_frontend_ops()); an argument that LiteRT does not have.
      The other arguments concern TfLite's delegates and change nothing here.

    Raises:
      ValueError: no or two models given, a file that cannot be read, a malformed model, an unsupported operator, or
        a wrong argument.
    """

    def __init__(
        self,
        model_path: Optional[Union[str, bytes, "os.PathLike[str]"]] = None,
        model_content: Optional[bytes] = None,
        experimental_delegates: Optional[Sequence[Any]] = None,
        num_threads: Optional[int] = None,
        experimental_op_resolver_type: OpResolverType = OpResolverType.AUTO,
        experimental_preserve_all_tensors: bool = False,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        experimental_compress_quantization_zero_points: bool = False,
        experimental_disable_delegate_node_fusion: bool = False,
        experimental_force_delegate_node_profiling: bool = False,
        custom_ops: Iterable[Union[CustomOp, CustomOps]] = (),
    ):
        del experimental_disable_delegate_clustering, experimental_default_delegate_latest_features
        del experimental_disable_delegate_node_fusion, experimental_force_delegate_node_profiling
        self._experimental_compress_quantization_zero_points = experimental_compress_quantization_zero_points
        if not hasattr(self, "_custom_op_registerers"):
            self._custom_op_registerers: List[Any] = []
        if not isinstance(experimental_op_resolver_type, OpResolverType):
            # Another runtime's enum with the same names is taken as ours.
            name = getattr(experimental_op_resolver_type, "name", None)
            if name not in OpResolverType.__members__:
                raise ValueError(f"Unrecognized passed in op resolver type: {experimental_op_resolver_type}")
            experimental_op_resolver_type = OpResolverType[name]
        if num_threads is not None:
            if not isinstance(num_threads, int):
                raise ValueError("type of num_threads should be int")
            if num_threads < 1:
                raise ValueError("num_threads should >= 1")
        if not model_content and not model_path:
            raise ValueError("`model_path` or `model_content` must be specified.")
        if model_content and model_path:
            raise ValueError("Can't both provide `model_path` and `model_content`")

        self._custom_ops = CustomOps(custom_ops)
        for registerer in self._custom_op_registerers:
            register(self._custom_ops, registerer)
        self._options = {
            "exact": experimental_op_resolver_type == OpResolverType.BUILTIN_REF,
            "num_threads": min(num_threads or 1, _MAX_THREADS),
            "preserve_all_tensors": bool(experimental_preserve_all_tensors),
            "custom_ops": self._custom_ops._native,
        }
        self._model = _load(model_path, model_content)
        self._unresolved = _check_operators(self._model, self._custom_ops)
        self._sessions: Dict[int, _Session] = {}
        self._delegates: List[Any] = []
        for delegate in experimental_delegates or ():
            self.modify_graph_with_delegate(delegate)
        self._signature_defs = self.get_signature_list()

    # Running -----------------------------------------------------------------------------------

    def allocate_tensors(self) -> None:
        """Settles shapes, kernels and memory for the current input shapes; must precede invoke().

        Raises:
          RuntimeError: the model cannot take these shapes, needs too much memory, or a NumPy view is still held.
        """
        self._ensure_safe()
        self._allocate(0)

    def invoke(self) -> None:
        """Runs the model once. Other Python threads go on meanwhile; none may use this interpreter.

        Raises:
          RuntimeError: allocate_tensors() was not called, a NumPy view is still held, or the run failed.
        """
        self._ensure_safe()
        self._invoke(0)

    def reset_all_variables(self) -> None:
        """Zeroes the state of recurrent operators and forgets resource variables."""
        try:
            for session in self._sessions.values():
                session.reset_variables()
        except _StatusError as error:
            fail(error)

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int], strict: bool = False) -> None:
        """Gives an input a new shape; allocate_tensors() must follow.

        Args:
          input_index: the tensor's index, from get_input_details().
          tensor_size: its new shape.
          strict: allow only changes of dimensions that `shape_signature` marks with -1.

        Raises:
          ValueError: a wrong index. RuntimeError: a shape that is not allowed, or a NumPy view still held.
        """
        self._ensure_safe()
        self._resize(input_index, np.asarray(tensor_size, dtype=np.int32), strict, 0)

    def modify_graph_with_delegate(self, delegate: Any) -> None:
        """Edge ML takes no delegates: always raises ValueError."""
        raise DelegateError(f"Edge ML cannot use the delegate {delegate!r}: it runs models on its own kernels")

    # Values ------------------------------------------------------------------------------------

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copies `value` into a tensor.

        Raises:
          ValueError: another type, rank or shape than the tensor's, a wrong index, or no memory yet.
        """
        self._set_tensor(tensor_index, value, 0)

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> np.ndarray:
        """A copy of a tensor's value: an output, an input, a constant, or with
        experimental_preserve_all_tensors an intermediate one.

        Raises:
          ValueError: a wrong index, or a tensor without memory.
        """
        index, graph = int(tensor_index), int(subgraph_index)
        info = self._info(index, graph)
        if info["is_constant"] and not info["is_variable"]:
            return _value(np.array(self._model.constant(index, graph)), info)
        view = self._view(index, graph)
        if view is None:
            if 0 in info["shape"]:
                return np.empty(tuple(info["shape"]), _tensors.numpy_type(info["dtype"]))
            raise ValueError("Tensor data is null. Run allocate_tensors() first")
        if info["dtype"] == _tensors.STRING:
            return _tensors.string_array(self._session(graph).get_strings(index), info["shape"])
        return _value(view.copy(), info)

    def tensor(self, tensor_index: int) -> Callable[[], np.ndarray]:
        """A function that returns a view of the tensor's memory, without a copy.

        Hold the function, not the arrays: while one of them (or a slice of one) exists, invoke(), allocate_tensors() and
        resize_tensor_input() raise RuntimeError.
        """
        index = int(tensor_index)

        def view() -> np.ndarray:
            info = self._info(index, 0)
            if info["is_constant"] and not info["is_variable"]:
                return self._model.constant(index, 0)
            memory = self._view(index, 0)
            if memory is None:
                raise ValueError("Tensor data is null. Run allocate_tensors() first")
            return memory

        return view

    # Descriptions ------------------------------------------------------------------------------

    def get_input_details(self) -> List[TensorDetails]:
        """One dictionary per input: `name`, `index`, `shape`, `shape_signature` (-1 = unknown), `dtype`,
        `quantization` (scale, zero point), `quantization_parameters` (`scales`, `zero_points`,
        `quantized_dimension`, `block_size`) and `sparsity_parameters`."""
        return [self._get_tensor_details(i, 0) for i in self._model.inputs(0)]

    def get_output_details(self) -> List[TensorDetails]:
        """As get_input_details(), of the outputs."""
        return [self._get_tensor_details(i, 0) for i in self._model.outputs(0)]

    def get_tensor_details(self, subgraph_index: int = 0) -> List[TensorDetails]:
        """The same of every tensor of a subgraph."""
        count = self.num_subgraphs()
        if subgraph_index < 0 or subgraph_index >= count:
            raise ValueError(f"subgraph_index is out of range: {subgraph_index} for the model, which has {count} "
                             "subgraphs.")
        return [self._get_tensor_details(i, subgraph_index)
                for i in range(self._model.num_tensors(subgraph_index))]

    def get_kernel_details(self, subgraph_index: int = 0) -> List[Dict[str, Any]]:
        """Which kernel runs each node, and why better ones do not; allocate_tensors() or, where shapes depend on
        values, invoke() chooses. Dictionaries of `index`, `op_name`, `kernel` ("folded": computed beforehand),
        `error_bound` (how far from the reference kernel at most) and `declined`. Not in LiteRT."""
        return self._session(int(subgraph_index)).kernels()

    def num_subgraphs(self) -> int:
        """The number of graphs in the model."""
        return self._model.num_subgraphs

    def get_signature_list(self) -> Dict[str, Dict[str, List[str]]]:
        """The signatures: {key: {"inputs": [name, …], "outputs": [name, …]}}."""
        return {key: {side: list(names) for side, names in sides.items()}
                for key, sides in self._get_full_signature_list().items()}

    def get_signature_runner(self, signature_key: Optional[str] = None) -> SignatureRunner:
        """A callable for one signature; the key may be left out when the model has exactly one.

        Raises:
          ValueError: no such signature, or none named where there is not exactly one.
        """
        if signature_key is None:
            if len(self._signature_defs) != 1:
                raise ValueError(f"SignatureDef signature_key is None and model has {len(self._signature_defs)} "
                                 "Signatures. None is only allowed when the model has 1 SignatureDef")
            signature_key = next(iter(self._signature_defs))
        return SignatureRunner(interpreter=self, signature_key=signature_key)

    @property
    def experimental_compress_quantization_zero_points(self) -> bool:
        return self._experimental_compress_quantization_zero_points

    # Inside ------------------------------------------------------------------------------------

    def _session(self, graph: int = 0) -> _Session:
        """The session of a subgraph; made on demand, so that a model can be looked at without one."""
        session = self._sessions.get(graph)
        if session is not None:
            return session
        if self._unresolved:
            raise RuntimeError(f"Encountered unresolved custom op: {self._unresolved}.\nSee instructions: "
                               "https://www.tensorflow.org/lite/guide/ops_custom ")
        try:
            if 0 not in self._sessions:
                self._sessions[0] = _Session(self._model, **self._options)
            if graph != 0:
                self._sessions[graph] = self._sessions[0].on_subgraph(graph)
        except _StatusError as error:
            fail(error)
        return self._sessions[graph]

    def _safe_to_run(self) -> bool:
        """Whether no NumPy array shows the interpreter's memory."""
        return all(session.views == 0 for session in self._sessions.values())

    def _ensure_safe(self) -> None:
        if not self._safe_to_run():
            raise RuntimeError(_REFERENCED)

    def _allocate(self, graph: int) -> None:
        try:
            self._session(graph).prepare()
        except _StatusError as error:
            fail(error)

    def _invoke(self, graph: int) -> None:
        session = self._sessions.get(graph)
        if session is None or not session.prepared:
            raise RuntimeError("Invoke called on model that is not ready.")
        try:
            session.run()
        except _StatusError as error:
            fail(error)

    def _resize(self, index: int, shape: Sequence[int], strict: bool, graph: int) -> None:
        index = int(index)
        self._check_tensor(index, graph)
        dims = np.asarray(shape)
        if dims.ndim != 1:
            raise ValueError(f"Shape should be 1D instead of {dims.ndim}.")
        try:
            position = self._model.inputs(graph).index(index)
        except ValueError:
            raise ValueError(f"Tensor {index} is not an input of the model and cannot be resized.") from None
        wanted = [int(n) for n in dims]
        if strict:
            self._check_strict(index, wanted, graph)
        try:
            self._session(graph).resize_input(position, wanted, False)
        except _StatusError as error:
            fail(error)

    def _check_strict(self, index: int, wanted: Sequence[int], graph: int) -> None:
        info = self._model.tensor(index, graph)
        signature = info["shape_signature"] or info["shape"]
        if len(signature) != len(wanted):
            raise RuntimeError(f"Attempting to resize tensor {index} of {len(signature)} dimensions to "
                               f"{len(wanted)}. ResizeInputTensorStrict keeps the number of dimensions.")
        for d, (known, new) in enumerate(zip(signature, wanted)):
            if known not in (-1, new):
                raise RuntimeError(f"Attempting to resize dimension {d} of tensor {index} with value {known} to "
                                   f"{new}. ResizeInputTensorStrict only allows mutating unknown dimensions "
                                   "identified by -1.")

    def _set_tensor(self, index: int, value: Any, graph: int) -> None:
        index = int(index)
        info = self._info(index, graph)
        code, shape = info["dtype"], info["shape"]
        array = np.asarray(value)
        packed = code in _tensors.PACKED and array.dtype == _tensors.numpy_type(code)
        if not packed and _tensors.name_of_array(array) != _tensors.type_name(code):
            raise ValueError(f"Cannot set tensor: Got value of type {_tensors.name_of_array(array)} but expected type "
                             f"{_tensors.type_name(code)} for input {index}, name: {info['name']} ")
        if array.ndim != len(shape):
            raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {array.ndim} but expected {len(shape)} for "
                             f"input {index}.")
        for d, (given, expected) in enumerate(zip(array.shape, shape)):
            if given != expected:
                raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {given} but expected {expected} for "
                                 f"dimension {d} of input {index}.")
        if array.size == 0:
            return
        view = self._view(index, graph)
        if view is None:
            raise ValueError("Cannot set tensor: Tensor is unallocated. Try calling allocate_tensors() first")
        if info["is_constant"]:
            raise ValueError(f"Cannot set tensor: tensor {index} ('{info['name']}') is a constant of the model")
        if code == _tensors.STRING:
            del view  # what it shows may move
            self._session(graph).set_strings(index, _tensors.encoded(array))
            return
        np.copyto(view, _tensors.pack(array, code) if packed else array)

    def _view(self, index: int, graph: int) -> Optional[np.ndarray]:
        """The tensor's memory, or None before it has any."""
        session = self._sessions.get(graph)
        return session.view(index) if session is not None and session.prepared else None

    def _check_tensor(self, index: int, graph: int) -> None:
        count = self._model.num_tensors(graph)
        if index < 0 or index >= count:
            raise ValueError(f"Invalid tensor index {index} exceeds max tensor index {count}")

    def _info(self, index: int, graph: int) -> Dict[str, Any]:
        self._check_tensor(index, graph)
        session = self._sessions.get(graph)
        return session.info(index) if session is not None else self._model.tensor(index, graph)

    def _get_tensor_details(self, tensor_index: int, subgraph_index: int) -> TensorDetails:
        info = self._info(int(tensor_index), int(subgraph_index))
        scales, zero_points = info["scales"], info["zero_points"]
        single = len(scales) == 1 and len(zero_points) == 1
        shape = np.array(info["shape"], np.int32)
        return {
            "name": info["name"],
            "index": int(tensor_index),
            "shape": shape,
            "shape_signature": np.array(info["shape_signature"] or info["shape"], np.int32),
            "dtype": _tensors.numpy_type(info["dtype"]),
            "quantization": (scales[0], zero_points[0]) if single else (0.0, 0),
            "quantization_parameters": {
                "scales": np.array(scales, np.float32),
                "zero_points": np.array(zero_points, np.int32),
                "quantized_dimension": info["quantized_dimension"],
                "block_size": 0,
            },
            "sparsity_parameters": _sparsity(info["sparsity"]),
        }

    def _get_full_signature_list(self) -> Dict[str, Dict[str, Dict[str, int]]]:
        return {key: {"inputs": dict(sorted(inputs)), "outputs": dict(sorted(outputs))}
                for key, _, inputs, outputs in self._model.signatures()}

    def _subgraph_of_signature(self, signature_key: str) -> int:
        for key, graph, _, _ in self._model.signatures():
            if key == signature_key:
                return graph
        raise ValueError("No matching signature.")

    def _get_op_details(self, op_index: int) -> Dict[str, Any]:
        nodes = self._model.nodes(0)
        if not 0 <= op_index < len(nodes):
            raise ValueError("Invalid node index")
        node = nodes[op_index]

        def types(indices: Sequence[int]) -> List[type]:
            return [_tensors.numpy_type(self._model.tensor(i, 0)["dtype"]) for i in indices if i != -1]

        return {
            "index": int(op_index),
            "op_name": node["op"],
            "inputs": np.array(node["inputs"], np.int32),
            "outputs": np.array(node["outputs"], np.int32),
            "operand_types": types(node["inputs"]),
            "result_types": types(node["outputs"]),
        }

    def _get_ops_details(self) -> List[Dict[str, Any]]:
        return [self._get_op_details(i) for i in range(len(self._model.nodes(0)))]


class InterpreterWithCustomOps(Interpreter):
    """As in LiteRT, with registerers of Edge ML.

    Args:
      custom_op_registerers: operators made by edge_ml.custom_op, sets of them like edge_ml.audio_frontend_ops(), and
        functions that take an edge_ml.CustomOps and add to it.
      The others are those of Interpreter.

    Raises:
      ValueError: as Interpreter, and for registerers that are meant for TfLite's op resolver.
    """

    def __init__(self, custom_op_registerers: Optional[Sequence[Any]] = None, **kwargs: Any):
        self._custom_op_registerers = list(custom_op_registerers or [])
        super().__init__(**kwargs)


def _load(path: Any, content: Any) -> _Model:
    try:
        if path:
            return _Model.load(os.fsdecode(path))
        return _Model.from_bytes(content if isinstance(content, bytes) else bytes(content))
    except _StatusError as error:
        code, message = error.args
        if code == "not found":
            message = f"Could not open '{os.fsdecode(path)}'. {message}"
        elif code == "invalid model":
            message = f"The model is not a valid Flatbuffer buffer: {message}"
        raise ValueError(message) from None


def _check_operators(model: _Model, custom_ops: CustomOps) -> str:
    """Raises ValueError for builtin operators we lack; returns the first unknown custom one, or ""."""
    unsupported = model.unsupported_ops(custom_ops._native)
    if not unsupported:
        return ""
    names = {entry.split(" (", 1)[0] for entry in unsupported}
    custom = ""
    for graph in range(model.num_subgraphs):
        for node in model.nodes(graph):
            if node["op"] not in names and f"{node['op']} version {node['version']}" not in names:
                continue
            if not node["is_custom"]:
                raise ValueError(f"Didn't find op for builtin opcode '{node['op']}' version '{node['version']}'. The "
                                 f"model needs operators that are not supported: {', '.join(unsupported)}")
            custom = custom or node["op"]
    return custom


def _value(stored: np.ndarray, info: Dict[str, Any]) -> np.ndarray:
    """What get_tensor returns of a copy of the stored elements."""
    code, shape = info["dtype"], info["shape"]
    if code == _tensors.STRING:
        return _tensors.strings(stored.tobytes(), shape)
    if code in _tensors.PACKED:
        return _tensors.unpack(stored, code, shape)
    return stored[()] if stored.ndim == 0 else stored  # a scalar, as in LiteRT


def _sparsity(found: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    if not found:
        return {}
    dims: List[Dict[str, Any]] = []
    for d in found["dim_metadata"]:
        dims.append({k: np.array(v, np.int32) if isinstance(v, list) else v for k, v in d.items()})
    return {
        "traversal_order": np.array(found["traversal_order"], np.int32),
        "block_map": np.array(found["block_map"], np.int32),
        "dim_metadata": dims,
    }
