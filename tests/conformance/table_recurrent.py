"""Cases of the recurrent operators: several invocations each, so that the state is tested too."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, single
from tflite_builder import Q, T

TURNS = 3


def weight(d: Dice, shape, form: str) -> T:
    """float32, or int8/uint8 with one symmetric scale."""
    if form == "float32":
        return d.const(shape, "f32", None, -0.8, 0.8)
    if form == "uint8":
        return d.const(shape, "u8", Q(np.float32(d.real(0.002, 0.008)), 0))
    return d.const(shape, "i8", Q(np.float32(d.real(0.002, 0.008)), 0), -127, 127)


def state(shape, dtype="f32", q=None) -> T:
    return T(list(shape), dtype, q, variable=True)


def with_reset(d: Dice, case: Case) -> Case:
    case.reset_after = d.pick([None, None, 1])
    x, w = case.graphs[0].ops[0].inputs[:2]
    case.rounds_state = x.dtype == "f32" and (w or case.graphs[0].ops[0].inputs[2]).dtype != "f32"
    return case


def rnn(d: Dice, variant: str) -> Case:
    batch, depth, units = d.int(1, 3), d.int(1, 6), d.int(1, 6)
    x = d.input([batch, depth], invokes=TURNS)
    inputs = [x, weight(d, [units, depth], variant), weight(d, [units, units], variant),
              d.const([units]), state([batch, units])]
    fields = {"fusedActivationFunction": d.pick([0, 1, 3, 4]),
              "asymmetricQuantizeInputs": variant != "float32" and d.chance(0.5)}
    return with_reset(d, single("RNN", inputs, [out([batch, units])], ("RNNOptions", fields),
                                invokes=TURNS))


def sequence_rnn(d: Dice, variant: str) -> Case:
    batch, depth, units, steps = d.int(1, 3), d.int(1, 6), d.int(1, 6), d.int(1, 4)
    major = d.chance(0.5)
    lead = [steps, batch] if major else [batch, steps]
    x = d.input([*lead, depth], invokes=TURNS)
    inputs = [x, weight(d, [units, depth], variant), weight(d, [units, units], variant),
              d.const([units]), state([batch, units])]
    fields = {"fusedActivationFunction": d.pick([1, 3, 4]), "timeMajor": major,
              "asymmetricQuantizeInputs": variant != "float32" and d.chance(0.5)}
    return with_reset(d, single("UNIDIRECTIONAL_SEQUENCE_RNN", inputs, [out([*lead, units])],
                                ("SequenceRNNOptions", fields), invokes=TURNS))


def svdf(d: Dice, variant: str) -> Case:
    batch, depth, units = d.int(1, 3), d.int(1, 6), d.int(1, 5)
    rank, memory = d.int(1, 3), d.int(1, 5)
    filters = units * rank
    fields = {"rank": rank, "fusedActivationFunction": d.pick([0, 1, 2, 3, 4])}
    if variant == "int8":
        x = d.input([batch, depth], "i8", d.q("i8", -2.5, -1.5), invokes=TURNS)
        feature = weight(d, [filters, depth], "int8")
        time = d.const([filters, memory], "i16", Q(np.float32(1 / 3000), 0), -3000, 3000)
        state_q = Q(np.float32(2.0 / 32767), 0)
        bias = d.const([units], "i32", Q(state_q.scales() * time.q.scales(), 0), -3000, 3000)
        y_q = Q(np.float32(d.real(0.01, 0.05)), d.int(-60, 60))
        fields["fusedActivationFunction"] = 1
        inputs = [x, feature, time, bias if d.chance(0.8) else None,
                  state([batch, memory * filters], "i16", state_q)]
        y = out([batch, units], "i8", y_q)
    else:
        x = d.input([batch, depth], invokes=TURNS)
        inputs = [x, weight(d, [filters, depth], variant), weight(d, [filters, memory], variant),
                  d.const([units]) if d.chance(0.7) else None, state([batch, memory * filters])]
        fields["asymmetricQuantizeInputs"] = variant != "float32" and d.chance(0.5)
        y = out([batch, units])
    return with_reset(d, single("SVDF", inputs, [y], ("SVDFOptions", fields), invokes=TURNS))


def float_lstm(d: Dice, form: str, x: T, batch: int, depth: int) -> tuple:
    """(24 or 20 inputs, output width) of a float or hybrid LSTM with a random set of options."""
    cells = d.int(1, 6)
    cifg, peephole, norm = d.chance(0.3), d.chance(0.3), d.chance(0.3)
    project = d.chance(0.4)
    width = d.int(1, 5) if project else cells
    gates = [None if cifg else 0, 1, 2, 3]
    inputs = [x]
    inputs += [None if g is None else weight(d, [cells, depth], form) for g in gates]
    inputs += [None if g is None else weight(d, [cells, width], form) for g in gates]
    inputs += [None if not peephole or g is None else weight(d, [cells], form)
               for g in (gates[0], 1, 3)]
    inputs += [None if g is None else d.const([cells], "f32", None, -0.5, 0.5) for g in gates]
    inputs.append(weight(d, [width, cells], form) if project else None)
    inputs.append(d.const([width], "f32", None, -0.5, 0.5) if project and d.chance(0.5) else None)
    inputs += [state([batch, width]), state([batch, cells])]
    if norm or d.chance(0.5):
        inputs += [None if g is None or not norm else d.const([cells], "f32", None, 0.2, 1.2)
                   for g in gates]
    return inputs, width


def integer_lstm(d: Dice, batch: int, depth: int, x: T) -> tuple:
    """The 8x8->16 form: int8 activations and weights, int16 cell state, five intermediates."""
    cells = d.int(1, 6)
    cifg, peephole, norm = d.chance(0.3), d.chance(0.3), d.chance(0.3)
    project = d.chance(0.4)
    width = d.int(1, cells) if project else cells
    gates = [None if cifg else 0, 1, 2, 3]
    out_q = Q(np.float32(d.real(0.006, 0.01)), d.int(-20, 20))
    cell_q = Q(2.0 ** -d.int(11, 13), 0)

    def gate_bias(w):
        scale = np.float32(w.q.scales()[0] * x.q.scales()[0])
        return d.const([cells], "i32", Q(scale, 0), -1500, 1500)

    input_w = [None if g is None else weight(d, [cells, depth], "int8") for g in gates]
    inputs = [x, *input_w]
    inputs += [None if g is None else weight(d, [cells, width], "int8") for g in gates]
    inputs += [None if not peephole or g is None else
               d.const([cells], "i16", Q(np.float32(1 / 32768), 0), -20000, 20000)
               for g in (gates[0], 1, 3)]
    inputs += [None if w is None else gate_bias(w) for w in input_w]
    hidden_q = Q(np.float32(d.real(0.006, 0.01)), d.int(-20, 20)) if project else out_q
    if project:
        w = weight(d, [width, cells], "int8")
        bias = d.const([width], "i32", Q(np.float32(w.q.scales()[0] * hidden_q.scales()[0]), 0), -900,
                       900)
        inputs += [w, bias if d.chance(0.6) else None]
    else:
        inputs += [None, None]
    inputs += [state([batch, width], "i8", out_q), state([batch, cells], "i16", cell_q)]
    inputs += [None if g is None or not norm else
               d.const([cells], "i16", Q(np.float32(1 / 32768), 0), 5000, 32000) for g in gates]
    middles = [out([batch, cells], "i16", Q(np.float32(d.real(0.001, 0.003)), 0)) for _ in range(4)]
    middles.append(out([batch, cells], "i8", hidden_q))
    return inputs, width, out_q, middles


def lstm_fields(d: Dice, form: str) -> dict:
    return {"fusedActivationFunction": 4 if d.chance(0.8) else 1,
            "cellClip": d.pick([0.0, 0.0, 0.7, 3.0]), "projClip": d.pick([0.0, 0.0, 0.4]),
            "asymmetricQuantizeInputs": form.startswith("hybrid") and d.chance(0.5)}


def weight_form(variant: str) -> str:
    return {"float32": "float32", "hybrid": "int8", "hybrid_uint8": "uint8"}[variant]


def lstm(d: Dice, variant: str) -> Case:
    batch, depth = d.int(1, 3), d.int(1, 6)
    if variant.startswith("basic"):
        return basic_lstm(d, variant, batch, depth)
    fields = lstm_fields(d, variant)
    middles = ()
    if variant == "int8":
        x = d.input([batch, depth], "i8", d.q("i8", -2.3, -1.6), invokes=TURNS)
        inputs, width, q, middles = integer_lstm(d, batch, depth, x)
        fields["fusedActivationFunction"] = 4
        y = out([batch, width], "i8", q)
    else:
        x = d.input([batch, depth], invokes=TURNS)
        inputs, width = float_lstm(d, weight_form(variant), x, batch, depth)
        y = out([batch, width])
    return with_reset(d, single("LSTM", inputs, [y], ("LSTMOptions", fields), invokes=TURNS,
                                intermediates=middles))


def basic_lstm(d: Dice, variant: str, batch: int, depth: int) -> Case:
    """The five-input form of old converters: the states are ordinary tensors."""
    units = d.int(1, 5)
    total = depth + units
    fields = {"fusedActivationFunction": 4, "kernelType": 1}
    if variant == "basic_uint8":
        depth, units = d.int(1, 2) * 8, 8  # the optimized kernel wants multiples of eight
        total = depth + units
        unit = Q(1 / 128, 128)
        x = d.input([batch, depth], "u8", unit)
        before = d.input([batch, units], "u8", unit)
        w = d.const([4 * units, total], "u8", Q(np.float32(d.real(0.004, 0.02)), d.int(100, 150)))
        bias = d.const([4 * units], "i32", Q(np.float32(w.q.scales()[0] / 128), 0), -3000, 3000)
        cell = d.input([batch, units], "i16", Q(1 / 2048, 0), -6000, 6000)
        outs = [out([batch, units], "u8", unit), out([batch, units], "i16", Q(1 / 2048, 0)),
                out([batch, total], "u8", unit), out([batch, 4 * units], "i16", Q(1 / 4096, 0))]
    else:
        x, before = d.input([batch, depth]), d.input([batch, units])
        w, bias = d.const([4 * units, total]), d.const([4 * units])
        cell = d.input([batch, units])
        outs = [out([batch, units]), out([batch, units]), out([batch, total]),
                out([batch, 4 * units])]
    case = single("LSTM", [x, before, w, bias, cell], outs, ("LSTMOptions", fields))
    case.graphs[0].outputs = outs[:2]  # the rest is scratch
    return case


def sequence_lstm(d: Dice, variant: str) -> Case:
    batch, depth, steps = d.int(1, 3), d.int(1, 6), d.int(1, 4)
    fields = lstm_fields(d, variant)
    fields["timeMajor"] = major = d.chance(0.5)
    lead = [steps, batch] if major else [batch, steps]
    middles = ()
    if variant == "int8":
        x = d.input([*lead, depth], "i8", d.q("i8", -2.3, -1.6), invokes=TURNS)
        inputs, width, q, middles = integer_lstm(d, batch, depth, x)
        fields["fusedActivationFunction"] = 4
        y = out([*lead, width], "i8", q)
    else:
        x = d.input([*lead, depth], invokes=TURNS)
        inputs, width = float_lstm(d, weight_form(variant.replace("_diagonal", "")), x, batch, depth)
        if len(inputs) == 20:
            inputs += [None] * 4
        if variant.endswith("diagonal") and inputs[16] is None:
            fields["diagonalRecurrentTensors"] = True
            for gate in range(5, 9):
                inputs[gate] = inputs[gate] and weight(d, [width], "float32")
        y = out([*lead, width])
    return with_reset(d, single("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y],
                                ("UnidirectionalSequenceLSTMOptions", fields), invokes=TURNS,
                                intermediates=middles))


ROWS = [
    Row("RNN", rnn, ("float32", "int8", "uint8"), 6),
    Row("UNIDIRECTIONAL_SEQUENCE_RNN", sequence_rnn, ("float32", "int8", "uint8"), 6),
    Row("SVDF", svdf, ("float32", "hybrid", "uint8", "int8"), 8),
    Row("LSTM", lstm, ("float32", "hybrid", "hybrid_uint8", "int8", "basic_float32", "basic_uint8"), 12),
    Row("UNIDIRECTIONAL_SEQUENCE_LSTM", sequence_lstm, ("float32", "hybrid", "hybrid_uint8", "int8"),
        12),
    Row("UNIDIRECTIONAL_SEQUENCE_LSTM", sequence_lstm, ("float32_diagonal", "hybrid_diagonal"), 6),
]
