"""Real models, pictures and recordings, when they are at hand (EDGEML_TEST_DATA, ../shared/data)."""
from __future__ import annotations

import csv
import gzip
import os
import pathlib

import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("EDGEML_TEST_DATA", REPOSITORY / "../shared/data")).resolve()


def have() -> bool:
    return folder().is_dir()


def models() -> list:
    return sorted(folder().rglob("*.tflite")) if have() else []


def picture(name: str, height: int, width: int) -> np.ndarray:
    """uint8 [height, width, 3], stretched with Pillow's bilinear filter."""
    from PIL import Image
    with Image.open(folder() / name) as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.BILINEAR))


def resnet_images() -> tuple:
    """The 200 official images of MLPerf Tiny, uint8 [200, 32, 32, 3], and their labels."""
    with open(folder() / "mlperf-tiny/ic01_y_labels.csv", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row]
    images = [np.fromfile(folder() / "mlperf-tiny/ic01_inputs" / row[0].strip(), np.uint8) for row in rows]
    return np.stack(images).reshape(-1, 32, 32, 3), np.array([int(row[2]) for row in rows])


def mel_windows() -> np.ndarray:
    """float32 [196, 640]: five frames of 128 bins each, one frame apart."""
    name = "mlperf-tiny/ad01_inputs/normal_id_01_00000000_hist_librosa.bin"
    frames = np.fromfile(folder() / name, np.float32).reshape(200, 128)
    return np.stack([frames[i:i + 5].reshape(-1) for i in range(196)])


def mnist_test(count: int) -> tuple:
    with gzip.open(folder() / "mnist/t10k-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:count]
    with gzip.open(folder() / "mnist/t10k-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)[:count]
    return images, labels
