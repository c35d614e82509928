#!/usr/bin/env python3
"""What each algorithm of `edgeml quantize` brings, alone and together.

    benchmarks/quantize_algorithms.py [--check]

Two networks: a small MobileNet with uneven channels (make_uneven_mobilenet.py) with one scale per tensor, calibrated on 200
MNIST pictures and judged on 2,000; and ResNet-8 with 4-bit weights, calibrated on the 500 official pictures and judged on
the 1,000 of the test subset. Needs build/release/bin/edgeml and the test data (EDGEML_TEST_DATA). With --check the exit code
tells whether the bars hold: the MobileNet loses more than 10 points plain and at most 1 with everything; ResNet-8 with its
first and last layer in 8 bits loses at most 0.6 by AdaRound and bias correction.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "quantize"))
sys.path.insert(0, str(ROOT / "benchmarks"))
import real_models  # noqa: E402
from quantize_models import EDGEML, run, setup  # noqa: E402

ALONE = {
    "rounded to the nearest": ["--rounding", "nearest"],
    "sums kept (squant)": [],
    "equalization": ["--rounding", "nearest", "--equalize"],
    "bias correction": ["--rounding", "nearest", "--bias-correction"],
    "AdaRound": ["--rounding", "adaround"],
    "AdaRound, bias correction": ["--rounding", "adaround", "--bias-correction"],
    "all": ["--equalize", "--rounding", "adaround", "--bias-correction"],
}
# These take minutes.
BLOCKS = {
    "block reconstruction": ["--rounding", "blocks"],
    "block reconstruction, bias correction": ["--rounding", "blocks", "--bias-correction"],
}
ENDS = ["--bits", "conv2d=8", "--bits", "dense=8"]


def uneven_mobilenet(folder):
    path = folder / "uneven_mobilenet_1.5.h5"
    if not path.exists():
        run([setup("tensorflow"), ROOT / "benchmarks" / "make_uneven_mobilenet.py", real_models.real_data.folder() / "mnist", path])
    return path


def quantized(model, options, work):
    """Accuracy before and after, in percent."""
    done = json.loads(run([EDGEML, "quantize", "--json", model, work / "algorithms.tflite", *options]))
    return 100 * done["accuracy_before"], 100 * done["accuracy"]


def table(title, model, cases, options, work):
    print(f"\n| {title} | Accuracy % | Points lost |\n|---|--:|--:|")
    lost = {}
    for name, own in cases.items():
        before, after = quantized(model, [*options, *own], work)
        if not lost:
            print(f"| float | {before:.2f} | – |")
        lost[name] = before - after
        print(f"| {name} | {after:.2f} | {lost[name]:.2f} |", flush=True)
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar does not hold")
    options = parser.parse_args()
    if not real_models.real_data.have():
        sys.exit("no test data: set EDGEML_TEST_DATA")
    data = real_models.real_data.folder()
    work = setup("tensorflow").parents[2] / "quantize"
    work.mkdir(exist_ok=True)
    mobilenet = table("MobileNet, uneven channels, int8 per tensor", uneven_mobilenet(work), ALONE,
                      ["--scheme", "int8", "--per-tensor", "--calibration", f"mnist:{data / 'mnist'}:train", "--samples", 200,
                       "--mean", 0, "--std", 255, "--eval", f"mnist:{data / 'mnist'}:test", "--eval-limit", 2000], work)
    cifar = ["--scheme", "int4", "--calibration", f"cifar10:{data / 'cifar10' / 'ic01_calibration_samples.bin'}",
             "--eval", f"cifar10:{data / 'cifar10' / 'cifar10_test_subset_1000.bin'}"]
    resnet_model = data / "mlperf-tiny" / "pretrainedResnet.h5"
    table("ResNet-8, int4 weights, int8 activations", resnet_model, ALONE | BLOCKS, cifar, work)
    ends = table("the same, first and last layer in 8 bits", resnet_model, ALONE, [*cifar, *ENDS], work)
    problems = []
    if mobilenet["rounded to the nearest"] <= 10:
        problems.append("the MobileNet loses no more than 10 points by itself: nothing is shown")
    if mobilenet["all"] > 1:
        problems.append(f"the MobileNet still loses {mobilenet['all']:.2f} points")
    if ends["AdaRound, bias correction"] > 0.6 + 1e-9:
        problems.append(f"ResNet-8 with 8-bit ends loses {ends['AdaRound, bias correction']:.2f} points")
    print("\n".join(problems) or "all bars hold")
    return 1 if problems and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
