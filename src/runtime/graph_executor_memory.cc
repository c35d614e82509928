// Memory of a prepared graph: variables, which keep their values, and the arena.
#include <algorithm>
#include <cstring>

#include "src/runtime/node_state.h"

namespace edgeml::runtime {

Status GraphExecutor::AllocateVariables() {
  for (size_t v = 0; v < views_.size(); ++v) {
    if (kinds_[v] != Kind::kVariable) continue;
    TensorView& view = views_[v];
    if (view.type == DType::kString)
      return Error(Code::kUnsupported, "variable tensor ", v, " ('", graph_.values[v].name,
                   "') holds strings");
    size_t bytes = 0;
    EDGEML_RETURN_IF_ERROR(CheckSize(view, &bytes).WithContext(Concat("variable tensor ", v)));
    Buffer& buffer = variables_[static_cast<int32_t>(v)];
    if (buffer.data == nullptr || buffer.capacity != bytes) {
      persistent_bytes_ -= buffer.capacity;
      buffer = {};
      if (bytes > context_.memory_cap - std::min(persistent_bytes_, context_.memory_cap))
        return Error(Code::kResourceExhausted, "variable tensors need another ", HumanBytes(bytes),
                     " beside ", HumanBytes(persistent_bytes_), ", over the memory cap of ",
                     HumanBytes(context_.memory_cap));
      EDGEML_ASSIGN_OR_RETURN(buffer.data, context_.Allocate(bytes));
      buffer.capacity = bytes;
      persistent_bytes_ += bytes;
    }
    view.data = buffer.data.get();
    view.SetDenseStrides();
  }
  ResetVariables();
  return Status::Ok();
}

void GraphExecutor::ResetVariables() {
  for (auto& [v, buffer] : variables_) {
    if (buffer.capacity == 0) continue;
    // The value that a node computed for it from constants, else real zero.
    const TensorView& view = views_[Index(v)];
    const auto known = known_.find(v);
    if (held_[Index(v)].bytes.size() == buffer.capacity) {
      std::memcpy(buffer.data.get(), held_[Index(v)].bytes.data(), buffer.capacity);
    } else if (known != known_.end() && known->second.capacity == buffer.capacity) {
      std::memcpy(buffer.data.get(), known->second.data.get(), buffer.capacity);
    } else {
      const int fill = view.type == DType::kInt8 ? view.zero_point() : 0;
      std::memset(buffer.data.get(), fill, buffer.capacity);
    }
  }
}

Status GraphExecutor::PlanMemory() {
  const auto end = static_cast<int32_t>(nodes_.size());
  request_.tensors.assign(views_.size(), {});
  request_.node_inputs.clear();
  for (const ir::Node& node : graph_.nodes) request_.node_inputs.push_back(node.inputs);
  for (size_t v = 0; v < views_.size(); ++v) {
    if (kinds_[v] != Kind::kPlanned || bindings_.contains(static_cast<int32_t>(v))) continue;
    LayoutTensor& tensor = request_.tensors[v];
    EDGEML_RETURN_IF_ERROR(CheckSize(views_[v], &tensor.bytes));
    tensor.planned = true;
    tensor.last = last_use_[v];
    tensor.is_graph_output = is_output_[v];
  }
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const int32_t v : graph_.nodes[n].outputs) {
      if (v < 0) continue;
      LayoutTensor& tensor = request_.tensors[Index(v)];
      tensor.first = static_cast<int32_t>(n);
      tensor.last = std::max(tensor.last, tensor.first);
    }
  }
  for (const int32_t v : graph_.inputs) {
    LayoutTensor& tensor = request_.tensors[Index(v)];
    tensor.is_graph_input = true;
    tensor.first = 0;
    // A caller may set an input once and run many times.
    tensor.last = is_main_ ? end : std::max(tensor.last, 0);
  }
  if (context_.preserve_all_tensors) {
    request_.wishes.clear();
    for (LayoutTensor& tensor : request_.tensors) {
      tensor.first = 0;
      tensor.last = end;
    }
  }
  EDGEML_ASSIGN_OR_RETURN(layout_, PlanLayout(request_));
  const size_t total =
      layout_.arena_bytes + persistent_bytes_ + known_bytes_ + context_.custom_state.used;
  if (layout_.arena_bytes > context_.memory_cap || total > context_.memory_cap)
    return Error(Code::kResourceExhausted, "the tensors need ", HumanBytes(total),
                 ", over the memory cap of ", HumanBytes(context_.memory_cap));
  if (arena_ == nullptr || arena_capacity_ < layout_.arena_bytes) {
    arena_.reset();
    arena_capacity_ = 0;
    EDGEML_ASSIGN_OR_RETURN(arena_, context_.Allocate(layout_.arena_bytes));
    arena_capacity_ = layout_.arena_bytes;
  }
  for (size_t v = 0; v < views_.size(); ++v) {
    if (kinds_[v] == Kind::kPlanned && request_.tensors[v].planned)
      views_[v].data = arena_.get() + layout_.tensor_offset[v];
  }
  for (const auto& [value, binding] : bindings_) {
    const auto v = Index(value);
    if (kinds_[v] != Kind::kPlanned) {
      return Error(
          Code::kInvalidArgument, "tensor ", value, " ('", graph_.values[v].name,
          "') cannot be bound: it is constant, or its shape is only known when it has run");
    }
    size_t bytes = 0;
    EDGEML_RETURN_IF_ERROR(CheckSize(views_[v], &bytes));
    if (bytes != binding.bytes)
      return Error(Code::kInvalidArgument, "tensor ", value, " ('", graph_.values[v].name,
                   "') has ", bytes, " bytes, but the memory bound to it has ", binding.bytes);
    views_[v].data = binding.data;
  }
  for (size_t n = 0; n < nodes_.size(); ++n)
    if (nodes_[n].mode == Mode::kStatic) RefreshNodeViews(n);
  return Status::Ok();
}

}  // namespace edgeml::runtime
