// Reverse-mode gradients of a graph: how a scalar changes with constants, inputs or activations,
// from how it changes with the graph's outputs (or any other values).
#ifndef EDGEML_TRAIN_GRADIENT_H_
#define EDGEML_TRAIN_GRADIENT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/base/thread_pool.h"
#include "src/runtime/graph_executor.h"
#include "src/train/gradient_ops.h"

namespace edgeml::train {

class GraphGradient {
 public:
  // `outputs`: the values whose gradients will be given. `wanted`: the values whose gradients are
  // to be found; all float32. `graph` must outlive this and have passed ir::Verify. Only nodes on a
  // way from a wanted value to an output count. Errors: kUnsupported for such a node without a
  // gradient, which it names, with the reason; kInvalidArgument for a value that is none or not
  // float32.
  static Result<GraphGradient> Create(const ir::Graph& graph, std::span<const int32_t> outputs,
                                      std::span<const int32_t> wanted);

  // `executor`: of that graph, has run with ExecutionContext::preserve_all_tensors. `cotangents`:
  // of the outputs in order, each of its value's size. The result does not depend on the number of
  // threads. kInvalidArgument when a size does not fit or a tensor has no memory.
  Status Run(const runtime::GraphExecutor& executor,
             std::span<const std::span<const float>> cotangents, ThreadPool& pool);

  // Of wanted[i], after Run; all zero where no output depends on it.
  std::span<const float> gradient(size_t i) const {
    return gradients_[static_cast<size_t>(wanted_[i])];
  }

 private:
  explicit GraphGradient(const ir::Graph& graph) : graph_(&graph) {}
  Status RunNode(const runtime::GraphExecutor& executor, const ir::Node& node, ThreadPool& pool);

  const ir::Graph* graph_;
  std::vector<int32_t> outputs_, wanted_;
  std::vector<uint8_t> active_;  // by value: on such a way
  std::vector<int32_t> nodes_;   // that compute active values from active ones, in order
  std::vector<std::vector<float>> gradients_;  // by value, of active ones
  Scratch scratch_, activation_scratch_;
};

}  // namespace edgeml::train

#endif  // EDGEML_TRAIN_GRADIENT_H_
