// Running a prepared graph. Nothing here allocates unless a dynamic shape changed.
#include <algorithm>
#include <chrono>

#include "src/base/stop.h"
#include "src/runtime/node_state.h"

namespace edgeml::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Status GraphExecutor::Run() {
  if (running_) return Error(Code::kInvalidModel, "subgraph ", graph_index_, " calls itself");
  EDGEML_RETURN_IF_ERROR(Prepare());
  EDGEML_RETURN_IF_ERROR(Enter());
  running_ = true;
  const StopScope scope(&context_.cancel);
  const auto work = [&]() -> Status {
    if (context_.observer != nullptr && !is_main_) EDGEML_RETURN_IF_ERROR(ShowInputs());
    const int total = static_cast<int>(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n) {
      NodeState& state = nodes_[n];
      if (state.mode == Mode::kFolded) continue;
      if (context_.cancel.load(std::memory_order_relaxed))
        return Error(Code::kCancelled, "stopped on request before node ", n);
      if (context_.step_limit > 0 && ++context_.steps > context_.step_limit)
        return Error(Code::kResourceExhausted, "stopped before node ", n, " after ",
                     context_.step_limit, " steps, the limit set for a run");
      if (progress_ && !progress_(static_cast<int>(n), total))
        return Error(Code::kCancelled, "stopped by the progress callback before node ", n);
      const Clock::time_point start = context_.profile ? Clock::now() : Clock::time_point();
      Status status;
      if (state.mode == Mode::kStatic && state.idle) {
        // Nothing to compute.
      } else if (state.mode == Mode::kStatic) {
        Runner runner(*this, n);
        status = state.step->Run(runner);
      } else {
        status = RunDynamic(n);
      }
      if (!status.ok()) return Where(status, n);
      if (context_.cancel.load(std::memory_order_relaxed))  // it may have left its loop early
        return Error(Code::kCancelled, "stopped on request in node ", n);
      if (context_.observer != nullptr) EDGEML_RETURN_IF_ERROR(Where(ShowResults(n), n));
      if (context_.profile) {
        const double ms = MillisecondsSince(start);
        NodeReport& report = state.report;
        report.min_ms = report.runs == 0 ? ms : std::min(report.min_ms, ms);
        report.total_ms += ms;
        ++report.runs;
      }
    }
    return Status::Ok();
  };
  const Status status = work();
  --context_.depth;
  running_ = false;
  return status;
}

// To the observer, which there is.
Status GraphExecutor::Show(int32_t v) const {
  const TensorView& view = views_[Index(v)];
  if (view.type == DType::kString) return Status::Ok();
  return context_.observer->Observe(graph_index_, v, view);
}

Status GraphExecutor::ShowInputs() const {
  for (const int32_t v : graph_.inputs) EDGEML_RETURN_IF_ERROR(Show(v));
  return Status::Ok();
}

Status GraphExecutor::ShowResults(size_t n) const {
  const ir::Node& node = graph_.nodes[n];
  for (const int32_t v : node.inputs)
    if (v >= 0 && kinds_[Index(v)] == Kind::kVariable) EDGEML_RETURN_IF_ERROR(Show(v));
  for (const int32_t v : node.outputs)
    if (v >= 0) EDGEML_RETURN_IF_ERROR(Show(v));
  return Status::Ok();
}

// Memory of its own for a value whose shape is only known now; kept and grown, never shrunk.
Status GraphExecutor::AllocateDynamic(int32_t value, const Shape& shape) {
  const auto v = Index(value);
  TensorView& view = views_[v];
  view.shape = shape;
  view.data = nullptr;  // what it had is of another shape
  view.SetDenseStrides();
  size_t bytes = 0;
  EDGEML_RETURN_IF_ERROR(CheckSize(view, &bytes));
  kinds_[v] = Kind::kDynamic;
  if (view.type == DType::kString) return Status::Ok();  // gets memory when the step sets it
  EDGEML_RETURN_IF_ERROR(GrowDynamic(value, bytes));
  view.data = dynamic_[v].data.get();
  return Status::Ok();
}

// Memory of at least `bytes` for the value. An error leaves what it had, or nothing.

Status GraphExecutor::GrowDynamic(int32_t value, size_t bytes) {
  Buffer& buffer = dynamic_[Index(value)];
  if (buffer.data == nullptr || buffer.capacity < bytes) {
    const size_t others = dynamic_bytes_ - buffer.capacity;
    const size_t cap = context_.memory_cap - std::min(layout_.arena_bytes, context_.memory_cap);
    if (others > cap || bytes > cap - others)
      return Error(Code::kResourceExhausted, "tensors of dynamic shape need another ",
                   HumanBytes(bytes), " beside ", HumanBytes(others), ", over the memory cap of ",
                   HumanBytes(context_.memory_cap));
    dynamic_bytes_ = others;
    buffer = {};
    EDGEML_ASSIGN_OR_RETURN(buffer.data, context_.Allocate(bytes));
    buffer.capacity = bytes;
    dynamic_bytes_ += bytes;
  }
  return Status::Ok();
}

Status GraphExecutor::RunDynamic(size_t n) {
  const ir::Node& node = graph_.nodes[n];
  NodeState& state = nodes_[n];
  RefreshNodeViews(n);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] >= 0 && kinds_[Index(node.inputs[i])] == Kind::kUnsettled)
      return Error(Code::kInternal, "input ", i, " was not computed");
  }
  ir::InferContext infer{&node, state.in, state.out, false};
  EDGEML_RETURN_IF_ERROR(Infer(n, infer));
  if (!infer.needs_values) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      EDGEML_RETURN_IF_ERROR(AllocateDynamic(node.outputs[i], state.out[i].shape));
      state.out[i] = views_[Index(node.outputs[i])];
    }
  }
  const size_t count = state.in.size() + (infer.needs_values ? 0 : state.out.size());
  bool same = state.step_ready && state.prepared_shapes.size() == count;
  for (size_t i = 0; same && i < count; ++i) {
    const TensorView& view = i < state.in.size() ? state.in[i] : state.out[i - state.in.size()];
    same = state.prepared_shapes[i] == view.shape;
  }
  if (!same) {
    const ir::OpDef& def = ir::DefOf(node.op);
    EDGEML_RETURN_IF_ERROR(ChooseAndPrepare(n));
    if (!infer.needs_values) state.report.macs = def.macs != nullptr ? def.macs(ViewOf(n)) : 0;
    state.prepared_shapes.clear();
    for (const TensorView& view : state.in) state.prepared_shapes.push_back(view.shape);
    if (!infer.needs_values)
      for (const TensorView& view : state.out) state.prepared_shapes.push_back(view.shape);
    state.step_ready = true;
  }
  if (!infer.needs_values && HasNothingToDo(n)) return Status::Ok();
  Runner runner(*this, n);
  EDGEML_RETURN_IF_ERROR(state.step->Run(runner));
  for (const int32_t v : node.outputs) {
    if (v >= 0 && views_[Index(v)].type == DType::kString && views_[Index(v)].data == nullptr)
      return Error(Code::kInternal, "the strings of tensor ", v, " were not set");
  }
  return Status::Ok();
}

}  // namespace edgeml::runtime
