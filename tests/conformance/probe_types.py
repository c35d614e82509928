"""Which tensor types does LiteRT run each operator with, and which do we?

`python probe_types.py [OPERATOR…] [--json FILE] [--gaps]` takes cases of the tables as a start and changes the
types of their tensors, one tensor at a time or all of one type together, as long as LiteRT still runs the
result. It prints the combinations that LiteRT alone runs, those whose results differ, and those that LiteRT dies of; --json
writes all of them. Both engines run in child processes, since LiteRT dies of some combinations.

A combination is written as its inputs' types, an arrow and its outputs' types; "q" after it means that the small
integer tensors are quantized, "-" that they are not, "=" that they are as the table's case has them.
"""
from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import multiprocessing
import os
import signal
import sys

import numpy as np
import tables
from ai_edge_litert import schema_py_generated as schema
from case import RANGES, Case, seed_of, visible
from runner import build_case, feed_and_invoke, make_peer, run_peer, worst
from tflite_builder import DTYPES, Graph, Op, Q

TYPES = ("f32", "f16", "bf16", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "c64",
         "string", "i4", "u4", "i2")
# Types that carry quantization parameters when a combination is tried quantized.
QUANTIZABLE = ("i8", "u8", "i16", "i4", "i2")
# Operators whose output's type is their own affair.
FREE_OUTPUT = ("ARG_MAX", "ARG_MIN", "CAST", "QUANTIZE", "RANK", "SHAPE", "WHERE")
# Options that repeat a tensor's type: (option, whether an output's).
TYPE_OPTIONS = {"inDataType": "inputs", "outDataType": "outputs", "outputType": "outputs", "outType": "outputs",
                "idxOutType": "outputs"}
OUTPUT = "output_"  # what the outputs' names begin with
SECONDS = 20  # for one combination


# Values -----------------------------------------------------------------------------------------
def converted(data, dtype: str):
    """The values of a tensor in another type; whole numbers where they can be kept."""
    if data is None:
        return None
    data = np.asarray(data)
    if data.dtype.kind in "SOU":
        data = np.asarray([len(s) for s in data.reshape(-1)]).reshape(data.shape)
    if dtype == "string":
        flat = [b"%d" % int(np.real(v)) for v in data.reshape(-1)]
        return np.array(flat, dtype=object).reshape(data.shape)
    if dtype == "bool":
        return np.asarray(data != 0)
    if dtype == "bf16":
        return np.asarray(data.real if np.iscomplexobj(data) else data, np.float32)
    kind = np.dtype(DTYPES[dtype][1])
    if np.iscomplexobj(data) and kind.kind != "c":
        data = data.real
    if kind.kind in "iu":
        low, high = {**RANGES, "i2": (-2, 1), "u4": (0, 15)}.get(dtype, (np.iinfo(kind).min, np.iinfo(kind).max))
        if kind.kind == "u" and data.dtype.kind in "if":
            data = np.abs(data)
        if data.dtype.kind == "f" or np.any(data < low) or np.any(data > high):
            data = np.clip(np.round(data.astype(np.float64)), low, high)
    return np.asarray(data).astype(kind)


def operator_of(case: Case) -> Op:
    """The operator that the case is about, not a CAST before or after it."""
    ops = case.graphs[0].ops
    return next((op for op in ops if op.code != "CAST"), ops[len(ops) // 2])


def tensors_of(case: Case) -> list:
    op = operator_of(case)
    return [t for t in (*op.inputs, *op.outputs) if t is not None]


def key_of(case: Case) -> tuple:
    return tuple(t.dtype for t in tensors_of(case))


def text_of(case: Case, key: tuple) -> str:
    op = operator_of(case)
    count = sum(t is not None for t in op.inputs)
    return f"{','.join(key[:count])}->{','.join(key[count:])}"


def retyped(base: Case, key: tuple, mode: str) -> Case:
    """`base` with the tensors' types of `key`. mode: "=" keeps quantization, "-" removes it, "q" adds it."""
    case = copy.deepcopy(base)
    for t, dtype in zip(tensors_of(case), key):
        if t.dtype != dtype:
            t.data = converted(t.data, dtype)
            t.feeds = [converted(v, dtype) for v in t.feeds]
            t.dtype = dtype
            if t.q is not None and dtype == "i16":
                t.q = Q(t.q.scale, 0, t.q.dim)
            if t.q is not None and dtype == "u8":
                t.q = Q(t.q.scale, np.abs(t.q.zero_point), t.q.dim)
        if mode == "-":
            t.q = None
        elif mode == "q":
            if dtype in QUANTIZABLE:
                t.q = t.q or Q(np.float32(0.05), 0)
            else:
                t.q = None
    op = operator_of(case)
    feeds = [t for t in op.inputs if t is not None and t.data is not None and not t.const]
    case.graphs = [visible(Graph([op], list(dict.fromkeys(feeds)), list(op.outputs)))]
    for number, t in enumerate(op.outputs):
        t.name = f"{OUTPUT}{number}"
    if op.options is not None:
        for option, side in TYPE_OPTIONS.items():
            if option in op.options[1]:
                t = getattr(op, side)[0]
                op.options[1][option] = getattr(schema.TensorType, DTYPES[t.dtype][0])
    return case


# Children ---------------------------------------------------------------------------------------
def output_types(interpreter) -> list:
    """The types of the operator's outputs, which LiteRT's kernels may change."""
    return [d["dtype"] for d in interpreter.get_tensor_details() if d["name"].startswith(OUTPUT)]


def engine_loop(pipe, engine: str) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    os.dup2(silent, 1)
    while True:
        content, case = pipe.recv()
        try:
            if engine == "LiteRT":
                interpreter, _ = make_peer(content)
            else:
                import edge_ml
                interpreter = edge_ml.Interpreter(
                    model_content=content, experimental_op_resolver_type=edge_ml.OpResolverType.BUILTIN_REF)
            declared = output_types(interpreter)
            try:
                values = feed_and_invoke(interpreter, case)[0]
            except (ValueError, RuntimeError, TypeError, NotImplementedError) as error:
                unreadable = "get_tensor" in str(error) or "Unsupported numpy" in str(error)
                if not unreadable:
                    raise
                values = None
            if output_types(interpreter) != declared:
                raise RuntimeError("the file's output type is replaced by another one")
            pipe.send(("ok", values))
        except Exception as error:
            lines = str(error).strip().splitlines()
            pipe.send(("no", lines[-1] if lines else repr(error)))


class Engine:
    """An engine in a process of its own, which is started anew when it dies."""

    def __init__(self, name: str):
        self.name = name
        self.process = None

    def start(self) -> None:
        self.pipe, child = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=engine_loop, args=(child, self.name), daemon=True)
        self.process.start()
        child.close()

    def run(self, content: bytes, case: Case) -> tuple:
        """("ok", values or None), ("no", reason) or ("died", how)."""
        if self.process is None:
            self.start()
        try:
            self.pipe.send((content, case))
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
            how = "hangs"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode
            how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        self.process.kill()
        self.process.join()
        self.process = None
        return "died", how


# The search -------------------------------------------------------------------------------------
@dataclasses.dataclass
class Finding:
    """What both make of one combination, by the way it is quantized."""

    theirs: dict = dataclasses.field(default_factory=dict)
    ours: dict = dataclasses.field(default_factory=dict)
    differs: dict = dataclasses.field(default_factory=dict)

    def runs(self, side: str) -> bool:
        return any(state == "ok" for state, _ in getattr(self, side).values())


def bases(row, seeds: int):
    for variant in row.variants:
        for number in range(seeds):
            yield variant, tables.make(row, variant, seed_of(f"{row.op}-{variant}-{number}"))


def unread(base: Case, peer: Engine) -> set:
    """The parameters (axes, shapes, …) that LiteRT reads as integers whatever their type says."""
    key = key_of(base)
    inputs = len(key) - len(operator_of(base).outputs)
    found = set()
    for i, t in enumerate(tensors_of(base)[:inputs]):
        if t.dtype not in ("i32", "i64") or t.dtype == key[inputs] or t.q is not None:
            continue
        case = retyped(base, (*key[:i], t.dtype.replace("i", "u"), *key[i + 1:]), "=")  # the same bits
        if peer.run(build_case(case), case)[0] == "ok":
            found.add(i)
    return found


def neighbours(key: tuple, frozen: set):
    for i, old in enumerate(key):
        for dtype in TYPES if i not in frozen else ():
            if dtype == old:
                continue
            yield (*key[:i], dtype, *key[i + 1:])
            if key.count(old) > 1:
                yield tuple(dtype if k == old and j not in frozen else k for j, k in enumerate(key))


def difference(mine, peers, case: Case):
    if mine is None or peers is None:
        return None
    for n, (a, b) in enumerate(zip(mine, peers)):
        a, b = np.asarray(a), np.asarray(b)
        if b.dtype.kind in "SOU":
            if a.shape != b.shape or a.tolist() != b.tolist():
                return f"output {n}: strings differ"
            continue
        problem = worst(a, b, case.graphs[0].outputs[n].q is not None, "exact")
        if problem:
            return f"output {n}: {problem}"
    return None


def probe(row, engines: tuple, seeds: int, log) -> dict:
    """{text of the combination: Finding}."""
    found: dict = {}
    peer, own = engines
    tried: set = set()
    frozen = None
    for variant, base in bases(row, seeds):
        if len(base.graphs) > 1 or base.invokes > 1:
            continue
        start = key_of(base)
        if len(start) > 8:
            continue
        tried.add(start)
        if frozen is None and start[-len(operator_of(base).outputs)] not in ("i32", "i64"):
            frozen = unread(base, peer)
        queue = [start]
        while queue:
            key = queue.pop()
            if undefined(row.op, base, key):
                continue
            finding = found.setdefault(text_of(base, key), Finding())
            contents = set()
            for mode in ("=", "-", "q"):
                if mode == "q" and not any(k in QUANTIZABLE for k in key):
                    continue
                if finding.theirs.get(mode, ("", 0))[0] == finding.ours.get(mode, ("", 0))[0] == "ok":
                    continue
                try:
                    case = retyped(base, key, mode)
                    content = build_case(case)
                except Exception as error:
                    finding.theirs.setdefault(mode, ("no", f"cannot be built: {error!r}"))
                    continue
                if content in contents:
                    continue
                contents.add(content)
                theirs = peer.run(content, case)
                if theirs[0] != "ok":
                    finding.theirs.setdefault(mode, theirs)
                    continue
                ours = own.run(content, case)
                finding.theirs[mode] = ("ok", None)
                finding.ours[mode] = (ours[0], None if ours[0] == "ok" else ours[1])
                finding.differs.pop(mode, None)
                if ours[0] == "ok":
                    problem = difference(ours[1], theirs[1], case)
                    if problem:
                        finding.differs[mode] = problem
                if ours[0] == "died":
                    print(f"WE DIED {row.op} {text_of(base, key)} {mode} ({variant}): {ours[1]}", file=log, flush=True)
            if finding.runs("theirs"):
                for key in neighbours(key, frozen or set()):
                    if key not in tried:
                        tried.add(key)
                        queue.append(key)
    return found


def undefined(op: str, base: Case, key: tuple) -> bool:
    """Combinations that LiteRT takes without a look at a type, reading or writing what it would anyway.

    The first output mostly has the type of an input. Where LiteRT runs another one, it replaces it, or writes as if it
    were the input's, beyond the output's end when that is the wider one. Slopes of PRELU are read alike.
    """
    operator = operator_of(base)
    count = sum(t is not None for t in operator.inputs)
    start = key_of(base)
    if op == "PRELU" and key[1] != ("i8" if key[0] == "i16" else key[0]):
        return True
    if any(old == start[count] and new != key[count] for old, new in zip(start[count:], key[count:])):
        return True  # parts of one tensor
    if op in FREE_OUTPUT or start[count] not in start[:count]:
        return False
    return key[count] != key[start.index(start[count])]


def report(op: str, found: dict, log, verbose: bool) -> None:
    for text, f in sorted(found.items()):
        missing = {mode: f.ours[mode][1] for mode in f.ours if f.ours[mode][0] != "ok"}
        if missing:
            print(f"MISSING {op} {text} {''.join(missing)}: {next(iter(missing.values()))}", file=log)
        if f.differs:
            print(f"DIFFERS {op} {text} {''.join(f.differs)}: {next(iter(f.differs.values()))}", file=log)
        dead = [mode for mode, theirs in f.theirs.items() if theirs[0] == "died"]
        if dead and verbose:
            print(f"LITERT DIES {op} {text} {''.join(dead)}: {f.theirs[dead[0]][1]}", file=log)
    log.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ops", nargs="*", help="operators; all of the tables when none is named")
    parser.add_argument("--seeds", type=int, default=1, help="cases of each variant to start from")
    parser.add_argument("--verbose", action="store_true", help="list what LiteRT dies of, too")
    parser.add_argument("--json", help="write all combinations to this file")
    args = parser.parse_args()
    engines = Engine("LiteRT"), Engine("ours")
    everything = {}
    for rows in tables.FAMILIES.values():
        for row in rows:
            if args.ops and row.op not in args.ops:
                continue
            found = probe(row, engines, args.seeds, sys.stdout)
            report(row.op, found, sys.stdout, args.verbose)
            runs = sum(f.runs("theirs") for f in found.values())
            both = sum(f.runs("theirs") and f.runs("ours") for f in found.values())
            print(f"{row.op}: LiteRT runs {runs} of {len(found)} combinations tried, we run {both} of those",
                  flush=True)
            everything[row.op] = {text: dataclasses.asdict(f) for text, f in found.items()}
    if args.json:
        with open(args.json, "w") as file:
            json.dump(everything, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
