"""docs/operators.md says what the runtime does, and the recorded operators are those that LiteRT registers."""
from __future__ import annotations

import difflib
import itertools

import operator_docs
import probe_types
import pytest
import recorded
import type_groups
from retyping import base_case, combination, rows_of


def has_vector_kernels() -> bool:
    row = rows_of("ADD")[0]
    return operator_docs.is_cpu(operator_docs.ask(base_case(row, "float32", 0), "ADD", exact=False).kernel)


def test_document_is_what_the_runtime_answers():
    if not has_vector_kernels():
        pytest.skip("this machine has no SIMD level: it has no cpu kernels to list")
    found, written = operator_docs.document().splitlines(), operator_docs.DOCUMENT.read_text().splitlines()
    changes = difflib.unified_diff(written, found, "docs/operators.md", "now", lineterm="", n=0)
    difference = "\n".join(itertools.islice(changes, 40))
    assert not difference, f"run `{operator_docs.COMMAND}`:\n{difference}"


def test_all_operators_that_litert_registers_are_recorded():
    builtins = {name for name in recorded.read() if name.isupper()}
    registered = set(probe_types.registered(probe_types.Engine("LiteRT")))
    assert registered == builtins
    assert len(registered) >= 172


def test_every_recorded_operator_has_combinations():
    assert [name for name, record in recorded.read().items() if not record.runs] == []


def expanded(form: type_groups.Form):
    for word in form.tied or [""]:
        for key in itertools.product(*([word] if place is None else sorted(place) for place in form.places)):
            yield ",".join(key[:form.inputs]) + "->" + ",".join(key[form.inputs:])


@pytest.mark.parametrize("name", ["CALL_ONCE", "CAST", "CONV_2D", "FULLY_CONNECTED", "SPLIT", "TOPK_V2", "VAR_HANDLE"])
def test_forms_are_exactly_the_combinations(name: str):
    texts = list(recorded.read()[name].runs)
    found = [text for form in type_groups.forms(texts) for text in expanded(form)]
    assert set(found) == set(texts)


def test_forms_read_briefly():
    assert type_groups.brief(["f32,f32->f32", "i8q,i8q->i8q"]) == "f32 i8q"
    assert type_groups.brief(["f32,i32->f32", "f32,i64->f32", "i32,i32->i32", "i32,i64->i32"]) == "T, i32/i64 → T: f32 i32"
    assert type_groups.brief(["->resource"]) == "→ resource"
    assert type_groups.brief(["->"]) == "no tensors"


def test_a_recipe_makes_its_combination():
    for name in ("ADD", "GATHER", "IF"):
        for text, recipe in recorded.read()[name].runs.items():
            assert combination(operator_docs.from_recipe(name, text, recipe), name) == text
