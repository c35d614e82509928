"""Combinations of types, written briefly: "T, i32/i64 → T: f32 i8 i8q" instead of six lines."""
from __future__ import annotations

import dataclasses
import itertools
from typing import Iterable

# The order in which types are listed.
ORDER = ("f32", "f16", "bf16", "f64", "i8", "i8q", "i8c", "i8b", "u8", "u8q", "u8c", "i16", "i16q", "i16c", "u16", "i32",
         "u32", "i64", "u64", "bool", "c64", "c128", "string", "resource", "i4", "i4q", "i4c", "i4b", "u4", "i2", "i2q", "i2c",
         "i2b")


def rank(word: str) -> tuple:
    plain = word.removesuffix("s")
    return (ORDER.index(word) if word in ORDER else ORDER.index(plain) if plain in ORDER else len(ORDER), word)


@dataclasses.dataclass(frozen=True)
class Form:
    """Some combinations at once: each place holds one of a set of types, or (None) the type T, one of `tied`."""

    inputs: int
    places: tuple  # frozenset or None
    tied: frozenset

    def text(self) -> str:
        def place(options) -> str:
            return "T" if options is None else "/".join(sorted(options, key=rank))

        left, right = ", ".join(map(place, self.places[:self.inputs])), ", ".join(map(place, self.places[self.inputs:]))
        names = " ".join(sorted(self.tied, key=rank))
        if None not in self.places:
            return " ".join(filter(None, [left, "→", right])) if left or right else "no tensors"
        if all(options is None for options in self.places) and self.inputs and len(self.places) > self.inputs:
            return names
        return " ".join(filter(None, [left, "→", right])) + f": {names}"


def parse(text: str) -> tuple:
    """(number of inputs, types) of a combination as it is recorded."""
    left, right = [tuple(word for word in side.split(",") if word) for side in text.split("->")]
    return len(left), left + right


def with_ties(key: tuple) -> Iterable[tuple]:
    """The patterns that a key fits: T in some of the places that hold the same type."""
    for word in dict.fromkeys(key):
        places = [i for i, other in enumerate(key) if other == word]
        for count in range(1, len(places) + 1):
            for chosen in itertools.combinations(places, count):
                yield tuple(None if i in chosen else other for i, other in enumerate(key)), word


def forms(texts: Iterable[str]) -> list:
    """Few forms that together are exactly these combinations."""
    found = []
    for inputs, group in itertools.groupby(sorted(map(parse, texts)), key=lambda item: (item[0], len(item[1]))):
        found += merged(inputs[0], {key for _, key in group})
    return sorted(found, key=lambda form: (form.inputs, -len(form.tied), form.text()))


def merged(inputs: int, keys: set) -> list:
    """Forms of combinations with one number of tensors: the largest ties first, then places that differ are joined."""
    members: dict = {}  # pattern: {key: its T}
    for key in sorted(keys):
        for pattern, word in with_ties(key):
            members.setdefault(pattern, {})[key] = word
    found = [Form(inputs, (), frozenset())] * (() in keys)
    while members:
        pattern, taken = max(members.items(), key=lambda item: (len(item[1]), item[0].count(None), str(item[0])))
        words = frozenset(taken.values())
        alike = inputs not in (0, len(pattern)) and all(place is None for place in pattern)
        if len(taken) == 1 and not alike:
            pattern, words = next(iter(taken)), frozenset()
        found.append(Form(inputs, tuple(None if place is None else frozenset([place]) for place in pattern), words))
        gone = set(taken)
        members = {p: left for p, m in members.items() if (left := {k: w for k, w in m.items() if k not in gone})}
    return join(found)


def join(found: list) -> list:
    while True:
        for a, b in itertools.combinations(found, 2):
            places = [i for i, (x, y) in enumerate(zip(a.places, b.places)) if x != y]
            if a.tied == b.tied and len(places) == 1 and None not in (a.places[places[0]], b.places[places[0]]):
                union = a.places[places[0]] | b.places[places[0]]
                places_ = tuple(union if i == places[0] else p for i, p in enumerate(a.places))
                found = [f for f in found if f not in (a, b)] + [Form(a.inputs, places_, a.tied)]
                break
        else:
            return found


def brief(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(form.text() for form in forms(texts)))
