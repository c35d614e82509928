// TensorFlow operators that we lack, as custom operators of TFLite.
#ifndef EDGEML_FORMATS_SAVEDMODEL_CUSTOM_H_
#define EDGEML_FORMATS_SAVEDMODEL_CUSTOM_H_

#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {

// Lowers the node to a custom operator of the same name. Its attributes become a FlexBuffers map,
// types in it as numbers of TFLite's TensorType, those that the file leaves out at their defaults;
// lists of anything but numbers and strings, functions, shapes and tensors are left out, as in
// TensorFlow's conversion. Types and shapes of the outputs are those that the file states.
// kUnsupported when it does not, for outputs of types that TFLite lacks, and for nodes that call
// functions.
Status LowerCustom(Op& op);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_CUSTOM_H_
