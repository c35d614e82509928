"""Real models with real data to calibrate and to judge them on, for the tests here and for benchmarks/quantize_models.py.

What no published input exists for is made from real recordings and photographs at hand: the keyword model hears spoken
words through the front end that it was trained with, the person detector sees parts of photographs.
"""
from __future__ import annotations

import dataclasses
import gzip
import pathlib
import sys
import wave
from typing import Callable, Optional

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "conformance"))
import real_data  # noqa: E402


@dataclasses.dataclass
class RealModel:
    name: str
    file: Callable[[], pathlib.Path]
    # Float inputs [n, …] as the model takes them.
    calibration: Callable[[], np.ndarray]
    test: Callable[[], np.ndarray]
    labels: Optional[Callable[[], np.ndarray]] = None  # of `test`


def cifar(name: str) -> tuple:
    """float32 [n, 32, 32, 3] of 0 to 255, and labels."""
    records = np.fromfile(real_data.folder() / "cifar10" / name, np.uint8).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32), records[:, 0].astype(int)


def idx(path: pathlib.Path) -> np.ndarray:
    with gzip.open(path) as file:
        content = file.read()
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def mnist(part: str, count: int, shape: tuple) -> np.ndarray:
    return (idx(real_data.folder() / "mnist" / f"{part}-images-idx3-ubyte.gz")[:count] / np.float32(255)).reshape(-1, *shape)


def mnist_labels(count: int) -> np.ndarray:
    return idx(real_data.folder() / "mnist" / "t10k-labels-idx1-ubyte.gz")[:count].astype(int)


def digits(test: bool) -> np.ndarray:
    images = idx(ROOT / "src" / "data" / "digits" / "digits-images-idx3-ubyte.gz").astype(np.float32)[..., None]
    return images[1437:] if test else images[:1437]


def digit_labels() -> np.ndarray:
    return idx(ROOT / "src" / "data" / "digits" / "digits-labels-idx1-ubyte.gz")[1437:].astype(int)


PEOPLE = ["mlperf-tiny/vww_samples/man_in_red_jacket.png", "mlperf-tiny/vww_samples/st_paul_s_cathedral.png"]
PHOTOGRAPHS = PEOPLE + ["vision/cat.bmp", "vision/cats_and_dogs.jpg", "vision/grace_hopper.bmp", "vision/parrot.jpg"]


def crops(count: int, seed: int, whole: list) -> np.ndarray:
    """Pictures of 96 by 96 from 0 to 1: those named whole, then random parts of all photographs."""
    from PIL import Image  # pylint: disable=import-outside-toplevel
    rng = np.random.default_rng(seed)
    opened = {name: Image.open(real_data.folder() / name).convert("RGB") for name in PHOTOGRAPHS}
    found = [opened[name].resize((96, 96), Image.BILINEAR) for name in whole]
    while len(found) < count:
        image = opened[PHOTOGRAPHS[len(found) % len(PHOTOGRAPHS)]]
        size = int(min(image.size) * rng.uniform(0.4, 1.0))
        left, top = (int(rng.integers(0, full - size + 1)) for full in image.size)
        found.append(image.resize((96, 96), Image.BILINEAR, (left, top, left + size, top + size)))
    return np.stack([np.asarray(image, np.float32) / 255 for image in found])


def sound(path: pathlib.Path) -> np.ndarray:
    """Mono, 16 kHz."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        rate = file.getframerate()
    return np.interp(np.arange(0, len(samples) * 16000 // rate) * (rate / 16000), np.arange(len(samples)), samples)


def mfcc(samples: np.ndarray) -> np.ndarray:
    """float32 [49, 10, 1]: what MLPerf Tiny's keyword spotting was trained on (its get_dataset.py): windows of 30 ms every
    20 ms, 40 mel bins from 20 to 4,000 Hz, the first ten cosine coefficients of their logarithms."""
    samples = np.pad(samples, (0, max(0, 16000 - len(samples))))[:16000] / max(samples.max(), 1e-9)
    frames = np.stack([samples[320 * i:320 * i + 480] for i in range(49)])
    spectrum = np.abs(np.fft.rfft(frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(480) / 480)), 512))

    def mel(hertz):
        return 1127 * np.log1p(np.asarray(hertz) / 700)

    edges = np.linspace(mel(20), mel(4000), 42)
    at = mel(np.arange(257) * 16000 / 512)[:, None]
    rising, falling = (at - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - at) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0
    logs = np.log(spectrum @ filters + 1e-6)
    cosines = np.cos(np.pi / 40 * np.outer(np.arange(40) + 0.5, np.arange(10)))
    return (logs @ cosines * np.sqrt(2 / 40)).astype(np.float32)[..., None]


WORDS = ["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"]


def commands() -> tuple:
    """The spoken commands, a second each: inputs and labels."""
    sounds, labels = [], []
    for path in sorted((real_data.folder() / "speech-commands").glob("*.wav")):
        samples = sound(path)
        for i, word in enumerate(path.stem.split("_")):
            sounds.append(mfcc(samples[16000 * i:16000 * (i + 1)]))
            labels.append(WORDS.index(word))
    return np.stack(sounds), np.array(labels)


def spoken(part: str, every: int) -> np.ndarray:
    paths = sorted((real_data.folder() / "spoken-digits" / part).glob("*.wav"))[::every]
    return np.stack([mfcc(sound(path)) for path in paths])


def in_data(name: str) -> Callable[[], pathlib.Path]:
    return lambda: real_data.folder() / name


def mnist_net(name: str, shape: tuple, count: int = 10000) -> RealModel:
    return RealModel(name, in_data(f"keras/{name}.h5"), lambda: mnist("train", 200, shape),
                     lambda: mnist("t10k", count, shape), lambda: mnist_labels(count))


MODELS = [
    RealModel("digits", lambda: ROOT / "models" / "digits.h5", lambda: digits(False)[::7], lambda: digits(True), digit_labels),
    RealModel("pretrainedResnet", in_data("mlperf-tiny/pretrainedResnet.h5"), lambda: cifar("ic01_calibration_samples.bin")[0],
              lambda: cifar("cifar10_test_subset_1000.bin")[0], lambda: cifar("cifar10_test_subset_1000.bin")[1]),
    RealModel("vww_96", in_data("mlperf-tiny/vww_96.h5"), lambda: crops(64, 1, []), lambda: crops(64, 2, PEOPLE)),
    RealModel("kws_ref_model", in_data("mlperf-tiny/kws_ref_model"), lambda: spoken("train", 3),
              lambda: np.concatenate([commands()[0], spoken("test", 2)])),
    RealModel("ad01", in_data("mlperf-tiny/ad01.h5"), lambda: real_data.mel_windows()[0::2],
              lambda: real_data.mel_windows()[1::2]),
    mnist_net("TFKeras", (784,)),
    mnist_net("EN10_dense", (28, 28, 1)),
    mnist_net("mnist_cnn_gnudisme", (28, 28, 1)),
    mnist_net("mnist_dense128_pruned_finetuned", (28, 28)),
]
