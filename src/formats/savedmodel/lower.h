// TensorFlow's operators into ours.
#ifndef EDGEML_FORMATS_SAVEDMODEL_LOWER_H_
#define EDGEML_FORMATS_SAVEDMODEL_LOWER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/savedmodel/tf_graph.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::savedmodel {

struct LowerOptions {
  // Shapes of inputs, by their names in the signature, instead of what the file says; kUnknownDim
  // where a dimension stays open.
  std::map<std::string, Shape> input_shapes;
  // The size of open outermost dimensions; 0: they stay open.
  int32_t batch = 0;
  // Operators that we lack become custom operators of TFLite.
  bool allow_custom = false;
};

// Lowers a model. The evaluator computes what follows from shapes and constants; without one, nodes
// whose shapes depend on such values are errors. What cannot be lowered is reported all at once:
// each operator with the number of its nodes, the first of them and the reason. kUnsupported for
// operators, attributes and types we lack, kInvalidModel for nodes that contradict themselves,
// kInvalidArgument for inputs without a shape and shapes that name no input.
// The module has one signature and has passed ir::Verify(). `notes`: what to tell whoever converts
// the model; may be null.
Result<ir::Module> Lower(const Model& model, const LowerOptions& options, ir::Evaluator* evaluator,
                         std::vector<std::string>* notes = nullptr);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_LOWER_H_
