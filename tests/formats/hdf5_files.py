"""HDF5 files of every kind that the reader takes, made with h5py: `CASES` by name, and random ones.

Each case is a function that fills an open file. `make(path, name, libver)` writes one; the fuzz targets start from these
files too.
"""
import random

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5p, h5s, h5t

# Generations of the format that h5py 3.16 can be told to write.
LIBVERS = ("earliest", "v108", "v110", "v114", "latest")
KINDS = ("i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8", "<f2", ">f2",
         "<f4", ">f4", "<f8", ">f8", "?")


def values(rng, shape, kind):
    dtype = np.dtype(kind)
    count = int(np.prod(shape, dtype=np.int64))
    if dtype.kind == "b":
        return rng.integers(0, 2, count).astype("?").reshape(shape)
    if dtype.kind == "f":
        return rng.standard_normal(count).astype(dtype).reshape(shape)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return rng.integers(low, high, count, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype).reshape(shape)


def fixed_type(size, padding, utf8=False):
    kind = h5t.C_S1.copy()
    kind.set_size(size)
    kind.set_strpad(padding)
    kind.set_cset(h5t.CSET_UTF8 if utf8 else h5t.CSET_ASCII)
    return kind


def raw_dataset(parent, name, kind, space, plist=None, data=None, memory=None):
    made = h5d.create(parent.id, name.encode(), kind, space, plist)
    if data is not None:
        made.write(h5s.ALL, h5s.ALL, data, memory)
    return made


def raw_attribute(parent, name, kind, data, memory=None):
    space = h5s.create(h5s.SCALAR) if data.ndim == 0 else h5s.create_simple(data.shape)
    h5a.create(parent.id, name.encode(), kind, space).write(data, memory)


def numbers(f, rng):
    for kind in KINDS:
        name = np.dtype(kind).str.strip("<>|")+("_big" if kind[0] == ">" else "")
        for shape in ((), (3,), (2, 5), (2, 1, 4, 3)):
            f.create_dataset(f"{name}/{len(shape)}", data=values(rng, shape, kind))
            f[name].attrs[f"a{len(shape)}"] = values(rng, shape, kind)
    f.create_dataset("empty", shape=(0, 3), dtype="f4")
    f.create_dataset("null", dtype="f4", data=h5py.Empty("f4"))
    f.attrs["null"] = h5py.Empty("i2")
    f.attrs["none"] = []
    f.create_dataset("never_written", shape=(4, 2), dtype="f4", fillvalue=2.5)
    f.create_dataset("never_written_big", shape=(4,), dtype=">i2", fillvalue=-3)


def strings(f, rng):
    f.attrs["text"] = "grüße"
    f.attrs["bytes"] = b"ascii"
    f.attrs["blank"] = ""
    f.attrs["list"] = ["a", "", "ccc", "日本"]
    f.attrs["fixed"] = np.array([b"kernel:0", b"bias:0", b""])
    f.attrs["grid"] = np.array([[b"ab", b"c"], [b"d", b"efg"]])
    f.attrs["spaces_kept"] = np.array([b"a ", b" b"])
    f.attrs["model_config"] = '{"class_name": "Sequential"}' * 4000  # 112 KB, in the global heap
    f.attrs["empty_strings"] = np.array([], dtype="S4")
    f.create_dataset("variable", data=["x" * n for n in range(40)], dtype=h5py.string_dtype())
    f.create_dataset("fixed", data=np.array([[b"one", b"two"], [b"three", b""]]))
    f.create_dataset("scalar", data="just one")
    f.create_dataset("chunked", data=["y" * n for n in range(9)], dtype=h5py.string_dtype(), chunks=(2,), compression="gzip")
    f.create_dataset("unset", shape=(3,), dtype=h5py.string_dtype())
    raw = np.array([b"abc\0\0", b"a\0c\0\0", b"ab   ", b"     ", b"abcde"], dtype="V5")
    for padding, name in ((h5t.STR_NULLTERM, "terminated"), (h5t.STR_NULLPAD, "nulls"), (h5t.STR_SPACEPAD, "spaces")):
        for utf8 in (False, True):
            kind = fixed_type(5, padding, utf8)
            raw_attribute(f, f"{name}_{utf8}", kind, raw.view("S5"), kind)


def odd_types(f, rng):
    """Types that h5py does not make by itself."""
    space = h5s.create_simple((6,))
    for size, precision, offset in ((3, 24, 0), (2, 12, 0), (4, 20, 5), (8, 33, 7), (5, 40, 0), (1, 5, 2)):
        for order in (h5t.ORDER_LE, h5t.ORDER_BE):
            for sign in (h5t.SGN_NONE, h5t.SGN_2):
                kind = h5t.STD_I64LE.copy()
                kind.set_order(order)
                kind.set_sign(sign)
                kind.set_precision(precision)
                kind.set_offset(0)
                kind.set_size(size)
                kind.set_offset(offset)
                low = -(1 << precision - 1) if sign == h5t.SGN_2 else 0
                high = (1 << precision - 1) - 1
                data = rng.integers(low, high, 6, endpoint=True)
                data[:2] = low, high
                name = f"i{size}_{precision}_{offset}_{order}_{sign}"
                raw_dataset(f, name, kind, space, data=data, memory=h5t.NATIVE_INT64)
    for kind, name in ((h5t.STD_B8LE, "b8"), (h5t.STD_B16BE, "b16"), (h5t.STD_B32LE, "b32"), (h5t.STD_B64BE, "b64")):
        memory = getattr(h5t, f"NATIVE_B{8 * kind.get_size()}")
        raw_dataset(f, f"bits_{name}", kind, space, data=np.arange(6, dtype=f"u{kind.get_size()}"), memory=memory)
    colour = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, basetype=">i2")
    f.create_dataset("enum", data=np.array([0, 42, 1]), dtype=colour)
    f.create_dataset("almost_bool", data=np.array([0, 2]), dtype=h5py.enum_dtype({"FALSE": 0, "TRUE": 2}, basetype="i1"))
    # As Keras 3 writes bfloat16: two opaque bytes and a mark.
    f.create_dataset("marked", data=np.arange(5, dtype="u2").view("V2")).attrs["dtype"] = "bfloat16"
    bfloat = h5t.IEEE_F32LE.copy()
    bfloat.set_fields(15, 7, 8, 0, 7)
    bfloat.set_precision(16)
    bfloat.set_size(2)
    bfloat.set_ebias(127)
    raw_dataset(f, "bfloat16", bfloat, space, data=np.array([1, -2, 0.5, 0, 3e38, 1e-30], "f4"), memory=h5t.NATIVE_FLOAT)
    named = h5t.IEEE_F32BE.copy()
    named.commit(f.id, b"named")
    raw_dataset(f, "of_named", named, space, data=np.arange(6, dtype="f4"), memory=h5t.NATIVE_FLOAT)
    raw_attribute(f, "of_named", named, np.arange(3, dtype="f4"), h5t.NATIVE_FLOAT)
    f.attrs["enum"] = np.int8(1)


def not_read(f, rng):
    """Valid files with things that are errors when they are asked for, and only then."""
    f["compound"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])
    f["opaque"] = np.zeros(2, dtype="V7")
    f["unmarked"] = np.zeros(2, dtype="V2")
    f.attrs["reference"] = f["compound"].ref
    f.attrs["array"] = np.zeros(2, dtype=[("a", "i4", (2,))])
    f.create_dataset("vlen", shape=(2,), dtype=h5py.vlen_dtype("i4"))
    f.create_dataset("lzf", data=np.arange(100), compression="lzf")
    f.create_dataset("scaled", data=np.arange(100), scaleoffset=True)
    f.create_dataset("deep", shape=(1,) * 9, dtype="f4")
    f.create_dataset("array", shape=(2,), dtype="(3,)f4")
    if h5t.__dict__.get("IEEE_F128LE") is not None:
        raw_dataset(f, "long_double", h5t.IEEE_F128LE, h5s.create_simple((2,)))
    f["external"] = h5py.ExternalLink("/etc/passwd", "/secret")
    f["dangling"] = h5py.SoftLink("/nowhere")
    f.create_dataset("outside", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def virtual(f, rng):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
    f.create_virtual_dataset("virtual", layout)


def groups(f, rng):
    f.create_group("empty")
    a = f.create_group("a")
    a.create_group("b/c/d").attrs["deep"] = 1
    f["hard"] = a["b"]
    a["b/loop"] = f["a"]  # a circle
    a["self"] = a
    f["soft"] = h5py.SoftLink("/a/b/c")
    a["relative"] = h5py.SoftLink("b/c")
    f["soft_to_soft"] = h5py.SoftLink("soft/d")
    f["round1"] = h5py.SoftLink("round2")
    f["round2"] = h5py.SoftLink("/round1")
    f["ünï"] = np.arange(2)
    ordered = f.create_group("ordered", track_order=True)
    for name in ("z", "m", "a", "10", "9"):
        ordered[name] = np.array([len(ordered)])
        ordered.attrs[name] = len(ordered)
    many = f.create_group("ordered_many", track_order=True)
    for i in range(50):
        many.create_group(f"g{i * 37 % 50}")


def many_links(f, rng, count=3000):
    for i in range(count):
        f.create_group(f"layer_{i}" + "x" * (i % 40))


def most_links(f, rng):
    many_links(f, rng, 25000)


def many_attributes(f, rng):
    for i in range(300):
        f.attrs[f"attribute {i}"] = np.arange(i % 7, dtype="f4")
    g = f.create_group("ordered", track_order=True)
    for i in range(30):
        g.attrs[f"{i * 7 % 30}"] = i


def large_attributes(f, rng):
    """Of more than 64 KB, which old files cannot have, and between: huge objects of a heap."""
    for i in range(12):
        f.attrs[f"a{i}"] = rng.integers(0, 255, 1000 * i, dtype="u1")
    f.attrs["large"] = rng.standard_normal(20000)
    f.attrs["names"] = np.array([b"layer_%d" % i for i in range(9000)])


def layouts(f, rng):
    data = values(rng, (7, 5), "<f4")
    for name, layout in (("compact", h5d.COMPACT), ("contiguous", h5d.CONTIGUOUS), ("chunked", h5d.CHUNKED)):
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_layout(layout)
        if layout == h5d.CHUNKED:
            plist.set_chunk((3, 2))
        raw_dataset(f, name, h5t.IEEE_F32LE, h5s.create_simple((7, 5)), plist, data)
        raw_dataset(f, name + "_big", h5t.IEEE_F64BE, h5s.create_simple((7, 5)), plist, data, h5t.NATIVE_FLOAT)
    raw_dataset(f, "big_int", h5t.STD_I16BE, h5s.create_simple((7, 5)), None, values(rng, (7, 5), "<i2"), h5t.NATIVE_INT16)


FILTERS = ({}, {"compression": "gzip"}, {"shuffle": True}, {"fletcher32": True}, {"compression": "gzip", "shuffle": True},
           {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True},
           {"shuffle": True, "fletcher32": True})


def chunks(f, rng):
    """Each kind of index, with and without filters; edges; chunks that were never written."""
    for number, filters in enumerate(FILTERS):
        g = f.create_group(f"filters{number}")
        common = dict(filters)
        g.create_dataset("single", data=values(rng, (6, 4), "<f4"), chunks=(6, 4), **common)
        g.create_dataset("fixed", data=values(rng, (7, 5, 3), "<i2"), chunks=(2, 3, 2), **common)
        g.create_dataset("limited", data=values(rng, (7, 5), ">f4"), chunks=(2, 3), maxshape=(11, 8), **common)
        g.create_dataset("first", data=values(rng, (9, 5), "<i4"), chunks=(2, 2), maxshape=(None, 8), **common)
        g.create_dataset("last", data=values(rng, (5, 9), "<i4"), chunks=(2, 2), maxshape=(7, None), **common)
        g.create_dataset("middle", data=values(rng, (3, 9, 4), "u1"), chunks=(2, 2, 3), maxshape=(5, None, 6), **common)
        g.create_dataset("both", data=values(rng, (9, 9), "<f8"), chunks=(2, 4), maxshape=(None, None), **common)
        g.create_dataset("large_chunk", data=values(rng, (3,), "<f4"), chunks=(100,), maxshape=(None,), **common)
        holes = g.create_dataset("holes", shape=(20, 20), dtype="<i2", chunks=(3, 3), fillvalue=-7, maxshape=(None, 20), **common)
        holes[4:9, 10:12] = 5
        holes = g.create_dataset("fixed_holes", shape=(20, 20), dtype=">f4", chunks=(3, 3), fillvalue=0.5, **common)
        holes[4:9, 10:12] = 5
        g.create_dataset("none_written", shape=(20,), dtype="<i2", chunks=(3,), fillvalue=9, **common)
        grown = g.create_dataset("resized", data=values(rng, (4, 4), "<f4"), chunks=(3, 3), maxshape=(None, None), **common)
        grown.resize((8, 3))
    early = h5p.create(h5p.DATASET_CREATE)
    early.set_chunk((2, 3))
    early.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    raw_dataset(f, "implicit", h5t.STD_I32LE, h5s.create_simple((5, 7)), early, values(rng, (5, 7), "<i4"))
    raw_dataset(f, "implicit_limited", h5t.STD_I32LE, h5s.create_simple((5, 7), (9, 8)), early, values(rng, (5, 7), "<i4"))


def many_chunks(f, rng):
    """Indexes of several levels and pages."""
    f.create_dataset("fixed", data=values(rng, (5000,), "<i2"), chunks=(1,))
    f.create_dataset("fixed_filtered", data=values(rng, (90, 50), "u1"), chunks=(1, 3), fletcher32=True)
    holes = f.create_dataset("fixed_holes", shape=(9000,), dtype="<i2", chunks=(1,), fillvalue=3)
    holes[5000:5003] = 1
    f.create_dataset("extensible", data=values(rng, (4000,), "<i2"), chunks=(1,), maxshape=(None,))
    f.create_dataset("extensible_second", data=values(rng, (3, 900), "<i2"), chunks=(1, 1), maxshape=(4, None), shuffle=True)
    holes = f.create_dataset("extensible_holes", shape=(200000,), dtype="<i2", chunks=(1,), maxshape=(None,), fillvalue=3)
    holes[130000:130005] = 1
    holes[199999] = 2
    f.create_dataset("tree", data=values(rng, (80, 80), "u1"), chunks=(1, 1), maxshape=(None, None))
    f.create_dataset("tree_filtered", data=values(rng, (20, 30), "<i2"), chunks=(1, 2), maxshape=(None, None), fletcher32=True)


def keras_like(f, rng):
    """As Keras lays out a model, small."""
    f.attrs["keras_version"] = "2.13.1"
    f.attrs["backend"] = "tensorflow"
    f.attrs["model_config"] = '{"class_name": "Sequential", "config": {"name": "sequential"}}'
    weights = f.create_group("model_weights")
    names = []
    for layer in range(3):
        g = weights.create_group(f"dense_{layer}")
        names.append(f"dense_{layer}".encode())
        g.attrs["weight_names"] = np.array([f"dense_{layer}/kernel:0".encode(), f"dense_{layer}/bias:0".encode()])
        g.create_dataset(f"dense_{layer}/kernel:0", data=values(rng, (4, 3), "<f4"))
        g.create_dataset(f"dense_{layer}/bias:0", data=values(rng, (3,), "<f4"))
    weights.attrs["layer_names"] = np.array(names)


# --- Small ones, to start fuzzing from.

def small_keras(f, rng):
    f.attrs["backend"] = "tensorflow"
    g = f.create_group("model_weights")
    g.attrs["layer_names"] = np.array([b"dense"])
    g["dense/kernel:0"] = values(rng, (3, 2), "<f4")
    g["dense"].attrs["weight_names"] = np.array([b"kernel:0"])
    f["soft"] = h5py.SoftLink("/model_weights/dense")


def small_types(f, rng):
    for kind in ("i1", ">i2", "<f2", ">f8", "?"):
        f.attrs[kind] = values(rng, (2,), kind)
    kind = h5t.STD_I32BE.copy()
    kind.set_precision(17)
    kind.set_offset(3)
    raw_dataset(f, "odd", kind, h5s.create_simple((4,)), data=np.arange(4), memory=h5t.NATIVE_INT64)
    f.create_dataset("marked", data=np.arange(2, dtype="u2").view("V2")).attrs["dtype"] = "bfloat16"
    f.create_dataset("text", data=["a", "bc", ""], dtype=h5py.string_dtype())
    raw_attribute(f, "padded", fixed_type(3, h5t.STR_SPACEPAD), np.array([b"a ", b"b"], "S3"), fixed_type(3, h5t.STR_SPACEPAD))
    h5t.IEEE_F32LE.copy().commit(f.id, b"named")
    f.attrs["null"] = h5py.Empty("f4")


def small_chunks(f, rng, **filters):
    f.create_dataset("single", data=values(rng, (4,), "<i2"), chunks=(4,), **filters)
    f.create_dataset("fixed", data=values(rng, (5, 3), "<i2"), chunks=(2, 2), **filters)
    f.create_dataset("extensible", data=values(rng, (40,), ">i2"), chunks=(2,), maxshape=(None,), **filters)
    f.create_dataset("tree", data=values(rng, (5, 3), "<i2"), chunks=(2, 2), maxshape=(None, None), fillvalue=3, **filters)


def small_filtered(f, rng):
    small_chunks(f, rng, compression="gzip", shuffle=True, fletcher32=True)


def small_fixed_pages(f, rng):
    f.create_dataset("fixed", shape=(1100,), dtype="i1", chunks=(1,))[1090:1093] = 1


def small_extensible_pages(f, rng):
    f.create_dataset("extensible", shape=(70000,), dtype="i1", chunks=(1,), maxshape=(None,))[69999:] = 1


def small_dense(f, rng):
    for i in range(9):
        f.attrs[f"attribute {i}"] = i
        f.create_group(f"group {i}")
    f["external"] = h5py.ExternalLink("file", "/path")


SMALL = ("small_keras", "small_types", "small_chunks", "small_filtered", "small_fixed_pages", "small_extensible_pages",
         "small_dense")
CASES = {case.__name__: case for case in (numbers, strings, odd_types, not_read, virtual, groups, many_links, most_links,
                                          many_attributes, large_attributes, layouts, chunks, many_chunks, keras_like,
                                          small_keras, small_types, small_chunks, small_filtered, small_fixed_pages,
                                          small_extensible_pages, small_dense)}
# What older generations of the format cannot hold, or would take long to write.
ONLY = {"large_attributes": ("v108", "v110", "v114", "latest"), "virtual": ("v110", "latest"),
        "most_links": ("earliest", "latest")}


def open_file(path, libver="earliest", user_block=0, sizes=None, ordered=False):
    """A new file; `sizes`: bytes of addresses and lengths."""
    create = h5p.create(h5p.FILE_CREATE)
    if user_block:
        create.set_userblock(user_block)
    if sizes:
        create.set_sizes(*sizes)
    if ordered:
        create.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    access = h5p.create(h5p.FILE_ACCESS)
    low = h5py._hl.files.libver_dict[libver]
    access.set_libver_bounds(low, h5f.LIBVER_LATEST)
    return h5py.File(h5f.create(str(path).encode(), h5f.ACC_TRUNC, create, access))


def make(path, name, libver="earliest", seed=0, **options):
    with open_file(path, libver, **options) as f:
        CASES[name](f, np.random.default_rng(seed))


def random_file(path, seed, small=False):
    """A tree of groups with random datasets and attributes; a small one often has less than 16 KB."""
    dice, rng = random.Random(seed), np.random.default_rng(seed)

    def attributes(target):
        for i in range(dice.choice((0, 1, 3, 12))):
            kind = dice.choice((*KINDS, "S", "text"))
            if kind == "S":
                target.attrs[f"a{i}"] = np.array([b"x" * dice.randrange(9) for _ in range(dice.randrange(1, 5))])
            elif kind == "text":
                target.attrs[f"a{i}"] = "ä" * dice.choice((0, 1, 100, 100 if small else 5000))
            else:
                shape = tuple(dice.randrange(1, 4) for _ in range(dice.randrange(3)))
                target.attrs[f"a{i}"] = values(rng, shape, kind)

    def dataset(group, name):
        rank = dice.randrange(6)
        shape = tuple(dice.randrange(1, 8) for _ in range(rank))
        options = {}
        if rank and dice.random() < 0.6:
            options["chunks"] = tuple(dice.randrange(1, n + 1) for n in shape)
            options["maxshape"] = tuple(dice.choice((n, n, n + 3, None)) for n in shape)
            options.update(dice.choice(FILTERS))
            options["fillvalue"] = dice.choice((0, 1))
        made = group.create_dataset(name, shape=shape, dtype=dice.choice(KINDS), **options)
        if dice.random() < 0.8:
            part = tuple(slice(0, dice.randrange(n + 1)) for n in shape) if options and dice.random() < 0.4 else ...
            made[part] = values(rng, made[part].shape, made.dtype)
        if options and dice.random() < 0.3:
            made.resize(tuple(n if limit == n else dice.randrange(1, n + 3) for n, limit in zip(shape, made.maxshape)))
        attributes(made)

    def fill(group, depth):
        attributes(group)
        for i in range(dice.choice((0, 2, 4, 20 if depth < 2 and not small else 3))):
            name = f"{dice.choice('abcdefg')}{i}"
            if depth < (1 if small else 4) and dice.random() < 0.4:
                fill(group.create_group(name, track_order=dice.random() < 0.5), depth + 1)
            else:
                dataset(group, name)

    sizes = dice.choice((None, None, (4, 4), (8, 4), (4, 8)))
    # With lengths of 4 bytes, HDF5 2.0 does not know its own unlimited dimensions again.
    libver = "earliest" if sizes and sizes[1] == 4 else dice.choice(LIBVERS)
    with open_file(path, libver, dice.choice((0, 0, 512, 4096)), sizes, dice.random() < 0.5) as f:
        fill(f, 0)
