"""Random operators: unseeded ones by their shapes, distributions and independence; where streams begin."""
from __future__ import annotations

import numpy as np
import pytest
import runner
from case import Dice, out, single
from test_dynamic import open_ours, step
from tflite_builder import T

MODES = runner.MODES
SIZE = 20000


def numbers(code: str, fields: dict) -> bytes:
    shape = T([2], "i32", None, np.int32([SIZE // 100, 100]), const=True)
    return runner.build_case(single(code, [shape], [out([SIZE // 100, 100])], ("RandomOptions", fields)))


def draw(interpreter) -> np.ndarray:
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def opened(content: bytes, mode: str):
    interpreter = open_ours(content, mode)
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code,mean,deviation", [("RANDOM_UNIFORM", 0.5, 12 ** -0.5), ("RANDOM_STANDARD_NORMAL", 0, 1)])
def test_unseeded_numbers_have_their_distribution_and_never_repeat(code, mean, deviation, mode):
    content = numbers(code, {"seed": 0, "seed2": 0})
    first, second = opened(content, mode), opened(content, mode)
    drawn = [draw(first), draw(first), draw(second)]
    for values in drawn:
        assert values.shape == (SIZE // 100, 100)
        # Five deviations of the estimates.
        assert abs(values.mean() - mean) < 5 * deviation / SIZE ** 0.5
        assert abs(values.std() - deviation) < 5 * deviation / SIZE ** 0.5
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(drawn[a], drawn[b])
        assert abs(np.corrcoef(drawn[a].ravel(), drawn[b].ravel())[0, 1]) < 5 / SIZE ** 0.5


@pytest.mark.parametrize("mode", MODES)
def test_unseeded_classes_have_their_probabilities(mode):
    logits = T([1, 3], "f32", None, np.log(np.float32([[1, 2, 5]])), const=True)
    samples = T([], "i32", None, np.int32(SIZE), const=True)
    content = runner.build_case(single("MULTINOMIAL", [logits, samples], [out([1, SIZE], "i64")],
                                       ("RandomOptions", {"seed": 0, "seed2": 0})))
    interpreter = opened(content, mode)
    one, other = draw(interpreter), draw(interpreter)
    assert not np.array_equal(one, other)
    share = np.bincount(np.concatenate([one, other]).ravel(), minlength=3) / (2 * SIZE)
    assert np.abs(share - np.array([1, 2, 5]) / 8).max() < 5 * 0.5 / (2 * SIZE) ** 0.5


@pytest.mark.parametrize("mode", MODES)
def test_sessions_of_a_model_have_streams_of_their_own(mode):
    content = numbers("RANDOM_UNIFORM", {"seed": 3, "seed2": 4})
    first, second = opened(content, mode), opened(content, mode)
    begun = draw(first)
    assert not np.array_equal(begun, draw(first))
    np.testing.assert_array_equal(begun, draw(second))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stored", (True, False))
def test_a_resized_input_begins_the_stream_again(stored, mode):
    dice = Dice(5)
    logits = [dice.values([rows, 6], "f32") for rows in (2, 2, 5, 5)]
    samples = T([], "i32", None, np.int32(40), const=stored)
    x = T([2, 6], "f32", None, logits[0])
    content = runner.build_case(single("MULTINOMIAL", [x, samples], [out([2, 40], "i64")],
                                       ("RandomOptions", {"seed": 8, "seed2": 9})))
    ours, theirs = open_ours(content, mode), runner.make_peer(content)[0]
    for turn, value in enumerate(logits):
        given = [value] if stored else [value, samples.data]
        mine, peers = (step(i, given, resize=turn in (0, 2)) for i in (ours, theirs))
        np.testing.assert_array_equal(mine[0], peers[0])
