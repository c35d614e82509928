"""Builds small .tflite models in memory, with the peer's own FlatBuffers classes.

A model is a list of Graph (subgraphs, the first is the entry); a Graph holds Op records that name their
tensors directly: T objects, shared by identity.
"""
from __future__ import annotations

import dataclasses
from typing import Any, Optional, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

# Our short name -> (TFLite type, NumPy type of the values).
DTYPES = {
    "f32": ("FLOAT32", np.float32),
    "f16": ("FLOAT16", np.float16),
    "f64": ("FLOAT64", np.float64),
    "i8": ("INT8", np.int8),
    "u8": ("UINT8", np.uint8),
    "i16": ("INT16", np.int16),
    "u16": ("UINT16", np.uint16),
    "i32": ("INT32", np.int32),
    "u32": ("UINT32", np.uint32),
    "i64": ("INT64", np.int64),
    "u64": ("UINT64", np.uint64),
    "bool": ("BOOL", np.bool_),
    "i4": ("INT4", np.int8),
    "u4": ("UINT4", np.uint8),
    "i2": ("INT2", np.int8),
    "bf16": ("BFLOAT16", np.float32),  # stored in 16 bits: see raw_bytes
    "c64": ("COMPLEX64", np.complex64),
    "c128": ("COMPLEX128", np.complex128),
    "resource": ("RESOURCE", np.int32),
    "string": ("STRING", np.bytes_),
}

# The highest version that LiteRT's reference resolver registers; 1 where not listed.
VERSIONS = {
    "ABS": 3, "RELU": 3, "RELU6": 3, "TANH": 3, "LOGISTIC": 3, "AVERAGE_POOL_2D": 3, "MAX_POOL_2D": 3,
    "CONV_2D": 8, "DEPTHWISE_CONV_2D": 6, "SVDF": 4, "RNN": 3, "UNIDIRECTIONAL_SEQUENCE_RNN": 3,
    "EMBEDDING_LOOKUP": 5, "FULLY_CONNECTED": 14, "SOFTMAX": 3, "CONCATENATION": 7, "ADD": 5,
    "SPACE_TO_BATCH_ND": 4, "BATCH_TO_SPACE_ND": 4, "MUL": 7, "L2_NORMALIZATION": 2, "BROADCAST_TO": 4,
    "LSTM": 4, "UNIDIRECTIONAL_SEQUENCE_LSTM": 3, "PAD": 6, "PADV2": 6, "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4, "SPACE_TO_DEPTH": 2, "GATHER": 8, "TRANSPOSE": 8, "MEAN": 3, "DIV": 2,
    "SUB": 5, "SPLIT": 5, "SPLIT_V": 3, "STRIDED_SLICE": 4, "EXP": 2, "TOPK_V2": 3, "LOG": 2,
    "LOG_SOFTMAX": 2, "CAST": 9, "DEQUANTIZE": 9, "MAXIMUM": 4, "MINIMUM": 4, "ARG_MAX": 2,
    "ARG_MIN": 2, "GREATER": 2, "GREATER_EQUAL": 3, "LESS": 3, "LESS_EQUAL": 2, "SELECT": 4,
    "SELECT_V2": 2, "SLICE": 8, "TRANSPOSE_CONV": 5, "TILE": 2, "SUM": 2, "REDUCE_PROD": 2,
    "REDUCE_MAX": 3, "REDUCE_MIN": 3, "EQUAL": 5, "NOT_EQUAL": 4, "SQRT": 2, "RSQRT": 3, "PACK": 5,
    "UNPACK": 6, "FLOOR_DIV": 3, "FLOOR_MOD": 2, "LEAKY_RELU": 2, "SQUARED_DIFFERENCE": 2, "FILL": 5,
    "MIRROR_PAD": 3, "REVERSE_V2": 4, "GATHER_ND": 6, "WHERE": 2, "QUANTIZE": 6, "BATCH_MATMUL": 4,
    "GELU": 2, "DYNAMIC_UPDATE_SLICE": 6, "SIGN": 2,
}

ACTIVATIONS = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3, "tanh": 4}
SAME, VALID = 0, 1

# TFLite stores the scales as float32; Q keeps what the file will hold.


@dataclasses.dataclass
class Q:
    """Quantization: one scale and zero point, or one per index of dimension `dim`, or `blocks`.

    blocks: (elements that share a scale, the tensor that holds the scales as float16).
    """

    scale: Any
    zero_point: Any = 0
    dim: int = 0
    blocks: Optional[tuple] = None

    def scales(self) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.scale, np.float32))

    def zero_points(self) -> np.ndarray:
        points = np.atleast_1d(np.asarray(self.zero_point, np.int64))
        return np.broadcast_to(points, self.scales().shape).copy()


@dataclasses.dataclass(eq=False)
class T:
    """A tensor. `data` is its value; it is stored in the file when `const`, else fed at run time.

    feeds: the values of further invocations of a runtime input (the first is `data`).
    """

    shape: Sequence[int]
    dtype: str = "f32"
    q: Optional[Q] = None
    data: Optional[np.ndarray] = None
    const: bool = False
    variable: bool = False
    name: str = ""
    signature: Optional[Sequence[int]] = None
    sparsity: Any = None
    feeds: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Op:
    code: str  # a builtin's name, or the name of a custom op when `custom` is given
    inputs: Sequence[Optional[T]]
    outputs: Sequence[T]
    options: Optional[tuple] = None  # ("Conv2DOptions", {field: value})
    custom: Optional[bytes] = None  # custom options (FlexBuffer)
    intermediates: Sequence[T] = ()


@dataclasses.dataclass
class Graph:
    ops: Sequence[Op]
    inputs: Sequence[T]
    outputs: Sequence[T]
    name: str = "main"


def numpy_type(dtype: str):
    return DTYPES[dtype][1]


def pack_nibbles(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values).reshape(-1).astype(np.uint8) & 0xF
    if flat.size % 2:
        flat = np.append(flat, np.uint8(0))
    return flat[0::2] | (flat[1::2] << 4)


def pack_pairs(values: np.ndarray) -> np.ndarray:
    """Four two-bit numbers to a byte, the first in the lowest bits."""
    flat = np.asarray(values, np.int8).reshape(-1).astype(np.uint8) & 0x3
    flat = np.pad(flat, (0, -flat.size % 4))
    return flat[0::4] | (flat[1::4] << 2) | (flat[2::4] << 4) | (flat[3::4] << 6)


def string_buffer(strings: Sequence[bytes]) -> np.ndarray:
    """Count, offsets from the beginning, characters."""
    offsets = 4 * (len(strings) + 2) + np.cumsum([0] + [len(s) for s in strings])
    header = np.int32([len(strings), *offsets]).tobytes()
    return np.frombuffer(header + b"".join(strings), np.uint8)


def raw_bytes(t: T) -> np.ndarray:
    if t.dtype == "bf16":  # the upper half of a float32; the values are exact
        return np.frombuffer((np.asarray(t.data, np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes(), np.uint8)
    if t.dtype in ("i4", "u4"):
        return pack_nibbles(t.data)
    if t.dtype == "i2":
        return pack_pairs(t.data)
    if t.dtype == "string":
        return string_buffer(list(np.asarray(t.data, object).reshape(-1)))
    data = np.ascontiguousarray(np.asarray(t.data, numpy_type(t.dtype)))
    return np.frombuffer(data.tobytes(), np.uint8)


def _quantization(q: Optional[Q], place):
    if q is None:
        return None
    out = schema.QuantizationParametersT()
    if q.blocks is not None:
        details = schema.BlockwiseQuantizationT()
        details.blockSize, scales = q.blocks
        details.scales, details.zeroPoints = place(scales), -1
        out.details, out.detailsType = details, schema.QuantizationDetails.BlockwiseQuantization
        return out
    out.scale = q.scales()
    out.zeroPoint = q.zero_points()
    out.quantizedDimension = q.dim
    return out


def build(graphs: Sequence[Graph], signatures: Sequence[tuple] = ()) -> bytes:
    """The bytes of a .tflite file. signatures: (key, subgraph, {name: T}, {name: T})."""
    model = schema.ModelT()
    model.version = 3
    model.description = b"conformance case"
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    model.subgraphs = []
    codes: dict = {}
    places: dict = {}

    def code_index(op: Op) -> int:
        key = op.code
        if key not in codes:
            record = schema.OperatorCodeT()
            if op.custom is not None:
                builtin = schema.BuiltinOperator.CUSTOM
                record.customCode = op.code.encode()
                record.version = 1
            else:
                builtin = getattr(schema.BuiltinOperator, op.code)
                record.version = VERSIONS.get(op.code, 1)
            record.builtinCode = builtin
            record.deprecatedBuiltinCode = min(builtin, 127)
            codes[key] = len(model.operatorCodes)
            model.operatorCodes.append(record)
        return codes[key]

    for number, graph in enumerate(graphs):
        sub = schema.SubGraphT()
        sub.name = graph.name.encode()
        sub.tensors = []
        sub.operators = []
        index: dict = {}

        def place(t: Optional[T]) -> int:
            if t is None:
                return -1
            if id(t) in index:
                return index[id(t)]
            quantization = _quantization(t.q, place)
            record = schema.TensorT()
            record.name = (t.name or f"t{number}_{len(sub.tensors)}").encode()
            record.shape = np.asarray(t.shape, np.int32)
            record.hasRank = True
            if t.signature is not None:
                record.shapeSignature = np.asarray(t.signature, np.int32)
            record.type = getattr(schema.TensorType, DTYPES[t.dtype][0])
            record.isVariable = t.variable
            record.quantization = quantization
            record.sparsity = t.sparsity
            record.buffer = 0
            if t.const:
                buffer = schema.BufferT()
                buffer.data = raw_bytes(t)
                record.buffer = len(model.buffers)
                model.buffers.append(buffer)
            index[id(t)] = len(sub.tensors)
            places[(number, id(t))] = len(sub.tensors)
            sub.tensors.append(record)
            return index[id(t)]

        sub.inputs = [place(t) for t in graph.inputs]
        for op in graph.ops:
            record = schema.OperatorT()
            record.opcodeIndex = code_index(op)
            record.inputs = [place(t) for t in op.inputs]
            record.outputs = [place(t) for t in op.outputs]
            if op.intermediates:
                record.intermediates = [place(t) for t in op.intermediates]
            if op.options is not None:
                kind, fields = op.options
                options = getattr(schema, kind + "T")()
                for field, value in fields.items():
                    if not hasattr(options, field):
                        raise AttributeError(f"{kind} has no field {field}")
                    setattr(options, field, value)
                if hasattr(schema.BuiltinOptions, kind):
                    record.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
                    record.builtinOptions = options
                else:
                    record.builtinOptions2Type = getattr(schema.BuiltinOptions2, kind)
                    record.builtinOptions2 = options
            if op.custom is not None:
                record.customOptions = np.frombuffer(op.custom, np.uint8)
            sub.operators.append(record)
        sub.outputs = [place(t) for t in graph.outputs]
        model.subgraphs.append(sub)

    model.signatureDefs = []
    for key, number, inputs, outputs in signatures:
        record = schema.SignatureDefT()
        record.signatureKey = key.encode()
        record.subgraphIndex = number
        record.inputs, record.outputs = [], []
        for target, mapping in ((record.inputs, inputs), (record.outputs, outputs)):
            for name, t in mapping.items():
                entry = schema.TensorMapT()
                entry.name = name.encode()
                entry.tensorIndex = places[(number, id(t))]
                target.append(entry)
        model.signatureDefs.append(record)

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
