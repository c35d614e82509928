"""Edge ML: run TFLite models.

The short way:

    import edge_ml
    model = edge_ml.load("model.tflite")
    scores = model(image)

Or, as a drop-in for tflite_runtime.interpreter and ai_edge_litert.interpreter:

    from edge_ml import Interpreter            # or: import edge_ml.interpreter as tflite
"""

from ._edge_ml import __version__
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
    "Delegate",
    "Interpreter",
    "InterpreterWithCustomOps",
    "Model",
    "OpResolverType",
    "SignatureRunner",
    "TensorSpec",
    "__version__",
    "load",
    "load_delegate",
]
