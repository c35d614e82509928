// Computes single nodes with the reference kernels, for folding constants.
#ifndef EDGEML_CONVERT_EVALUATOR_H_
#define EDGEML_CONVERT_EVALUATOR_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "src/base/thread_pool.h"
#include "src/ir/evaluator.h"

namespace edgeml::convert {

// The `reference` backend behind ir::Evaluator. Not thread-safe.
class ReferenceEvaluator : public ir::Evaluator {
 public:
  // `memory_cap`: bytes that computing one node may take, results included.
  explicit ReferenceEvaluator(size_t memory_cap = size_t{2} << 30);
  ~ReferenceEvaluator() override;

  // kUnsupported for custom operators, control flow, state, strings and what no kernel takes;
  // kInvalidModel when the node's shape rule gives other shapes than `outputs`;
  // kResourceExhausted over the cap.
  Result<std::vector<ir::ConstantData>> Evaluate(const ir::Node& node,
                                                 std::span<const TensorView> inputs,
                                                 std::span<const TensorView> outputs) override;

 private:
  const size_t memory_cap_;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace edgeml::convert

#endif  // EDGEML_CONVERT_EVALUATOR_H_
