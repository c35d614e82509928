"""Runs a case in LiteRT and in edge_ml, and compares."""
from __future__ import annotations

import copy
import dataclasses
import os
import pathlib
from typing import Optional

import numpy as np
from ai_edge_litert import interpreter as peer
from case import Case
from tflite_builder import build

REFERENCE = peer.OpResolverType.BUILTIN_REF
OPTIMIZED = peer.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES

MODES = ("exact", "default")


class Rejected(Exception):
    """LiteRT does not accept the model."""


class Mismatch(AssertionError):
    pass


@dataclasses.dataclass
class Results:
    outputs: list  # [invocation][output] arrays
    details: list  # output details
    resolver: str


def make_peer(content: bytes, resolver=None):
    """LiteRT's interpreter with the reference kernels, or the optimized ones for an op they lack."""
    if resolver is not None:
        return peer.Interpreter(model_content=content, experimental_op_resolver_type=resolver), resolver
    try:
        return (peer.Interpreter(model_content=content, experimental_op_resolver_type=REFERENCE),
                REFERENCE)
    except (ValueError, RuntimeError) as error:
        if "find op" not in str(error):
            raise
    return (peer.Interpreter(model_content=content, experimental_op_resolver_type=OPTIMIZED),
            OPTIMIZED)


def fetch(interpreter, index: int, number: int) -> np.ndarray:
    """An output's value. LiteRT's get_tensor refuses some tensors without elements."""
    try:
        return interpreter.get_tensor(index)
    except ValueError as error:
        detail = interpreter.get_output_details()[number]
        if "Invalid tensor size" not in str(error) or np.prod(detail["shape"]) != 0:
            raise
        return np.empty(detail["shape"], detail["dtype"])


def feed_and_invoke(interpreter, case: Case) -> list:
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    outputs = interpreter.get_output_details()
    collected = []
    for turn in range(case.invokes):
        for detail, t in zip(inputs, case.graphs[0].inputs):
            value = t.data if turn == 0 or not t.feeds else t.feeds[turn - 1]
            interpreter.set_tensor(detail["index"], np.asarray(value))
        interpreter.invoke()
        collected.append([fetch(interpreter, d["index"], n) for n, d in enumerate(outputs)])
        if case.reset_after == turn + 1:
            interpreter.reset_all_variables()
    return collected


def run_peer(content: bytes, case: Case, resolver=None) -> Results:
    try:
        if resolver is None and case.optimized:
            resolver = OPTIMIZED
        interpreter, used = make_peer(content, resolver)
        collected = feed_and_invoke(interpreter, case)
        return Results(collected, interpreter.get_output_details(), used.name)
    except (ValueError, RuntimeError) as error:
        raise Rejected(str(error).strip().splitlines()[-1] if str(error).strip() else repr(error))


def run_ours(content: bytes, case: Case, mode: str) -> Results:
    import edge_ml
    kind = edge_ml.OpResolverType.BUILTIN_REF if mode == "exact" else edge_ml.OpResolverType.AUTO
    interpreter = edge_ml.Interpreter(model_content=content, experimental_op_resolver_type=kind)
    return Results(feed_and_invoke(interpreter, case), interpreter.get_output_details(), mode)


def worst(ours: np.ndarray, theirs: np.ndarray, quantized: bool, mode: str) -> Optional[str]:
    """None when `ours` is within the bounds of `theirs`, else what is wrong."""
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, expected {theirs.shape}"
    if ours.dtype != theirs.dtype:
        return f"dtype {ours.dtype}, expected {theirs.dtype}"
    if ours.size == 0:
        return None
    if not np.issubdtype(theirs.dtype, np.inexact):
        wide_ours, wide = ours.astype(object), theirs.astype(object)
        bad = ours != theirs
        if mode == "default" and quantized and bad.any():
            bad = np.abs(ours.astype(np.int64) - theirs.astype(np.int64)) > 1
        if not bad.any():
            return None
        place = tuple(int(i) for i in np.argwhere(bad)[0]) if ours.ndim else ()
        return (f"{int(bad.sum())} of {ours.size} integers differ, first at {list(place)}: "
                f"{wide_ours[place]}, expected {wide[place]}")
    kind = np.complex128 if np.iscomplexobj(theirs) else np.float64
    a, b = ours.astype(kind), theirs.astype(kind)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    finite = np.isfinite(b)
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.where(same, 0.0, np.abs(a - b))
    gap = np.where(np.isnan(gap), np.inf, gap)
    if mode == "exact":
        bound = np.maximum(1e-5, 1e-6 * np.abs(np.where(finite, b, 0)))
    else:
        top = np.abs(b[finite]).max() if finite.any() else 0.0
        bound = np.full(b.shape, 1e-5 * top + 1e-30)
    bad = ~same & ~(gap <= bound)
    if not bad.any():
        return None
    place = np.unravel_index(int(np.argmax(np.where(bad, gap, -1))), gap.shape)
    return (f"{int(bad.sum())} of {ours.size} floats differ, worst at {[int(i) for i in place]}: "
            f"{ours[place]!r}, expected {theirs[place]!r}")


def written(outputs: list, case: Case) -> list:
    """The outputs without the rows that the operator leaves unwritten."""
    if case.written_rows is None:
        return outputs
    number, factor = case.written_rows
    rows = int(outputs[number][0]) * factor
    return [a if n == number else a[:, :rows] for n, a in enumerate(outputs)]


def bound_of(case: Case, mode: str) -> str:
    """The mode whose bounds hold: LiteRT's optimized kernels are a quantum from what reference ones would be."""
    return "default" if case.optimized else mode


def same_numbers(a: Results, b: Results) -> bool:
    return all(np.array_equal(x, y, equal_nan=np.issubdtype(np.asarray(x).dtype, np.inexact))
               for turn_a, turn_b in zip(a.outputs, b.outputs) for x, y in zip(turn_a, turn_b))


def compare_default(content: bytes, case: Case, theirs: Results) -> None:
    """Compares the default mode, by the bounds that its kernels state.

    A faster kernel states how far it may be from the reference one. Where there is none, the default
    mode runs the reference kernel, and its numbers are those of the exact mode to the last bit: then
    the exact mode's bound is the one that holds. The two differ for floats that are small because
    their terms cancel (1 - sigmoid(5.7), or sums of terms of 60 that make 0.1): the rounding of
    such terms, which LiteRT does in another order, is not small beside the largest output.
    """
    ours = run_ours(content, case, "default")
    try:
        compare(ours, theirs, "default", case)
    except Mismatch:
        if not same_numbers(ours, run_ours(content, case, "exact")):
            raise
        compare(ours, theirs, "exact", case)


def compare(ours: Results, theirs: Results, mode: str, case: Case) -> None:
    for turn, (mine, peers) in enumerate(zip(ours.outputs, theirs.outputs)):
        for number, (whole, b) in enumerate(zip(mine, peers)):
            if whole.shape != b.shape:
                raise Mismatch(f"invocation {turn}, output {number}: shape {whole.shape}, "
                               f"expected {b.shape}")
        for number, (a, b) in enumerate(zip(written(mine, case), written(peers, case))):
            quantized = len(theirs.details[number]["quantization_parameters"]["scales"]) > 0
            problem = worst(np.asarray(a), np.asarray(b), quantized, bound_of(case, mode))
            if problem:
                raise Mismatch(f"invocation {turn}, output {number}: {problem}")


# What the exact mode grants a float, relatively; and how often it is tried.
NUDGE, TRIES = 1e-5, 64  # states are at most about one, where the exact mode grants 1e-5


def rests_on_a_tie(case: Case, theirs: Results) -> bool:
    """Whether LiteRT's own result jumps when its float numbers move by what the exact mode grants.

    A hybrid recurrent cell rounds its float state to integers before each step. A state that is at a
    tie but for the last bits of an exponential goes either way, and what follows differs by a
    quantum of the state: no bound on floats can hold for such a case, which LiteRT alone shows.
    """
    rng = np.random.default_rng(0)

    def nudged(value):
        return (np.asarray(value, np.float64) * (1 + rng.uniform(-NUDGE, NUDGE, np.shape(value)))).astype(np.float32)

    for _ in range(TRIES):
        other = copy.deepcopy(case)
        for t in other.graphs[0].ops[0].inputs:
            if t is not None and t.data is not None and np.asarray(t.data).dtype == np.float32:
                t.data, t.feeds = nudged(t.data), [nudged(v) for v in t.feeds]
        try:
            compare(run_peer(build_case(other), other), theirs, "exact", case)
        except Mismatch:
            return True
    return False


def fail_dir() -> pathlib.Path:
    return pathlib.Path(os.environ.get("EDGEML_FAIL_DIR", "build/failures"))


def save_failure(name: str, content: bytes, case: Case) -> str:
    folder = fail_dir()
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / name.replace("/", "-")
    stem.with_suffix(".tflite").write_bytes(content)
    feeds = {}
    for number, t in enumerate(case.graphs[0].inputs):
        for turn, value in enumerate([t.data, *t.feeds]):
            feeds[f"input{number}_turn{turn}"] = np.asarray(value)
    np.savez(stem.with_suffix(".npz"), **feeds)
    return str(stem.with_suffix(".tflite"))


def build_case(case: Case) -> bytes:
    return build(case.graphs, case.signatures)
