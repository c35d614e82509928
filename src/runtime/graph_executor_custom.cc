// Custom operators: steps that the program made, with a shape rule of their own.
#include <utility>

#include "src/runtime/node_state.h"

namespace edgeml::runtime {

// Makes the step of a custom node, once; what it found out for other shapes no longer holds.
Status GraphExecutor::MakeCustomStep(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  if (state.custom != nullptr) {
    state.custom->Forget();
    return Status::Ok();
  }
  if (context_.custom_ops == nullptr)
    return Error(Code::kUnsupported, "is a custom operator that is not registered");
  EDGEML_ASSIGN_OR_RETURN(std::unique_ptr<CustomStep> step,
                          context_.custom_ops->Make(node, context_.custom_state));
  state.custom = step.get();
  state.step = std::move(step);
  state.report.kernel = Concat("custom.", node.name());
  return Status::Ok();
}

Status GraphExecutor::Infer(size_t n, ir::InferContext& infer) {
  CustomStep* const custom = nodes_[n].custom;
  return custom != nullptr ? custom->Infer(infer) : ir::InferShapes(infer);
}

void GraphExecutor::ResetState() {
  ResetVariables();
  for (NodeState& state : nodes_)
    if (state.custom != nullptr) state.custom->Reset();
}

}  // namespace edgeml::runtime
