"""Cases of the unary and binary arithmetic, comparison, logical and selection operators."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, output_q, single
from tflite_builder import Q, T

PLAIN = {"float32": "f32", "float16": "f16", "int8": "i8", "uint8": "u8", "int16": "i16", "int32": "i32",
         "int64": "i64", "uint32": "u32", "bool": "bool", "float64": "f64", "bfloat16": "bf16",
         "complex64": "c64", "uint16": "u16", "uint64": "u64", "string": "string"}


def split(variant: str) -> tuple:
    """("int8", "q") of "int8_q": the type, and whether the tensors are quantized."""
    head, _, tail = variant.partition("_")
    return PLAIN[head], tail


def operand(d: Dice, shape, dtype: str, quantized: bool, low=None, high=None) -> T:
    t = d.input(shape, dtype, d.q(dtype) if quantized else None, low, high)
    return t


def reach(t: T) -> float:
    """The largest real magnitude a quantized tensor can stand for."""
    low, high = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767)}[t.dtype]
    zero = int(t.q.zero_points()[0])
    return float(t.q.scales()[0]) * max(zero - low, high - zero)


def joined(a: T, b: T) -> list:
    return list(np.broadcast_shapes(tuple(a.shape), tuple(b.shape)))


def either_const(d: Dice, a: T, b: T) -> None:
    if d.chance(0.3):
        d.pick([a, b]).const = True


def arithmetic(op: str):
    """ADD, SUB, MUL, DIV with broadcasting and a fused activation."""
    combine = {"ADD": lambda x, y: x + y, "SUB": lambda x, y: x + y, "MUL": lambda x, y: x * y,
               "DIV": lambda x, y: x}[op]
    kind = op.capitalize() + "Options"

    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        quantized = tail.startswith("q") or tail == "pot"
        shape_a, shape_b = d.broadcast_pair()
        if tail == "pot":  # this form does not broadcast
            shape_b = shape_a
        options = {"fusedActivationFunction": 0 if dtype == "c64" else d.activation()}
        low, high = (None, None)
        if dtype in ("i32", "i64", "u32"):
            low, high = (0 if dtype == "u32" else -1000, 1000)
            if op == "MUL" and d.chance(0.2) and dtype != "u32":
                low, high = -2**31, 2**31 - 1  # products that wrap
        a = operand(d, shape_a, dtype, quantized, low, high)
        b = operand(d, shape_b, dtype, quantized, low, high)
        if op == "DIV":
            fix_divisor(d, b)
        q = None
        if tail == "pot":  # power-of-two scales, the old int16 form
            fine, coarse = 2.0 ** -d.int(9, 13), 2.0 ** -d.int(7, 9)
            a.q, b.q = (Q(fine, 0), Q(coarse, 0)) if d.chance(0.5) else (Q(coarse, 0), Q(fine, 0))
            q = Q(coarse, 0)
            options["potScaleInt16"] = True
        elif quantized:
            if op in ("ADD", "SUB"):
                b.q = Q(np.float32(a.q.scale * d.real(0.3, 3.0)), b.q.zero_point)
                options["potScaleInt16"] = False
            q = output_q(d, dtype, combine(reach(a), reach(b)) * d.real(0.3, 1.2))
            if op == "DIV":
                q = output_q(d, dtype, reach(a) / reach(b) * d.pick([1.0, 3.0, 20.0]))
        elif dtype == "i16":
            options["potScaleInt16"] = False
        either_const(d, a, b)
        y = out(joined(a, b), dtype, q)
        return single(op, [a, b], [y], (kind, {k: v for k, v in options.items()
                                                if k != "potScaleInt16" or op in ("ADD", "SUB")}))
    return make


def fix_divisor(d: Dice, b: T) -> None:
    """No value of b stands for zero."""
    zero = int(b.q.zero_points()[0]) if b.q is not None else 0
    replacement = zero + 1 if zero < 100 else zero - 1
    b.data = np.where(b.data == zero, np.asarray(replacement, b.data.dtype), b.data)


def plain_binary(op: str, options: str = None, no_zero: bool = False, powers: bool = False):
    """Binary operators that only broadcast: same type in and out, same quantization."""
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        q = d.q(dtype) if tail == "q" else None
        shape_a, shape_b = d.broadcast_pair()
        low, high = (-20, 20) if dtype in ("i32", "i64") and d.chance(0.6) else (None, None)
        if powers:
            low, high = (0.1, 3) if dtype == "f32" else (0, 5)
        a = d.input(shape_a, dtype, q, low, high)
        b = d.input(shape_b, dtype, q, low, high)
        if no_zero:
            fix_divisor(d, b)
        either_const(d, a, b)
        y = out(joined(a, b), dtype, q)
        return single(op, [a, b], [y], (options, {}) if options else None)
    return make


def squared_difference(d: Dice, variant: str) -> Case:
    dtype, tail = split(variant)
    shape_a, shape_b = d.broadcast_pair()
    a = operand(d, shape_a, dtype, tail == "q")
    b = operand(d, shape_b, dtype, tail == "q")
    q = None
    if tail == "q":
        b.q = Q(np.float32(a.q.scale * d.real(0.3, 3.0)), b.q.zero_point)
        q = output_q(d, dtype, (reach(a) + reach(b)) ** 2 * d.real(0.1, 0.5))
    either_const(d, a, b)
    return single("SQUARED_DIFFERENCE", [a, b], [out(joined(a, b), dtype, q)],
                  ("SquaredDifferenceOptions", {}))


def comparison(op: str, options: str):
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        shape_a, shape_b = d.broadcast_pair()
        low, high = (None, None) if dtype in ("f32", "bool") and d.chance(0.3) else (-3, 3)
        if dtype == "u8":
            low, high = 120, 136
        if dtype in ("f32", "f16", "bf16") and low is not None:
            a, b = d.input(shape_a, dtype), d.input(shape_b, dtype)
            a.data, b.data = np.round(a.data), np.round(b.data)
        else:
            a = operand(d, shape_a, dtype, tail == "q", low, high)
            b = operand(d, shape_b, dtype, tail == "q", low, high)
            if tail == "q":
                b.q = Q(a.q.scale, a.q.zero_point) if d.chance(0.5) else b.q
        either_const(d, a, b)
        return single(op, [a, b], [out(joined(a, b), "bool")], (options, {}))
    return make


def add_n(d: Dice, variant: str) -> Case:
    shape = d.extents()
    inputs = [d.input(shape, PLAIN[variant]) for _ in range(d.int(2, 5))]
    return single("ADD_N", inputs, [out(shape, PLAIN[variant])], ("AddNOptions", {}))


def logical(op: str, options: str):
    def make(d: Dice, variant: str) -> Case:
        if op == "LOGICAL_NOT":
            shape = d.extents()
            return single(op, [d.input(shape, "bool")], [out(shape, "bool")], (options, {}))
        shape_a, shape_b = d.broadcast_pair()
        a, b = d.input(shape_a, "bool"), d.input(shape_b, "bool")
        either_const(d, a, b)
        return single(op, [a, b], [out(joined(a, b), "bool")], (options, {}))
    return make


def select(d: Dice, variant: str) -> Case:
    dtype, tail = split(variant)
    q = d.q(dtype) if tail == "q" else None
    shape = d.extents()
    form = d.pick(["same", "same", "rank1", "scalar"]) if shape else "same"
    condition = {"same": shape, "rank1": shape[:1], "scalar": []}[form]
    a, b = d.input(shape, dtype, q), d.input(shape, dtype, q)
    either_const(d, a, b)
    return single("SELECT", [d.input(condition, "bool"), a, b], [out(shape, dtype, q)],
                  ("SelectOptions", {}))


def select_v2(d: Dice, variant: str) -> Case:
    dtype, tail = split(variant)
    q = d.q(dtype) if tail == "q" else None
    full = d.extents()

    def part():
        cut = d.int(0, len(full)) if d.chance(0.3) else 0
        return [1 if d.chance(0.25) else n for n in full][cut:]

    c, a, b = d.input(part(), "bool"), d.input(part(), dtype, q), d.input(part(), dtype, q)
    shape = list(np.broadcast_shapes(tuple(c.shape), tuple(a.shape), tuple(b.shape)))
    either_const(d, a, b)
    return single("SELECT_V2", [c, a, b], [out(shape, dtype, q)], ("SelectV2Options", {}))


DOMAINS = {"SQRT": (0, 50), "RSQRT": (0.01, 50), "LOG": (0.01, 50), "EXP": (-8, 8)}


def unary(op: str, options: str = None):
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        shape = d.extents()
        low, high = DOMAINS.get(op, (None, None))
        if tail == "special":
            x = d.input(shape)
            odd = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -2.5, 3.4e38, 0.5, -0.5])
            where = d.rng.random(x.data.shape) < 0.5
            x.data = np.where(where, d.rng.choice(odd, x.data.shape), x.data).astype(np.float32)
            return single(op, [x], [out(shape)], (options, {}) if options else None)
        if tail == "q":
            x, y = quantized_unary(d, op, shape, dtype)
            return single(op, [x], [y], (options, {}) if options else None)
        if dtype in ("f32", "f16", "bf16") and op in ("ROUND", "CEIL", "FLOOR"):
            x = d.input(shape, dtype)
            x.data = np.asarray(np.round(x.data * 4) / 4, x.data.dtype)
        elif dtype in ("f32", "f16", "bf16", "f64"):
            x = d.input(shape, dtype, None, low, high)
        else:
            x = d.input(shape, dtype)
        return single(op, [x], [out(shape, dtype)], (options, {}) if options else None)
    return make


def quantized_unary(d: Dice, op: str, shape: list, dtype: str) -> tuple:
    q = d.q(dtype)
    x = d.input(shape, dtype, q)
    top = reach(x)
    if op in ("RSQRT", "LOG", "SQRT"):  # only what stands for positive numbers
        first = {"i8": -128, "i16": 1}[dtype]
        x.q = Q(q.scale, first if dtype == "i8" else 0)
        x.data = d.values(shape, dtype, first + 1, 127 if dtype == "i8" else 32767)
        top = {"RSQRT": 1 / np.sqrt(float(q.scales()[0])), "SQRT": np.sqrt(reach(x)),
               "LOG": abs(np.log(reach(x))) + 2}[op]
    elif op == "EXP":
        x.q = Q(np.float32(4.0 / ({"i8": 127, "i16": 32767}[dtype])), 0)
        top = np.exp(2.0)
    elif op in ("SIN", "COS"):
        top = 1.0
    if op == "ABS" and d.chance(0.4):
        return x, out(shape, dtype, x.q)
    return x, out(shape, dtype, output_q(d, dtype, float(top)))


QUANT = ("int8_q", "uint8_q", "int16_q")
COMPARE = ("float32", "float16", "int32", "int64", "int16", "int8_q", "uint8_q", "int16_q")
SELECT = ("float32", "float16", "bfloat16", "float64", "complex64", "int32", "int64", "bool", "int8", "int8_q",
          "uint8_q", "int16_q", "uint16", "uint32", "uint64")

ROWS = [
    Row("ADD", arithmetic("ADD"), ("float32", "float16", "int32", "int64", "int16", "int16_pot", *QUANT), 5),
    Row("SUB", arithmetic("SUB"), ("float32", "int32", "int64", "int16_pot", *QUANT), 5),
    Row("MUL", arithmetic("MUL"), ("float32", "float16", "complex64", "int32", "int64", "uint32", "int16", *QUANT), 5),
    Row("DIV", arithmetic("DIV"), ("float32", "int32", *QUANT), 6),
    Row("ADD_N", add_n, ("float32", "int32")),
    Row("MAXIMUM", plain_binary("MAXIMUM", "MaximumMinimumOptions"),
        ("float32", "float16", "bfloat16", "int32", "int64", "int8", "uint8", "int16", *QUANT), 3),
    Row("MINIMUM", plain_binary("MINIMUM", "MaximumMinimumOptions"),
        ("float32", "float16", "bfloat16", "int32", "int64", "int8", "uint8", "int16", *QUANT), 3),
    Row("POW", plain_binary("POW", "PowOptions", powers=True), ("float32", "int32")),
    Row("FLOOR_DIV", plain_binary("FLOOR_DIV", "FloorDivOptions", no_zero=True),
        ("float32", "int32", "int16", "int8")),
    Row("FLOOR_MOD", plain_binary("FLOOR_MOD", "FloorModOptions", no_zero=True),
        ("float32", "int32", "int64", "int16", "int8")),
    Row("SQUARED_DIFFERENCE", squared_difference, ("float32", "int32", "int8_q"), 5),
    Row("EQUAL", comparison("EQUAL", "EqualOptions"), (*COMPARE, "bool", "string"), 3),
    Row("NOT_EQUAL", comparison("NOT_EQUAL", "NotEqualOptions"),
        (*(v for v in COMPARE if v != "int16"), "bool", "string"), 3),
    Row("GREATER", comparison("GREATER", "GreaterOptions"), (*COMPARE, "bfloat16"), 3),
    Row("GREATER_EQUAL", comparison("GREATER_EQUAL", "GreaterEqualOptions"), COMPARE, 3),
    Row("LESS", comparison("LESS", "LessOptions"), (*COMPARE, "bfloat16"), 3),
    Row("LESS_EQUAL", comparison("LESS_EQUAL", "LessEqualOptions"), COMPARE, 3),
    Row("LOGICAL_AND", logical("LOGICAL_AND", "LogicalAndOptions"), ("bool",)),
    Row("LOGICAL_OR", logical("LOGICAL_OR", "LogicalOrOptions"), ("bool",)),
    Row("LOGICAL_NOT", logical("LOGICAL_NOT", "LogicalNotOptions"), ("bool",)),
    Row("SELECT", select, SELECT, 3),
    Row("SELECT_V2", select_v2, SELECT, 3),
    Row("ABS", unary("ABS", "AbsOptions"),
        ("float32", "float32_special", "int32", "int16", "int8_q", "int16_q"), 3),
    Row("NEG", unary("NEG", "NegOptions"),
        ("float32", "float32_special", "float16", "bfloat16", "int32", "int64", "int8", "int16"), 3),
    Row("SIGN", unary("SIGN"), ("float32", "float32_special", "float64", "int32"), 3),
    Row("CEIL", unary("CEIL"), ("float32", "float32_special"), 3),
    Row("FLOOR", unary("FLOOR"), ("float32", "float32_special", "float16", "bfloat16"), 3),
    Row("ROUND", unary("ROUND"), ("float32", "float32_special", "float16", "bfloat16"), 3),
    Row("SQRT", unary("SQRT"), ("float32", "float32_special", "int8_q", "int16_q"), 3),
    Row("RSQRT", unary("RSQRT"), ("float32", "float32_special", "int8_q", "int16_q"), 3),
    Row("SQUARE", unary("SQUARE", "SquareOptions"), ("float32", "float32_special"), 3),
    Row("EXP", unary("EXP", "ExpOptions"), ("float32", "float32_special", "int8_q", "int16_q"), 3),
    Row("LOG", unary("LOG"), ("float32", "float32_special", "int8_q", "int16_q"), 3),
    Row("SIN", unary("SIN"), ("float32", "float32_special", "float16"), 3),
    Row("COS", unary("COS", "CosOptions"), ("float32", "float32_special", "float16"), 3),
    Row("ZEROS_LIKE", unary("ZEROS_LIKE", "ZerosLikeOptions"), ("float32", "int32", "int64"), 2),
]
