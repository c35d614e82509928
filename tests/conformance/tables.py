"""All rows, in order, and the names of their cases."""
from __future__ import annotations

import os

import table_activation
import table_bidirectional
import table_control_flow
import table_conversion
import table_convolution
import table_detection
import table_elementwise
import table_lookup
import table_maths
import table_movement
import table_recurrent
import table_reduction
import table_scatter
import table_shaping
import table_stablehlo
import table_weights
from case import Case, Dice, Row, seed_of

FAMILIES = {
    "convolution": table_convolution.ROWS + table_weights.ROWS,
    "elementwise": table_elementwise.ROWS,
    "activation": table_activation.ROWS,
    "reduction": table_reduction.ROWS,
    "movement": table_movement.ROWS + table_shaping.ROWS,
    "conversion": table_conversion.ROWS,
    "recurrent": table_recurrent.ROWS + table_bidirectional.ROWS,
    "control_flow": table_control_flow.ROWS,
    "detection": table_detection.ROWS,
    "scatter": table_scatter.ROWS,
    "lookup": table_lookup.ROWS,
    "stablehlo": table_stablehlo.ROWS,
    "maths": table_maths.ROWS,
}


def multiplier() -> int:
    return 20 if "1" in (os.environ.get("EDGEML_ALL"), os.environ.get("EDGEML_TEST_ALL")) else 2


def all_cases():
    """(name, row, variant, seed) of every case."""
    base = int(os.environ.get("EDGEML_SEED", "0"))
    for rows in FAMILIES.values():
        for row in rows:
            for variant in row.variants:
                for number in range(row.count * multiplier()):
                    name = f"{row.op}-{variant}-{number}"
                    yield name, row, variant, seed_of(name, base)


def make(row: Row, variant: str, seed: int) -> Case:
    return row.make(Dice(seed), variant)
