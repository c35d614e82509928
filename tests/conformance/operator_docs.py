"""Makes docs/operators.md: what runs each operator with each combination of types, how exactly, and what is declined.

`python operator_docs.py` writes the document; test_operator_docs.py fails when it is not what this program makes. The
combinations are those that LiteRT runs, as litert_types.txt has them: neither asks LiteRT anything. Each is built as a model
of its own, loaded and run here, and the document says what the runtime answered: the kernels it chose, their bounds, and the
reasons of those that declined. The names of kernels lose their SIMD level, so that all machines that have one agree.
"""
from __future__ import annotations

import collections
import copy
import dataclasses
import itertools
import pathlib
import re
import sys
import textwrap

import edge_ml
import recorded
import tables
import type_groups
from case import Case, visible
from retyping import MOST_TENSORS, base_case, combination, from_recipe, is_plain, operator_of, rows_of
from runner import build_case, feed_and_invoke
from tflite_builder import Graph

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "operators.md"
COMMAND = "python tests/conformance/operator_docs.py"
MORE_CASES = 8  # of each variant that a kernel of the cpu backend is looked for with
FAMILIES = {
    "convolution": "Convolutions, matrix products, pools", "elementwise": "Arithmetic, comparison, choice",
    "activation": "Activations", "reduction": "Reductions, order", "movement": "Movement, shapes",
    "conversion": "Conversion", "recurrent": "Recurrent", "control_flow": "Control flow, variables", "detection": "Detection",
    "scatter": "Scatter, segments", "lookup": "Tables, embeddings, text", "stablehlo": "StableHLO",
    "maths": "Bits, functions, matrices, random numbers"}
# Operators that take (0) or make (1) any number of tensors of one type.
VARIADIC = {"ADD_N": 0, "CONCATENATION": 0, "PACK": 0, "SPLIT": 1, "SPLIT_V": 1, "UNPACK": 1}
BOUNDS = {"exact": "exact", "1 quantum": "1 quantum", "1e-5 of the largest magnitude": "1e-5"}


# What the runtime answers -----------------------------------------------------------------------
@dataclasses.dataclass
class Answer:
    """What became of one model in one mode."""

    kernel: str = ""  # "" when it does not run
    bound: str = ""
    declined: list = dataclasses.field(default_factory=list)  # (kernel, reason), best kernel first


def without_level(kernel: str) -> str:
    return kernel if kernel.endswith(".reference") or "." not in kernel else kernel.rpartition(".")[0]


def is_cpu(kernel: str) -> bool:
    return bool(kernel) and not kernel.endswith(".reference")


def split_reason(text: str) -> tuple:
    kernel, _, reason = text.partition(": ")
    return without_level(kernel), reason


def details_of(interpreter, name: str) -> dict:
    for graph in range(interpreter.num_subgraphs()):
        if graph:
            interpreter._allocate(graph)  # else the kernels of a graph that others call stay unknown
        for details in interpreter.get_kernel_details(graph):
            if details["op_name"] == name:
                return details
    raise KeyError(name)


def fed(case: Case, name: str) -> Case:
    """A plain case with all inputs given at run time, so that nothing is computed beforehand."""
    case = copy.deepcopy(case)
    op = operator_of(case, name)
    inputs = list(dict.fromkeys(t for t in op.inputs if t is not None))
    for t in inputs:
        t.const = False
    case.graphs = [visible(Graph([op], inputs, list(op.outputs)))]
    return case


def ask(case: Case, name: str, exact: bool) -> Answer:
    kind = edge_ml.OpResolverType.BUILTIN_REF if exact else edge_ml.OpResolverType.AUTO
    try:
        interpreter = edge_ml.Interpreter(model_content=build_case(case), experimental_op_resolver_type=kind)
        feed_and_invoke(interpreter, case)
        details = details_of(interpreter, name)
    except (ValueError, RuntimeError) as error:
        reason = re.sub(r"^.*?is not supported: ", "", str(error).strip().splitlines()[-1])
        return Answer(declined=[split_reason(part) for part in re.split(r"; (?=[a-z0-9_.]+: )", reason)])
    if details["kernel"] == "folded" and is_plain(case, name):
        return ask(fed(case, name), name, exact)
    return Answer(without_level(details["kernel"]), details["error_bound"],
                  [split_reason(text) for text in details["declined"]])


@dataclasses.dataclass
class Combination:
    """What runs the models of one combination."""

    text: str
    cpu: dict = dataclasses.field(default_factory=dict)  # kernel: bound
    reference: str = ""
    refusal: str = ""  # the reason of the reference kernel, when it does not run the combination

    def add(self, case: Case, name: str, reasons: dict) -> None:
        answer = ask(case, name, exact=False)
        for kernel, reason in answer.declined if answer.kernel else ():
            if is_cpu(kernel):
                reasons.setdefault(kernel, {})[reason] = None
        if is_cpu(answer.kernel):
            self.cpu[answer.kernel] = answer.bound
            answer = ask(case, name, exact=True)
        self.reference = self.reference or answer.kernel
        if not answer.kernel:
            self.refusal = self.refusal or "; ".join(dict.fromkeys(reason for _, reason in answer.declined))


@dataclasses.dataclass
class Operator:
    name: str
    combinations: list
    reasons: dict  # kernel of the cpu backend: {reason: None}, why it declined some model

    @property
    def run(self) -> list:
        return [c for c in self.combinations if c.reference]

    @property
    def declined(self) -> list:
        return [c for c in self.combinations if not c.reference]


def shortened(name: str, text: str) -> str:
    """A combination with the repeated tensors of a variadic operator once."""
    if name not in VARIADIC:
        return text
    sides = [side.split(",") for side in text.split("->")]
    sides[VARIADIC[name]] = [word for word, _ in itertools.groupby(sides[VARIADIC[name]])]
    return "->".join(map(",".join, sides))


def look_at(name: str, record: recorded.Operator) -> Operator:
    operator = Operator(name, [], {})
    by_text: dict = {}
    for text, recipe in record.runs.items():
        shown = shortened(name, text)
        if shown not in by_text or not by_text[shown].reference:
            by_text.setdefault(shown, Combination(shown)).add(from_recipe(name, text, recipe), name, operator.reasons)
    operator.combinations = list(by_text.values())
    if operator.reasons or any(c.cpu for c in operator.combinations):
        for row in rows_of(name):
            for variant in row.variants:
                for number in range(MORE_CASES):
                    case = base_case(row, variant, number)
                    found = by_text.get(shortened(name, combination(case, name)))
                    if found is not None and found.reference:
                        found.add(case, name, operator.reasons)
    return operator


# Why combinations are declined ------------------------------------------------------------------
MARKS = re.compile(r"(?<=\d)[qcbs]+")


def types_of(text: str) -> list:
    return [MARKS.sub("", word) for word in re.split(r",|->", text)]


def takes_for(places: list, text: str, base: str) -> bool:
    """Whether a combination is `base` but for its types at those places, and for other types put consistently."""
    mine, theirs = types_of(text), types_of(base)
    if len(mine) != len(theirs):
        return False
    meaning: dict = {}
    return all(meaning.setdefault(old, new) == new
               for place, (old, new) in enumerate(zip(theirs, mine)) if place not in places)


def lacks_scale(text: str, other: str) -> bool:
    """Whether a combination is the other one but for quantization."""
    return types_of(text) == types_of(other) and text.count("q") + text.count("c") < other.count("q") + other.count("c")


UNREAD, SCALE, OWN = "unread", "scale", "own"
TITLES = {UNREAD: "Types that LiteRT does not look at", SCALE: "Integers without a scale",
          OWN: "Other combinations without meaning"}
TEXTS = {
    UNREAD: "LiteRT takes the bytes of one of these tensors for another type than the file states: the results mean nothing, "
            "or it reads beyond the tensor. The type is checked here.",
    SCALE: "The operator computes with the real values that small integers stand for, and the file does not say which: LiteRT "
           "goes on with a scale of 0.",
    OWN: "What LiteRT does with these, one by one."}
# Of operators with combinations that the first two do not explain: what LiteRT does.
WHY = {
    "DEPTHWISE_CONV_2D": "takes packed int4 weights for int8 ones, beyond their end",
    "FAKE_QUANT": "takes all types for float32",
    "FULLY_CONNECTED": "takes uint8 weights for int8 ones, and a bias of int64 for one of int32",
    "HASHTABLE_LOOKUP": "copies whole bytes, in which packed elements of two rows may stand",
    "MATRIX_DIAG": "takes every type it does not know for float32",
    "TFLite_Detection_PostProcess": "does not look at the types of the outputs and anchors",
}


def explanation(operator: Operator, text: str, record: recorded.Operator) -> str:
    if any(lacks_scale(text, other.text) for other in operator.run):
        return SCALE
    if any(takes_for(places, text, shortened(operator.name, base)) for base, places in record.unread.items()):
        return UNREAD
    return OWN


# The document -----------------------------------------------------------------------------------
TYPE_NAMES = re.compile(r"\b(float32|float16|bfloat16|float64|u?int(64|32|16|8|4|2)|bool|complex64|string)\b")


def table(head: tuple, rows: list) -> list:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def cpu_text(kernels: tuple) -> str:
    return ", ".join(f"`{kernel}` ({BOUNDS[bound]})" for kernel, bound in kernels) or "–"


def rows_for(operator: Operator) -> list:
    groups = collections.defaultdict(list)
    for c in operator.run:
        groups[tuple(sorted(c.cpu.items())), c.reference].append(c.text)
    return [(f"`{operator.name}`", type_groups.brief(texts), cpu_text(cpu), f"`{reference}`")
            for (cpu, reference), texts in sorted(groups.items(), key=lambda item: (not item[0][0], item[0]))]


def reason_rows(operators: list) -> list:
    """One row for each set of reasons, with all kernels that give them."""
    kernels = collections.defaultdict(list)
    for operator in operators:
        for kernel, reasons in operator.reasons.items():
            kernels[tuple(sorted(reasons))].append(f"`{kernel}`")
    return sorted((", ".join(sorted(names)), "; ".join(reasons)) for reasons, names in kernels.items())


def declined_rows(operator: Operator, record: recorded.Operator, why: str) -> list:
    """One row for each reason, whatever types it names."""
    groups = collections.defaultdict(list)
    for c in operator.declined:
        if explanation(operator, c.text, record) == why:
            groups[TYPE_NAMES.sub("…", c.refusal)].append(c)
    if why == OWN and groups and operator.name not in WHY:
        texts = ", ".join(c.text for found in groups.values() for c in found)
        raise LookupError(f"{operator.name} is declined for {texts}, which LiteRT runs: run it, or explain it in WHY")
    return [(f"`{operator.name}`", type_groups.brief(c.text for c in found), *([WHY[operator.name]] if why == OWN else []),
             found[0].refusal if len({c.refusal for c in found}) == 1 else shape)
            for shape, found in sorted(groups.items())]


def declined_part(operators: dict, records: dict) -> list:
    lines = []
    for why, title in TITLES.items():
        rows = [row for name, operator in operators.items() for row in declined_rows(operator, records[name], why)]
        head = ("Operator", "Types", *(["LiteRT"] if why == OWN else []), "The reason given here")
        lines += [f"### {title}", "", textwrap.fill(TEXTS[why], WIDTH), "", *table(head, rows), ""] if rows else []
    return lines


WIDTH = 120
HEAD = """# Operators

Made by `{command}` from what the runtime answers; `tests/conformance/test_operator_docs.py` fails when it is out of date.

## Coverage

**LiteRT {version} registers {registered} builtin operators: {running} of them run here. It runs them with
{combinations} combinations of tensor types: {run} run here, {declined} are [declined](#declined), each with its
reason.**

The combinations are recorded in `tests/conformance/litert_types.txt`. `docs/conformance.md` says how they are found,
and where LiteRT's results differ from ours because they mean nothing.

## How to read it

A combination is the types of the inputs, an arrow, and those of the outputs; T stands for each of the types behind the
colon. Types alone mean that all tensors have that one. `i8q` is int8 with one scale, `i8c` with one per channel, `i8b`
with one per block, `i8` with none; `f32s` is sparse. {variadic} show the tensors of which they have any number once;
operators with state, other graphs or more than {most} tensors show each type once.

`reference` is the plain kernel that exact mode uses: its integers are those of LiteRT's reference kernels in every bit,
its floats within 1e-6 of the value or 1e-5.

`cpu` are the vector kernels that default mode prefers, and how far each may be from `reference`: *exact*, *1 quantum*
of an integer, or *1e-5* of the largest magnitude in the output. A dash: there is none for these types.
[Below](#why-a-cpu-kernel-is-not-taken) is why they leave a node to `reference`, as a machine without a SIMD level
always does. `edgeml inspect --json` and `Interpreter.get_kernel_details()` say what runs each node of a model, and why.
"""


def wrapped(text: str) -> str:
    """Paragraphs filled; headings stand alone."""
    parts = text.strip().split("\n\n")
    return "\n\n".join(textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False) for part in parts)


def document() -> str:
    records = recorded.read()
    operators = {name: look_at(name, record) for name, record in records.items()}
    builtins = [o for o in operators.values() if o.name.isupper()]
    combinations = [c for o in builtins for c in o.combinations]
    run = sum(bool(c.reference) for c in combinations)
    lines = [wrapped(HEAD.format(
        command=COMMAND, version=recorded.version(), registered=len(builtins), running=sum(bool(o.run) for o in builtins),
        combinations=len(combinations), run=run, declined=len(combinations) - run, most=MOST_TENSORS,
        variadic=", ".join(f"`{name}`" for name in VARIADIC))), ""]
    shown: set = set()
    for family, title in FAMILIES.items():
        names = dict.fromkeys(row.op for row in tables.FAMILIES[family] if row.op in operators and row.op not in shown)
        rows = [row for name in names for row in rows_for(operators[name])]
        shown.update(names)
        lines += [f"## {title}", "", *table(("Operator", "Types", "`cpu`", "`reference`"), rows), ""]
    lines += ["## Why a cpu kernel is not taken", "", *table(("Kernels", "Reasons"), reason_rows(list(operators.values()))), ""]
    lines += ["## Declined", "", *declined_part(operators, records)]
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> int:
    DOCUMENT.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
