#!/usr/bin/env python3
"""Writes examples/peak_hold.tflite: one custom operator, PeakHold, with the option `decay`. See docs/custom-operators.md.

Runs in the environment of the Python tests: `tools/setup peers` prints its Python.
"""

import pathlib
import sys

from flatbuffers import flexbuffers

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
from tflite_builder import Graph, Op, T, build  # noqa: E402


def main():
    loudness = T([1, 4], "f32", name="loudness", signature=(-1, 4))
    peak = T([1, 4], "f32", name="peak", signature=(-1, 4))
    options = bytes(flexbuffers.Dumps({"decay": 0.5}))
    graph = Graph([Op("PeakHold", [loudness], [peak], custom=options)], [loudness], [peak])
    path = ROOT / "examples" / "peak_hold.tflite"
    path.write_bytes(build([graph], [("serving_default", 0, {"loudness": loudness}, {"peak": peak})]))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
