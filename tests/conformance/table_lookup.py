"""Cases of tables, embeddings and text."""
from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from case import Case, Dice, Row, out, single
from tflite_builder import Graph, Op, T, numpy_type

INT64, STRING = schema.TensorType.INT64, schema.TensorType.STRING
ALPHABET = np.frombuffer(b"abcdefg\xc3\xa9", np.uint8)


def word(d: Dice, low: int = 0, high: int = 6) -> bytes:
    return d.rng.choice(ALPHABET, d.int(low, high)).tobytes()


def strings(values, shape) -> np.ndarray:
    data = np.empty(len(values), object)
    data[:] = values
    return data.reshape(shape)


def text(values, shape, const: bool = False) -> T:
    return T(list(shape), "string", None, strings(values, shape), const=const)


def hashtable(d: Dice, variant: str) -> Case:
    """CALL_ONCE fills a table; the main graph looks keys up and asks for its size.

    "int64": int64 to string; "string": string to int64; "main": filled in the main graph, in each run.
    """
    by_number = variant == "int64" or (variant == "main" and d.chance(0.5))
    key_type, value_type = (INT64, STRING) if by_number else (STRING, INT64)
    count = d.int(1, 12)
    numbers = d.rng.integers(-9, 10, count)
    texts = [word(d) for _ in range(count)]
    number_shape = [count] if d.chance(0.8) or count % 2 else [2, count // 2]

    def side(numeric: bool) -> T:
        if numeric:
            return T(number_shape, "i64", None, numbers.reshape(number_shape), const=True)
        return text(texts, number_shape, const=True)

    table = d.int(-3, 1000)

    def make() -> tuple:
        handle = T([1], "resource")
        return handle, Op("HASHTABLE", [], [handle], ("HashtableOptions", {
            "tableId": table, "keyDtype": key_type, "valueDtype": value_type}))

    def fill(handle: T) -> Op:
        return Op("HASHTABLE_IMPORT", [handle, side(by_number), side(not by_number)], [],
                  ("HashtableImportOptions", {}))

    handle, create = make()
    init = Graph([create, fill(handle)], [], [], "init")
    handle, create = make()
    ops = [create]
    if variant == "main":
        ops.append(fill(handle))
    else:
        ops.insert(0, Op("CALL_ONCE", [], [], ("CallOnceOptions", {"initSubgraphIndex": 1})))
    # LiteRT's set_tensor stores the address of a string without dimensions, not the string.
    asked = d.shape(0 if by_number and d.chance(0.1) else 1, 2)
    wanted = int(np.prod(asked))
    if by_number:
        keys = d.input(asked, "i64", None, -12, 12, invokes=2)
        stored = d.chance(0.7)
        default = text([word(d)], [] if stored and d.chance(0.5) else [1], const=stored)
        found = out(asked, "string")
    else:
        def draw():
            return strings([d.pick(texts) if d.chance(0.7) else word(d) for _ in range(wanted)], asked)

        keys = T(asked, "string", None, draw())
        keys.feeds = [draw()]
        default = T([1], "i64", None, np.int64([-1]), const=d.chance(0.7))
        found = out(asked, "i64")
    size = out([1], "i64")
    ops += [Op("HASHTABLE_FIND", [handle, keys, default], [found], ("HashtableFindOptions", {})),
            Op("HASHTABLE_SIZE", [handle], [size], ("HashtableSizeOptions", {}))]
    inputs = [t for t in (keys, default) if not t.const]
    default.feeds = [default.data]
    return Case([Graph(ops, inputs, [found, size]), init], invokes=2)


def hashtable_lookup(d: Dice, dtype: str) -> Case:
    rows, count = d.int(1, 10), d.int(1, 8)
    keys = np.sort(d.rng.choice(30, rows, replace=d.chance(0.2)) - 10)
    if d.chance(0.1):
        keys = d.rng.permutation(keys)
    shape = [rows] + ([] if dtype == "string" else d.shape(0, 3, 1, 4))
    if dtype == "string":
        values = text([word(d) for _ in range(rows)], shape, const=d.chance(0.5))
    else:
        values = d.input(shape, dtype)
        values.const = d.chance(0.5)
    asked = T([count], "i32", None, np.asarray(d.rng.integers(-11, 21, count), np.int32))
    asked.data[d.rng.random(count) < 0.6] = d.pick(list(keys))
    return single("HASHTABLE_LOOKUP", [asked, d.param(keys), values],
                  [out([count, *shape[1:]], dtype), out([count], "u8")])


def embedding_lookup_sparse(d: Dice, variant: str) -> Case:
    combiner = {"sum": 0, "mean": 1, "sqrtn": 2}[variant]
    depth = d.int(1, 3)
    dense = d.shape(depth, depth, 1, 4)
    table = [d.int(1, 6), *d.shape(1, 3, 1, 4)]
    count = d.int(1, 8)
    indices = d.rng.integers(0, np.asarray(dense), [count, depth])
    if d.chance(0.8):
        indices = np.asarray(sorted(indices.tolist()))
    ids = d.rng.integers(0, table[0], count)
    weights = d.input([count], "f32", None, 0.1, 3) if d.chance(0.7) else d.input([count], "f32")
    values = d.input(table, "f32")
    values.const = d.chance(0.5)
    return single("EMBEDDING_LOOKUP_SPARSE",
                  [d.param(ids, const_chance=0.2), d.param(indices), d.param(dense), weights, values],
                  [out(dense[:-1] + table[1:], "f32")],
                  ("EmbeddingLookupSparseOptions", {"combiner": combiner}))


def lsh_projection(d: Dice, variant: str) -> Case:
    kind, dtype = variant.split("_")
    functions, bits = d.int(1, 5), d.int(1, 32 if d.chance(0.3) else 12)
    if kind == "sparse" and d.chance(0.1):
        functions, bits = 1, 32
    shape = [d.int(1, 6), *d.shape(0, 2, 1, 9)]
    if dtype == "string":
        shape = shape[:1]
        x = text([word(d, 0, 20) for _ in range(shape[0])], shape)
    else:
        x = T(shape, dtype, None, d.values(shape, dtype))
    inputs = [d.input([functions, bits]), x]
    if d.chance(0.6):
        inputs.append(d.input([shape[0]]))
    count = functions if kind == "sparse" else functions * bits
    return single("LSH_PROJECTION", inputs, [out([count], "i32")],
                  ("LSHProjectionOptions", {"type": 1 if kind == "sparse" else 2}))


def skip_gram(d: Dice, variant: str) -> Case:
    def sentence() -> bytes:
        parts = []
        for _ in range(d.int(0, 9)):
            parts += [word(d, 1), b" " if d.chance(0.8) else d.pick([b"\t", b"  ", b"\n ", b"\v", b"\r"])]
        if parts and d.chance(0.6):
            parts.pop()
        return (b" " if d.chance(0.15) else b"") + b"".join(parts)

    x = text([sentence()], [1])
    x.feeds = [strings([sentence()], [1]) for _ in range(2)]
    size = d.int(1, 4) if d.chance(0.95) else 0
    return single("SKIP_GRAM", [x], [out([1], "string")], ("SkipGramOptions", {
        "ngramSize": size, "maxSkipSize": d.int(0, 3), "includeAllNgrams": variant == "all"}), invokes=3)


TABLES = ("int64", "string", "main")

ROWS = [
    Row("EMBEDDING_LOOKUP_SPARSE", embedding_lookup_sparse, ("sum", "mean", "sqrtn"), 5),
    Row("HASHTABLE", hashtable, TABLES, 2),
    Row("HASHTABLE_FIND", hashtable, TABLES, 4),
    Row("HASHTABLE_IMPORT", hashtable, TABLES, 2),
    Row("HASHTABLE_SIZE", hashtable, TABLES, 2),
    Row("HASHTABLE_LOOKUP", hashtable_lookup, ("f32", "i8", "u8", "i16", "i32", "i64", "string"), 3),
    Row("LSH_PROJECTION", lsh_projection,
        tuple(f"{kind}_{dtype}" for kind in ("sparse", "dense") for dtype in ("i32", "f32", "u8", "i64", "string")), 3),
    Row("SKIP_GRAM", skip_gram, ("exact", "all"), 10),
]
