#!/usr/bin/env python3
"""Writes the bundled digits data set (src/data/digits) from scikit-learn's package data.

The source is the wheel of scikit-learn on PyPI, which carries the test set of the UCI "Optical Recognition of
Handwritten Digits" data set as `sklearn/datasets/data/digits.csv.gz`: one row per image, 64 pixels in 0..16 and the
class. The wheel is opened as a zip file; nothing of it is installed or imported. Needs Python >= 3.9 and pip only.

Output: two files in the idx format of MNIST, compressed with gzip. The bytes do not depend on the time of the run.
"""

import argparse
import gzip
import hashlib
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

SKLEARN_VERSION = "1.9.1"
MEMBER = "sklearn/datasets/data/digits.csv.gz"
# SHA-256 of the decompressed table, so that a changed source is noticed.
TABLE_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
COUNT = 1797
SIDE = 8


def table_from_wheel(wheel):
    """Returns the decompressed CSV table inside the wheel, as bytes."""
    with zipfile.ZipFile(wheel) as archive:
        return gzip.decompress(archive.read(MEMBER))


def parse(table):
    """Splits the table into (pixels, labels), both bytes: COUNT * 64 values in 0..16, COUNT values in 0..9."""
    pixels, labels = bytearray(), bytearray()
    for number, line in enumerate(table.decode("ascii").split(), 1):
        row = [int(float(field)) for field in line.split(",")]
        if len(row) != SIDE * SIDE + 1 or not all(0 <= p <= 16 for p in row[:-1]) or not 0 <= row[-1] <= 9:
            raise ValueError(f"row {number} is not 64 pixels in 0..16 and a class in 0..9")
        pixels += bytes(row[:-1])
        labels.append(row[-1])
    if len(labels) != COUNT:
        raise ValueError(f"expected {COUNT} rows, found {len(labels)}")
    return bytes(pixels), bytes(labels)


def idx(data, dims):
    """Wraps bytes as an idx file: magic 00 00 08 (uint8) rank, then big-endian dimensions."""
    return struct.pack(">BBBB", 0, 0, 8, len(dims)) + struct.pack(f">{len(dims)}I", *dims) + data


def compress(data):
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(data)
    return buffer.getvalue()


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=root / "src" / "data" / "digits")
    parser.add_argument("--wheel", type=pathlib.Path, help="a scikit-learn wheel that is already here")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        wheel = args.wheel
        if wheel is None:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                 "--dest", scratch, f"scikit-learn=={SKLEARN_VERSION}"],
                check=True)
            wheel = next(pathlib.Path(scratch).glob("scikit_learn-*.whl"))
        table = table_from_wheel(wheel)

    digest = hashlib.sha256(table).hexdigest()
    if digest != TABLE_SHA256:
        sys.exit(f"make_digits: {MEMBER} has SHA-256 {digest}, expected {TABLE_SHA256}")
    pixels, labels = parse(table)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, data, dims in (
        ("digits-images-idx3-ubyte.gz", pixels, (COUNT, SIDE, SIDE)),
        ("digits-labels-idx1-ubyte.gz", labels, (COUNT,)),
    ):
        packed = compress(idx(data, dims))
        (args.out / name).write_bytes(packed)
        print(f"{args.out / name}: {len(packed)} bytes")


if __name__ == "__main__":
    main()
