"""Cases of the bidirectional recurrent operators: several invocations each, for the state's sake."""
from __future__ import annotations

from case import Case, Dice, Row, out, single
from table_recurrent import TURNS, lstm_fields, state, weight, weight_form, with_reset
from tflite_builder import T


def layout(d: Dice, merge: bool, one_batch: bool) -> tuple:
    """(time-major, batch, [dimensions before the last])."""
    batch, steps, major = d.int(1, 3), d.int(1, 4), d.chance(0.5)
    if one_batch and merge and not major:
        batch = 1
    return major, batch, [steps, batch] if major else [batch, steps]


def sequence(d: Dice, shape: list) -> T:
    """Values that do not saturate the cells: many steps with a rounded state are compared (rests_on_a_tie)."""
    return d.input(shape, "f32", None, -1, 1, invokes=TURNS)


def aux_input(d: Dice, lead: list, depth: int, widths: tuple) -> tuple:
    """(auxiliary input or None, its width or 0 when it has no weights).

    Without weights, it is what the backward cell reads, and as wide as the first input.
    """
    kind = d.pick(["none", "weighted", "weighted", "backward"])
    if kind == "none":
        return None, 0
    width = d.int(*widths) if kind == "weighted" else depth
    return sequence(d, [*lead, width]), width if kind == "weighted" else 0


def outputs(lead: list, forward: int, backward: int, merge: bool) -> list:
    if merge:
        return [out([*lead, forward + backward])]
    return [out([*lead, forward]), out([*lead, backward])]


def lstm_cell(d: Dice, form: str, batch: int, depth: int, cells: int, width: int, project: bool) -> tuple:
    """(17 weights and biases, two states, whether there is an input gate) of one direction."""
    cifg, peephole = d.chance(0.3), d.chance(0.3)
    gates = [None if cifg else 0, 1, 2, 3]
    inputs = [None if g is None else weight(d, [cells, depth], form) for g in gates]
    inputs += [None if g is None else weight(d, [cells, width], form) for g in gates]
    inputs += [None if not peephole or g is None else weight(d, [cells], form)
               for g in (gates[0], 1, 3)]
    inputs += [None if g is None else d.const([cells], "f32", None, -0.5, 0.5) for g in gates]
    inputs.append(weight(d, [width, cells], form) if project else None)
    inputs.append(d.const([width], "f32", None, -0.5, 0.5) if project and d.chance(0.5) else None)
    return inputs, [state([batch, width]), state([batch, cells])], not cifg


def bidirectional_lstm(d: Dice, variant: str) -> Case:
    form = weight_form(variant)
    merge = d.chance(0.5)
    # LiteRT looks the state of a batch row up with the merged width: it has room for one row only.
    major, batch, lead = layout(d, merge, one_batch=True)
    # LiteRT wants the two directions of one size.
    depth, cells, project = d.int(1, 6), d.int(1, 6), d.chance(0.4)
    width = d.int(1, 5) if project else cells
    x = sequence(d, [*lead, depth])
    parts = [lstm_cell(d, form, batch, depth, cells, width, project) for _ in range(2)]
    aux, aux_depth = aux_input(d, lead, depth, (1, 6))
    inputs = [x, *parts[0][0], *parts[1][0], *parts[0][1], *parts[1][1], aux]
    for _, _, has_input_gate in parts:
        inputs += [weight(d, [cells, aux_depth], form) if aux_depth and (g > 0 or has_input_gate)
                   else None for g in range(4)]
    fields = {**lstm_fields(d, variant), "mergeOutputs": merge, "timeMajor": major}
    return with_reset(d, single("BIDIRECTIONAL_SEQUENCE_LSTM", inputs,
                                outputs(lead, width, width, merge),
                                ("BidirectionalSequenceLSTMOptions", fields), invokes=TURNS))


def rnn_cell(d: Dice, form: str, batch: int, depth: int, units: int) -> list:
    return [weight(d, [units, depth], form), weight(d, [units, units], form),
            d.const([units], "f32", None, -0.5, 0.5), state([batch, units])]


def bidirectional_rnn(d: Dice, variant: str) -> Case:
    merge = d.chance(0.5)
    major, batch, lead = layout(d, merge, one_batch=False)
    depth, forward, backward = d.int(1, 6), d.int(1, 6), d.int(1, 6)
    x = sequence(d, [*lead, depth])
    # LiteRT reads past a narrower auxiliary input, but for a float one that is batch-major.
    widths = (1, 6) if variant == "float32" and not major else (depth, depth + 3)
    aux, aux_depth = aux_input(d, lead, depth, widths)
    inputs = [x, *rnn_cell(d, variant, batch, depth, forward),
              *rnn_cell(d, variant, batch, depth, backward), aux]
    inputs += [weight(d, [units, aux_depth], variant) if aux_depth else None
               for units in (forward, backward)]
    # LiteRT follows a null pointer when it merges the outputs of several rows without zero points.
    asymmetric = variant != "float32" and (d.chance(0.5) or (merge and major and batch > 1))
    fields = {"fusedActivationFunction": d.pick([1, 3, 4]), "timeMajor": major,
              "mergeOutputs": merge, "asymmetricQuantizeInputs": asymmetric}
    return with_reset(d, single("BIDIRECTIONAL_SEQUENCE_RNN", inputs,
                                outputs(lead, forward, backward, merge),
                                ("BidirectionalSequenceRNNOptions", fields), invokes=TURNS))


ROWS = [
    Row("BIDIRECTIONAL_SEQUENCE_LSTM", bidirectional_lstm, ("float32", "hybrid", "hybrid_uint8"), 12),
    Row("BIDIRECTIONAL_SEQUENCE_RNN", bidirectional_rnn, ("float32", "int8", "uint8"), 12),
]
