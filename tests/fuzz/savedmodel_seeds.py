"""Small TensorFlow graphs for read_savedmodel_fuzz.cc, written without TensorFlow: one for each kind of operator, and
SavedModels with functions, loops and variables."""

import struct


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def shape(dims):
    return b"".join(field(2, field(1, d)) for d in dims)


FLOAT, INT, BOOL = 1, 3, 10


def tensor(kind, dims, values):
    code = {FLOAT: "<f", INT: "<i", BOOL: "<?"}[kind]
    content = b"".join(struct.pack(code, v) for v in values)
    return field(1, kind) + field(2, shape(dims)) + field(4, content)


class Type(int):
    pass


class Func(str):
    pass


def attr(key, value):
    if isinstance(value, Type):
        body = field(6, int(value))
    elif isinstance(value, bool):
        body = field(5, int(value))
    elif isinstance(value, int):
        body = field(3, value)
    elif isinstance(value, float):
        body = field(4, value)
    elif isinstance(value, Func):
        body = field(10, field(1, value))
    elif isinstance(value, str):
        body = field(2, value)
    elif isinstance(value, list):
        body = field(1, b"".join(field(3, v) for v in value))
    else:
        body = value
    return field(1, key) + field(2, body)


def node(name, op, inputs=(), **attrs):
    return (field(1, name) + field(2, op) + b"".join(field(3, i) for i in inputs)
            + b"".join(field(5, attr(k, v)) for k, v in attrs.items()))


def const(name, kind, dims, values):
    return node(name, "Const", dtype=Type(kind), value=field(8, tensor(kind, dims, values)))


def placeholder(name, dims, kind=FLOAT):
    return node(name, "Placeholder", dtype=Type(kind), shape=field(7, shape(dims)))


def graph(*nodes, functions=()):
    out = b"".join(field(1, n) for n in nodes)
    return out + (field(2, b"".join(field(1, f) for f in functions)) if functions else b"")


def function(name, args, results, *nodes):
    signature = field(1, name) + b"".join(field(2, field(1, a)) for a in args)
    signature += b"".join(field(3, field(1, r)) for r in results)
    return (field(1, signature) + b"".join(field(3, n) for n in nodes)
            + b"".join(field(4, field(1, k) + field(2, v)) for k, v in results.items()))


def floats(name, *dims):
    count = 1
    for d in dims:
        count *= d
    return const(name, FLOAT, dims, [i % 7 * 0.25 - 0.5 for i in range(count)])


def ints(name, *values):
    return const(name, INT, [len(values)], values)


def operators():
    """(name, graph) of one operator each on an image x, a matrix m or a sequence s."""
    x, m, s = placeholder("x", [-1, 5, 6, 4]), placeholder("x", [3, 4]), placeholder("x", [-1, 3, 4])
    for op in ("Relu", "Erf", "Selu", "Softplus", "Softmax", "IsFinite", "OnesLike", "Size", "Reciprocal"):
        yield op, graph(m, node("y", op, ["x"]))
    window = {"strides": [1, 1, 2, 1], "padding": "SAME"}
    yield "Conv2D", graph(x, floats("w", 3, 3, 4, 2), node("y", "Conv2D", ["x", "w"], dilations=[1, 2, 1, 1], **window))
    yield "Explicit", graph(x, floats("w", 3, 3, 4, 2), node("y", "Conv2D", ["x", "w"], strides=[1] * 4,
                                                             padding="EXPLICIT", explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0]))
    first = placeholder("x", [1, 4, 5, 6])
    yield "NCHW", graph(first, floats("w", 3, 3, 4, 2), ints("b", 1, 2),
                        node("c", "Conv2D", ["x", "w"], strides=[1] * 4, padding="VALID", data_format="NCHW"),
                        node("y", "BiasAdd", ["c", "b"], data_format="NCHW"))
    yield "Depthwise", graph(x, floats("w", 3, 3, 4, 2), node("y", "DepthwiseConv2dNative", ["x", "w"], **window))
    yield "Dilated", graph(x, floats("w", 3, 3, 4, 2), ints("b", 2, 2), const("p", INT, [2, 2], [2, 3, 2, 2]),
                           const("c", INT, [2, 2], [0, 1, 0, 0]), node("s", "SpaceToBatchND", ["x", "b", "p"]),
                           node("v", "Conv2D", ["s", "w"], strides=[1] * 4, padding="VALID"),
                           node("y", "BatchToSpaceND", ["v", "b", "c"]))
    yield "Transposed", graph(placeholder("x", [1, 5, 6, 4]), floats("w", 3, 3, 2, 4), ints("n", 1, 10, 12, 2),
                              node("y", "Conv2DBackpropInput", ["n", "w", "x"], strides=[1, 2, 2, 1], padding="SAME"))
    volume = placeholder("x", [1, 3, 4, 5, 2])
    yield "Conv3D", graph(volume, floats("w", 2, 2, 2, 2, 1),
                          node("y", "Conv3D", ["x", "w"], strides=[1] * 5, padding="VALID"))
    yield "Pool3D", graph(volume, node("y", "AvgPool3D", ["x"], ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="SAME"))
    yield "Pool", graph(x, node("y", "MaxPool", ["x"], ksize=[1, 2, 2, 1], **window))
    yield "BatchNorm", graph(x, *(floats(c, 4) for c in "gbm"), const("v", FLOAT, [4], [1, 2, 3, 4]),
                             node("y", "FusedBatchNormV3", ["x", "g", "b", "m", "v"], is_training=False, epsilon=0.001))
    yield "Resize", graph(x, ints("n", 7, 9), node("y", "ResizeBilinear", ["x", "n"], half_pixel_centers=True))
    yield "MatMul", graph(m, floats("w", 5, 4), node("y", "MatMul", ["x", "w"], transpose_b=True))
    for i, equation in enumerate(("abc,cd->abd", "...c,cd->...d", "abc,dbc->adb")):
        weights = floats("w", 4, 5) if i < 2 else placeholder("w", [2, 3, 4])
        yield f"Einsum{i}", graph(s, weights, node("y", "Einsum", ["x", "w"], equation=equation))
    yield "Sum", graph(x, ints("a", 1, -1), node("y", "Sum", ["x", "a"], keep_dims=True))
    yield "TopK", graph(m, const("k", INT, [], [2]), node("t", "TopKV2", ["x", "k"]), node("y", "Cast", ["t:1"], DstT=Type(1)))
    yield "Slice", graph(x, *(ints(n, *v) for n, v in (("b", (0, 1)), ("e", (0, 4)), ("t", (1, 2)))),
                         node("y", "StridedSlice", ["x", "b", "e", "t"], begin_mask=1, end_mask=1, shrink_axis_mask=2,
                              ellipsis_mask=0, new_axis_mask=0))
    yield "Split", graph(m, const("a", INT, [], [1]), node("s", "Split", ["a", "x"], num_split=2),
                         node("y", "ConcatV2", ["s:1", "s", "a"], N=2))
    yield "Pack", graph(m, node("u", "Unpack", ["x"], num=3), node("y", "Pack", ["u:2", "u:0"], axis=-1))
    yield "Gather", graph(m, ints("i", 2, 0), const("a", INT, [], [0]), node("y", "GatherV2", ["x", "i", "a"]))
    yield "Pad", graph(m, const("p", INT, [2, 2], [1, 0, 2, 1]), node("y", "MirrorPad", ["x", "p"], mode="REFLECT"))
    yield "Reshape", graph(x, ints("n", -1, 4), node("y", "Reshape", ["x", "n"]))
    yield "Squeeze", graph(placeholder("x", [1, 3, 1]), node("y", "Squeeze", ["x"], squeeze_dims=[-1]))
    yield "Reverse", graph(m, ints("a", 0, 1), node("y", "ReverseV2", ["x", "a"]))
    yield "FakeQuant", graph(m, node("y", "FakeQuantWithMinMaxArgs", ["x"], min=-1.0, max=1.0, num_bits=4))
    yield "Rfft", graph(m, ints("n", 8), node("f", "RFFT", ["x", "n"]), node("y", "ComplexAbs", ["f"]))


def control_flow():
    x = placeholder("x", [3, 4])
    yield "call", graph(x, node("y", "PartitionedCall", ["x"], f=Func("f")), functions=[
        function("f", ["a"], {"r": "g:output:0"}, node("g", "PartitionedCall", ["a"], f=Func("h"))),
        function("h", ["a"], {"r": "n:y:0"}, node("n", "Neg", ["a"]))])
    yield "if", graph(x, placeholder("c", [], BOOL), node("y", "If", ["c", "x"], then_branch=Func("f"), else_branch=Func("h")),
                      functions=[function("f", ["a"], {"r": "n:y:0"}, node("n", "Neg", ["a"])),
                                 function("h", ["a"], {"r": "a"})])
    one, zero = const("one", INT, [], [1]), const("zero", INT, [], [0])
    cond = function("cond", ["i", "v", "l"], {"r": "less:z:0"}, const("n", INT, [], [3]), node("less", "Less", ["i", "n:output:0"]))
    body = function("body", ["i", "v", "l"], {"a": "next:z:0", "b": "mul:z:0", "c": "set:output_handle:0"}, one,
                    node("next", "AddV2", ["i", "one:output:0"]), node("mul", "Mul", ["v", "v"]),
                    node("set", "TensorListSetItem", ["l", "i", "mul:z:0"], element_dtype=Type(FLOAT)))
    yield "while", graph(x, zero, const("n", INT, [], [3]), ints("e", -1, 4),
                         node("l", "TensorListReserve", ["e", "n"], element_dtype=Type(FLOAT)),
                         node("w", "While", ["zero", "x", "l"], cond=Func("cond"), body=Func("body")),
                         node("y", "TensorListStack", ["w:2", "e"], element_dtype=Type(FLOAT)), functions=[cond, body])


def saved_model():
    """The parts of read_savedmodel_fuzz.cc's input for a model with a variable."""
    names = field(1, 7) + field(2, shape([1])) + field(8, "key")
    slices = field(1, 7) + field(2, shape([1])) + field(8, "")
    nodes = graph(placeholder("x", [-1, 2]), node("v", "VarHandleOp", shared_name="v"),
                  node("f", "Const", dtype=Type(7), value=field(8, field(1, 7) + field(2, b"") + field(8, "file"))),
                  node("names", "Const", dtype=Type(7), value=field(8, names)),
                  node("slices", "Const", dtype=Type(7), value=field(8, slices)),
                  node("restore", "RestoreV2", ["f", "names", "slices"], dtypes=field(1, field(6, FLOAT))),
                  node("assign", "AssignVariableOp", ["v", "restore"]), node("all", "NoOp", ["^assign"]),
                  node("read", "ReadVariableOp", ["v"]), node("y", "Mul", ["x", "read"]))

    def info(name):
        return field(2, field(1, name) + field(2, FLOAT) + field(3, shape([-1, 2])))
    signature = field(1, field(1, "in") + info("x:0")) + field(2, field(1, "out") + info("y:0"))
    meta = (field(1, field(4, "serve")) + field(2, nodes) + field(3, field(3, "all"))
            + field(5, field(1, "serving_default") + field(2, signature)))
    data = struct.pack("<2f", 2, 3)
    whole = field(1, FLOAT) + field(2, shape([2])) + field(5, 8)
    entries = [(b"", field(1, 1)), (b"key", whole)]
    index = b"".join(bytes((len(k),)) + k + bytes((len(v),)) + v for k, v in entries)
    model = field(1, 1) + field(2, meta)
    return struct.pack("<H", len(model)) + model + bytes((len(data),)) + data + index


def write(folder):
    for name, content in (*operators(), *control_flow()):
        (folder / name).write_bytes(b"\0" + content)
        (folder / f"{name}-batch").write_bytes(b"\4" + content)
    (folder / "saved").write_bytes(b"\3" + saved_model())
