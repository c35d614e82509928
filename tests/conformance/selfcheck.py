"""Runs the generated cases in LiteRT alone: `python selfcheck.py [NAME-PART]`. Lists what it rejects."""
from __future__ import annotations

import collections
import sys
import time

import numpy as np
import tables
from runner import OPTIMIZED, Rejected, build_case, run_peer, worst, written


def main() -> int:
    want = next((a for a in sys.argv[1:] if not a.startswith("-")), "")
    tally = collections.Counter()
    start = time.time()
    for name, row, variant, seed in tables.all_cases():
        if want not in name:
            continue
        print(name, end=" ", file=sys.stderr)
        content, case = None, None
        try:
            case = tables.make(row, variant, seed)
            content = build_case(case)
        except Exception as error:
            print(f"\nGENERATOR {name}: {error!r}")
            tally["generator errors"] += 1
            if "-v" in sys.argv:
                raise
            continue
        try:
            reference = run_peer(content, case)
        except Rejected as error:
            print(f"REJECTED {name} (seed {seed}): {error}")
            tally["rejected"] += 1
            continue
        tally["accepted"] += 1
        tally["resolver " + reference.resolver] += 1
        for number, t in enumerate(case.graphs[0].outputs):
            if tuple(t.shape) != reference.outputs[0][number].shape and row.op != "STRIDED_SLICE":
                print(f"SHAPE {name} output {number}: declared {t.shape}, "
                      f"LiteRT {reference.outputs[0][number].shape}")
        junk = [np.full(n, 0xA5, np.uint8) for n in range(64, 6000, 64)]
        del junk  # freed memory with a pattern, so that unwritten outputs show
        again = run_peer(content, case)
        for turn, (mine, first) in enumerate(zip(again.outputs, reference.outputs)):
            for number, (a, b) in enumerate(zip(written(mine, case), written(first, case))):
                if a.tobytes() != b.tobytes():
                    tally["not repeatable"] += 1
                    print(f"NOT REPEATABLE {name} turn {turn} output {number}")
        if "--both" in sys.argv:
            try:
                other = run_peer(content, case, OPTIMIZED)
            except Rejected as error:
                print(f"OPTIMIZED REJECTED {name}: {error}")
                continue
            for number, (a, b) in enumerate(zip(other.outputs[0], reference.outputs[0])):
                problem = worst(a, b, True, "default")
                if problem:
                    tally["optimized differs"] += 1
                    print(f"OPTIMIZED {name}: {problem}")
    print(dict(tally), f"{time.time() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
