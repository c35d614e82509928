"""Edge ML: convert and run models.

The short way:

    import edge_ml
    model = edge_ml.load("model.tflite")
    scores = model(image)

Or, as a drop-in for tflite_runtime.interpreter and ai_edge_litert.interpreter:

    from edge_ml import Interpreter            # or: import edge_ml.interpreter as tflite

and for tf.lite:

    from edge_ml import lite
    content = lite.TFLiteConverter.from_keras_model(model).convert()

Small numbers instead of floats:

    content = edge_ml.quantize("model.h5", "int8", lambda: ([image] for image in images))
"""

from ._edge_ml import __version__
from .converter import (
    Converter,
    ConverterError,
    OpsSet,
    Optimize,
    Quantized,
    RepresentativeDataset,
    TargetSpec,
    quantize,
)
from .custom_op import CustomNode, CustomOp, CustomOps, CustomTensor, audio_frontend_ops, custom_op
from .interpreter import (
    Delegate,
    Interpreter,
    InterpreterWithCustomOps,
    OpResolverType,
    SignatureRunner,
    load_delegate,
)
from .model import Model, TensorSpec, load

__all__ = [
    "Converter",
    "ConverterError",
    "CustomNode",
    "CustomOp",
    "CustomOps",
    "CustomTensor",
    "Delegate",
    "Interpreter",
    "InterpreterWithCustomOps",
    "Model",
    "OpResolverType",
    "OpsSet",
    "Optimize",
    "Quantized",
    "RepresentativeDataset",
    "SignatureRunner",
    "TargetSpec",
    "TensorSpec",
    "__version__",
    "audio_frontend_ops",
    "custom_op",
    "load",
    "load_delegate",
    "quantize",
]
