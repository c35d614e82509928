"""litert_types.txt: the operators that LiteRT registers, and the combinations of types that it runs each with.

probe_types.py --record writes it; docs/operators.md is made from it, so that nobody needs LiteRT for that. Below an operator's
name stand lines like "  f32,i32->f32 = float32 0 -": a combination and its recipe (retyping.py explains both), and
"  unread f32,i32->f32 = 1": there LiteRT does not look at the type of input 1, but takes its bytes as int32.
"""
from __future__ import annotations

import dataclasses
import importlib.metadata
import pathlib

PATH = pathlib.Path(__file__).resolve().parent / "litert_types.txt"


@dataclasses.dataclass
class Operator:
    runs: dict = dataclasses.field(default_factory=dict)  # combination: recipe
    unread: dict = dataclasses.field(default_factory=dict)  # combination: positions among the inputs


def read() -> dict:
    """{operator's name: Operator} in the file's order."""
    found: dict = {}
    for line in PATH.read_text().splitlines() if PATH.exists() else ():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            last = found.setdefault(line, Operator())
            continue
        text, _, right = line.strip().partition(" = ")
        if text.startswith("unread "):
            last.unread[text[len("unread "):]] = [int(word) for word in right.split()]
        else:
            last.runs[text] = right
    return found


def version() -> str:
    """The version of LiteRT that was asked."""
    return PATH.read_text().partition("LiteRT ")[2].partition(" ")[0]


def update(operators: dict) -> None:
    """Replaces what the file says of these operators."""
    found = {**read(), **operators}
    asked = importlib.metadata.version("ai-edge-litert")
    lines = [f"# What LiteRT {asked} registers and runs, found by probe_types.py --record. Not edited by hand."]
    for op in sorted(found):
        lines.append(op)
        lines += [f"  {text} = {recipe}" for text, recipe in sorted(found[op].runs.items())]
        lines += [f"  unread {text} = {' '.join(map(str, places))}" for text, places in sorted(found[op].unread.items())]
    PATH.write_text("\n".join(lines) + "\n")
