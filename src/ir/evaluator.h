// Computing a node whose inputs are known, for folding. Handed in: the graph knows no kernels.
#ifndef EDGEML_IR_EVALUATOR_H_
#define EDGEML_IR_EVALUATOR_H_

#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "src/tensor/view.h"

namespace edgeml::ir {

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // The outputs of `node`, dense and in the order of node.outputs. `inputs`: one view for each
  // input of the node, with data; not present() for an absent one. `outputs`: one view for each
  // output, with its type, shape and quantization. Errors: of the kernel; kUnsupported when there
  // is none.
  virtual Result<std::vector<ConstantData>> Evaluate(const Node& node,
                                                     std::span<const TensorView> inputs,
                                                     std::span<const TensorView> outputs) = 0;
};

}  // namespace edgeml::ir

#endif  // EDGEML_IR_EVALUATOR_H_
