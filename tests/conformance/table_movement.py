"""Cases of the operators that copy values around: gather, slice, pad, transpose, resize …"""
from __future__ import annotations

import numpy as np
from case import RANGES, Case, Dice, Row, out, output_q, single
from table_elementwise import reach
from tflite_builder import Q, T


def tensor(d: Dice, shape, dtype: str) -> T:
    """A runtime input; int8, uint8 and int16 carry quantization, as converters write it."""
    return d.input(shape, dtype, d.q(dtype) if dtype in RANGES and dtype != "i4" else None)


def blocks(d: Dice, to_batch: bool) -> tuple:
    """(batch shape, space shape, block, pads or crops) of the batch-space pair."""
    spatial = d.pick([1, 2, 2, 2])
    block = [d.int(1, 3) for _ in range(spatial)]
    batch, depth = d.int(1, 2), d.int(1, 4)
    inner = [d.int(1, 4) for _ in range(spatial)]
    edges, space = [], []
    if to_batch and d.chance(0.05):
        inner[d.int(0, spatial - 1)] = 0
    for size, b in zip(inner, block):
        full = size * b
        before = d.int(0, max(min(2, full - 1), 0))
        after = d.int(0, max(min(2, full - 1 - before), 0))
        edges.append([before, after])
        space.append(full - before - after)
    return ([batch * int(np.prod(block)), *inner, depth], [batch, *space, depth], block, edges)


def space_to_batch_nd(d: Dice, dtype: str) -> Case:
    batched, space, block, pads = blocks(d, True)
    x = tensor(d, space, dtype)
    if x.q is not None and x.q.zero_points()[0] == 0 and dtype == "u8":
        x.q = Q(x.q.scale, 3)
    return single("SPACE_TO_BATCH_ND", [x, d.param(block), d.param(pads)],
                  [out(batched, dtype, x.q)], ("SpaceToBatchNDOptions", {}))


def batch_to_space_nd(d: Dice, dtype: str) -> Case:
    batched, space, block, crops = blocks(d, False)
    x = tensor(d, batched, dtype)
    return single("BATCH_TO_SPACE_ND", [x, d.param(block), d.param(crops)],
                  [out(space, dtype, x.q)], ("BatchToSpaceNDOptions", {}))


def depth_space(op: str, options: str):
    def make(d: Dice, dtype: str) -> Case:
        b, n, h, w, c = d.int(1, 3), d.int(1, 2), d.int(1, 4), d.int(1, 4), d.int(1, 4)
        deep, wide = [n, h, w, c * b * b], [n, h * b, w * b, c]
        a, y = (deep, wide) if op == "DEPTH_TO_SPACE" else (wide, deep)
        x = tensor(d, a, dtype)
        return single(op, [x], [out(y, dtype, x.q)], (options, {"blockSize": b}))
    return make


def concatenation(d: Dice, variant: str) -> Case:
    dtype, _, mixed = variant.partition("_")
    shape = d.extents(1)
    axis = d.int(-len(shape), len(shape) - 1)
    inputs = []
    for _ in range(d.int(1, 5)):
        part = list(shape)
        part[axis] = d.int(0 if d.chance(0.1) else 1, 5)
        inputs.append(tensor(d, part, dtype))
    if dtype == "i16" or not mixed:
        for t in inputs:
            t.q = inputs[0].q
    y_q = inputs[0].q
    if mixed:
        y_q = output_q(d, dtype, max(reach(t) for t in inputs))
    if len(inputs) > 1 and d.chance(0.3):
        inputs[-1].const = True
    total = list(shape)
    total[axis] = sum(t.shape[axis] for t in inputs)
    return single("CONCATENATION", inputs, [out(total, dtype, y_q)],
                  ("ConcatenationOptions", {"axis": axis, "fusedActivationFunction": 0}))


def dynamic_update_slice(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)
    update = [d.int(0 if d.chance(0.05) else min(1, n), n) for n in shape]
    start = [d.int(-2, n + 1) for n in shape]  # out of range is clamped
    x = tensor(d, shape, dtype)
    u = d.input(update, dtype, x.q)
    return single("DYNAMIC_UPDATE_SLICE", [x, u, d.param(start, d.pick(["i32", "i32", "i64"]))],
                  [out(shape, dtype, x.q)])


def embedding_lookup(d: Dice, variant: str) -> Case:
    rows, count = d.int(1, 8), d.int(1, 6)
    rest = [d.int(1, 6) * 4] if variant[:2] in ("i4", "i2") or d.chance(0.7) else d.shape(2, 2)
    ids = d.input([count], "i32", None, 0, rows - 1)
    kind, _, form = variant.partition("_")
    if not form:
        q = None
    elif form.startswith("hybrid"):
        q = Q(np.float32(10.0 ** d.real(-3, -1)), 0)
    elif form.startswith("channels"):
        q = d.q_channels(rows, 0)
    else:
        q = d.q(kind)
    value = d.const([rows, *rest], kind, q)
    same = form in ("", "same")
    y = out([count, *rest], kind if same else "f16" if form.endswith("half") else "f32", q if same else None)
    return single("EMBEDDING_LOOKUP", [ids, value], [y])


def gather(d: Dice, dtype: str) -> Case:
    shape = d.extents(1, 7, empty=0) if dtype != "string" else d.shape(1, 1)
    if dtype == "i4":  # LiteRT copies whole bytes
        shape.append(d.pick([2, 4]))
    axis = d.int(0, len(shape) - (2 if dtype == "i4" else 1))
    batch_dims = d.int(0, axis) if d.chance(0.4) else 0
    indices = shape[:batch_dims] + d.shape(0 if d.chance(0.2) else 1, min(2, 9 - len(shape)), 0 if d.chance(0.05) else 1, 4)
    x = tensor(d, shape, dtype)
    ids = d.input(indices, d.pick(["i32", "i32", "i64", "i16"]), None, 0, shape[axis] - 1)
    ids.const = d.chance(0.4)
    y = shape[:axis] + indices[batch_dims:] + shape[axis + 1:]
    named = axis - len(shape) if d.chance(0.3) else axis
    return single("GATHER", [x, ids], [out(y, dtype, x.q)],
                  ("GatherOptions", {"axis": named, "batchDims": batch_dims - len(indices) if batch_dims and
                                     batch_dims < len(indices) and d.chance(0.2) else batch_dims}))


def gather_nd(d: Dice, dtype: str) -> Case:
    shape = d.extents(1, empty=0)
    depth = d.int(1, len(shape))
    lead = d.shape(0 if d.chance(0.1) else 1, min(3, 8 - len(shape) + depth), 0 if d.chance(0.05) else 1, 3)
    ids = np.stack([d.values(lead, "i32", 0, shape[i] - 1) for i in range(depth)], -1)
    x = tensor(d, shape, dtype)
    return single("GATHER_ND", [x, d.param(ids, d.pick(["i32", "i64", "i16"]))],
                  [out(lead + shape[depth:], dtype, x.q)], ("GatherNdOptions", {}))


def mirror_pad(d: Dice, dtype: str) -> Case:
    shape = d.extents(1, empty=0)
    mode = d.int(0, 1)  # REFLECT, SYMMETRIC
    pads = [[d.int(0, n - (1 if mode == 0 else 0)) for _ in range(2)] for n in shape]
    x = tensor(d, shape, dtype)
    y = [n + a + b for n, (a, b) in zip(shape, pads)]
    return single("MIRROR_PAD", [x, d.param(pads, d.pick(["i32", "i64"]))], [out(y, dtype, x.q)],
                  ("MirrorPadOptions", {"mode": mode}))


def pad(op: str):
    def make(d: Dice, dtype: str) -> Case:
        shape = d.extents(1, 5)
        pads = [[d.int(0, 3 if len(shape) < 5 else 1), d.int(0, 3 if len(shape) < 5 else 1)] for _ in shape]
        x = tensor(d, shape, dtype)
        kind = d.pick(["i32", "i32", "i64", "i8", "i16", "bool"])
        if kind == "bool":
            pads = [[min(1, a), min(1, b)] for a, b in pads]
        inputs = [x, d.param(pads, kind)]
        if op == "PADV2":
            value = T([1] if d.chance(0.5) else [], dtype, x.q, None, const=d.chance(0.6))
            value.data = d.values(value.shape, dtype)
            inputs.append(value)
        y = [n + a + b for n, (a, b) in zip(shape, pads)]
        options = "PadOptions" if op == "PAD" else "PadV2Options"
        return single(op, inputs, [out(y, dtype, x.q)], (options, {}))
    return make


def resize(op: str, options: str):
    def make(d: Dice, dtype: str) -> Case:
        n, h, w, c = d.int(1, 2), d.int(1, 6), d.int(1, 6), d.int(1, 5)
        oh, ow = d.int(1, 9), d.int(1, 9)
        if d.chance(0.2):
            oh, ow = h * 2, w * 2
        x = tensor(d, [n, h, w, c], dtype)
        align = d.chance(0.35)
        fields = {"alignCorners": align, "halfPixelCenters": not align and d.chance(0.5)}
        return single(op, [x, d.param([oh, ow])], [out([n, oh, ow, c], dtype, x.q)], (options, fields))
    return make


def reverse_v2(d: Dice, dtype: str) -> Case:
    shape = d.extents(1, empty=0)  # LiteRT reads outside of empty tensors
    axis = d.int(-len(shape), len(shape) - 1)
    # Several axes must be neighbours.
    axes = [axis]
    if len(shape) > 1 and d.chance(0.4):
        first = d.int(0, len(shape) - 2)
        axes = list(range(first, d.int(first + 1, len(shape) - 1) + 1))
    x = tensor(d, shape, dtype)
    return single("REVERSE_V2", [x, d.param(axes, const=True)], [out(shape, dtype, x.q)],
                  ("ReverseV2Options", {}))


def slice_(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)
    begin = [n if d.chance(0.03) else d.int(0, max(n - 1, 0)) for n in shape]
    size = [d.int(0 if d.chance(0.05) else min(1, n - b), n - b) for n, b in zip(shape, begin)]
    asked = [-1 if d.chance(0.2) else s for s in size]
    y = [n - b if a == -1 else s for n, b, s, a in zip(shape, begin, size, asked)]
    kind = d.pick(["i32", "i32", "i64"])
    x = tensor(d, shape, dtype)
    stored = d.chance(0.6)
    return single("SLICE", [x, d.param(begin, kind, const=stored), d.param(asked, kind, const=stored)],
                  [out(y, dtype, x.q)], ("SliceOptions", {}))


def split(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)
    axis = d.int(-len(shape), len(shape) - 1)
    count, each = d.int(1, 4), d.int(0 if d.chance(0.05) else 1, 3)
    shape[axis] = count * each
    x = tensor(d, shape, dtype)
    part = list(shape)
    part[axis] = each
    outs = [out(part, dtype, x.q) for _ in range(count)]
    return single("SPLIT", [d.param(axis if d.chance(0.7) else [axis]), x], outs,
                  ("SplitOptions", {"numSplits": count}))


def split_v(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)
    axis = d.int(-len(shape), len(shape) - 1)
    sizes = [d.int(0 if d.chance(0.1) else 1, 4) for _ in range(d.int(1, 4))]
    shape[axis] = sum(sizes)
    asked = list(sizes)
    if d.chance(0.3):
        asked[d.int(0, len(sizes) - 1)] = -1
    x = tensor(d, shape, dtype)
    outs = []
    for size in sizes:
        part = list(shape)
        part[axis] = size
        outs.append(out(part, dtype, x.q))
    kind = d.pick(["i32", "i64"])
    return single("SPLIT_V", [x, d.param(asked, kind), d.param(axis)], outs,
                  ("SplitVOptions", {"numSplits": len(sizes)}))


def strided_slice(d: Dice, dtype: str) -> Case:
    """Ranges, single indices, new axes and an ellipsis in any order."""
    shape = d.extents(1)
    if d.chance(0.25):  # the ellipsis stands for the dimensions between the first and the last entries
        first = d.int(0, len(shape) - 1)
        entries = [*range(first), "ellipsis", *range(d.int(first + 1, len(shape)), len(shape))]
    else:
        entries = list(range(d.int(1, len(shape))))
    full = "ellipsis" in entries and d.chance(0.1)
    if full:  # an ellipsis beside entries for all dimensions takes one of them; the last entry is ignored
        entries = [*range(first), "ellipsis", *range(first + 1, len(shape)), len(shape) - 1]
    while not full and d.chance(0.2) and len(shape) + entries.count("new") < 8:
        entries.insert(d.int(0, len(entries)), "new")
    fields = {"beginMask": 0, "endMask": 0, "ellipsisMask": 0, "newAxisMask": 0, "shrinkAxisMask": 0}
    begin, end, strides = [], [], []
    for bit, entry in enumerate(entries):
        low, high, step = 0, 0, 1
        if entry == "ellipsis":
            fields["ellipsisMask"] |= 1 << bit
        elif entry == "new":
            fields["newAxisMask"] |= 1 << bit
        else:
            n = shape[entry]
            form = d.pick(["range", "range", "range", "back", "shrink"])
            if form == "shrink" and n > 0:
                low = d.int(-n, n - 1)
                high = low + 1 if low != -1 else n
                fields["shrinkAxisMask"] |= 1 << bit
            else:
                low, high, step = d.int(-n - 1, max(n - 1, 0)), d.int(-n, n + 2), d.pick([1, 1, 2, 3])
                if form == "back":
                    low, high, step = d.int(-1, n), d.int(-n - 2, 0), -step
                fields["beginMask"] |= d.chance(0.3) << bit
                fields["endMask"] |= d.chance(0.3) << bit
        begin.append(low), end.append(high), strides.append(step)
    x = tensor(d, shape, dtype)
    stored = d.chance(0.6)
    inputs = [x] + [d.param(v, "i32", const=stored) for v in (begin, end, strides)]
    # The declared shape plays no part: LiteRT computes it.
    return single("STRIDED_SLICE", inputs, [out([], dtype, x.q)], ("StridedSliceOptions", fields))


def tile(d: Dice, dtype: str) -> Case:
    shape = d.extents()
    times = [d.int(1, 3 if len(shape) < 5 else 2) for _ in shape]
    if times and d.chance(0.1):
        times[d.int(0, len(times) - 1)] = 0
    x = tensor(d, shape, dtype)
    return single("TILE", [x, d.param(times, d.pick(["i32", "i64"]))],
                  [out([n * t for n, t in zip(shape, times)], dtype, x.q)], ("TileOptions", {}))


def transpose(d: Dice, dtype: str) -> Case:
    shape = d.extents(1)  # LiteRT leaves the output of a scalar unwritten
    order = [int(i) for i in d.rng.permutation(len(shape))]
    x = tensor(d, shape, dtype)
    asked = [i - len(shape) if d.chance(0.1) else i for i in order]
    return single("TRANSPOSE", [x, d.param(asked)], [out([shape[i] for i in order], dtype, x.q)],
                  ("TransposeOptions", {}))


def pack(d: Dice, dtype: str) -> Case:
    shape = d.extents(0, 7)
    axis = d.int(-len(shape) - 1, len(shape))
    count = d.int(1, 4)
    first = tensor(d, shape, dtype)
    inputs = [first] + [d.input(shape, dtype, first.q) for _ in range(count - 1)]
    y = list(shape)
    y.insert(axis % (len(shape) + 1), count)
    return single("PACK", inputs, [out(y, dtype, first.q)],
                  ("PackOptions", {"axis": axis, "valuesCount": count}))


def unpack(d: Dice, dtype: str) -> Case:
    shape = d.extents(1, empty=0)
    axis = d.int(-len(shape), len(shape) - 1)
    x = tensor(d, shape, dtype)
    part = [n for i, n in enumerate(shape) if i != axis % len(shape)]
    outs = [out(part, dtype, x.q) for _ in range(shape[axis])]
    return single("UNPACK", [x], outs, ("UnpackOptions", {"axis": axis, "num": shape[axis]}))


COMMON = ("f32", "i8", "u8", "i16", "i32", "i64")
WITH_BOOL = (*COMMON, "bool")
COPIED = (*WITH_BOOL, "f16")
WIDE = (*COPIED, "bf16", "f64", "c64", "u16", "u32", "u64")

ROWS = [
    Row("SPACE_TO_BATCH_ND", space_to_batch_nd, WIDE, 3),
    Row("BATCH_TO_SPACE_ND", batch_to_space_nd, WIDE, 3),
    Row("DEPTH_TO_SPACE", depth_space("DEPTH_TO_SPACE", "DepthToSpaceOptions"),
        ("f32", "i8", "u8", "i32", "i64"), 3),
    Row("SPACE_TO_DEPTH", depth_space("SPACE_TO_DEPTH", "SpaceToDepthOptions"),
        ("f32", "i8", "u8", "i32", "i64"), 3),
    Row("CONCATENATION", concatenation, (*COPIED, "bf16", "u8_mixed", "u32", "i4"), 4),
    Row("DYNAMIC_UPDATE_SLICE", dynamic_update_slice, (*WIDE, "i4"), 3),
    Row("EMBEDDING_LOOKUP", embedding_lookup,
        ("f32", "f16", "bf16", "i32", "i64", "bool", "i8_same", "u8_same", "i8_hybrid", "u8_hybrid",
         "i8_channels", "i4_hybrid", "i4_channels", "i2_hybrid", "i8_hybrid_half", "u8_hybrid_half",
         "i8_channels_half", "i4_hybrid_half", "i4_channels_half", "i2_channels_half"), 3),
    Row("GATHER", gather, (*COPIED, "bf16", "i4", "string"), 4),
    Row("GATHER_ND", gather_nd, (*COPIED, "bf16", "string"), 3),
    Row("MIRROR_PAD", mirror_pad, WIDE, 3),
    Row("PAD", pad("PAD"), (*COPIED, "bf16"), 4),
    Row("PADV2", pad("PADV2"), (*COPIED, "bf16"), 4),
    Row("RESIZE_BILINEAR", resize("RESIZE_BILINEAR", "ResizeBilinearOptions"),
        ("f32", "i8", "u8", "i16"), 8),
    Row("RESIZE_NEAREST_NEIGHBOR",
        resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
        ("f32", "i8", "u8", "i16", "i32", "bool", "f16", "bf16", "u16", "u32"), 5),
    Row("REVERSE_V2", reverse_v2, (*COPIED, "bf16"), 4),
    Row("SLICE", slice_, (*WIDE, "i4", "string"), 4),
    Row("SPLIT", split, COMMON, 3),
    Row("SPLIT_V", split_v, COMMON, 3),
    Row("STRIDED_SLICE", strided_slice, (*WIDE, "string"), 8),
    Row("TILE", tile, (*WIDE, "string"), 3),
    Row("TRANSPOSE", transpose, (*WIDE, "i4", "u4"), 4),
    Row("PACK", pack, (*COMMON, "u32"), 3),
    Row("UNPACK", unpack, ("f32", "f16", "bf16", "i8", "u8", "i16", "i32", "bool"), 3),
]
