"""What `tf.lite` has, by the same names: `from edge_ml import lite`, or `import edge_ml.lite as tflite`."""

from .converter import Converter as TFLiteConverter
from .converter import OpsSet, Optimize, RepresentativeDataset, TargetSpec
from .interpreter import Interpreter, OpResolverType

__all__ = [
    "Interpreter",
    "OpResolverType",
    "OpsSet",
    "Optimize",
    "RepresentativeDataset",
    "TFLiteConverter",
    "TargetSpec",
]
