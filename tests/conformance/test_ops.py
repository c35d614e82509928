"""Every operator, on random shapes, attributes, types and values, against LiteRT.

`./test --all` (or EDGEML_ALL=1) multiplies the cases by ten, EDGEML_SEED=n draws other ones, EDGEML_MODES=exact (or default)
keeps one mode. A failing case is saved as .tflite and .npz in EDGEML_FAIL_DIR (build/failures).
"""
from __future__ import annotations

import functools
import os

import pytest
import runner
import tables

MODES = os.environ.get("EDGEML_MODES", "exact,default").split(",")
CASES = list(tables.all_cases())
# LiteRT may reject this share of the cases at most: beyond it, the tables test less than they say.
REJECTED_SHARE = 0.05
# This share of the cases that round a float state may rest on a tie in LiteRT itself.
TIED_SHARE = 0.01


@functools.lru_cache(maxsize=2)
def reference(number: int):
    """(case, file, LiteRT's results or the reason of its refusal) of one case."""
    name, row, variant, seed = CASES[number]
    case = tables.make(row, variant, seed)
    content = runner.build_case(case)
    try:
        return case, content, runner.run_peer(content, case)
    except runner.Rejected as error:
        return case, content, error


@pytest.mark.parametrize(
    "number,mode",
    [pytest.param(n, mode, id=f"{mode}-{CASES[n][0]}") for n in range(len(CASES)) for mode in MODES])
def test_case(number: int, mode: str, rejected: list, accepted: list, tied: list):
    name, _, _, seed = CASES[number]
    case, content, expected = reference(number)
    first = mode == MODES[0]
    if isinstance(expected, runner.Rejected):
        if first:
            rejected.append((name, str(expected)))
        try:  # ours may take it or refuse it, but must not crash
            runner.run_ours(content, case, mode)
        except (ValueError, RuntimeError):
            pass
        pytest.skip(f"LiteRT rejects it: {expected}")
    if first:
        accepted.append(name)
    try:
        if mode == "default":
            runner.compare_default(content, case, expected)
        else:
            runner.compare(runner.run_ours(content, case, mode), expected, mode, case)
    except Exception as error:
        if isinstance(error, runner.Mismatch) and case.rounds_state and runner.rests_on_a_tie(case, expected):
            tied.append(name)
            pytest.skip(f"LiteRT's own result rests on a tie: {error}")
        where = runner.save_failure(name, content, case)
        pytest.fail(f"{name} ({mode} mode, seed {seed}, saved as {where}): {error}", pytrace=False)


def test_share_of_rejected_cases(rejected: list, accepted: list):
    total = len(rejected) + len(accepted)
    if total < 100:
        pytest.skip("only a part of the cases was run")
    assert len(rejected) <= REJECTED_SHARE * total


def test_share_of_cases_on_a_tie(tied: list):
    rounding = sum(row.op.endswith(("RNN", "LSTM")) and variant in ("int8", "uint8", "hybrid", "hybrid_uint8") for _, row, variant, _ in CASES)
    assert len(tied) <= max(1, TIED_SHARE * rounding) * len(MODES), tied


def test_every_operator_of_the_list_is_covered():
    """The operators of EDGEML_FOR_EACH_OP all have a row, and no row names another one."""
    import pathlib
    import re
    listed = pathlib.Path(__file__).resolve().parents[2] / "src/ir/attributes.h"
    names = set(re.findall(r'^  OP\(\w+, "([^"]+)"\)', listed.read_text(), re.M)) - {"CUSTOM"}
    rows = {row.op for rows in tables.FAMILIES.values() for row in rows}
    assert names - rows == set(), "operators without a row"
    assert rows - names == set(), "rows of operators that we do not run"
