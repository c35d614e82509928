"""Models of a few hundred bytes that ask for terabytes: an error, soon, and never more memory than the cap."""
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("EDGEML_BIN") or str(ROOT / "build" / "release" / "bin" / "edgeml")
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
from ai_edge_litert import schema_py_generated as schema  # noqa: E402
from tflite_builder import Graph, Op, T, build  # noqa: E402

CAP_MIB = 64
HUGE = 1 << 20  # squared, in float32: 4 TiB
LIMIT = 2**31 - 1


def tensor(shape, dtype="f32"):
    return T(list(shape), dtype)


def const(values, dtype="i32"):
    data = np.asarray(values, np.float32 if dtype == "f32" else np.int32)
    return T(list(data.shape), dtype, None, data, const=True)


def fed_at_least(values):
    """int32 values known only at run time, whatever is fed: (the input, the values, the operator between)."""
    fed, result = tensor([len(values)], "i32"), tensor([len(values)], "i32")
    return fed, result, Op("MAXIMUM", [fed, const(values)], [result], ("MaximumMinimumOptions", {}))


def one(op, inputs, outputs=None):
    return [Graph([op], inputs, outputs or list(op.outputs))]


def big_input():
    x, y = tensor([HUGE, HUGE]), tensor([HUGE, HUGE])
    return one(Op("ABS", [x], [y], ("AbsOptions", {})), [x])


def big_beyond_64_bits():
    x, y = tensor([LIMIT] * 4), tensor([LIMIT] * 4)
    return one(Op("ABS", [x], [y], ("AbsOptions", {})), [x])


def big_state():
    x, state, y = tensor([1]), T([HUGE, HUGE], "f32", variable=True), tensor([HUGE, HUGE])
    return one(Op("ADD", [x, state], [y], ("AddOptions", {})), [x])


def constant_without_its_bytes():
    weights = T([HUGE, HUGE], "f32", None, np.zeros([4], np.float32), const=True)
    x, y = tensor([1, HUGE]), tensor([1, HUGE])
    return one(Op("FULLY_CONNECTED", [x, weights, None], [y], ("FullyConnectedOptions", {})), [x])


def many_tensors():
    x = tensor([1 << 22])
    values = [tensor([1 << 22]) for _ in range(500)]
    ops = [Op("ABS", [x], [v], ("AbsOptions", {})) for v in values]
    return [Graph(ops, [x], values)]


def sparse_constant():
    dense = T([HUGE, HUGE], "f32", None, np.zeros([1], np.float32), const=True)
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    sparsity.dimMetadata = []
    for _ in range(2):
        dim = schema.DimensionMetadataT()
        dim.format, dim.denseSize = schema.DimensionType.DENSE, HUGE
        sparsity.dimMetadata.append(dim)
    dense.sparsity = sparsity
    x, y = tensor([1, HUGE]), tensor([1, HUGE])
    return one(Op("FULLY_CONNECTED", [x, dense, None], [y], ("FullyConnectedOptions", {})), [x])


def with_sizes(code, options, make_inputs, sizes, dynamic):
    """`code` with sizes that are constant (and folded or planned) or come at run time."""
    ops, fed = [], []
    if dynamic:
        x, values, op = fed_at_least(sizes)
        ops, fed = [op], [x]
    else:
        values = const(sizes)
    inputs, more = make_inputs(values)
    y = tensor([])
    y.signature = None
    return [Graph([*ops, Op(code, inputs, [y], options)], fed + more, [y])]


def by_sizes(code, options, make_inputs, sizes):
    return {f"{code.lower()}_{name}": (lambda d=dynamic: with_sizes(code, options, make_inputs, sizes, d))
            for name, dynamic in (("constant", False), ("at_run_time", True))}


def after(x):
    """x is fed, the sizes come second."""
    return lambda values: ([x, values], [x])


def one_hot(depth):
    x = tensor([64], "i32")
    return [x, depth, const(1.0, "f32"), const(0.0, "f32")], [x]


def growing_loop():
    """while (true) x = concat(x, x)."""
    x = tensor([1024])
    c_in, c_out = tensor([-1]), T([], "bool", None, np.asarray(True), const=True)
    c_in.shape, c_in.signature = [1024], [-1]
    b_in, b_out = T([1024], "f32", signature=[-1]), T([2048], "f32", signature=[-1])
    y = T([1024], "f32", signature=[-1])
    join = Op("CONCATENATION", [b_in, b_in], [b_out], ("ConcatenationOptions", {"axis": 0}))
    loop = Op("WHILE", [x], [y], ("WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}))
    return [Graph([loop], [x], [y]), Graph([], [c_in], [c_out], "cond"), Graph([join], [b_in], [b_out], "body")]


def matrix_diag():
    x, y = tensor([1 << 21]), tensor([1 << 21, 1 << 21])
    return one(Op("MATRIX_DIAG", [x], [y], ("MatrixDiagOptions", {})), [x])


def batch_matmul():
    x, z, y = tensor([1 << 20, 1]), tensor([1, 1 << 20]), tensor([1 << 20, 1 << 20])
    return one(Op("BATCH_MATMUL", [x, z], [y], ("BatchMatMulOptions", {})), [x, z])


def packed_often():
    x = tensor([1 << 20])
    y = tensor([1 << 16, 1 << 20])
    return one(Op("PACK", [x] * (1 << 16), [y], ("PackOptions", {"valuesCount": 1 << 16, "axis": 0})), [x])


CASES = {
    "big_input": big_input,
    "big_beyond_64_bits": big_beyond_64_bits,
    "big_state": big_state,
    "constant_without_its_bytes": constant_without_its_bytes,
    "many_tensors": many_tensors,
    "sparse_constant": sparse_constant,
    "growing_loop": growing_loop,
    "matrix_diag": matrix_diag,
    "batch_matmul": batch_matmul,
    "packed_often": packed_often,
    **by_sizes("FILL", ("FillOptions", {}), lambda v: ([v, const(1.0, "f32")], []), [HUGE, HUGE]),
    **by_sizes("BROADCAST_TO", ("BroadcastToOptions", {}), after(tensor([1, 1])), [HUGE, HUGE]),
    **by_sizes("TILE", ("TileOptions", {}), after(tensor([4, 4])), [HUGE, HUGE]),
    **by_sizes("RESIZE_BILINEAR", ("ResizeBilinearOptions", {}), after(tensor([1, 4, 4, 1])), [HUGE, HUGE]),
    **by_sizes("RESIZE_NEAREST_NEIGHBOR", ("ResizeNearestNeighborOptions", {}), after(tensor([1, 4, 4, 1])), [HUGE, HUGE]),
    "pad": lambda: with_sizes("PAD", ("PadOptions", {}), lambda v: (
        [x := tensor([1, 1]), const([[LIMIT // 2, 1], [0, LIMIT // 2]])], [x]), [0], False),
    "one_hot": lambda: with_sizes("ONE_HOT", ("OneHotOptions", {}), one_hot, LIMIT, False),
    "range": lambda: with_sizes("RANGE", ("RangeOptions", {}), lambda v: ([const(0), v, const(1)], []), LIMIT, False),
    "transpose_conv": lambda: with_sizes(
        "TRANSPOSE_CONV", ("TransposeConvOptions", {"padding": 0, "strideW": 1, "strideH": 1}), lambda v: (
            [v, const(np.zeros([1, 3, 3, 1]), "f32"), x := tensor([1, HUGE, HUGE, 1])], [x]), [1, HUGE, HUGE, 1], False),
    "sparse_to_dense": lambda: with_sizes(
        "SPARSE_TO_DENSE", ("SparseToDenseOptions", {}), lambda v: (
            [const([[0, 0]]), v, const([1.0], "f32"), const(0.0, "f32")], []), [HUGE, HUGE], False),
}


# A process starts with the peak memory of the one that starts it: a small one must, not this.
LAUNCHER = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def run(path):
    """(exit code, message, CPU seconds, peak resident bytes)."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, BINARY, "benchmark", path, "--runs", "1",
                           "--memory-cap", f"{CAP_MIB}MiB"], capture_output=True, text=True, check=True)
    code, cpu, peak = done.stdout.splitlines()[-1].split()
    return int(code), done.stderr, float(cpu), int(peak) * 1024


@pytest.fixture(scope="module")
def usual():
    """Peak memory of a model that asks for nothing."""
    code, message, _, peak = run(ROOT / "models" / "digits_int8.tflite")
    assert code == 0, message
    return peak


@pytest.mark.parametrize("name", CASES)
def test_is_refused_within_the_cap(name, usual, tmp_path):
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(build(CASES[name]()))
    start = time.monotonic()
    code, message, cpu, peak = run(path)
    print(f"{name}: exit {code}, {cpu:.2f} s of CPU, {time.monotonic() - start:.2f} s, "
          f"{(peak - usual) / 2**20:.1f} MiB added\n{message}")
    assert code in (3, 4) and message.count("\n") == 1, message
    assert cpu < 1
    assert peak - usual < CAP_MIB * 2**20
