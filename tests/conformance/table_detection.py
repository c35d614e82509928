"""Cases of the custom operator that ends SSD detectors."""
from __future__ import annotations

import numpy as np
from case import Case, Dice, Row, out, single
from flatbuffers import flexbuffers
from tflite_builder import Q, T


def detection(d: Dice, variant: str) -> Case:
    dtype = "u8" if variant.startswith("uint8") else "f32"
    regular = variant.endswith("regular")
    anchors, classes = d.int(2, 24), d.int(1, 5)
    background = d.int(0, 1)
    found = d.int(1, 8)
    # LiteRT's per-class suppression leaves the rows of further classes unwritten: ask for one.
    per_box = 1 if regular else d.int(1, min(3, classes))
    options = {
        "max_detections": found,
        "max_classes_per_detection": per_box,
        "nms_score_threshold": d.pick([0.0, 0.1, 0.4]),
        "nms_iou_threshold": d.pick([0.3, 0.5, 0.6]),
        "num_classes": classes,
        "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
    }
    if regular or d.chance(0.3):
        options["use_regular_nms"] = regular
    if d.chance(0.5):
        options["detections_per_class"] = d.int(1, 10)
    box_q = Q(np.float32(0.04), 128) if dtype == "u8" else None
    score_q = Q(np.float32(1 / 256), 0) if dtype == "u8" else None
    boxes = d.input([1, anchors, 4], dtype, box_q, *(() if dtype == "u8" else (-2, 2)))
    scores = d.input([1, anchors, classes + background], dtype, score_q,
                     *(() if dtype == "u8" else (0, 1)))
    grid = np.stack([d.values([anchors], "f32", 0.1, 0.9), d.values([anchors], "f32", 0.1, 0.9),
                     d.values([anchors], "f32", 0.1, 0.6), d.values([anchors], "f32", 0.1, 0.6)], -1)
    if dtype == "u8":
        priors = T([anchors, 4], "u8", Q(np.float32(1 / 256), 0),
                   np.clip(np.round(grid * 256), 1, 255).astype(np.uint8), const=True)
    else:
        priors = T([anchors, 4], "f32", None, np.float32(grid), const=True)
    rows = found * per_box
    outs = [out([1, rows, 4]), out([1, rows]), out([1, rows]), out([1])]
    return single("TFLite_Detection_PostProcess", [boxes, scores, priors], outs,
                  custom=bytes(flexbuffers.Dumps(options)),
                  written_rows=None if regular else (3, per_box))


ROWS = [
    Row("TFLite_Detection_PostProcess", detection,
        ("float32", "uint8", "float32_regular", "uint8_regular"), 10),
]
