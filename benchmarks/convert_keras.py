#!/usr/bin/env python3
"""Measures converting MobileNetV2 (224 x 224, random weights) from .h5: time, memory, size of the file.

    benchmarks/convert_keras.py [--check] [--skip-tensorflow]

The model is made with TensorFlow (`tools/setup tensorflow`), once, in the cache folder. TensorFlow's own way, loading the
file and converting the model in a fresh process, is measured beside. With --check the exit code tells whether the bars
hold: under 0.5 s without --verify, under 1.5 s with it, under 100 MB of peak memory both, a file not larger than
TensorFlow's.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EDGEML = ROOT / "build" / "release" / "bin" / "edgeml"
MAKE = """
import sys, keras
keras.utils.set_random_seed(1)
keras.applications.MobileNetV2(weights=None).save(sys.argv[1])
"""
TENSORFLOW = """
import sys, keras, tensorflow as tf
model = keras.models.load_model(sys.argv[1], compile=False)
open(sys.argv[2], "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
"""
# A process starts with the peak memory of the one that starts it: a small one must.
LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.perf_counter() - start, usage.ru_utime + usage.ru_stime,
                  usage.ru_maxrss * 1024]))
"""


def measure(command, runs):
    """(median seconds, median CPU seconds, largest peak bytes)."""
    results = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *map(str, command)], capture_output=True, text=True,
                              check=True)
        code, *numbers = json.loads(done.stdout)
        if code:
            sys.exit(f"{command[0]} failed:\n{done.stderr}")
        results.append(numbers)
    return (statistics.median(r[0] for r in results), statistics.median(r[1] for r in results), max(r[2] for r in results))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar does not hold")
    parser.add_argument("--skip-tensorflow", action="store_true", help="do not measure TensorFlow's converter")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    setup = subprocess.run([ROOT / "tools/setup", "tensorflow"], check=True, stdout=subprocess.PIPE, text=True)
    python = setup.stdout.split()[-1]
    work = pathlib.Path(python).parents[2] / "convert"
    work.mkdir(exist_ok=True)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    model = work / "mobilenet_v2.h5"
    if not model.exists():
        partial = work / "partial.h5"
        subprocess.run([python, "-c", MAKE, partial], check=True, stderr=subprocess.DEVNULL)
        partial.rename(model)
    ours, theirs = work / "edgeml.tflite", work / "tensorflow.tflite"
    good = True
    for verify, bar in ((0, 0.5), (1, 1.5)):
        command = [EDGEML, "convert", model, ours, "--batch", "1", "--verify", verify]
        seconds, cpu, peak = measure(command, options.runs)
        print(f"edgeml --verify {verify}: {seconds:.3f} s (bar {bar} s), {cpu:.3f} s of CPU, peak {peak / 1e6:.1f} MB (bar 100 MB)")
        good = good and seconds < bar and peak < 100e6
    print(f"file: {ours.stat().st_size:,} bytes")
    if not options.skip_tensorflow:
        seconds, cpu, peak = measure([python, "-c", TENSORFLOW, model, theirs], 1)
        print(f"TensorFlow: {seconds:.1f} s, {cpu:.1f} s of CPU, peak {peak / 1e6:.0f} MB; file: {theirs.stat().st_size:,} bytes")
        good = good and ours.stat().st_size <= theirs.stat().st_size
    print("all bars hold" if good else "a bar does NOT hold")
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
