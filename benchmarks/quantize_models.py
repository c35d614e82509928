#!/usr/bin/env python3
"""Quantizes real models here and with other converters, and compares accuracy, noise, sizes, time and memory.

    benchmarks/quantize_models.py [--check] [--models NAME…] [--schemes NAME…] [--skip-mobilenet]

Peers, on the same calibration samples: TensorFlow's converter (`tools/setup tensorflow`), and for weight-int8, weight-int4
and int4, which it lacks, AI Edge Quantizer (`tools/setup aiedge`). All files run in LiteRT's builtin kernels without
delegates. Noise is told as SQNR in dB against the float model, of what goes into the softmax at the end where there is one.
int4 is made with learned rounding and corrected biases, all else plain; an int8 model that the peer is ahead of is mended so too,
and its row says "mended".
Needs build/release/bin/edgeml, a Python with edge_ml, ai_edge_litert and Pillow, and the test data (EDGEML_TEST_DATA). What
peers make is kept in the cache folder. With --check the exit code tells whether the bars hold that are listed in BARS and SIZES,
and whether a peer is ahead: in accuracy, by more examples than chance explains (a sign test on those that only one of both
gets right, 5 %); in SQNR, where ours is below 48 dB (above, noise is less than a step of 8 bits). What is behind by less is
told too.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "quantize"))
sys.path.insert(0, str(ROOT / "benchmarks"))
import real_models  # noqa: E402
from convert_keras import measure  # noqa: E402

EDGEML = ROOT / "build" / "release" / "bin" / "edgeml"
PEERS = ROOT / "benchmarks" / "quantize_peers.py"
SCHEMES = {"dynamic": "tensorflow", "float16": "tensorflow", "int8": "tensorflow", "int16x8": "tensorflow",
           "weight-int8": "aiedge", "weight-int4": "aiedge", "int4": "aiedge"}
LEARNED = ["--rounding", "adaround", "--bias-correction"]
OPTIONS = {"int4": LEARNED}
MENDED = {"int8": LEARNED}
AUDIBLE = 48.0  # dB
# Points of accuracy that ResNet-8 may lose on the test subset of 1,000.
BARS = {"int8": 0.3, "dynamic": 0.2, "float16": 0.05, "int16x8": 0.1, "int4": 0.8}
# Most bytes of files.
SIZES = {("mnist_dense128_pruned_finetuned", "int8"): 110_000, ("mnist_dense128_pruned_finetuned", "int4"): 65_000}


def answers(path, samples):
    """Outputs, and what went into the last softmax if the model ends in one."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    interpreter = Interpreter(model_path=str(path), experimental_preserve_all_tensors=True,
                              experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    place, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    softmax = [op for op in interpreter._get_ops_details() if op["op_name"] == "SOFTMAX"]
    logits = None
    if softmax:
        index = int(softmax[-1]["inputs"][0])
        logits = next(t for t in interpreter.get_tensor_details() if t["index"] == index)

    def real(detail):
        values = interpreter.get_tensor(detail["index"])
        if values.dtype.kind == "f":
            return values.astype(np.float64)
        scale, zero = detail["quantization"]
        return (values.astype(np.float64) - zero) * scale

    outputs, before = [], []
    for sample in samples:
        x = sample[None].reshape(place["shape"])
        if place["dtype"] != np.float32:
            scale, zero = place["quantization"]
            limits = np.iinfo(place["dtype"])
            x = np.clip(np.round(x / scale) + zero, limits.min, limits.max)
        interpreter.set_tensor(place["index"], x.astype(place["dtype"]))
        interpreter.invoke()
        outputs.append(real(output)[0])
        before.append(real(logits if logits else output)[0])
    return np.stack(outputs), np.stack(before)


def sqnr(wanted, found):
    noise = ((wanted - found) ** 2).sum()
    return float("inf") if noise == 0 else 10 * np.log10((wanted ** 2).sum() / noise)


def chance(one, other):
    """How likely two equally good models differ at least so: `one` and `other` examples that only one of both gets right."""
    count, less = one + other, min(one, other)
    return min(1.0, 2 * sum(math.comb(count, k) for k in range(less + 1)) / 2 ** count)


def setup(purpose):
    done = subprocess.run([ROOT / "tools" / "setup", purpose], stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.split()[-1])


def run(words):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\nfailed:\n{done.stderr[-2000:]}")
    return done.stdout


def official():
    """The 200 pictures of MLPerf Tiny: where they are among the 1,000 of the test subset."""
    pictures, _ = real_models.real_data.resnet_images()
    subset = real_models.cifar("cifar10_test_subset_1000.bin")[0].astype(np.uint8)
    places = {picture.tobytes(): i for i, picture in enumerate(subset)}
    return np.array([places[picture.tobytes()] for picture in pictures])


def prepare(work, chosen):
    """Samples as files, and the files of the peers that are not there yet."""
    wanted = []
    for model in chosen:
        samples = model.calibration()
        np.save(work / f"{model.name}.calibration.npy", samples)
        np.savez(work / f"{model.name}.calibration.npz", x=samples)
        if not (work / f"{model.name}.int4.aiedge.tflite").exists():
            wanted.append(model)
    if wanted:
        run([setup("tensorflow"), PEERS, "tensorflow", work, *(f"{m.name}={m.file()}" for m in wanted)])
        run([setup("aiedge"), PEERS, "aiedge", work, *(m.name for m in wanted)])


def compare(work, model, schemes):
    """One dict for each scheme."""
    x, labels = model.test(), model.labels() if model.labels else None
    part = official() if model.name == "pretrainedResnet" else None
    wanted, wanted_before = answers(work / f"{model.name}.float.tensorflow.tflite", x)
    rows = []
    for scheme in schemes:
        ours, theirs = work / f"{model.name}.{scheme}.edgeml.tflite", work / f"{model.name}.{scheme}.{SCHEMES[scheme]}.tflite"

        def judge(options, mended):
            run([EDGEML, "quantize", model.file(), ours, "--batch", 1, "--scheme", scheme, "--calibration",
                 f"npz:{work / (model.name + '.calibration.npz')}", *options])
            row = {"model": model.name, "scheme": scheme, "peer": SCHEMES[scheme], "mended": mended}
            right = {}
            for who, path in (("ours", ours), ("theirs", theirs)):
                found, before = answers(path, x)
                row[who] = {"bytes": path.stat().st_size, "sqnr": sqnr(wanted_before, before)}
                if labels is not None:
                    right[who] = found.argmax(-1) == labels
                    row[who]["accuracy"] = 100 * float(right[who].mean())
                if part is not None:
                    row[who]["official"] = 100 * float((found.argmax(-1) == labels)[part].mean())
            if labels is not None:
                row["float"] = 100 * float((wanted.argmax(-1) == labels).mean())
                row["chance"] = chance(int((right["ours"] & ~right["theirs"]).sum()),
                                       int((right["theirs"] & ~right["ours"]).sum()))
            return row
        row = judge(OPTIONS.get(scheme, []), False)
        if scheme in MENDED and is_behind(row):
            print(f"plain: {line(row)}", flush=True)
            row = judge(MENDED[scheme], True)
        rows.append(row)
        print(line(row), flush=True)
    return rows


def is_behind(row):
    """Whether the peer is, by more than chance explains and than is too little to matter."""
    less = row["theirs"].get("accuracy", 0) > row["ours"].get("accuracy", 0) and row["chance"] < 0.05
    return less or (row["theirs"]["sqnr"] > row["ours"]["sqnr"] + 0.05 and row["ours"]["sqnr"] < AUDIBLE)


def line(row):
    ours, theirs = row["ours"], row["theirs"]

    def both(key, form):
        return f"{ours[key]:{form}} / {theirs[key]:{form}}" if key in ours else "–"
    accuracy = f"{row['float']:.2f} → {both('accuracy', '.2f')}" if "float" in row else "–"
    if "official" in ours:
        accuracy += f" ({both('official', '.1f')})"
    scheme = row["scheme"] + (", mended" if row["mended"] else "")
    return (f"| {row['model']} | {scheme} | {row['peer']} | {accuracy} | {both('sqnr', '.1f')} | "
            f"{both('bytes', ',')} |")


def pictures(folder, count=200):
    """Parts of photographs, 224 by 224."""
    from PIL import Image
    if len(list(folder.glob("all/*.png"))) == count:
        return folder
    (folder / "all").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    opened = [Image.open(real_models.real_data.folder() / name).convert("RGB") for name in real_models.PHOTOGRAPHS]
    for number in range(count):
        image = opened[number % len(opened)]
        size = int(min(image.size) * rng.uniform(0.4, 1.0))
        left, top = (int(rng.integers(0, full - size + 1)) for full in image.size)
        image.resize((224, 224), Image.BILINEAR, (left, top, left + size, top + size)).save(folder / "all" / f"{number:03}.png")
    return folder


def mobilenet(work, runs):
    """MobileNetV2 of convert_keras.py, int8 from .h5 with 200 pictures: plain, and with learned rounding and biases."""
    model = work.parent / "convert" / "mobilenet_v2.h5"
    if not model.exists():
        run([sys.executable, ROOT / "benchmarks" / "convert_keras.py", "--skip-tensorflow", "--runs", 1])
    data = pictures(work / "pictures")
    out = work / "mobilenet_v2.edgeml.tflite", work / "mobilenet_v2.tensorflow.tflite"
    ours = measure([EDGEML, "quantize", model, out[0], "--batch", 1, "--scheme", "int8", "--calibration", f"images:{data}",
                    "--mean", "127.5", "--std", "127.5"], runs)
    theirs = measure([setup("tensorflow"), PEERS, "mobilenet", model, data, out[1]], 1)
    again = measure([EDGEML, "quantize", model, out[0], "--batch", 1, "--scheme", "int8", "--calibration", f"images:{data}",
                     "--mean", "127.5", "--std", "127.5"], runs)
    ours = tuple(min(a, b) for a, b in zip(ours[:2], again[:2])) + (max(ours[2], again[2]),)
    learned = measure([EDGEML, "quantize", model, work / "mobilenet_v2.learned.tflite", "--batch", 1, "--scheme", "int8",
                       "--calibration", f"images:{data}", "--mean", "127.5", "--std", "127.5", *LEARNED], 1)
    run([EDGEML, "convert", model, work / "mobilenet_v2.float.tflite", "--batch", 1, "--verify", 0])
    return {"ours": ours, "theirs": theirs, "learned": learned, "bytes": [path.stat().st_size for path in out],
            "float_bytes": (work / "mobilenet_v2.float.tflite").stat().st_size}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar does not hold")
    parser.add_argument("--models", nargs="+", choices=[m.name for m in real_models.MODELS])
    parser.add_argument("--schemes", nargs="+", choices=list(SCHEMES), default=list(SCHEMES))
    parser.add_argument("--skip-mobilenet", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if not real_models.real_data.have():
        sys.exit("no test data: set EDGEML_TEST_DATA")
    work = setup("tensorflow").parents[2] / "quantize"
    work.mkdir(exist_ok=True)
    chosen = [m for m in real_models.MODELS if not options.models or m.name in options.models]
    prepare(work, chosen)
    print("| Model | Scheme | Beside | Accuracy %: float → ours / theirs (official 200) | SQNR dB, ours / theirs | "
          "Bytes, ours / theirs |\n|---|---|---|---|--:|--:|")
    rows = [row for model in chosen for row in compare(work, model, options.schemes)]
    problems, notes = [], []
    for row in rows:
        name = f"{row['model']} {row['scheme']}"
        if row["model"] == "pretrainedResnet" and row["float"] - row["ours"]["accuracy"] > BARS.get(row["scheme"], 100) + 1e-9:
            problems.append(f"{name}: loses {row['float'] - row['ours']['accuracy']:.2f} points")
        behind = row["theirs"].get("accuracy", 0) - row["ours"].get("accuracy", 0)
        if behind > 1e-9:
            (problems if row["chance"] < 0.05 else notes).append(
                f"{name}: {behind:.2f} points less accurate than with {row['peer']}, chance {row['chance']:.2f}")
        louder = row["theirs"]["sqnr"] - row["ours"]["sqnr"]
        if louder > 0.05:
            (problems if row["ours"]["sqnr"] < AUDIBLE else notes).append(f"{name}: {louder:.1f} dB noisier than with {row['peer']}")
        if row["ours"]["bytes"] > SIZES.get((row["model"], row["scheme"]), row["ours"]["bytes"]):
            problems.append(f"{name}: {row['ours']['bytes']:,} bytes")
        if row["scheme"] == "int8" and row["ours"]["bytes"] > row["theirs"]["bytes"]:
            problems.append(f"{name}: larger than with {row['peer']}")
    if not options.skip_mobilenet:
        found = mobilenet(work, 3)
        for who in ("ours", "theirs", "learned"):
            seconds, cpu, peak = found[who]
            print(f"MobileNetV2 int8, 200 pictures, {who}: {seconds:.1f} s, {cpu:.1f} s of CPU, peak {peak / 1e6:.0f} MB")
        share = found["bytes"][0] / found["float_bytes"]
        print(f"files: {found['bytes'][0]:,} / {found['bytes'][1]:,} bytes; {share:.3f} of the float one")
        if share > 0.27:
            problems.append(f"MobileNetV2: {share:.3f} of the float file")
        if found["learned"][0] > 180:
            problems.append(f"MobileNetV2: {found['learned'][0]:.0f} s with learned rounding")
        if found["ours"][0] * 4 > found["theirs"][0]:
            problems.append(f"MobileNetV2: only {found['theirs'][0] / found['ours'][0]:.1f} times faster")
        if found["ours"][2] >= 300e6:
            problems.append(f"MobileNetV2: peak {found['ours'][2] / 1e6:.0f} MB")
        if found["bytes"][0] > found["bytes"][1]:
            problems.append("MobileNetV2: larger than TensorFlow's file")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    print("\n".join(f"within chance, or too little to matter: {note}" for note in notes))
    print("\n".join(problems) or "all bars hold")
    return 1 if problems and options.check else 0


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
