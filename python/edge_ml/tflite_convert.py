"""The command tflite_convert, with the flags of TensorFlow's tool of that name.

    tflite_convert --keras_model_file=model.h5 --output_file=model.tflite
"""

from __future__ import annotations

import argparse
import sys
from typing import List, Optional

from .converter import Converter, ConverterError, OpsSet, Optimize

# Flags of TensorFlow's tool that change nothing here: they choose among its converters or describe its output.
_WITHOUT_EFFECT = (
    "experimental_new_converter",
    "experimental_new_quantizer",
    "enable_v1_converter",
    "input_format",
    "output_format",
    "drop_control_dependency",
    "reorder_across_fake_quant",
    "dump_graphviz_dir",
    "dump_graphviz_video",
    "conversion_summary_dir",
)

_TYPES = {"FLOAT": "float32", "INT8": "int8", "QUANTIZED_UINT8": "uint8", "UINT8": "uint8"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tflite_convert", description="Converts a model to TFLite with Edge ML.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--keras_model_file", help="Keras model: .h5, .keras, or .json with its weights beside it")
    source.add_argument("--saved_model_dir", help="folder of a SavedModel")
    source.add_argument("--graph_def_file", help="frozen GraphDef, .pb")
    parser.add_argument("--output_file", required=True, help="TFLite file to write")
    parser.add_argument("--saved_model_tag_set", help="comma-separated tags of the graph (default serve)")
    parser.add_argument("--saved_model_signature_key", help="signature to convert (default serving_default)")
    parser.add_argument("--input_arrays", help="names of the inputs, comma-separated")
    parser.add_argument("--output_arrays", help="names of the outputs, comma-separated")
    parser.add_argument("--input_shapes", help="shapes of the inputs: sizes by commas, inputs by colons")
    parser.add_argument("--inference_type", choices=list(_TYPES), default="FLOAT",
                        help="integers for a network that was trained with FAKE_QUANT, whose ranges are taken")
    parser.add_argument("--inference_input_type", choices=list(_TYPES))
    parser.add_argument("--std_dev_values", help="of quantized inputs, comma-separated")
    parser.add_argument("--mean_values", help="of quantized inputs, comma-separated")
    parser.add_argument("--default_ranges_min", type=float, help="range of what training found none for")
    parser.add_argument("--default_ranges_max", type=float)
    parser.add_argument("--post_training_quantize", "--quantize_weights", action="store_true",
                        help="store weights as int8 (dynamic range)")
    parser.add_argument("--quantize_to_float16", action="store_true", help="store weights as float16")
    parser.add_argument("--target_ops", help="comma-separated: TFLITE_BUILTINS, TFLITE_BUILTINS_INT8, SELECT_TF_OPS")
    parser.add_argument("--allow_custom_ops", action="store_true")
    for flag in _WITHOUT_EFFECT:
        parser.add_argument(f"--{flag}", nargs="?", const="", help=argparse.SUPPRESS)
    return parser


def _converter(options: argparse.Namespace) -> Converter:
    if options.keras_model_file:
        converter = Converter.from_keras_file(options.keras_model_file)
    elif options.saved_model_dir:
        converter = Converter.from_saved_model(
            options.saved_model_dir,
            signature_keys=[options.saved_model_signature_key] if options.saved_model_signature_key else None,
            tags=options.saved_model_tag_set.split(",") if options.saved_model_tag_set else None,
        )
    else:
        converter = Converter.from_graph_def_file(options.graph_def_file)
    converter.input_arrays = options.input_arrays.split(",") if options.input_arrays else []
    converter.output_arrays = options.output_arrays.split(",") if options.output_arrays else []
    if options.input_shapes:
        try:
            shapes = [[int(d) for d in shape.split(",")] for shape in options.input_shapes.split(":")]
        except ValueError:
            raise ConverterError("--input_shapes: expected sizes such as 1,224,224,3:1,10") from None
        named = len(converter.input_arrays) == len(shapes)
        converter.input_shapes = dict(zip(converter.input_arrays, shapes)) if named else shapes
    if options.post_training_quantize or options.quantize_to_float16:
        converter.optimizations = [Optimize.DEFAULT]
    if options.quantize_to_float16:
        converter.target_spec.supported_types = ["float16"]
    ends = options.inference_input_type or options.inference_type
    converter.inference_input_type = _TYPES[ends]
    converter.inference_output_type = _TYPES[options.inference_type]
    if options.inference_type != "FLOAT":  # of a network that was trained for it, or with ranges made up
        converter.learned_ranges = True
    if options.default_ranges_min is not None and options.default_ranges_max is not None:
        converter.default_ranges = options.default_ranges_min, options.default_ranges_max
    if options.target_ops:
        converter.target_spec.supported_ops = {OpsSet(name) for name in options.target_ops.split(",")}
    converter.allow_custom_ops = options.allow_custom_ops
    return converter


def main(argv: Optional[List[str]] = None) -> int:
    options = _parser().parse_args(argv)
    try:
        converter = _converter(options)
        converter.save(options.output_file)
    except (ConverterError, ValueError, OSError) as error:
        print(f"tflite_convert: {error}", file=sys.stderr)
        return 1
    for note in converter.report["notes"]:
        print(f"note: {note}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
