"""Writes a small model of each operator and variant into a folder: `python make_seeds.py FOLDER`.

They are the first case of each row of the conformance tables and of the audio front-end's: small files reach more of the reader and the kernels in
a given time than whole networks do.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import audio_cases  # noqa: E402
import numpy as np  # noqa: E402
import tables  # noqa: E402
from runner import build_case  # noqa: E402


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, row, variant, seed in tables.all_cases():
        if name.endswith("-0"):
            (folder / f"{name}.tflite").write_bytes(build_case(tables.make(row, variant, seed)))
            count += 1
    for name, make in audio_cases.ROWS.items():
        (folder / f"audio-{name}.tflite").write_bytes(make(np.random.default_rng(0)).model)
        count += 1
    print(f"{count} seeds in {folder}")


if __name__ == "__main__":
    main()
