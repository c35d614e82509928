"""Types of tensors as NumPy and TFLite name them, and the values NumPy cannot hold as they are."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Dict, List, Sequence

from ._numpy import np

# DType of edgeml/dtype.h: (TFLite's name, NumPy's type). NumPy lacks bfloat16 and the types narrower than a byte: the
# first is shown as its 16 bits, the others as one byte per element.
_TYPES: Dict[int, tuple] = {
    1: ("FLOAT32", "float32"),
    2: ("FLOAT16", "float16"),
    3: ("BFLOAT16", "uint16"),
    4: ("FLOAT64", "float64"),
    5: ("INT8", "int8"),
    6: ("UINT8", "uint8"),
    7: ("INT16", "int16"),
    8: ("UINT16", "uint16"),
    9: ("INT32", "int32"),
    10: ("UINT32", "uint32"),
    11: ("INT64", "int64"),
    12: ("UINT64", "uint64"),
    13: ("BOOL", "bool_"),
    14: ("INT4", "int8"),
    15: ("INT2", "int8"),
    16: ("UINT4", "uint8"),
    17: ("COMPLEX64", "complex64"),
    18: ("COMPLEX128", "complex128"),
    19: ("STRING", "bytes_"),
    20: ("RESOURCE", "void"),
    21: ("VARIANT", "void"),
}

INT4, INT2, UINT4, STRING = 14, 15, 16, 19
PACKED = {INT4: 4, INT2: 2, UINT4: 4}

# Types with a NumPy type of their own; an array of another type has no name.
_NAMED = {"bool": "BOOL", **{kind: name for name, kind in _TYPES.values() if name.lower() == kind}}


def type_name(code: int) -> str:
    return _TYPES[code][0]


@lru_cache(maxsize=None)
def numpy_type(code: int) -> type:
    """The scalar class that `dtype` of a tensor's details holds."""
    return getattr(np, _TYPES[code][1])


def name_of_array(array: np.ndarray) -> str:
    """TFLite's name of an array's type; NOTYPE where there is none."""
    if array.dtype.kind in "SU" or (
            array.dtype == object and (not array.size or isinstance(array.flat[0], (bytes, str)))):
        return "STRING"
    return _NAMED.get(array.dtype.name, "NOTYPE") if array.dtype.isnative else "NOTYPE"


def element_count(shape: Sequence[int]) -> int:
    count = 1
    for n in shape:
        count *= int(n)
    return count


def unpack(raw: np.ndarray, code: int, shape: Sequence[int]) -> np.ndarray:
    """int8 or uint8 [shape] of a packed tensor's bytes: low bits first, one byte per element."""
    bits = PACKED[code]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = (raw.reshape(-1, 1) >> shifts) & np.uint8((1 << bits) - 1)
    flat = fields.reshape(-1)[:element_count(shape)]
    if code != UINT4:  # two's complement of `bits` bits
        sign = np.uint8(1 << (bits - 1))
        flat = ((flat ^ sign).astype(np.int16) - int(sign)).astype(np.int8)
    return flat.reshape(tuple(shape))


def pack(values: np.ndarray, code: int) -> np.ndarray:
    """uint8 [n] of whole-number elements: the inverse of unpack; excess bits of an element are dropped."""
    bits = PACKED[code]
    per_byte = 8 // bits
    flat = values.reshape(-1).astype(np.uint8) & np.uint8((1 << bits) - 1)
    padded = np.zeros(-(-flat.size // per_byte) * per_byte, np.uint8)
    padded[:flat.size] = flat
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1).astype(np.uint8)


def encoded(array: np.ndarray) -> List[bytes]:
    """The elements of an array of text or bytes, text as UTF-8.

    An element of a fixed-width array ends at its last character that is not 0, as NumPy has it; a single one without
    dimensions is taken in its full width, as LiteRT does.
    """
    if array.ndim == 0 and array.dtype.kind == "S":
        return [array.tobytes()]
    found = array.reshape(-1).tolist()
    for element in found:
        if not isinstance(element, (bytes, str)):
            raise ValueError(f"Cannot set tensor: {element!r} is neither text nor bytes")
    return [e.encode() if isinstance(e, str) else e for e in found]


def strings(raw: bytes, shape: Sequence[int]) -> np.ndarray:
    """object [shape] of bytes, from TFLite's string buffer: a count, count + 1 offsets, the characters."""
    if len(raw) < 4:
        found: List[bytes] = []
    else:
        (count,) = struct.unpack_from("<i", raw)
        offsets = struct.unpack_from(f"<{count + 1}i", raw, 4)
        found = [raw[a:b] for a, b in zip(offsets, offsets[1:])]
    return string_array(found, shape)


def string_array(found: Sequence[bytes], shape: Sequence[int]) -> np.ndarray:
    """object [shape] of bytes; flat where their number does not fit."""
    out: Any = np.empty(len(found), object)
    out[:] = found
    return out.reshape(tuple(shape)) if element_count(shape) == len(found) else out
