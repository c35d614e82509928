import gzip

import make_digits
import pytest
from conftest import ROOT


def test_bundled_files_are_idx_files_of_the_right_size():
    folder = ROOT / "src" / "data" / "digits"
    images = gzip.decompress((folder / "digits-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "digits-labels-idx1-ubyte.gz").read_bytes())
    assert images[:16] == make_digits.idx(b"", (1797, 8, 8)) and len(images) == 16 + 1797 * 64
    assert labels[:8] == make_digits.idx(b"", (1797,)) and len(labels) == 8 + 1797
    assert max(images[16:]) == 16 and set(labels[8:]) == set(range(10))


def test_odd_table_is_refused():
    with pytest.raises(ValueError, match="row 1"):
        make_digits.parse(b"1,2,3\n")
    with pytest.raises(ValueError, match="expected 1797 rows"):
        make_digits.parse((",".join(["0"] * 65) + "\n").encode())
