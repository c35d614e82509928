#include "src/train/gradient.h"

#include <algorithm>

#include "src/base/strings.h"
#include "src/ir/op_def.h"
#include "src/kernels/activation/gradient.h"

namespace edgeml::train {
namespace {

size_t Size(int64_t i) { return static_cast<size_t>(i); }

Status CheckValues(const ir::Graph& graph, std::span<const int32_t> values) {
  for (const int32_t v : values) {
    if (v < 0 || Size(v) >= graph.values.size())
      return Error(Code::kInvalidArgument, "the graph has no value ", v);
    if (graph.values[Size(v)].type != DType::kFloat32)
      return Error(Code::kInvalidArgument, "value ", v, " \"", graph.values[Size(v)].name, "\" is ",
                   NameOf(graph.values[Size(v)].type), "; only float32 has gradients");
  }
  return Status::Ok();
}

}  // namespace

Result<GraphGradient> GraphGradient::Create(const ir::Graph& graph,
                                            std::span<const int32_t> outputs,
                                            std::span<const int32_t> wanted) {
  EDGEML_RETURN_IF_ERROR(CheckValues(graph, outputs));
  EDGEML_RETURN_IF_ERROR(CheckValues(graph, wanted));
  GraphGradient gradient(graph);
  gradient.outputs_.assign(outputs.begin(), outputs.end());
  gradient.wanted_.assign(wanted.begin(), wanted.end());

  // What depends on the wanted values, and what the outputs depend on.
  std::vector<uint8_t> depends(graph.values.size()), matters(graph.values.size());
  for (const int32_t v : wanted) depends[Size(v)] = 1;
  for (const int32_t v : outputs) matters[Size(v)] = 1;
  const auto is_float = [&](int32_t v) {
    return v != ir::kNoValue && graph.values[Size(v)].type == DType::kFloat32;
  };
  for (const ir::Node& node : graph.nodes) {
    if (!std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](int32_t v) { return is_float(v) && depends[Size(v)] != 0; }))
      continue;
    for (const int32_t v : node.outputs)
      if (is_float(v)) depends[Size(v)] = 1;
  }
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (!std::any_of(node->outputs.begin(), node->outputs.end(),
                     [&](int32_t v) { return is_float(v) && matters[Size(v)] != 0; }))
      continue;
    for (const int32_t v : node->inputs)
      if (is_float(v)) matters[Size(v)] = 1;
  }
  gradient.active_.resize(graph.values.size());
  for (size_t v = 0; v < depends.size(); ++v) gradient.active_[v] = depends[v] & matters[v];

  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const ir::Node& node = graph.nodes[n];
    const auto active = [&](int32_t v) {
      return v != ir::kNoValue && gradient.active_[Size(v)] != 0;
    };
    if (!std::any_of(node.outputs.begin(), node.outputs.end(), active) ||
        !std::any_of(node.inputs.begin(), node.inputs.end(), active))
      continue;
    const auto where = [&] {
      return Concat(node.name(), " that computes \"", graph.values[Size(node.outputs[0])].name,
                    "\"");
    };
    if (const std::string_view reason = WhyNoGradient(node.op); !reason.empty())
      return Error(Code::kUnsupported, where(), " has no gradient: ", reason);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (active(node.inputs[i]) && !FindGradient(node.op)->Takes(i))
        return Error(Code::kUnsupported, where(), " has no gradient with respect to input ", i);
    if (ir::FusedActivation(node) == ir::Activation::kSignBit)
      return Error(Code::kUnsupported, where(), " has no gradient: its activation is SIGN_BIT");
    gradient.nodes_.push_back(static_cast<int32_t>(n));
  }
  gradient.gradients_.resize(graph.values.size());
  return gradient;
}

Status GraphGradient::Run(const runtime::GraphExecutor& executor,
                          std::span<const std::span<const float>> cotangents, ThreadPool& pool) {
  if (&executor.graph() != graph_ && executor.graph().values.size() != graph_->values.size())
    return Error(Code::kInvalidArgument, "the executor runs another graph");
  if (cotangents.size() != outputs_.size())
    return Error(Code::kInvalidArgument, cotangents.size(), " gradients for ", outputs_.size(),
                 " outputs");
  const auto clear = [&](int32_t v) -> Status {
    const TensorView& view = executor.view(v);
    if (view.data == nullptr && view.num_elements() != 0)
      return Error(Code::kInvalidArgument, "\"", graph_->values[Size(v)].name,
                   "\" has no value: run the graph first, with all tensors preserved");
    gradients_[Size(v)].assign(Size(view.num_elements()), 0.0f);
    return Status::Ok();
  };
  for (size_t v = 0; v < active_.size(); ++v)
    if (active_[v] != 0) EDGEML_RETURN_IF_ERROR(clear(static_cast<int32_t>(v)));
  for (const int32_t v : wanted_)
    if (active_[Size(v)] == 0) EDGEML_RETURN_IF_ERROR(clear(v));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const int32_t v = outputs_[i];
    if (cotangents[i].size() != Size(executor.view(v).num_elements()))
      return Error(Code::kInvalidArgument, "the gradient of \"", graph_->values[Size(v)].name,
                   "\" has ", cotangents[i].size(), " elements, not ",
                   executor.view(v).num_elements());
    if (active_[Size(v)] == 0) continue;
    std::vector<float>& sum = gradients_[Size(v)];
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += cotangents[i][j];
  }
  for (auto n = nodes_.rbegin(); n != nodes_.rend(); ++n) {
    const ir::Node& node = graph_->nodes[Size(*n)];
    Status status = RunNode(executor, node, pool);
    if (!status.ok()) return std::move(status).WithContext(node.name());
  }
  return Status::Ok();
}

Status GraphGradient::RunNode(const runtime::GraphExecutor& executor, const ir::Node& node,
                              ThreadPool& pool) {
  std::vector<TensorView> inputs, outputs;
  std::vector<const float*> output_gradients;
  std::vector<float*> input_gradients;
  const auto gradient_of = [&](int32_t v) {
    return v != ir::kNoValue && active_[Size(v)] != 0 ? gradients_[Size(v)].data() : nullptr;
  };
  for (const int32_t v : node.inputs) {
    inputs.push_back(v == ir::kNoValue ? TensorView() : executor.view(v));
    input_gradients.push_back(gradient_of(v));
    if (inputs.back().present() && inputs.back().data == nullptr &&
        inputs.back().num_elements() != 0)
      return Error(Code::kInvalidArgument, "an input has no value");
  }
  for (const int32_t v : node.outputs) {
    outputs.push_back(executor.view(v));
    output_gradients.push_back(gradient_of(v));
  }

  // Back through the fused activation, of which the output is known.
  using kernels::OutputSlope;
  const ir::Activation activation = ir::FusedActivation(node);
  if (activation != ir::Activation::kNone && output_gradients[0] != nullptr) {
    const int64_t n = outputs[0].num_elements();
    float* const before = activation_scratch_.Get(Size(n));
    std::fill_n(before, n, 0.0f);
    const OutputSlope slope = activation == ir::Activation::kRelu        ? OutputSlope::kRelu
                              : activation == ir::Activation::kRelu6     ? OutputSlope::kRelu6
                              : activation == ir::Activation::kReluN1To1 ? OutputSlope::kReluN1To1
                                                                         : OutputSlope::kTanh;
    kernels::ActivationGradient(slope, outputs[0].as<float>(), output_gradients[0], n, before);
    output_gradients[0] = before;
  }
  GradientContext context;
  context.node = &node;
  context.inputs = inputs;
  context.outputs = outputs;
  context.output_gradients = output_gradients;
  context.input_gradients = input_gradients;
  context.pool = &pool;
  context.scratch = &scratch_;
  return FindGradient(node.op)->function(context);
}

}  // namespace edgeml::train
