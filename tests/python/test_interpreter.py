"""The drop-in interpreter: what scripts written for tflite_runtime rely on."""
from __future__ import annotations

import importlib
import pathlib
import threading
import time

import edge_ml
import edge_ml.interpreter as tflite
import numpy as np
import pytest
from edge_ml import Interpreter, OpResolverType

ONES = np.ones((1, 4), np.float32)


def ready(content: bytes, **kw) -> Interpreter:
    interpreter = Interpreter(model_content=content, **kw)
    interpreter.allocate_tensors()
    return interpreter


def feed(interpreter: Interpreter, *values) -> np.ndarray:
    for detail, value in zip(interpreter.get_input_details(), values):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


# Making one ------------------------------------------------------------------------------------


def test_names_of_both_import_forms():
    assert tflite.Interpreter is edge_ml.Interpreter
    assert tflite.load_delegate is edge_ml.load_delegate
    assert [r.name for r in OpResolverType] == ["AUTO", "BUILTIN", "BUILTIN_REF",
                                                "BUILTIN_WITHOUT_DEFAULT_DELEGATES"]


@pytest.mark.parametrize("kind", [str, pathlib.Path, lambda p: str(p).encode()])
def test_model_path_may_be_text_bytes_or_path_like(model_file, kind):
    interpreter = Interpreter(model_path=kind(model_file))
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(feed(interpreter, ONES, ONES), ONES * 2)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_model_content_may_be_any_buffer(add_model, kind):
    np.testing.assert_array_equal(feed(ready(kind(add_model)), ONES, ONES), ONES * 2)


def test_model_content_is_kept_alive(two_signature_model):
    content = bytes(bytearray(two_signature_model))
    interpreter = Interpreter(model_content=content)
    del content
    filler = [bytes([7]) * len(two_signature_model) for _ in range(50)]
    interpreter.allocate_tensors()
    assert feed(interpreter, np.float32([1, 2])).tolist() == [2, 3]
    del filler


@pytest.mark.parametrize("kind", list(OpResolverType))
def test_every_resolver_type(add_model, kind):
    assert feed(ready(add_model, experimental_op_resolver_type=kind), ONES, ONES)[0, 0] == 2


def test_resolver_type_of_another_package(add_model):
    peer = importlib.import_module("ai_edge_litert.interpreter")
    interpreter = Interpreter(model_content=add_model,
                              experimental_op_resolver_type=peer.OpResolverType.BUILTIN_REF)
    assert interpreter._options["exact"]


@pytest.mark.parametrize("arguments,message", [
    ({}, "`model_path` or `model_content` must be specified."),
    ({"model_path": "a", "model_content": b"b"}, "Can't both provide `model_path` and `model_content`"),
    ({"model_path": "totally_invalid_file_name"}, "Could not open 'totally_invalid_file_name'"),
    ({"model_content": b"short"}, "The model is not a valid Flatbuffer buffer"),
    ({"model_content": b"wrong_identifier"}, "The model is not a valid Flatbuffer buffer"),
    ({"model_path": "a", "num_threads": -1}, "num_threads should >= 1"),
    ({"model_path": "a", "num_threads": 4.2}, "type of num_threads should be int"),
    ({"model_path": "a", "experimental_op_resolver_type": "test"},
     "Unrecognized passed in op resolver type: test"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Interpreter(**arguments)


def test_all_keyword_arguments_are_taken(add_model):
    interpreter = ready(
        add_model, experimental_delegates=None, num_threads=2, experimental_preserve_all_tensors=True,
        experimental_disable_delegate_clustering=True,
        experimental_default_delegate_latest_features=True,
        experimental_compress_quantization_zero_points=True,
        experimental_disable_delegate_node_fusion=True,
        experimental_force_delegate_node_profiling=True)
    assert interpreter.experimental_compress_quantization_zero_points
    assert feed(interpreter, ONES, ONES)[0, 0] == 2


def test_unknown_custom_op_is_an_error_when_allocated(custom_op_model):
    interpreter = Interpreter(model_content=custom_op_model)
    assert interpreter.get_input_details()[0]["name"] == "x"
    with pytest.raises(RuntimeError, match="Encountered unresolved custom op: MyOwnOp"):
        interpreter.allocate_tensors()


# Running ---------------------------------------------------------------------------------------


def test_invoke_before_allocate(add_model):
    with pytest.raises(RuntimeError, match="Invoke called on model that is not ready"):
        Interpreter(model_content=add_model).invoke()


def test_invoke_after_a_resize_needs_allocate(add_model):
    interpreter = ready(add_model)
    for detail in interpreter.get_input_details():
        interpreter.resize_tensor_input(detail["index"], [2, 4])
    with pytest.raises(RuntimeError, match="Invoke called on model that is not ready"):
        interpreter.invoke()


def test_inputs_keep_their_values(add_model):
    interpreter = ready(add_model)
    feed(interpreter, ONES, ONES * 2)
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0] == 3


def test_dynamic_output(where_model):
    interpreter = ready(where_model)
    for values in ([1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]):
        result = feed(interpreter, np.array(values, np.bool_))
        np.testing.assert_array_equal(result, np.flatnonzero(values)[:, None])
        assert result.dtype == np.int64
        detail = interpreter.get_output_details()[0]
        assert tuple(detail["shape"]) == (sum(values), 1)
        assert tuple(detail["shape_signature"]) == (-1, 1)


def test_variables_live_until_they_are_reset(state_model):
    interpreter = ready(state_model)
    step = np.array([1, 2], np.float32)
    assert feed(interpreter, step).tolist() == [1, 2]
    assert feed(interpreter, step).tolist() == [2, 4]
    interpreter.reset_all_variables()
    assert feed(interpreter, step).tolist() == [1, 2]
    assert feed(ready(state_model), step).tolist() == [1, 2]


def test_invoke_lets_other_threads_run():
    from tflite_builder import Graph, Op, T, build
    a = T([1, 768, 768], "f32", name="x")
    b = T([1, 768, 768], "f32")
    content = build([Graph([Op("BATCH_MATMUL", [a, a], [b], ("BatchMatMulOptions", {}))], [a], [b])])
    interpreter = ready(content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    stop, laps, refused = threading.Event(), [0], [None]

    def spin():
        while not stop.is_set():
            laps[0] += 1
            if refused[0] is None and busy.is_set():
                try:
                    interpreter.allocate_tensors()
                except RuntimeError as error:
                    refused[0] = str(error)
            time.sleep(0.0005)

    busy = threading.Event()
    thread = threading.Thread(target=spin)
    thread.start()
    start, before = time.perf_counter(), laps[0]
    busy.set()
    interpreter.invoke()
    taken, done = time.perf_counter() - start, laps[0] - before
    stop.set()
    thread.join()
    assert taken > 0.02, "the model is too fast for this test"
    assert done >= 5
    assert refused[0] is not None and "running in another thread" in refused[0]


# Values ----------------------------------------------------------------------------------------


def test_set_tensor_copies(add_model):
    interpreter = ready(add_model)
    value = ONES.copy()
    interpreter.set_tensor(0, value)
    value[:] = 9
    np.testing.assert_array_equal(interpreter.get_tensor(0), ONES)


def test_set_tensor_takes_any_layout(add_model):
    interpreter = ready(add_model)
    interpreter.set_tensor(0, np.arange(8, dtype=np.float32).reshape(4, 2)[:, 1][None])
    assert interpreter.get_tensor(0).tolist() == [[1, 3, 5, 7]]
    interpreter.set_tensor(0, np.float32([[1, 2, 3, 4]]))
    assert interpreter.get_tensor(0).tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("value,message", [
    (np.ones((1, 4)), "Cannot set tensor: Got value of type FLOAT64 but expected type FLOAT32 for input 0, "
                      "name: a "),
    (np.ones((1, 4), np.uint8), "Got value of type UINT8 but expected type FLOAT32"),
    (np.ones(4, np.float32), "Cannot set tensor: Dimension mismatch. Got 1 but expected 2 for input 0."),
    (np.ones((1, 5), np.float32),
     "Cannot set tensor: Dimension mismatch. Got 5 but expected 4 for dimension 1 of input 0."),
])
def test_set_tensor_refuses(add_model, value, message):
    with pytest.raises(ValueError) as error:
        ready(add_model).set_tensor(0, value)
    assert message in str(error.value)


def test_values_before_allocate(add_model):
    interpreter = Interpreter(model_content=add_model)
    with pytest.raises(ValueError, match="Tensor is unallocated. Try calling allocate_tensors"):
        interpreter.set_tensor(0, ONES)
    with pytest.raises(ValueError, match="Tensor data is null. Run allocate_tensors"):
        interpreter.get_tensor(0)


def test_wrong_index(add_model):
    interpreter = ready(add_model)
    for ask in (interpreter.get_tensor, lambda i: interpreter.set_tensor(i, ONES),
                lambda i: interpreter.tensor(i)(), lambda i: interpreter._get_tensor_details(i, 0)):
        with pytest.raises(ValueError, match="Invalid tensor index 4 exceeds max tensor index 3"):
            ask(4)
        with pytest.raises(ValueError, match="Invalid tensor index -1"):
            ask(-1)
    with pytest.raises(ValueError, match="Invalid node index"):
        interpreter._get_op_details(4)


@pytest.mark.parametrize("dtype,kind", [("f32", np.float32), ("i32", np.int32), ("i64", np.int64),
                                        ("bool", np.bool_), ("i8", np.int8), ("u8", np.uint8),
                                        ("i16", np.int16), ("f16", np.float16), ("f64", np.float64),
                                        ("u32", np.uint32)])
def test_types_come_and_go(dtype, kind):
    from tflite_builder import Graph, Op, T, build
    x, y = T([2, 2], dtype), T([2, 2], dtype)
    interpreter = ready(build([Graph([Op("RESHAPE", [x], [y], ("ReshapeOptions", {"newShape": [2, 2]}))],
                                     [x], [y])]))
    assert interpreter.get_input_details()[0]["dtype"] is kind
    value = np.array([[0, 1], [1, 0]], kind)
    result = feed(interpreter, value)
    assert result.dtype == kind
    np.testing.assert_array_equal(result, value)


def test_scalars_come_as_scalars():
    from tflite_builder import Graph, Op, T, build
    x, y = T([], "f32"), T([], "f32")
    interpreter = ready(build([Graph([Op("NEG", [x], [y], ("NegOptions", {}))], [x], [y])]))
    result = feed(interpreter, np.float32(2.5))
    assert isinstance(result, np.float32) and result == -2.5


def test_intermediate_tensors_can_be_kept():
    from tflite_builder import Graph, Op, T, build
    x, a, b, y = (T([3], "f32") for _ in range(4))
    content = build([Graph([Op("NEG", [x], [a], ("NegOptions", {})), Op("ABS", [a], [b], ("AbsOptions", {})),
                            Op("SQUARE", [b], [y], ("SquareOptions", {}))], [x], [y])])
    interpreter = ready(content, experimental_preserve_all_tensors=True)
    assert feed(interpreter, np.float32([1, -2, 3])).tolist() == [1, 4, 9]
    assert [interpreter.get_tensor(i).tolist() for i in range(4)] == [
        [1, -2, 3], [-1, 2, -3], [1, 2, 3], [1, 4, 9]]


def test_constants_can_be_read_before_allocate(two_signature_model):
    interpreter = Interpreter(model_content=two_signature_model)
    one = [d for d in interpreter.get_tensor_details() if d["shape"].tolist() == [1]][0]
    assert interpreter.get_tensor(one["index"]).tolist() == [1]
    interpreter.allocate_tensors()
    with pytest.raises(ValueError, match="constant"):
        interpreter.set_tensor(one["index"], np.float32([5]))
    view = interpreter.tensor(one["index"])()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5
    with pytest.raises(ValueError, match="Invalid subgraph index"):
        interpreter.get_tensor(0, 2)


# Views -----------------------------------------------------------------------------------------


def test_view_is_the_tensors_memory(add_model):
    interpreter = ready(add_model)
    view = interpreter.tensor(0)
    view()[:] = 7
    np.testing.assert_array_equal(interpreter.get_tensor(0), ONES * 7)
    interpreter.set_tensor(0, ONES)
    np.testing.assert_array_equal(view(), ONES)


def test_views_forbid_what_moves_memory(add_model):
    interpreter = ready(add_model)
    for forbidden in (interpreter.invoke, interpreter.allocate_tensors,
                      lambda: interpreter.resize_tensor_input(0, [2, 4]),
                      lambda: interpreter.get_signature_runner()(a=ONES, b=ONES)):
        held = interpreter.tensor(0)()
        part = held[0, 1:]
        del held
        assert not interpreter._safe_to_run()
        with pytest.raises(RuntimeError, match="There is at least 1 reference"):
            forbidden()
        del part
        assert interpreter._safe_to_run()
    interpreter.invoke()


def test_view_outlives_its_interpreter(add_model):
    interpreter = ready(add_model)
    interpreter.set_tensor(0, ONES * 3)
    view = interpreter.tensor(0)()
    del interpreter
    filler = [ready(add_model) for _ in range(20)]
    np.testing.assert_array_equal(view, ONES * 3)
    del filler


# Shapes ----------------------------------------------------------------------------------------


def test_resize(add_model):
    interpreter = Interpreter(model_content=add_model)
    for detail in interpreter.get_input_details():
        interpreter.resize_tensor_input(detail["index"], (3, 4))
    assert interpreter.get_input_details()[0]["shape"].tolist() == [3, 4]
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [3, 4]
    big = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(feed(interpreter, big, big), big * 2)


def test_strict_resize(open_batch_model):
    interpreter = Interpreter(model_content=open_batch_model)
    detail = interpreter.get_input_details()[0]
    assert detail["shape"].tolist() == [1, 4] and detail["shape_signature"].tolist() == [-1, 4]
    interpreter.resize_tensor_input(0, [5, 4], strict=True)
    interpreter.resize_tensor_input(1, [5, 4], strict=True)
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [5, 4]
    with pytest.raises(RuntimeError, match="ResizeInputTensorStrict only allows mutating unknown dimensions"):
        interpreter.resize_tensor_input(0, [5, 6], strict=True)
    with pytest.raises(ValueError, match="Shape should be 1D instead of 2"):
        interpreter.resize_tensor_input(0, [[5, 4]])


def test_shapes_the_model_cannot_take(add_model):
    interpreter = ready(add_model)
    interpreter.resize_tensor_input(0, [2, 3])
    with pytest.raises(RuntimeError, match="broadcast"):
        interpreter.allocate_tensors()
    interpreter.resize_tensor_input(0, [1, 4])
    interpreter.allocate_tensors()
    assert feed(interpreter, ONES, ONES)[0, 0] == 2


# Descriptions ----------------------------------------------------------------------------------


def test_details_have_the_peers_keys_and_types(quantized_model, add_model):
    peer = importlib.import_module("ai_edge_litert.interpreter")
    for content in (quantized_model, add_model):
        mine, theirs = ready(content), peer.Interpreter(model_content=content)
        theirs.allocate_tensors()
        for a, b in zip(mine.get_tensor_details(), theirs.get_tensor_details()):
            assert list(a) == list(b)
            for key in a:
                assert type(a[key]) is type(b[key]), key
            assert list(a["quantization_parameters"]) == list(b["quantization_parameters"])
            for key in ("scales", "zero_points"):
                x, y = a["quantization_parameters"][key], b["quantization_parameters"][key]
                assert x.dtype == y.dtype
                np.testing.assert_array_equal(x, y)
            assert a["quantization"] == b["quantization"]
            assert a["dtype"] is b["dtype"]


def test_op_details(add_model):
    detail = ready(add_model)._get_ops_details()[0]
    assert detail["index"] == 0 and detail["op_name"] == "ADD"
    assert detail["inputs"].tolist() == [0, 1] and detail["outputs"].tolist() == [2]
    assert detail["operand_types"] == [np.float32, np.float32]
    assert detail["result_types"] == [np.float32]


def test_subgraphs(two_signature_model):
    interpreter = Interpreter(model_content=two_signature_model)
    assert interpreter.num_subgraphs() == 2
    assert interpreter.get_tensor_details(1)[0]["name"] == "u"
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match="subgraph_index is out of range"):
            interpreter.get_tensor_details(subgraph_index=wrong)


def test_kernels_say_their_bound_and_why_others_declined(add_model, integer_add_model, two_signature_model):
    exact = ready(add_model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    assert exact.get_kernel_details() == [
        {"index": 0, "op_name": "ADD", "kernel": "add.reference", "error_bound": "exact", "declined": []}]
    integers = ready(integer_add_model).get_kernel_details()[0]
    assert integers["kernel"] == "add.reference"
    assert integers["declined"] and all(": " in reason for reason in integers["declined"])
    assert [d["op_name"] for d in ready(two_signature_model).get_kernel_details(1)] == ["MUL", "NEG"]


# Signatures ------------------------------------------------------------------------------------


def test_signature_list(two_signature_model, where_model):
    assert Interpreter(model_content=two_signature_model).get_signature_list() == {
        "one": {"inputs": ["x"], "outputs": ["y"]},
        "three": {"inputs": ["u"], "outputs": ["negative", "times"]},
    }
    assert Interpreter(model_content=where_model).get_signature_list() == {}


def test_signature_runner(add_model, two_signature_model):
    runner = Interpreter(model_content=add_model).get_signature_runner()
    for rows in (1, 3):
        value = np.full((rows, 4), 2, np.float32)
        result = runner(a=value, b=value)
        assert list(result) == ["sum"]
        np.testing.assert_array_equal(result["sum"], value * 2)
    assert runner.get_input_details()["b"]["index"] == 1
    assert runner.get_output_details()["sum"]["name"] == "y"

    interpreter = Interpreter(model_content=two_signature_model)
    three = interpreter.get_signature_runner("three")
    one = interpreter.get_signature_runner("one")
    result = three(u=np.float32([1, 2, 3]))
    assert result["times"].tolist() == [3, 6, 9] and result["negative"].tolist() == [-1, -2, -3]
    assert one(x=np.float32([1, 2]))["y"].tolist() == [2, 3]
    assert three(u=np.float32([1]))["times"].tolist() == [3]


def test_signature_errors(add_model, two_signature_model, where_model):
    interpreter = Interpreter(model_content=two_signature_model)
    with pytest.raises(ValueError, match="None is only allowed when the model has 1 SignatureDef"):
        interpreter.get_signature_runner()
    with pytest.raises(ValueError, match="model has 0 Signatures"):
        Interpreter(model_content=where_model).get_signature_runner()
    with pytest.raises(ValueError, match='Invalid signature_key provided: "nine".'):
        interpreter.get_signature_runner("nine")
    runner = Interpreter(model_content=add_model).get_signature_runner("add")
    with pytest.raises(ValueError, match="expected 2 vs provided 1"):
        runner(a=ONES)
    with pytest.raises(ValueError, match=r"Invalid Input name \(c\) for SignatureDef"):
        runner(a=ONES, c=ONES)


# Delegates and custom ops ----------------------------------------------------------------------


def test_absent_delegate_is_a_value_error():
    for kind in (ValueError, OSError):  # scripts catch the one or the other
        with pytest.raises(kind, match="Failed to load delegate from libnothere.so.1\n.*libnothere.so.1"):
            edge_ml.load_delegate("libnothere.so.1")


def test_delegate_that_is_none(tmp_path):
    import ctypes.util
    with pytest.raises(ValueError, match="has no function tflite_plugin_create_delegate"):
        edge_ml.load_delegate(ctypes.util.find_library("c") or "libc.so.6", {"option": 1})
    text = tmp_path / "text.so"
    text.write_text("not a library")
    with pytest.raises(ValueError, match="Failed to load delegate"):
        edge_ml.load_delegate(text)


def test_delegates_are_refused(add_model):
    with pytest.raises(ValueError, match="cannot use the delegate"):
        Interpreter(model_content=add_model, experimental_delegates=[object()])
    with pytest.raises(ValueError, match="cannot use the delegate"):
        ready(add_model).modify_graph_with_delegate(object())
    assert Interpreter(model_content=add_model, experimental_delegates=[]) is not None


def test_registerers_are_refused(add_model):
    make = edge_ml.InterpreterWithCustomOps
    assert make(model_content=add_model)._safe_to_run()
    with pytest.raises(ValueError, match="Looking up symbol 'BogusName' failed"):
        make(model_content=add_model, custom_op_registerers=["BogusName"])
    with pytest.raises(ValueError, match="Loading library 'nolib.so' failed with error 'nolib.so"):
        make(model_content=add_model, custom_op_registerers=["nolib.Symbol"])
    with pytest.raises(ValueError, match="does not have"):
        make(model_content=add_model, custom_op_registerers=[print])
