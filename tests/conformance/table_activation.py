"""Cases of the activation functions."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, output_q, single
from table_elementwise import reach, split
from tflite_builder import Q


def rectifier(op: str):
    """RELU and its clipped kinds; a quantized one may rescale."""
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        shape = d.extents()
        if tail == "q":
            x = d.input(shape, dtype, d.q(dtype))
            same = d.chance(0.3)
            y = out(shape, dtype, x.q if same else output_q(d, dtype, reach(x)))
        else:
            x, y = d.input(shape), out(shape)
        return single(op, [x], [y])
    return make


def fixed_output(op: str, scales: dict, options: str = None):
    """TANH, LOGISTIC, L2_NORMALIZATION: the output's quantization is fixed by the operator."""
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        shape = d.extents(1 if op == "L2_NORMALIZATION" else 0)
        q = y_q = None
        if tail:
            q = d.q(dtype, -2.5, -1.0)
            if dtype == "i16":
                q = Q(2.0 ** -d.int(11, 13), 0) if tail == "pot" else d.q("i16", -4.5, -3)
            y_q = Q(*scales[dtype])
        x = d.input(shape, dtype, q)
        if dtype in ("f32", "f16", "bf16") and op != "L2_NORMALIZATION":
            x.data = x.data * x.data.dtype.type(d.pick([0.1, 1, 5, 30]))
        return single(op, [x], [out(shape, dtype, y_q)],
                      (options, {"fusedActivationFunction": 0}) if options else None)
    return make


def softmax(d: Dice, variant: str) -> Case:
    shape = d.extents(1)
    beta = d.pick([1.0, 1.0, 0.5, 2.0, 0.1])
    forms = {"float32": ("f32", "f32", None), "float16": ("f16", "f16", None), "int8": ("i8", "i8", Q(1 / 256, -128)),
             "uint8": ("u8", "u8", Q(1 / 256, 0)), "int8_int16": ("i8", "i16", Q(1 / 65536, -32768)),
             "int16": ("i16", "i16", Q(1 / 32768, 0))}
    a, b, y_q = forms[variant]
    if y_q is not None:
        shape[-1] = max(shape[-1], 1)  # LiteRT dies of 8-bit softmax over no classes
    q = None if y_q is None else d.q(a, *((-2.5, -0.3) if a != "i16" else (-4.5, -3)))
    x = d.input(shape, a, q)
    if y_q is None:
        x.data = x.data * x.data.dtype.type(d.pick([0.1, 1, 10]))
    return single("SOFTMAX", [x], [out(shape, b, y_q)], ("SoftmaxOptions", {"beta": beta}))


def log_softmax(d: Dice, variant: str) -> Case:
    dtype, _ = split(variant)
    shape = d.extents(1)
    q, y_q = {"f32": (None, None), "i8": (d.q("i8"), Q(16 / 256, 127)),
              "u8": (d.q("u8"), Q(16 / 256, 255))}[dtype]
    return single("LOG_SOFTMAX", [d.input(shape, dtype, q)], [out(shape, dtype, y_q)],
                  ("LogSoftmaxOptions", {}))


def shaped(op: str, options=lambda d: None):
    """ELU, GELU, HARD_SWISH, LEAKY_RELU: any input and output quantization."""
    def make(d: Dice, variant: str) -> Case:
        dtype, tail = split(variant)
        shape = d.extents()
        if tail == "q":
            x = d.input(shape, dtype, d.q(dtype, *((-2.5, -1) if dtype != "i16" else (-4.5, -2.5))))
            y = out(shape, dtype, output_q(d, dtype, reach(x) * d.real(0.5, 1.2)))
        else:
            x, y = d.input(shape, dtype), out(shape, dtype)
            if op == "GELU" and x.data.size:  # the bound is relative to the largest: not a tail alone
                x.data.reshape(-1)[0] = 2
        return single(op, [x], [y], options(d))
    return make


def prelu(d: Dice, variant: str) -> Case:
    dtype, tail = split(variant)
    shape = d.extents(2)
    slopes = [1] * (len(shape) - 2) + [shape[-1]] if d.chance(0.7) else [
        n if d.chance(0.5) else 1 for n in shape[1:]]
    if tail == "q":
        x = d.input(shape, dtype, d.q(dtype))
        kind = "i8" if dtype == "i16" else dtype  # int16 activations go with int8 slopes
        alpha = d.const(slopes, kind, d.q(kind, -2.5, -1.5))
        y = out(shape, dtype, output_q(d, dtype, reach(x)))
    else:
        x, alpha, y = d.input(shape), d.const(slopes), out(shape)
    if d.chance(0.2):
        alpha.const = False
    return single("PRELU", [x, alpha], [y])


UNIT = {"u8": (1 / 256, 0), "i8": (1 / 256, -128), "i16": (1 / 32768, 0)}
SIGNED_UNIT = {"u8": (1 / 128, 128), "i8": (1 / 128, 0), "i16": (1 / 32768, 0)}
QUANT = ("int8_q", "uint8_q", "int16_q")

ROWS = [
    Row("RELU", rectifier("RELU"), ("float32", *QUANT)),
    Row("RELU6", rectifier("RELU6"), ("float32", *QUANT)),
    Row("RELU_N1_TO_1", rectifier("RELU_N1_TO_1"), ("float32", "int8_q", "uint8_q")),
    Row("RELU_0_TO_1", rectifier("RELU_0_TO_1"), ("float32", "int8_q", "uint8_q")),
    Row("LOGISTIC", fixed_output("LOGISTIC", UNIT), ("float32", "float16", "bfloat16", *QUANT, "int16_pot")),
    Row("TANH", fixed_output("TANH", SIGNED_UNIT), ("float32", "float16", "bfloat16", *QUANT, "int16_pot")),
    Row("L2_NORMALIZATION", fixed_output("L2_NORMALIZATION", SIGNED_UNIT, "L2NormOptions"),
        ("float32", "int8_q", "uint8_q")),
    Row("SOFTMAX", softmax, ("float32", "float16", "int8", "uint8", "int8_int16", "int16"), 6),
    Row("LOG_SOFTMAX", log_softmax, ("float32", "int8_q", "uint8_q")),
    Row("ELU", shaped("ELU", lambda d: None), ("float32", "int8_q")),
    Row("GELU", shaped("GELU", lambda d: ("GeluOptions", {"approximate": d.chance(0.5)})),
        ("float32", "float16", *QUANT), 6),
    Row("HARD_SWISH", shaped("HARD_SWISH"), ("float32", "int8_q", "uint8_q"), 6),
    Row("LEAKY_RELU", shaped("LEAKY_RELU",
                             lambda d: ("LeakyReluOptions", {"alpha": d.real(-2, 2)})),
        ("float32", *QUANT)),
    Row("PRELU", prelu, ("float32", *QUANT)),
]
