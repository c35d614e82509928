"""Writes what the fuzz targets start from: `python make_seeds.py FOLDER`.

    FOLDER/models       a small model of each operator and variant: the first case of each row of the conformance
                        tables, and of the audio front-end's. Small files reach more of the reader
                        and the kernels in a given time than whole networks.
    FOLDER/run_values   inputs of these models, as run_values_fuzz.cc reads them
    FOLDER/run_op       some bytes for each operator, as generate.cc reads them; for infer_shapes too
    FOLDER/read_data    a small file of each kind, as read_data_fuzz.cc reads them
    FOLDER/read_hdf5    small HDF5 files of each generation of the format
    FOLDER/read_ranges  files of calibrated ranges by each method
    FOLDER/read_keras   descriptions of small Keras models with their weights, see keras_seeds.py
    FOLDER/read_savedmodel  small TensorFlow graphs, see savedmodel_seeds.py
"""

import io
import json
import pathlib
import random
import struct
import sys
import wave
import zipfile
import zlib

import numpy as np

for folder in ("conformance", "formats"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / folder))
import audio_cases  # noqa: E402
import hdf5_files  # noqa: E402
import keras_seeds  # noqa: E402
import savedmodel_seeds  # noqa: E402
import tables  # noqa: E402
from runner import build_case  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def name_hash(name):
    """FNV-1a, as in run_values_fuzz.cc."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def models_and_values(models, values):
    for name, row, variant, seed in tables.all_cases():
        if not name.endswith("-0"):
            continue
        case = tables.make(row, variant, seed)
        (models / f"{name}.tflite").write_bytes(build_case(case))
        inputs = [np.asarray(t.data) for t in case.graphs[0].inputs]
        if any(x.dtype.kind in "OSU" for x in inputs):
            fed = bytes(range(64))
        else:
            fed = b"".join(x.tobytes() for x in inputs)
        for exact in (0, 1):
            (values / f"{name}-{exact}").write_bytes(struct.pack("<IB", name_hash(name), exact) + fed[:4096])
    for name, make in audio_cases.ROWS.items():
        (models / f"audio-{name}.tflite").write_bytes(make(np.random.default_rng(0)).model)


def operators(folder):
    dice = random.Random(1)
    for op in range(256):
        for number in range(3):
            # One graph, one node of that operator, small numbers.
            body = bytes(dice.choice((dice.randrange(8), dice.randrange(256))) for _ in range(120))
            (folder / f"{op}-{number}").write_bytes(bytes((0, 0, op)) + body)


def data_files(folder):
    files = {}

    def add(kind, name, content):
        files[f"{kind}-{name}"] = bytes((kind,)) + content

    def npy(array):
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    for dtype in ("f4", "f2", "i1", "u1", "i8", "?", ">i4", "c8"):
        add(0, dtype.strip("><?"), npy(np.arange(6).reshape(2, 3).astype(dtype)))
    add(0, "fortran", npy(np.asfortranarray(np.ones((2, 3), "f8"))))
    for name, save in (("plain", np.savez), ("packed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, x=np.ones((4, 3, 3), "f4"), y=np.arange(4))
        for kind in (1, 9, 10, 11):
            add(kind, name, out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    add(11, "labels", out.getvalue())
    add(13, "labels", b"cat\r\ndog\n\nmouse")

    pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), "u1")
    for bits in (1, 4, 8, 16, 24, 32):
        row = (5 * bits + 31) // 32 * 4
        table = bytes(range(256)) * 4 if bits <= 8 else b""
        table = table[: 4 << bits] if bits <= 8 else table
        start = 54 + len(table)
        header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", start + row * 6, 0, 0, start, 40, 5, 6, 1, bits, 0, row * 6, 0,
                             0, 0, 0)
        add(2, bits, header + table + bytes(dice & 255 for dice in range(row * 6)))

    def png(color, depth, channels, interlace=0):
        def chunk(kind, content):
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        row = b"\0" + bytes(-(-5 * depth * channels // 8))
        palette = chunk(b"PLTE", bytes(range(48))) if color == 3 else b""
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 6, depth, color, 0, 0, interlace))
                + palette + chunk(b"IDAT", zlib.compress(row * 6)) + chunk(b"IEND", b""))

    for color, depth, channels in ((0, 1, 1), (0, 8, 1), (0, 16, 1), (2, 8, 3), (2, 16, 3), (3, 4, 1), (4, 8, 2), (6, 8, 4)):
        add(3, f"{color}-{depth}", png(color, depth, channels))
    add(13, "png", png(2, 8, 3))
    try:
        from PIL import Image
    except ImportError:
        print("no Pillow: no JPEG seeds")
    else:
        for name, image, options in (("rgb", Image.fromarray(pixels), {}),
                                     ("gray", Image.fromarray(pixels[:, :, 0]), {}),
                                     ("progressive", Image.fromarray(pixels), {"progressive": True}),
                                     ("cmyk", Image.fromarray(pixels).convert("CMYK"), {})):
            out = io.BytesIO()
            image.save(out, "JPEG", **options)
            add(4, name, out.getvalue())
    for width, channels in ((1, 1), (2, 1), (2, 2), (3, 1), (4, 2)):
        out = io.BytesIO()
        with wave.open(out, "wb") as sound:
            sound.setparams((channels, width, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(range(width * channels * 8)))
        add(5, f"{width}-{channels}", out.getvalue())
    for code, width in ((8, 1), (9, 1), (0xB, 2), (0xC, 4), (0xD, 4), (0xE, 8)):
        idx = struct.pack(">BBBBII", 0, 0, code, 2, 2, 3) + bytes(6 * width)
        add(6, code, idx)
        if code == 8:
            gz = zlib.compressobj(wbits=31)
            add(6, "gz", gz.compress(idx) + gz.flush())
    add(7, "cifar", bytes(range(8)) + bytes(3073 * 2 - 8))
    add(8, "numbers", b"a,b,label\n1,2.5,0\n-3,4e2,1\n")
    add(8, "words", b'"a","b",label\r\n1,"2",cat\r\n3,4,"d""og"\r\n')
    for path in sorted((ROOT / "models").glob("*.tflite")):
        content = path.read_bytes()
        at = content.find(b"M001")
        if at >= 4:
            add(12, path.stem, content[at - 4: at + 4096])
    for name, content in files.items():
        (folder / name).write_bytes(content)


def hdf5(folder):
    """Files that fit into an input, which tools/fuzz cuts at 16 KB; addresses of 4 bytes make smaller ones."""
    for name in hdf5_files.SMALL:
        for libver in hdf5_files.LIBVERS:
            for sizes in ((8, 8), (4, 8)):
                hdf5_files.make(folder / f"{name}-{libver}-{sizes[0]}", name, libver, sizes=sizes)
    for seed in range(60):
        hdf5_files.random_file(folder / f"random-{seed}", seed, small=True)
    for path in folder.iterdir():
        if path.stat().st_size > 16384:
            path.unlink()


def ranges(folder):
    for number, method in enumerate(("min-max", "moving-average", "percentile", "mse", "entropy")):
        tensors = []
        for tensor in range(3):
            item = {"graph": tensor // 2, "tensor": tensor, "name": f"t{tensor}", "values": 64, "infinite": 0,
                    "min": -1.5 * (tensor != 1), "max": 3.25, "average": [-1.25 * (tensor != 1), 3]}
            if number > 1:
                counts = " ".join(["1"] * 40 + ["0", "24"])
                item["histogram"] = {"exponent": 2, "zeros": min(tensor, 1), "first": 984 + 20 * tensor, "counts": counts}
            if tensor == 2:
                item["channels"] = {"min": "-1.5 0", "max": "3.25 3", "sum": "12.5 7"}
            tensors.append(item)
        content = {"format": "edgeml-ranges", "version": 1, "model": "0123456789abcdef", "method": method,
                   "percentile": 99.99, "samples": 200, "tensors": tensors}
        (folder / method).write_text(json.dumps(content))


def main():
    root = pathlib.Path(sys.argv[1])
    names = ("models", "run_values", "run_op", "read_data", "read_hdf5", "read_keras", "read_ranges",
             "read_savedmodel")
    folders = {name: root / name for name in names}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    models_and_values(folders["models"], folders["run_values"])
    operators(folders["run_op"])
    data_files(folders["read_data"])
    hdf5(folders["read_hdf5"])
    keras_seeds.write(folders["read_keras"])
    ranges(folders["read_ranges"])
    savedmodel_seeds.write(folders["read_savedmodel"])
    print(", ".join(f"{len(list(folder.iterdir()))} in {name}" for name, folder in folders.items()))


if __name__ == "__main__":
    main()
