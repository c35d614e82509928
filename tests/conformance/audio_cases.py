"""Random models of the audio front-end's operators: build(name, rng) gives a Case."""
from __future__ import annotations

import dataclasses
from typing import Callable, Dict, List

import numpy as np
from flatbuffers import flexbuffers
from tflite_builder import Graph, Op, T, build

TENSOR_TYPE = {"f32": 0, "i32": 2, "i16": 7}
I16 = np.iinfo(np.int16)


@dataclasses.dataclass
class Case:
    """A model and what to feed in each run. Outputs of a run count only while its flags (outputs of type bool) are
    true: where they are not, TFLite Micro leaves the others as they were."""

    model: bytes
    feeds: List[List[np.ndarray]]  # by run, by input
    reset_after: int = 0           # 0 = never


def op(name: str, inputs, outputs, **options) -> Op:
    return Op(name, inputs, outputs, custom=bytes(flexbuffers.Dumps(options)) if options else b"")


def one(op_: Op, constants=()) -> bytes:
    """A model of one operator. Inputs that are not constant, and all outputs, are the model's."""
    return build([Graph([op_], [t for t in op_.inputs if not t.const], op_.outputs)])


def samples(rng, shape, dtype="i16"):
    """Signals of very different loudness, extremes among them."""
    if dtype == "f32":
        return rng.normal(0, 10.0 ** rng.integers(-3, 4), shape).astype(np.float32)
    info = np.iinfo({"i16": np.int16, "i32": np.int32}[dtype])
    loud = int(rng.choice([1, 10, 300, info.max // 7, info.max]))
    values = rng.integers(-loud - (loud == info.max), loud, shape, endpoint=True)
    if rng.random() < 0.2:
        values = np.where(rng.random(shape) < 0.3, rng.choice([info.min, info.max, 0], shape), values)
    return values.astype(info.dtype)


def energies(rng, shape, dtype=np.uint32):
    """Non-negative integers of all orders of magnitude."""
    bits = rng.integers(0, np.iinfo(dtype).bits + 1, shape)
    raw = rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    shift = (np.iinfo(dtype).bits - bits).astype(dtype)
    return np.where(bits == 0, dtype(0), raw >> np.minimum(shift, np.iinfo(dtype).bits - 1)).astype(dtype)


def outer(rng, most=2):
    return [int(n) for n in rng.integers(1, 4, rng.integers(0, most + 1))]


def window(rng):
    n = int(rng.integers(1, 70))
    shape = outer(rng) + [n]
    x, y = T(shape, "i16"), T(shape, "i16")
    const = rng.random() < 0.7
    weights = T([n], "i16", None, samples(rng, n), const=bool(const))
    feeds = [[samples(rng, shape)] + ([] if const else [samples(rng, n)]) for _ in range(2)]
    return Case(one(op("SignalWindow", [x, weights], [y], shift=int(rng.integers(0, 20)))), feeds)


def auto_scale(rng):
    n = int(rng.integers(1, 100))
    x, y, bits = T([n], "i16"), T([n], "i16"), T([], "i32")
    return Case(one(op("SignalFftAutoScale", [x], [y, bits])), [[samples(rng, n)] for _ in range(4)])


def fft_length(rng):
    """Even, of small factors, which TFLite Micro can transform (its library fails on others)."""
    while True:
        length = 2 * int(np.prod(rng.choice([2, 2, 2, 3, 4, 5], rng.integers(1, 6))))
        if 4 <= length <= 2048:
            return length


def rfft(rng):
    dtype = str(rng.choice(["i16", "i16", "i32", "f32"]))
    length = fft_length(rng)
    shape = outer(rng) + [int(rng.integers(1, length + 1))]
    x, y = T(shape, dtype), T(shape[:-1] + [length + 2], dtype)
    model = one(op("SignalRfft", [x], [y], T=TENSOR_TYPE[dtype], fft_length=length))
    return Case(model, [[samples(rng, shape, dtype)] for _ in range(3)])


def irfft(rng):
    dtype = str(rng.choice(["i16", "i16", "i32", "f32"]))
    length = fft_length(rng)
    shape = outer(rng) + [length + 2]
    x, y = T(shape, dtype), T(shape[:-1] + [length], dtype)
    model = one(op("SignalIrfft", [x], [y], T=TENSOR_TYPE[dtype], fft_length=length))
    return Case(model, [[samples(rng, shape, dtype)] for _ in range(3)])


def energy(rng):
    n = int(rng.integers(1, 80))
    x, y = T([2 * n], "i16"), T([n], "u32")
    # All of it: what is outside of the range TFLite Micro leaves as it was.
    model = one(op("SignalEnergy", [x], [y], start_index=0, end_index=n))
    return Case(model, [[samples(rng, 2 * n)] for _ in range(3)])


def bank(rng, bins):
    """Weights, unweights, places in the spectrum, places in the weights and widths of a random bank."""
    channels = int(rng.integers(1, 20))
    widths = rng.integers(0, min(bins, 9), channels + 1)
    starts = [int(rng.integers(0, bins - w + 1)) for w in widths]
    places = np.concatenate([[0], np.cumsum(widths)[:-1]])
    weights = rng.integers(0, 4097, max(int(widths.sum()), 1))
    return channels, [np.int16(v) for v in (weights, 4096 - weights, starts, places, widths)]


def filter_bank(rng):
    bins = int(rng.integers(2, 120))
    channels, tables = bank(rng, bins)
    x, y = T([bins], "u32"), T([channels], "u64")
    constants = [T([len(t)], "i16", None, t, const=True) for t in tables]
    model = one(op("SignalFilterBank", [x, *constants], [y], num_channels=channels))
    return Case(model, [[energies(rng, bins)] for _ in range(2)])


def square_root(rng):
    n = int(rng.integers(1, 60))
    x, bits, y = T([n], "u64"), T([], "i32"), T([n], "u32")
    model = one(op("SignalFilterBankSquareRoot", [x, bits], [y]))
    return Case(model, [[energies(rng, n, np.uint64), np.int32(rng.integers(0, 15))] for _ in range(4)])


def subtraction_options(rng, channels):
    bits = int(rng.integers(8, 16))
    smoothing, alternate = (int(n) for n in rng.integers(0, 2**bits + 1, 2))
    return dict(num_channels=channels, smoothing=smoothing, one_minus_smoothing=2**bits - smoothing,
                alternate_smoothing=alternate, alternate_one_minus_smoothing=2**bits - alternate,
                smoothing_bits=int(rng.integers(0, 12)), min_signal_remaining=int(rng.integers(0, 2**bits + 1)),
                clamping=bool(rng.random() < 0.5), spectral_subtraction_bits=bits)


def subtraction(rng):
    n = int(rng.integers(1, 60))
    x, y, noise = T([n], "u32"), T([n], "u32"), T([n], "u32")
    model = one(op("SignalFilterBankSpectralSubtraction", [x], [y, noise], **subtraction_options(rng, n)))
    return Case(model, [[energies(rng, n)] for _ in range(6)], reset_after=int(rng.integers(0, 5)))


def pcan(rng):
    n = int(rng.integers(1, 60))
    x, noise, y = T([n], "u32"), T([n], "u32"), T([n], "u32")
    gains = T([125], "i16", None, samples(rng, 125), const=True)
    model = one(op("SignalPCAN", [x, noise, gains], [y], snr_shift=int(rng.integers(0, 20))))
    return Case(model, [[energies(rng, n), energies(rng, n)] for _ in range(3)])


def log(rng):
    n = int(rng.integers(1, 60))
    x, y = T([n], "u32"), T([n], "i16")
    model = one(op("SignalFilterBankLog", [x], [y], output_scale=int(rng.choice([1, 256, 1600, 65536])),
                   input_correction_bits=int(rng.integers(0, 8))))
    return Case(model, [[energies(rng, n)] for _ in range(3)])


def framer(rng):
    size, step, frames = (int(n) for n in (rng.integers(1, 30), rng.integers(1, 20), rng.integers(1, 4)))
    shape = outer(rng) + [step * frames]
    x, y, valid = T(shape, "i16"), T(shape[:-1] + [frames, size], "i16"), T([], "bool")
    prefill = bool(size >= step and rng.random() < 0.5)
    model = one(op("SignalFramer", [x], [y, valid], frame_size=size, frame_step=step, prefill=prefill))
    return Case(model, [[samples(rng, shape)] for _ in range(8)], reset_after=int(rng.integers(0, 7)))


def delay(rng):
    shape = outer(rng) + [int(rng.integers(1, 30))]
    x, y = T(shape, "i16"), T(shape, "i16")
    model = one(op("SignalDelay", [x], [y], delay_length=int(rng.integers(0, 60))))
    return Case(model, [[samples(rng, shape)] for _ in range(6)], reset_after=int(rng.integers(0, 5)))


def stacker(rng):
    channels, left, right = (int(n) for n in (rng.integers(1, 12), rng.integers(0, 4), rng.integers(0, 4)))
    x, y = T([channels], "i16"), T([channels * (left + 1 + right)], "i16")
    valid = T([], "bool")
    model = one(op("SignalStacker", [x], [y, valid], num_channels=channels, stacker_left_context=left,
                   stacker_right_context=right, stacker_step=int(rng.integers(1, left + right + 2))))
    return Case(model, [[samples(rng, channels)] for _ in range(10)], reset_after=int(rng.integers(0, 9)))


def overlap_add(rng):
    dtype = str(rng.choice(["i16", "f32"]))
    size, frames = int(rng.integers(1, 30)), int(rng.integers(1, 5))
    step = int(rng.integers(1, size + 1))
    shape = outer(rng) + [frames, size]
    x, y = T(shape, dtype), T(shape[:-2] + [frames * step], dtype)
    model = one(op("SignalOverlapAdd", [x], [y], T=TENSOR_TYPE[dtype], frame_step=step))
    return Case(model, [[samples(rng, shape, dtype)] for _ in range(5)], reset_after=int(rng.integers(0, 4)))


def features(rng):
    """The whole chain from samples to features, as published keyword spotters have it."""
    length, size, step = 512, 480, 320
    channels, tables = bank(rng, length // 2 + 1)
    audio = T([1, step], "i16")
    frame, ready = T([1, 1, size], "i16"), T([], "bool")
    windowed = T([1, 1, size], "i16")
    flat = T([size], "i16")
    shape = T([1], "i32", None, np.int32([size]), const=True)
    hann = np.int16(np.round(4096 * np.hanning(size)))
    scaled, bits = T([size], "i16"), T([], "i32")
    spectrum, power = T([length + 2], "i16"), T([length // 2 + 1], "u32")
    sums, roots = T([channels], "u64"), T([channels], "u32")
    clean, noise, even, out = (T([channels], t) for t in ("u32", "u32", "u32", "i16"))
    gains = T([125], "i16", None, np.sort(samples(rng, 125))[::-1].copy(), const=True)
    ops = [
        op("SignalFramer", [audio], [frame, ready], frame_size=size, frame_step=step, prefill=True),
        op("SignalWindow", [frame, T([size], "i16", None, hann, const=True)], [windowed], shift=12),
        Op("RESHAPE", [windowed, shape], [flat], ("ReshapeOptions", {"newShape": [size]})),
        op("SignalFftAutoScale", [flat], [scaled, bits]),
        op("SignalRfft", [scaled], [spectrum], T=TENSOR_TYPE["i16"], fft_length=length),
        op("SignalEnergy", [spectrum], [power], start_index=0, end_index=length // 2 + 1),
        op("SignalFilterBank", [power, *(T([len(t)], "i16", None, t, const=True) for t in tables)], [sums],
           num_channels=channels),
        op("SignalFilterBankSquareRoot", [sums, bits], [roots]),
        op("SignalFilterBankSpectralSubtraction", [roots], [clean, noise], **subtraction_options(rng, channels)),
        op("SignalPCAN", [clean, noise, gains], [even], snr_shift=6),
        op("SignalFilterBankLog", [even], [out], output_scale=1600, input_correction_bits=3),
    ]
    model = build([Graph(ops, [audio], [out, ready])])
    return Case(model, [[samples(rng, (1, step))] for _ in range(10)], reset_after=5)


ROWS: Dict[str, Callable] = {
    f.__name__: f
    for f in (window, auto_scale, rfft, irfft, energy, filter_bank, square_root, subtraction, pcan, log, framer, delay,
              stacker, overlap_add, features)
}
