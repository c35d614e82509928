"""Which tensor types does LiteRT run each operator with, and which do we?

`python probe_types.py [OPERATOR…] [--json FILE] [--record]` takes cases of the tables as a start and changes the
types of their tensors, one tensor at a time or all of one type together, as long as LiteRT still runs the
result. It prints the combinations that LiteRT alone runs, those whose results differ, and those that LiteRT dies of; --json
writes all of them, --record what LiteRT runs to litert_types.txt, which docs/operators.md is made from. Both engines run in
child processes, since LiteRT dies of some combinations. retyping.py says how a combination is written.
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
import recorded
import tables
from ai_edge_litert import schema_py_generated as schema
from case import Case
from retyping import (OUTPUT, QUANTIZABLE, TYPES, bases, combination, combinations, everything, is_plain, key_of,
                      operator_of, retyped, swapped, tensors_of)
from runner import OPTIMIZED, bound_of, build_case, feed_and_invoke, make_peer, worst, written
from tflite_builder import DTYPES, Graph, Op, T, build

# Operators whose output's type is their own affair.
FREE_OUTPUT = ("ARG_MAX", "ARG_MIN", "CAST", "QUANTIZE", "RANK", "SHAPE", "WHERE")
SECONDS = 20  # for one combination
MOST_COMBINATIONS = 6000  # of one row: more are left out, and said so


# Children ---------------------------------------------------------------------------------------
def output_types(interpreter, places=None) -> dict:
    """{index: type} of the operator's outputs: LiteRT's kernels may change types, and names. places: from a call before."""
    return {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()
            if (d["name"].startswith(OUTPUT) if places is None else d["index"] in places)}


def engine_loop(pipe, engine: str) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    os.dup2(silent, 1)
    while True:
        content, case = pipe.recv()
        try:
            if engine == "LiteRT":
                interpreter, _ = make_peer(content, OPTIMIZED if case is not None and case.optimized else None)
                if case is None:
                    pipe.send(("ok", ""))
                    continue
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
            if output_types(interpreter, declared) != declared:
                raise RuntimeError("the file's output type is replaced by another one")
            pipe.send(("ok", values))
        except Exception as error:
            lines = str(error).strip().splitlines()
            pipe.send(("no", str(error) if case is None else lines[-1] if lines else repr(error)))


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
    """What both make of one combination: "ok", "no" or "died", and why."""

    theirs: tuple = ("", "")
    ours: tuple = ("", "")
    differs: str = ""
    recipe: str = ""  # of a model that LiteRT runs

    @property
    def settled(self) -> bool:
        return self.theirs[0] == self.ours[0] == "ok"


# Other types of the same width. Nothing takes all of them for what they are.
SAME_WIDTH = {"f32": ("i32", "u32"), "i32": ("u32", "f32"), "u32": ("i32", "f32"), "i64": ("u64", "f64"), "f64": ("i64", "u64"),
              "f16": ("i16", "u16"), "i16": ("u16", "f16"), "i8": ("u8", "bool"), "u8": ("i8", "bool")}


def same_bits(t: T, dtype: str) -> None:
    """Gives a tensor another type, its bytes staying the same."""
    old, new = np.dtype(DTYPES[t.dtype][1]), np.dtype(DTYPES[dtype][1])
    t.data, *t.feeds = [v if v is None else np.asarray(np.asarray(v, old).view(new)) for v in (t.data, *t.feeds)]
    t.dtype = dtype


def other_values(t: T) -> None:
    """Gives a tensor values far from its own, where it has any."""
    def far(values):
        values = np.asarray(values, DTYPES[t.dtype][1])
        if values.dtype.kind == "f":
            return np.asarray(-1 - 3 * values)
        return np.asarray(values ^ (np.iinfo(values.dtype).max // 2))

    t.data, *t.feeds = [v if v is None else far(v) for v in (t.data, *t.feeds)]


def unread(name: str, base: Case, peer: Engine) -> list:
    """The tensors whose type LiteRT does not look at: it takes their bytes as if they had the type they have in `base`.

    Those are inputs that decide the result, and that give the same result when they have any other type of the same width
    and the same bytes, and outputs that get the same bytes when they have another type. Numbers are positions in the
    combination's text.
    """
    plain = is_plain(base, name)
    inputs, outputs = [[word.rstrip("qcbs") for word in side.split(",") if word]
                       for side in combination(base, name).split("->")]

    def changed(place: int, change) -> Case:
        """`base` after change(tensor) on the tensors that stand there in the text."""
        case = retyped(base, name, key_of(base, name), "=") if plain else copy.deepcopy(base)
        if plain:
            change(tensors_of(case, name)[place])
        else:
            for t in everything(case):
                if t.dtype == inputs[place]:
                    change(t)
        return case

    def results(case: Case):
        state, values = peer.run(build_case(case), case)
        return None if state != "ok" or values is None else [np.asarray(v).tobytes() for v in values]

    def ignored(place: int, other: str) -> bool:
        if plain and undefined(name, base, (*key_of(base, name)[:place], other, *key_of(base, name)[place + 1:])):
            return False
        if not plain and inputs[place] in outputs:
            return False
        if results(changed(place, lambda t: same_bits(t, other))) != expected:
            return False
        other_case = changed(place, other_values)
        return build_case(other_case) == content or results(other_case) != expected

    same = changed(0, lambda t: None) if inputs else None
    content = same and build_case(same)
    expected = same and results(same)
    found = []
    for place, dtype in enumerate(inputs + outputs * plain if expected is not None else ()):
        try:
            if dtype in SAME_WIDTH and all(ignored(place, other) for other in SAME_WIDTH[dtype]):
                found.append(place)
        except (ValueError, TypeError, KeyError):  # values that cannot be stored so
            continue
    return found


def neighbours(key: tuple, frozen: list):
    for i, old in enumerate(key):
        for dtype in TYPES if i not in frozen else ():
            if dtype == old:
                continue
            yield (*key[:i], dtype, *key[i + 1:])
            if key.count(old) > 1:
                yield tuple(dtype if k == old and j not in frozen else k for j, k in enumerate(key))


def difference(mine, peers, case: Case) -> str:
    if mine is None or peers is None:
        return ""
    for n, (a, b) in enumerate(zip(written(mine, case), written(peers, case))):
        a, b = np.asarray(a), np.asarray(b)
        if b.dtype.kind in "SOU":
            if a.shape != b.shape or a.tolist() != b.tolist():
                return f"output {n}: strings differ"
            continue
        problem = worst(a, b, case.graphs[0].outputs[n].q is not None, bound_of(case, "exact"))
        if problem:
            return f"output {n}: {problem}"
    return ""


class Search:
    """Everything that is found about one operator."""

    def __init__(self, name: str, peer: Engine, own: Engine, log):
        self.name, self.peer, self.own, self.log = name, peer, own, log
        self.found: dict = {}  # combination: Finding
        self.unread: dict = {}  # combination: the inputs whose types LiteRT does not look at there

    def ask(self, case: Case, recipe: str) -> bool:
        """Whether LiteRT runs the case."""
        findings = [self.found.setdefault(text, Finding()) for text in combinations(case, self.name)]
        if all(finding.settled for finding in findings):
            return True
        try:
            content = build_case(case)
        except Exception as error:
            theirs = ("no", f"cannot be built: {error!r}")
        else:
            theirs = self.peer.run(content, case)
        if theirs[0] != "ok":
            for finding in findings:
                finding.theirs = finding.theirs if finding.theirs[0] else theirs
            return False
        ours = self.own.run(content, case)
        if ours[0] == "died":
            print(f"WE DIED {self.name} {recipe}: {ours[1]}", file=self.log, flush=True)
        for finding in findings:
            if finding.settled or (finding.recipe and ours[0] != "ok"):
                continue
            finding.theirs, finding.recipe = ("ok", ""), recipe
            finding.ours = (ours[0], "" if ours[0] == "ok" else ours[1])
            finding.differs = difference(ours[1], theirs[1], case) if ours[0] == "ok" else ""
        return True

    def note_unread(self, base: Case) -> list:
        places = unread(self.name, base, self.peer)
        if places:
            self.unread[combination(base, self.name)] = places
        return places

    def tensor_by_tensor(self, origin: str, base: Case, tried: set) -> None:
        name = self.name
        start = key_of(base, name)
        tried.add(start)
        frozen = self.note_unread(base)
        queue = [start]
        while queue:
            key = queue.pop()
            if undefined(name, base, key):
                continue
            runs = False
            for mode in ("=", "-", "q"):
                if mode == "q" and not any(k in QUANTIZABLE for k in key):
                    continue
                try:
                    case = retyped(base, name, key, mode)
                except Exception:  # values that the type does not hold
                    continue
                runs |= self.ask(case, f"{origin} {mode}")
            if len(self.found) > MOST_COMBINATIONS:
                print(f"TOO MANY {name}: the search ends at {len(self.found)} combinations", file=self.log, flush=True)
                return
            for other in neighbours(key, frozen) if runs else ():
                if other not in tried:
                    tried.add(other)
                    queue.append(other)

    def throughout(self, origin: str, base: Case) -> None:
        if not self.ask(base, f"{origin} as-is"):
            return
        words = combination(base, self.name).partition("->")[0].split(",")
        frozen = [words[place].rstrip("qcbs") for place in self.note_unread(base)]
        for old in sorted(set(key_of(base, self.name))):
            for new in TYPES if old in TYPES and old not in frozen else ():
                try:
                    case = swapped(base, old, new)
                except Exception:
                    continue
                if new != old:
                    self.ask(case, f"{origin} {old}>{new}")

    def run(self, seeds: int) -> None:
        tried: set = set()
        for variant, number, base in bases(self.name, seeds):
            if is_plain(base, self.name):
                self.tensor_by_tensor(f"{variant} {number}", base, tried)
            else:
                self.throughout(f"{variant} {number}", base)


def undefined(op: str, base: Case, key: tuple) -> bool:
    """Combinations that LiteRT takes without a look at a type, reading or writing what it would anyway.

    The first output mostly has the type of an input. Where LiteRT runs another one, it replaces it, or writes as if it
    were the input's, beyond the output's end when that is the wider one. Slopes of PRELU are read alike.
    """
    operator = operator_of(base, op)
    count = sum(t is not None for t in operator.inputs)
    start = key_of(base, op)
    if op == "PRELU" and key[1] != ("i8" if key[0] == "i16" else key[0]):
        return True
    if op == "EMBEDDING_LOOKUP" and key[2] != key[1]:  # copies rows of bytes, or takes small integers for int8
        return key[1] not in ("i8", "u8", "i4", "i2") or key[2] not in ("f32", "f16")
    if any(old == start[count] and new != key[count] for old, new in zip(start[count:], key[count:])):
        return True  # parts of one tensor
    if op in FREE_OUTPUT or start[count] not in start[:count]:
        return False
    return key[count] != key[start.index(start[count])]


def registered(peer: Engine) -> list:
    """The builtin operators that LiteRT's own resolver knows."""
    names = [name for name in vars(schema.BuiltinOperator) if name.isupper() and name != "CUSTOM"]
    absent = [name for name in names if "find op" in peer.run(build([Graph([Op(name, [], [])], [], [])]), None)[1]]
    return [name for name in names if name not in absent]


def report(op: str, found: dict, log, verbose: bool) -> None:
    for text, f in sorted(found.items()):
        if f.theirs[0] == "ok" and f.ours[0] != "ok":
            print(f"MISSING {op} {text} ({f.recipe}): {f.ours[1]}", file=log)
        if f.differs:
            print(f"DIFFERS {op} {text} ({f.recipe}): {f.differs}", file=log)
        if f.theirs[0] == "died" and verbose:
            print(f"LITERT DIES {op} {text}: {f.theirs[1]}", file=log)
    runs = [f for f in found.values() if f.theirs[0] == "ok"]
    both = sum(f.settled for f in runs)
    print(f"{op}: LiteRT runs {len(runs)} of {len(found)} combinations tried, we run {both} of those", file=log, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ops", nargs="*", help="operators; all of the tables when none is named")
    parser.add_argument("--seeds", type=int, default=1, help="cases of each variant to start from")
    parser.add_argument("--verbose", action="store_true", help="list what LiteRT dies of, too")
    parser.add_argument("--json", help="write all combinations to this file")
    parser.add_argument("--record", action="store_true", help="write what LiteRT runs of these operators to litert_types.txt")
    args = parser.parse_args()
    engines = Engine("LiteRT"), Engine("ours")
    all_found = {}
    names = list(dict.fromkeys(row.op for rows in tables.FAMILIES.values() for row in rows))
    if args.record and not args.ops:
        recorded.update({name: recorded.Operator() for name in registered(engines[0])})
    for name in names:
        if args.ops and name not in args.ops:
            continue
        search = Search(name, *engines, sys.stdout)
        search.run(args.seeds)
        report(name, search.found, sys.stdout, args.verbose)
        all_found[name] = {text: dataclasses.asdict(f) for text, f in search.found.items()}
        if args.record:
            runs = {text: f.recipe for text, f in search.found.items() if f.theirs[0] == "ok"}
            recorded.update({name: recorded.Operator(runs, search.unread)})
    if args.json:
        with open(args.json, "w") as file:
            json.dump(all_found, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
