"""Custom operators in Python."""
from __future__ import annotations

import gc
import weakref

import edge_ml
import numpy as np
import pytest
from flatbuffers import flexbuffers
from tflite_builder import Graph, Op, Q, T, build


def model_of(name="MyOp", shape=(2,), dtype="f32", options=b"", outputs=1, constant=None, signature=None):
    x = T(list(shape), dtype, name="x", signature=signature)
    ys = [T(list(shape), dtype, name=f"y{i}") for i in range(outputs)]
    inputs = [x] if constant is None else [x, constant]
    return build([Graph([Op(name, inputs, ys, custom=options)], [x], ys)])


def run(interpreter, value):
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    found = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    return found[0] if len(found) == 1 else found


ONES = np.float32([1, 1])


@pytest.mark.parametrize("kind", [edge_ml.OpResolverType.AUTO, edge_ml.OpResolverType.BUILTIN_REF])
def test_a_function(kind):
    @edge_ml.custom_op("MyOp")
    def twice(x):
        return 2 * x

    assert isinstance(twice, edge_ml.CustomOp)
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[twice], experimental_op_resolver_type=kind)
    np.testing.assert_array_equal(run(interpreter, np.float32([1, -3])), np.float32([2, -6]))


def test_load():
    op = edge_ml.custom_op("MyOp", lambda x: x + 1, prepare=lambda node: node.inputs[0].shape)
    model = edge_ml.load(model_of(shape=(1, 2), signature=(-1, 2)), custom_ops=[op])
    np.testing.assert_array_equal(model(np.zeros((3, 2), np.float32)), np.ones((3, 2), np.float32))


def test_prepare_sees_the_node():
    seen = []

    def prepare(node):
        seen.append(node)
        return [node.inputs[0].shape]

    constant = T([2], "i8", Q([0.5, 0.25], [1, 2]), np.int8([3, 4]), const=True)
    content = model_of(options=bytes(flexbuffers.Dumps({"scale": 0.5, "on": True, "n": -7})), constant=constant)
    op = edge_ml.custom_op("MyOp", lambda x, c: x + c.astype(np.float32), prepare=prepare)
    interpreter = edge_ml.Interpreter(model_content=content, custom_ops=[op])
    np.testing.assert_array_equal(run(interpreter, ONES), np.float32([4, 5]))
    (node,) = seen
    assert (node.name, node.version) == ("MyOp", 1)
    assert node.options == {"scale": 0.5, "on": 1.0, "n": -7.0}
    assert flexbuffers.Loads(node.custom_options)["n"] == -7
    x, c = node.inputs
    assert (x.shape, x.dtype, x.value, x.scales) == ((2,), np.float32, None, [])
    assert (c.shape, c.dtype, c.scales, c.zero_points) == ((2,), np.int8, [0.5, 0.25], [1, 2])
    np.testing.assert_array_equal(c.value, np.int8([3, 4]))
    assert node.outputs[0].dtype == np.float32


class Sum:
    """A running sum, with a factor from the options."""

    made = 0

    def __init__(self):
        Sum.made += 1

    def prepare(self, node):
        self.total = np.zeros(node.inputs[0].shape, np.float32)
        return node.inputs[0].shape

    def run(self, x):
        self.total += x
        return self.total

    def reset(self):
        self.total[:] = 0


def test_a_class_has_state():
    op = edge_ml.custom_op("MyOp", Sum)
    made = Sum.made
    one = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    two = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    for expected in (1, 2, 3):
        one_result = run(one, ONES)
        np.testing.assert_array_equal(one_result, expected * ONES)
    np.testing.assert_array_equal(run(two, ONES), ONES)  # its own
    one.reset_all_variables()
    np.testing.assert_array_equal(run(one, ONES), ONES)
    assert Sum.made == made + 2
    np.testing.assert_array_equal(one_result, 3 * ONES)  # results are the caller's
    one.resize_tensor_input(0, [3])
    np.testing.assert_array_equal(run(one, np.ones(3, np.float32)), np.ones(3))


def test_shapes_that_only_running_tells():
    op = edge_ml.custom_op("MyOp", lambda x: (x[x > 0], np.float32(x.sum())))
    interpreter = edge_ml.Interpreter(model_content=model_of(shape=(4,), outputs=2), custom_ops=[op])
    positive, total = run(interpreter, np.float32([1, -2, 3, 0]))
    np.testing.assert_array_equal(positive, np.float32([1, 3]))
    assert total == 2
    positive, total = run(interpreter, np.float32([-1, -2, -3, 0]))
    assert positive.shape == (0,) and total == -6


def test_one_output_open_one_settled():
    op = edge_ml.custom_op("MyOp", lambda x: (x[:1], x), prepare=lambda node: [None, node.inputs[0].shape])
    interpreter = edge_ml.Interpreter(model_content=model_of(outputs=2), custom_ops=[op])
    first, both = run(interpreter, np.float32([5, 6]))
    np.testing.assert_array_equal(first, np.float32([5]))
    np.testing.assert_array_equal(both, np.float32([5, 6]))


@pytest.mark.parametrize("dtype", ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f64", "bool", "i4",
                                   "c64"])
def test_types(dtype):
    from tflite_builder import numpy_type
    op = edge_ml.custom_op("MyOp", lambda x: x[::-1], prepare=lambda node: node.inputs[0].shape)
    interpreter = edge_ml.Interpreter(model_content=model_of(shape=(3,), dtype=dtype), custom_ops=[op])
    value = np.array([1, 0, 1]).astype(numpy_type(dtype)) if dtype == "bool" else np.array([1, 2, 3]).astype(
        numpy_type(dtype))
    np.testing.assert_array_equal(run(interpreter, value), value[::-1])


def test_in_a_loop():
    """while (i < 3) { x = Sum(x); i += 1 }: one kernel, prepared once, runs three times."""
    def graph(name):
        return T([], "i32", name=f"i{name}"), T([2], "f32", name=f"x{name}")

    def constant(value):
        return T([], "i32", None, np.int32(value), const=True)

    i, x = graph("c")
    go = T([], "bool")
    condition = Graph([Op("LESS", [i, constant(3)], [go], ("LessOptions", {}))], [i, x], [go], "condition")
    i, x = graph("b")
    next_i, next_x = graph("n")
    body = Graph([Op("MyOp", [x], [next_x], custom=b""), Op("ADD", [i, constant(1)], [next_i], ("AddOptions", {}))],
                 [i, x], [next_i, next_x], "body")
    i, x = graph("m")
    last_i, last_x = graph("o")
    subgraphs = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    main = Graph([Op("WHILE", [i, x], [last_i, last_x], ("WhileOptions", subgraphs))], [i, x], [last_x])
    interpreter = edge_ml.Interpreter(model_content=build([main, condition, body]),
                                      custom_ops=[edge_ml.custom_op("MyOp", Sum)])
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[1]["index"], ONES)
    interpreter.invoke()
    # 1; 1 + 1; 1 + 1 + 2
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), 4 * ONES)
    interpreter.reset_all_variables()
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), 4 * ONES)


# Errors ----------------------------------------------------------------------------------------


def test_an_exception_in_run():
    def broken(x):
        raise KeyError("what went wrong")

    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", broken)])
    interpreter.allocate_tensors()
    with pytest.raises(RuntimeError, match=r"node 0 \(MyOp\): KeyError: 'what went wrong'") as info:
        interpreter.invoke()
    assert isinstance(info.value.__cause__, KeyError)
    assert info.value.__cause__.__traceback__ is not None  # shows the line
    with pytest.raises(RuntimeError, match="what went wrong"):  # and again
        interpreter.invoke()


def test_an_exception_in_prepare():
    def prepare(node):
        raise ValueError("cannot take this")

    op = edge_ml.custom_op("MyOp", lambda x: x, prepare=prepare)
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    with pytest.raises(RuntimeError, match=r"node 0 \(MyOp\): ValueError: cannot take this") as info:
        interpreter.allocate_tensors()
    assert isinstance(info.value.__cause__, ValueError)


def test_ctrl_c_goes_through():
    def interrupted(x):
        raise KeyboardInterrupt

    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", interrupted)])
    interpreter.allocate_tensors()
    with pytest.raises(KeyboardInterrupt):
        interpreter.invoke()


def test_an_exception_in_reset_is_that_of_the_next_run():
    class Kernel:
        def run(self, x):
            return x

        def reset(self):
            raise ValueError("reset failed")

    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", Kernel)])
    run(interpreter, ONES)
    interpreter.reset_all_variables()
    with pytest.raises(RuntimeError, match="reset failed"):
        interpreter.invoke()
    interpreter.invoke()


@pytest.mark.parametrize("result,message", [
    (np.float64([1, 2]), "TypeError: run returned float64 for output 0, which is float32"),
    (np.float32([1, 2, 3]), r"ValueError: run returned the shape \[3\] for output 0; prepare said \[2\]"),
    ((ONES, ONES), "ValueError: run returned 2 arrays for 1 outputs"),
    (None, "TypeError: run returned object"),
])
def test_wrong_results(result, message):
    op = edge_ml.custom_op("MyOp", lambda x: result, prepare=lambda node: node.inputs[0].shape)
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    interpreter.allocate_tensors()
    with pytest.raises(RuntimeError, match=message):
        interpreter.invoke()


@pytest.mark.parametrize("shapes,message", [
    ([(2,), (2,)], "prepare returned 2 shapes for 1 outputs"),
    ((2, -1), "every dimension must be at least 0"),
    ((1,) * 9, "at most 8"),
    (7, "TypeError"),
    (("a",), "ValueError"),
    ((2**40,), "something unexpected"),
])
def test_wrong_shapes(shapes, message):
    op = edge_ml.custom_op("MyOp", lambda x: x, prepare=lambda node: shapes)
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    with pytest.raises(RuntimeError, match=message):
        interpreter.allocate_tensors()


def test_the_interpreter_cannot_be_used_from_inside():
    interpreter = None

    def run_again(x):
        interpreter.invoke()
        return x

    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", run_again)])
    interpreter.allocate_tensors()
    with pytest.raises(RuntimeError, match="running"):
        interpreter.invoke()


def test_inputs_may_be_kept():
    kept = []
    op = edge_ml.custom_op("MyOp", lambda x: kept.append(x) or x, prepare=lambda node: node.inputs[0].shape)
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[op])
    run(interpreter, ONES)
    run(interpreter, 5 * ONES)
    np.testing.assert_array_equal(kept[0], ONES)
    kept[0][:] = 3  # its own memory


# Registering -----------------------------------------------------------------------------------


def test_unknown_and_wrong_version():
    with pytest.raises(RuntimeError, match="Encountered unresolved custom op: MyOp"):
        edge_ml.Interpreter(model_content=model_of()).allocate_tensors()
    other = edge_ml.custom_op("Other", lambda x: x)
    newer = edge_ml.custom_op("MyOp", lambda x: x, min_version=2)
    for ops in ([other], [newer]):
        with pytest.raises(RuntimeError, match="Encountered unresolved custom op: MyOp"):
            edge_ml.Interpreter(model_content=model_of(), custom_ops=ops).allocate_tensors()
    older = edge_ml.custom_op("MyOp", lambda x: 3 * x, max_version=1)
    both = edge_ml.Interpreter(model_content=model_of(), custom_ops=[newer, older])
    np.testing.assert_array_equal(run(both, ONES), 3 * ONES)


def test_sets():
    ops = edge_ml.CustomOps([edge_ml.custom_op("A", lambda x: x)])
    ops.add(edge_ml.audio_frontend_ops())
    assert "A" in ops.names and "SignalRfft" in ops.names and len(ops.names) == 15
    with pytest.raises(ValueError, match="'A' is registered already"):
        ops.add(edge_ml.custom_op("A", lambda x: x))
    with pytest.raises(ValueError, match="empty range of versions"):
        ops.add(edge_ml.custom_op("B", lambda x: x, min_version=3, max_version=2))
    with pytest.raises(ValueError, match="built in"):
        ops.add(edge_ml.custom_op("TFLite_Detection_PostProcess", lambda x: x))
    with pytest.raises(TypeError, match="not a custom operator"):
        ops.add(print)
    with pytest.raises(TypeError, match="function or a class"):
        edge_ml.custom_op("C", 7)


def test_a_class_without_run():
    class Nothing:
        pass

    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", Nothing)])
    with pytest.raises(RuntimeError, match="Nothing has no method run"):
        interpreter.allocate_tensors()


def test_registerers_as_in_litert():
    double = edge_ml.custom_op("MyOp", lambda x: 2 * x)

    def registerer(ops):
        ops.add(double)

    for registerers in ([double], [edge_ml.CustomOps([double])], [registerer]):
        interpreter = edge_ml.InterpreterWithCustomOps(model_content=model_of(), custom_op_registerers=registerers)
        np.testing.assert_array_equal(run(interpreter, ONES), 2 * ONES)


def test_kernels_go_with_the_interpreter():
    class Kernel:
        def run(self, x):
            alive.append(weakref.ref(self))
            return x

    alive = []
    interpreter = edge_ml.Interpreter(model_content=model_of(), custom_ops=[edge_ml.custom_op("MyOp", Kernel)])
    run(interpreter, ONES)
    assert alive[0]() is not None
    del interpreter
    gc.collect()
    assert alive[0]() is None


def test_kernels_that_lead_back_to_the_interpreter_are_collected():
    class Application:
        def __init__(self):
            op = edge_ml.custom_op("MyOp", self.work)
            self.interpreter = edge_ml.InterpreterWithCustomOps(
                model_content=model_of(), custom_op_registerers=[edge_ml.CustomOps([op])])

        def work(self, x):
            return 2 * x

    application = Application()
    np.testing.assert_array_equal(run(application.interpreter, ONES), 2 * ONES)
    gone = weakref.ref(application)
    del application
    gc.collect()
    assert gone() is None


def test_audio_frontend():
    x, y, valid = T([1, 4], "i16", name="x"), T([1, 2, 3], "i16", name="y"), T([], "bool", name="valid")
    options = bytes(flexbuffers.Dumps({"frame_size": 3, "frame_step": 2, "prefill": True}))
    content = build([Graph([Op("SignalFramer", [x], [y, valid], custom=options)], [x], [y, valid])])
    interpreter = edge_ml.Interpreter(model_content=content, custom_ops=[edge_ml.audio_frontend_ops()])
    frames, ready = run(interpreter, np.int16([[1, 2, 3, 4]]))
    np.testing.assert_array_equal(frames, np.int16([[[0, 1, 2], [2, 3, 4]]]))
    assert ready
