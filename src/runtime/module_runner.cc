#include "src/runtime/module_runner.h"

#include <utility>

#include "src/base/memory_info.h"

namespace edgeml::runtime {
namespace {

// The context holds an atomic and does not move: it is filled where it is.
ExecutionContext& Fill(ExecutionContext& context, std::shared_ptr<const Program> program,
                       const Backends& backends, const RunnerOptions& options) {
  context.program = std::move(program);
  context.backends = backends.run;
  context.folding = backends.folding;
  context.custom_ops = options.custom_ops;
  context.pool = options.pool != nullptr ? options.pool : ThreadPool::Create(1);
  context.memory_cap = EffectiveMemoryCap(options.memory_cap);
  context.custom_state.cap = context.memory_cap;
  context.resources = std::make_shared<Resources>(context.memory_cap);
  context.preserve_all_tensors = options.preserve_all_tensors;
  context.observer = options.observer;
  return context;
}

}  // namespace

ModuleRunner::ModuleRunner(std::shared_ptr<const Program> program, const Backends& backends,
                           const RunnerOptions& options)
    : executor_(Fill(context_, std::move(program), backends, options), 0, /*is_main=*/true) {}

Status ModuleRunner::SizeOpenDimensions(int32_t batch, int32_t other) {
  for (size_t i = 0; i < graph().inputs.size(); ++i) {
    const ir::Value& value = graph().values[static_cast<size_t>(graph().inputs[i])];
    if (!value.has_signature) continue;
    Shape shape = value.shape_signature;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] == kUnknownDim) shape[d] = d == 0 ? batch : other;
    EDGEML_RETURN_IF_ERROR(executor_.SetInputShape(static_cast<int>(i), shape));
  }
  return Status::Ok();
}

}  // namespace edgeml::runtime
