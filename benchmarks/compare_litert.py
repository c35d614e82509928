#!/usr/bin/env python3
"""Latency of edge_ml and LiteRT on the same models, interleaved in one process.

usage: compare_litert.py [--threads N] [--rounds R] [--json F] [--check] MODEL.tflite ...

Without models: MobileNetV2 (float, int8 from the zoo; uint8 from the test data), and the MLPerf
Tiny four. Each round runs one engine for a slice of time, then the other; the ratio is taken per
round, and the median ratio is what counts (below 1 = edge_ml is faster). Needs a Python with edge_ml
and ai_edge_litert. --check fails when a median ratio is above 2. Also measures what loading and the
first inference cost beside a steady one.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA", ROOT / ".." / "shared" / "data"))
CACHE = pathlib.Path(
    os.environ.get("EDGEML_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "edgeml"
)


def default_models():
    tiny = ["ad01_fp32", "ad01_int8", "kws_ref_model_float32", "kws_ref_model",
            "pretrainedResnet", "pretrainedResnet_quant", "vww_96_float", "vww_96_int8"]
    wanted = sorted((CACHE / "zoo").glob("mobilenet_v2*float*.tflite"))
    wanted += sorted((CACHE / "zoo").glob("mobilenet_v2*int8*.tflite"))
    wanted += [DATA / "vision" / "mobilenet_v2_1.0_224_quant.tflite",
               DATA / "vision" / "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"]
    wanted += [DATA / "mlperf-tiny" / f"{name}.tflite" for name in tiny]
    for path in wanted:
        if not path.exists():
            print(f"not there, left out: {path}", file=sys.stderr)
    if not any("mobilenet_v2" in p.name for p in wanted if "zoo" in str(p)):
        print("no zoo: make it with tools/make_zoo.py", file=sys.stderr)
    return [p for p in wanted if p.exists()]


def prepared(interpreter):
    """Allocates, fills the inputs with fixed random values, and returns the interpreter."""
    interpreter.allocate_tensors()
    rng = np.random.default_rng(1)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], detail["dtype"]
        if np.issubdtype(dtype, np.floating):
            value = rng.random(shape, dtype=np.float32).astype(dtype)
        else:
            info = np.iinfo(dtype)
            value = rng.integers(info.min, info.max + 1, shape).astype(dtype)
        interpreter.set_tensor(detail["index"], value)
    return interpreter


def times_ms(interpreter, seconds):
    """Times of single runs for about that many seconds, at least three."""
    out = []
    end = time.perf_counter() + seconds
    while len(out) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.invoke()
        out.append((time.perf_counter() - start) * 1e3)
    return out


def first_inference_ms(make):
    start = time.perf_counter()
    interpreter = make()
    interpreter.allocate_tensors()
    interpreter.invoke()
    return (time.perf_counter() - start) * 1e3


def measure(path, threads, rounds, slice_seconds):
    import edge_ml
    from ai_edge_litert.interpreter import Interpreter as Peer

    makers = {
        "edge_ml": lambda: edge_ml.Interpreter(model_path=str(path), num_threads=threads),
        "litert": lambda: Peer(model_path=str(path), num_threads=threads),
    }
    first = {name: statistics.median(first_inference_ms(make) for _ in range(3))
             for name, make in makers.items()}
    engines = {name: prepared(make()) for name, make in makers.items()}
    for engine in engines.values():
        times_ms(engine, 0.05)
    medians = {name: [] for name in engines}
    minima = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            sample = times_ms(engine, slice_seconds)
            medians[name].append(statistics.median(sample))
            minima[name].append(min(sample))
    ratios = [a / b for a, b in zip(medians["edge_ml"], medians["litert"])]
    return {
        "model": path.name,
        "edge_ml_ms": {"min": min(minima["edge_ml"]), "median": statistics.median(medians["edge_ml"])},
        "litert_ms": {"min": min(minima["litert"]), "median": statistics.median(medians["litert"])},
        "ratio": statistics.median(ratios),
        "load_and_first_ms": first,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slice", type=float, default=0.15, help="seconds per engine and round")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="fail when a ratio is above 2")
    args = parser.parse_args()

    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.processor())
    print(f"{cpu}, {args.threads} thread(s), {args.rounds} rounds; milliseconds, median (min)")
    print(f"{'model':<44} {'edge_ml':>18} {'LiteRT':>18} {'ratio':>6}  load+first, edge_ml / LiteRT")
    results = []
    for path in args.models or default_models():
        r = measure(path, args.threads, args.rounds, args.slice)
        results.append(r)
        ours, theirs, first = r["edge_ml_ms"], r["litert_ms"], r["load_and_first_ms"]
        print(f"{r['model'][:44]:<44} {ours['median']:>9.3f} ({ours['min']:.3f}) "
              f"{theirs['median']:>9.3f} ({theirs['min']:.3f}) {r['ratio']:>6.2f}  "
              f"{first['edge_ml']:.1f} / {first['litert']:.1f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"cpu": cpu, "threads": args.threads, "results": results},
                                        indent=1))
    failed = False
    for r in results:
        if args.check and r["ratio"] > 2.0:
            print(f"too slow: {r['model']} at {r['ratio']:.2f} of LiteRT, the bar is 2", file=sys.stderr)
            failed = True
        budget = 3 * r["edge_ml_ms"]["median"] + 20
        if args.check and r["load_and_first_ms"]["edge_ml"] > budget:
            print(f"slow to start: {r['model']} takes {r['load_and_first_ms']['edge_ml']:.1f} ms, "
                  f"the bar is three steady inferences and 20 ms, {budget:.1f}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
