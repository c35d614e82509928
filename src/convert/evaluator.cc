#include "src/convert/evaluator.h"

#include <utility>

#include "src/backends/reference/reference_backend.h"
#include "src/base/strings.h"
#include "src/ir/op_def.h"
#include "src/runtime/module_runner.h"

namespace edgeml::convert {
namespace {

// The memory of a view, which its owner keeps for as long as the evaluation takes.
ir::ConstantData Borrow(const TensorView& view, size_t bytes) {
  static const auto nobody = std::make_shared<const int>(0);
  return {nobody, std::span(static_cast<const std::byte*>(view.data), bytes)};
}

ir::Value Describe(const TensorView& view) {
  ir::Value value;
  value.type = view.type;
  value.shape = view.shape;
  if (view.quantization != nullptr) value.quantization = *view.quantization;
  return value;
}

}  // namespace

ReferenceEvaluator::ReferenceEvaluator(size_t memory_cap)
    : memory_cap_(memory_cap), pool_(ThreadPool::Create(1)) {}
ReferenceEvaluator::~ReferenceEvaluator() = default;

Result<std::vector<ir::ConstantData>> ReferenceEvaluator::Evaluate(
    const ir::Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const ir::OpDef& def = ir::DefOf(node.op);
  if (def.has_side_effects || def.infer == nullptr || !node.intermediates.empty())
    return Error(Code::kUnsupported, ir::NameOf(node.op), " is not computed ahead of a run");

  // A model of this one node: constants in, results out.
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  ir::Node& copy = graph.nodes.emplace_back(node);
  copy.inputs.clear();
  copy.outputs.clear();
  for (const TensorView& view : inputs) {
    if (!view.present()) {
      copy.inputs.push_back(ir::kNoValue);
      continue;
    }
    const auto bytes = CheckedByteSize(view.shape, view.type);
    if (view.type == DType::kString || !bytes)
      return Error(Code::kUnsupported, ir::NameOf(node.op), " of ", NameOf(view.type),
                   " is not computed ahead of a run");
    if (view.data == nullptr && *bytes != 0)
      return Error(Code::kInvalidArgument, "an input has no data");
    copy.inputs.push_back(static_cast<int32_t>(graph.values.size()));
    graph.values.push_back(Describe(view));
    graph.values.back().data = Borrow(view, *bytes);
  }
  for (const TensorView& view : outputs) {
    if (view.type == DType::kString)
      return Error(Code::kUnsupported, "strings are not computed ahead of a run");
    const auto v = static_cast<int32_t>(graph.values.size());
    copy.outputs.push_back(v);
    graph.outputs.push_back(v);
    graph.values.push_back(Describe(view));
  }
  EDGEML_RETURN_IF_ERROR(ir::Verify(module));

  runtime::RunnerOptions options;
  options.pool = pool_;
  options.memory_cap = memory_cap_;
  runtime::ModuleRunner runner(std::move(module), {&backends::ReferenceBackend()}, options);
  runtime::GraphExecutor& executor = runner.executor();
  EDGEML_RETURN_IF_ERROR(executor.Prepare());
  EDGEML_RETURN_IF_ERROR(executor.Run());

  std::vector<ir::ConstantData> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorView result = executor.output(static_cast<int>(i));
    if (!(result.shape == outputs[i].shape))
      return Error(Code::kInvalidModel, ir::NameOf(node.op), " gives shape ",
                   result.shape.ToString(), ", not ", outputs[i].shape.ToString());
    const auto bytes = CheckedByteSize(result.shape, result.type);
    if (!bytes) return Error(Code::kInternal, "a result has no size");
    const auto* const first = static_cast<const std::byte*>(result.data);
    results.push_back(ir::ConstantData::Own(
        *bytes == 0 ? std::vector<std::byte>() : std::vector<std::byte>(first, first + *bytes)));
  }
  return results;
}

}  // namespace edgeml::convert
