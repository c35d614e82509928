"""The HDF5 reader against h5py: every object, link, attribute and element of files that h5py writes."""
from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess

import h5py
import hdf5_files
import numpy as np
import pytest
from h5py import h5a, h5g, h5o, h5s, h5t

ROOT = pathlib.Path(os.environ.get("EDGEML_REPOSITORY") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("EDGEML_BIN") or ROOT / "build" / "release" / "bin" / "edgeml").parent
DATA = pathlib.Path(os.environ.get("EDGEML_TEST_DATA") or ROOT.parent / "shared" / "data")
RANDOM_FILES = 200 if os.environ.get("EDGEML_ALL") == "1" else 40


def dump(path, *paths):
    done = subprocess.run([BIN / "hdf5_dump", path, *paths], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def is_bool(kind):
    return (kind.get_class() == h5t.ENUM and kind.get_size() == 1 and kind.get_nmembers() == 2
            and {kind.get_member_name(i): kind.get_member_value(i) for i in range(2)} == {b"FALSE": 0, b"TRUE": 1})


def number_type(kind):
    """Name of our type and NumPy's to read with; None for what is not read."""
    cls = kind.get_class()
    if is_bool(kind):
        return "bool", "i1"
    base = kind.get_super() if cls == h5t.ENUM else kind
    if cls in (h5t.INTEGER, h5t.BITFIELD, h5t.ENUM):
        signed = cls != h5t.BITFIELD and base.get_sign() == h5t.SGN_2
        bits = 8 * max(n for n in (1, 2, 4, 8) if n < 2 * base.get_size())
        return ("int" if signed else "uint") + str(bits), ("i" if signed else "u") + str(bits // 8)
    if cls == h5t.FLOAT:
        if kind.get_size() == 2 and kind.get_fields()[2] == 8:
            return "bfloat16", None
        return "float" + str(8 * kind.get_size()), f"f{kind.get_size()}"
    return None


def strip(raw, padding):
    if padding == h5t.STR_NULLTERM:
        return raw.split(b"\0")[0]
    return raw.rstrip(b"\0" if padding == h5t.STR_NULLPAD else b" ")


def elements(stored, shape):
    """What an attribute or dataset holds, as hdf5_dump prints it."""
    kind, space = stored.get_type(), stored.get_space()
    null = space.get_simple_extent_type() == h5s.NULL
    out = {"null": null, "shape": [] if null else list(shape)}

    def read(dtype, memory):
        array = np.zeros(0 if null else out["shape"], dtype)
        if array.size:
            if isinstance(stored, h5a.AttrID):
                stored.read(array, memory)
            else:
                stored.read(h5s.ALL, h5s.ALL, array, memory)
        return array

    if kind.get_class() == h5t.STRING:
        out["type"] = "string"
        if null:
            strings = []
        elif kind.is_variable_str():
            # h5py gives text or bytes, as the type says.
            strings = [s.encode("utf-8", "surrogateescape") if isinstance(s, str) else s or b""
                       for s in read(stored.dtype, None).ravel().tolist()]
        else:
            size = kind.get_size()
            raw = read(f"S{size}", kind).tobytes()
            strings = [strip(raw[i:i + size], kind.get_strpad()) for i in range(0, len(raw), size)]
        out["strings"] = [(s or b"").hex() for s in strings]
        return out
    out["type"], numpy_type = number_type(kind)
    if out["type"] == "bfloat16":
        data = (read("f4", h5t.NATIVE_FLOAT).view("u4") >> 16).astype("u2")
    elif kind.get_class() == h5t.BITFIELD:
        memory = {1: h5t.NATIVE_B8, 2: h5t.NATIVE_B16, 4: h5t.NATIVE_B32, 8: h5t.NATIVE_B64}[kind.get_size()]
        data = read(numpy_type, memory)
    elif kind.get_class() == h5t.ENUM:
        data = read(numpy_type, kind)
        data = data.byteswap() if kind.get_super().get_order() == h5t.ORDER_BE else data
    elif kind.get_class() == h5t.INTEGER:
        # Through 64 bits: HDF5 does not extend the sign of 12 bits into 16 in the other byte order.
        wide = np.dtype(numpy_type[0] + "8")
        data = read(wide, h5t.py_create(wide)).astype(numpy_type)
    else:
        data = read(numpy_type, h5t.py_create(np.dtype(numpy_type)))
    out["data"] = data.tobytes().hex()
    return out


def expected(path):
    """The whole file as hdf5_dump would print it, without what it cannot know."""
    objects, seen = [], set()

    def visit(obj, name):
        info = h5o.get_info(obj)
        if info.addr in seen:
            return
        seen.add(info.addr)
        node = {"path": name.hex(), "attributes": {}}
        for i in range(h5a.get_num_attrs(obj)):
            attribute = h5a.open(obj, index=i)
            node["attributes"][attribute.name.hex()] = elements(attribute, attribute.shape)
        objects.append(node)
        if info.type == h5o.TYPE_DATASET:
            node["kind"] = "dataset"
            marked = obj.get_type().get_class() == h5t.OPAQUE and h5py.Dataset(obj).attrs.get("dtype") == "bfloat16"
            if marked:
                raw = np.zeros(obj.shape, "V2")
                obj.read(h5s.ALL, h5s.ALL, raw)
                node["dataset"] = {"type": "bfloat16", "null": False, "shape": list(obj.shape), "data": raw.tobytes().hex()}
            else:
                node["dataset"] = elements(obj, obj.shape)
            return
        if info.type == h5o.TYPE_NAMED_DATATYPE:
            node["kind"] = "datatype"
            return
        node["kind"] = "group"
        kinds = {h5py.h5l.TYPE_HARD: "hard", h5py.h5l.TYPE_SOFT: "soft", h5py.h5l.TYPE_EXTERNAL: "external"}
        links = []
        for member in sorted(obj):
            kind = kinds[obj.links.get_info(member).type]
            target = b""
            if kind == "soft":
                target = obj.links.get_val(member)
            elif kind == "external":
                target = b":".join(obj.links.get_val(member))
            links.append([member.hex(), kind, target.hex()])
        node["links"] = links
        order = obj.get_create_plist().get_link_creation_order()
        if order & h5py.h5p.CRT_ORDER_TRACKED:
            names = []
            obj.links.iterate(names.append, idx_type=h5py.h5.INDEX_CRT_ORDER)
            node["order"] = [n.hex() for n in names]
        for member, kind, _ in links:
            if kind == "hard":
                raw = bytes.fromhex(member)
                visit(h5o.open(obj, raw), (b"" if name == b"/" else name) + b"/" + raw)

    with h5py.File(path, "r") as f:
        visit(h5g.open(f.id, b"/"), b"/")
    return objects


def compare(path):
    """Asserts that the reader sees what h5py sees; returns how many values were compared."""
    got, want = dump(path), expected(path)
    assert "error" not in got, got["error"]
    assert [o["path"] for o in got["objects"]] == [o["path"] for o in want]
    count = 0
    for have, wish in zip(got["objects"], want):
        name = bytes.fromhex(wish["path"])
        assert have["kind"] == wish["kind"], name
        names = [a for a, _ in have["attributes"]]
        assert len(names) == len(set(names)), name
        assert dict(have["attributes"]) == wish["attributes"], name
        count += len(names)
        if "dataset" in wish:
            have["dataset"].pop("in_file", None)
            assert have["dataset"] == wish["dataset"], name
            count += 1
        if "links" in wish:
            assert have["links"] == wish["links"], name
            order = wish.get("order") or [link[0] for link in wish["links"]]
            assert [link[0] for link in have["by_creation"]] == order, name
    return count


COMPARED = [(name, libver) for name in hdf5_files.CASES if name not in ("not_read", "virtual")
            for libver in hdf5_files.ONLY.get(name, hdf5_files.LIBVERS)]


@pytest.mark.parametrize(("name", "libver"), COMPARED)
def test_case(name, libver, tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, name, libver)
    assert compare(path) > 0 or name in ("groups", "many_links", "most_links")


@pytest.mark.parametrize("user_block", (512, 1024, 65536))
@pytest.mark.parametrize("libver", ("earliest", "latest"))
def test_user_block(libver, user_block, tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, "keras_like", libver, user_block=user_block)
    with path.open("r+b") as f:
        f.write(b"a user's own bytes")
    assert compare(path) > 10


# Two bytes do for 64 KB only. With lengths of four, HDF5 2.0 does not know its own unlimited dimensions again.
SIZED = [(name, sizes, libver) for name in ("keras_like", "groups", "chunks", "many_attributes")
         for sizes in ((4, 4), (8, 4), (4, 8), (2, 2)) for libver in ("earliest", "latest")
         if (sizes != (2, 2) or name == "keras_like") and not (name == "chunks" and libver == "latest" and sizes[1] == 4)]


@pytest.mark.parametrize(("name", "sizes", "libver"), SIZED)
def test_sizes(name, sizes, libver, tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, name, libver, sizes=sizes)
    compare(path)


@pytest.mark.parametrize("seed", range(RANDOM_FILES))
def test_random(seed, tmp_path):
    path = tmp_path / "random.h5"
    print("seed", seed)
    hdf5_files.random_file(path, seed)
    compare(path)


def test_edges_without_filter(tmp_path):
    """A flag that h5py cannot set: chunks at the edge are stored as they are."""
    path = tmp_path / "edges.h5"
    data = np.arange(35, dtype="<i4").reshape(5, 7)
    with hdf5_files.open_file(path, "v110") as f:
        made = f.create_dataset("x", shape=(5, 7), dtype="<i4", chunks=(2, 3), compression="gzip", fletcher32=True)
        for row in range(0, 5, 2):
            for column in range(0, 7, 3):
                chunk = np.zeros((2, 3), "<i4")
                part = data[row:row + 2, column:column + 3]
                chunk[:part.shape[0], :part.shape[1]] = part
                # All filters left out of some chunks, told by their masks.
                if (row + column) % 2:
                    made.id.write_direct_chunk((row, column), chunk.tobytes(), 3)
                else:
                    made[row:row + 2, column:column + 3] = part
    assert compare(path) == 1


def test_in_file(tmp_path):
    """Plain data are not copied; what must be decoded is."""
    path = tmp_path / "case.h5"
    hdf5_files.make(path, "layouts")
    datasets = {bytes.fromhex(o["path"]): o["dataset"]["in_file"] for o in dump(path)["objects"] if "dataset" in o}
    assert datasets[b"/contiguous"] is True
    for name in (b"/contiguous_big", b"/chunked", b"/big_int"):
        assert datasets[name] is False


@pytest.mark.parametrize("libver", ("earliest", "v108", "latest"))
def test_not_read(libver, tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, "not_read", libver)
    got = dump(path, "/external", "/external/further", "/dangling", "/compound", "/nowhere")
    nodes = {bytes.fromhex(o["path"]).decode(): o for o in got["objects"]}
    words = {"/compound": "compound", "/opaque": "7 bytes", "/unmarked": "opaque", "/vlen": "variable length", "/lzf": "lzf",
             "/scaled": "scaleoffset", "/deep": "9 dimensions", "/outside": "other files", "/array": "array",
             "/long_double": "floating point"}
    for name, word in words.items():
        if name in nodes:
            error = nodes[name]["dataset"]
            assert error["code"] == "unsupported", (name, error)
            assert word in error["error"] and error["error"].startswith(f"'{name}': "), error
    for attribute, error in nodes["/"]["attributes"]:
        assert error["code"] == "unsupported" and bytes.fromhex(attribute).decode() in error["error"], error
    external, further, dangling, found, absent = got["found"]
    assert external["code"] == further["code"] == "unsupported" and "/etc/passwd" in external["error"]
    assert dangling["code"] == absent["code"] == "not found"
    assert bytes.fromhex(found["path"]) == b"/compound"
    links = {bytes.fromhex(n): (k, bytes.fromhex(t)) for n, k, t in nodes["/"]["links"]}
    assert links[b"external"] == ("external", b"/etc/passwd:/secret")


def test_virtual(tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, "virtual", "v110")
    node = next(o for o in dump(path)["objects"] if o["kind"] == "dataset")
    assert node["dataset"]["code"] == "unsupported" and "virtual" in node["dataset"]["error"]


@pytest.mark.parametrize("libver", hdf5_files.LIBVERS)
def test_paths(libver, tmp_path):
    path = tmp_path / "case.h5"
    hdf5_files.make(path, "groups", libver)
    asked = {"/": "/", "": "/", "a/b/c/d": "/a/b/c/d", "//a//b/./c/": "/a/b/c", "/soft": "/a/b/c", "/soft/d": "/a/b/c/d",
             "/a/relative/d": "/a/b/c/d", "/soft_to_soft": "/a/b/c/d", "/hard/c": "/hard/c", "/a/self/self/b": "/a/self/self/b",
             "/round1": None, "/a/b/loop/b/loop/b/c": "/a/b/loop/b/loop/b/c", "/missing": None, "/ünï/x": None,
             "/" + "a/self/self/" * 200: None}
    found = dump(path, *asked)["found"]
    for (question, answer), have in zip(asked.items(), found):
        if answer is None:
            assert have["code"] in ("invalid model", "not found"), (question, have)
        else:
            assert bytes.fromhex(have["path"]).decode() == answer, question


def test_damage_is_found(tmp_path):
    """In files of the newest kind all metadata has checksums; with fletcher32 the data too. No change goes unnoticed."""
    path = tmp_path / "case.h5"
    with hdf5_files.open_file(path, "latest") as f:
        f.create_dataset("x", data=np.arange(300, dtype="<i2"), chunks=(200,), fletcher32=True, maxshape=(None,))
        f.attrs["a"] = np.arange(5)
    content, whole = path.read_bytes(), dump(path)
    errors = 0
    for position in random.Random(5).sample(range(len(content)), 200):
        changed = bytearray(content)
        changed[position] ^= 0x41
        path.write_bytes(changed)
        got = dump(path)
        found = "error" in json.dumps(got)
        errors += found
        assert found or got == whole, position  # what nothing refers to may change
    assert errors > 60


def test_truncated(tmp_path):
    path = tmp_path / "case.h5"
    for libver in ("earliest", "latest"):
        hdf5_files.make(path, "keras_like", libver)
        content = path.read_bytes()
        for size in random.Random(3).sample(range(1, len(content)), 60):
            path.write_bytes(content[:size])
            got = dump(path)
            assert got["code"] == "invalid model" and got["error"], (libver, size)


def test_not_hdf5(tmp_path):
    path = tmp_path / "text.h5"
    path.write_bytes(b"no such thing" * 1000)
    assert "no HDF5 file" in dump(path)["error"]


REAL = sorted(DATA.rglob("*.h5")) if DATA.is_dir() else []


@pytest.mark.parametrize("path", REAL or [None], ids=lambda p: p.name if p else "none")
def test_real_file(path):
    if path is None:
        pytest.skip(f"no real models at {DATA}")
    assert compare(path) > 5
