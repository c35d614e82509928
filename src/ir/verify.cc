// The validator that runs after every reader and pass.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "src/base/strings.h"
#include "src/ir/graph.h"
#include "src/ir/op_def.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::ir {
namespace {

Status CheckSparsity(const Value& value) {
  const Sparsity& sparsity = *value.sparsity;
  const size_t levels = sparsity.traversal_order.size();
  const size_t rank = static_cast<size_t>(value.shape.rank());
  if (levels < rank || levels > 2 * rank || levels - rank != sparsity.block_map.size() ||
      sparsity.dimensions.size() != levels)
    return Error(Code::kInvalidModel, "its sparsity has ", levels, " levels, ",
                 sparsity.block_map.size(), " blocks and ", sparsity.dimensions.size(),
                 " dimensions, which does not fit its rank ", rank);
  std::vector<bool> seen(levels, false);
  for (size_t i = 0; i < levels; ++i) {
    const int32_t dim = sparsity.traversal_order[i];
    if (dim < 0 || static_cast<size_t>(dim) >= levels || seen[static_cast<size_t>(dim)] ||
        (static_cast<size_t>(dim) < rank) != (i < rank))
      return Error(Code::kInvalidModel, "the traversal order of its sparsity is not a permutation");
    seen[static_cast<size_t>(dim)] = true;
  }
  for (const int32_t dim : sparsity.block_map)
    if (dim < 0 || static_cast<size_t>(dim) >= rank)
      return Error(Code::kInvalidModel, "its sparsity has a block of dimension ", dim);
  return Status::Ok();
}

Status CheckQuantization(const Value& value) {
  const Quantization& q = value.quantization;
  for (const float scale : q.scale)
    if (!std::isfinite(scale) || scale < 0)
      return Error(Code::kInvalidModel, "its quantization has a scale of ", scale);
  if (q.empty()) return Status::Ok();
  if (q.zero_point.size() != q.scale.size() && q.zero_point.size() != 1)
    return Error(Code::kInvalidModel, "it has ", q.scale.size(), " scales but ",
                 q.zero_point.size(), " zero points");
  for (const int64_t zero_point : q.zero_point)
    if (zero_point != static_cast<int32_t>(zero_point))
      return Error(Code::kInvalidModel, "its quantization has a zero point of ", zero_point);
  if (value.shape.rank() == 0) return Status::Ok();
  if (q.axis < 0 || q.axis >= value.shape.rank())
    return Error(Code::kInvalidModel, "its quantized dimension is ", q.axis, " but its rank is ",
                 value.shape.rank());
  if (q.block_size != 0) {
    const int32_t inner = value.shape.back();
    if (q.block_size < 0 || !value.shape.known() || inner % q.block_size != 0)
      return Error(Code::kInvalidModel, "its shape ", value.shape.ToString(),
                   " does not divide into blocks of ", q.block_size);
    const auto bytes = CheckedByteSize(value.shape, DType::kInt8);
    if (!bytes || *bytes / static_cast<size_t>(q.block_size) != q.scale.size())
      return Error(Code::kInvalidModel, "it has ", q.scale.size(), " block scales for the shape ",
                   value.shape.ToString(), " in blocks of ", q.block_size);
    return Status::Ok();
  }
  if (q.per_axis() && q.scale.size() != static_cast<uint64_t>(value.shape[q.axis]))
    return Error(Code::kInvalidModel, "it has ", q.scale.size(), " scales for dimension ", q.axis,
                 " of size ", value.shape[q.axis]);
  return Status::Ok();
}

Status CheckValue(const Value& value) {
  if (value.type == DType::kInvalid || value.type > DType::kVariant)
    return Error(Code::kInvalidModel, "its element type is unknown");
  for (const Shape* shape : {&value.shape, &value.shape_signature})
    for (const int32_t dim : shape->dims())
      if (dim < kUnknownDim) return Error(Code::kInvalidModel, "it has a dimension of ", dim);
  EDGEML_RETURN_IF_ERROR(CheckQuantization(value));
  if (value.sparsity != nullptr && !value.is_constant())
    return Error(Code::kInvalidModel, "it is sparse but not constant");
  if (!value.is_constant()) return Status::Ok();
  if (value.is_variable)
    return Error(Code::kInvalidModel, "it is a variable and has constant data as well");
  if (value.sparsity != nullptr) return CheckSparsity(value);
  if (value.type == DType::kString) {
    const auto count = CheckedByteSize(value.shape, DType::kInt8);
    if (!count) return Error(Code::kInvalidModel, "its shape is not known or too large");
    return CheckStringBuffer(value.data.bytes, value.shape.num_elements());
  }
  if (BitsOf(value.type) == 0) return Status::Ok();
  const auto bytes = CheckedByteSize(value.shape, value.type);
  if (!bytes)
    return Error(Code::kInvalidModel, "it is constant but its shape ", value.shape.ToString(),
                 " is not known or too large");
  if (*bytes != value.data.bytes.size())
    return Error(Code::kInvalidModel, "its data has ", value.data.bytes.size(),
                 " bytes, its shape ", value.shape.ToString(), " of ", edgeml::NameOf(value.type),
                 " needs ", *bytes);
  return Status::Ok();
}

class GraphVerifier {
 public:
  GraphVerifier(const Module& module, const Graph& graph) : module_(module), graph_(graph) {}

  Status Run() {
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      Status status = CheckValue(graph_.values[i]);
      if (!status.ok()) return std::move(status).WithContext(Describe(static_cast<int32_t>(i)));
    }
    source_.assign(graph_.values.size(), Source::kNone);
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (value.is_constant() || value.is_variable) source_[i] = Source::kGiven;
    }
    for (const int32_t v : graph_.inputs) {
      if (!InRange(v))
        return Error(Code::kInvalidModel, "graph input is tensor ", v, ", which does not exist");
      if (source_[Index(v)] == Source::kNone) source_[Index(v)] = Source::kInput;
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      Status status = CheckNode(node);
      if (!status.ok())
        return std::move(status).WithContext(
            Concat("operator ", node.file_index >= 0 ? static_cast<size_t>(node.file_index) : i,
                   " (", node.name(), ")"));
    }
    for (const int32_t v : graph_.outputs) {
      if (!InRange(v))
        return Error(Code::kInvalidModel, "graph output is tensor ", v, ", which does not exist");
      if (source_[Index(v)] == Source::kNone)
        return Error(Code::kInvalidModel, "graph output ", Describe(v), " is never computed");
    }
    return Status::Ok();
  }

 private:
  enum class Source : uint8_t { kNone, kGiven, kInput, kNode };

  static size_t Index(int32_t v) { return static_cast<size_t>(v); }
  bool InRange(int32_t v) const { return v >= 0 && Index(v) < graph_.values.size(); }
  std::string Describe(int32_t v) const {
    return Concat("tensor ", v, " (", graph_.values[Index(v)].name, ")");
  }

  Status CheckNode(const Node& node) {
    if (static_cast<int>(node.op) >= kNumOpCodes)
      return Error(Code::kInternal, "its operator code is out of range");
    const OpDef& def = DefOf(node.op);
    EDGEML_RETURN_IF_ERROR(CheckShape(node, def));
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const int32_t v = node.inputs[i];
      if (v == kNoValue) {
        if (Defined(def) && !def.MayLack(i))
          return Error(Code::kInvalidModel, "input ", i, " is absent but required");
        continue;
      }
      if (!InRange(v))
        return Error(Code::kInvalidModel, "input ", i, " is tensor ", v, ", which does not exist");
      if (source_[Index(v)] == Source::kNone)
        return Error(Code::kInvalidModel, "input ", i, " is ", Describe(v),
                     ", which nothing has computed before");
    }
    for (const int32_t v : node.intermediates)
      if (v != kNoValue && !InRange(v))
        return Error(Code::kInvalidModel, "an intermediate is tensor ", v,
                     ", which does not exist");
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const int32_t v = node.outputs[i];
      if (v == kNoValue) continue;  // an output that nobody wants
      if (!InRange(v))
        return Error(Code::kInvalidModel, "output ", i, " is tensor ", v, ", which does not exist");
      switch (source_[Index(v)]) {
        case Source::kNone:
          break;
        case Source::kGiven:
          if (graph_.values[Index(v)].is_variable) break;  // gives the state its first value
          return Error(Code::kInvalidModel, "output ", i, " is ", Describe(v),
                       ", which is a constant");
        case Source::kInput:
          return Error(Code::kInvalidModel, "output ", i, " is ", Describe(v),
                       ", which is an input of the graph");
        case Source::kNode:
          return Error(Code::kInvalidModel, "output ", i, " is ", Describe(v),
                       ", which was computed before");
      }
      source_[Index(v)] = Source::kNode;
    }
    return CheckCalls(node);
  }

  // Operators without a definition yet (no shape rule) are opaque.
  static bool Defined(const OpDef& def) { return def.infer != nullptr; }

  static Status CheckShape(const Node& node, const OpDef& def) {
    if (node.op == OpCode::kCustom) {
      if (!std::holds_alternative<OpaqueAttrs>(node.attributes))
        return Error(Code::kInternal, "it carries attributes of another operator");
      return Status::Ok();
    }
    if (!Defined(def)) return Status::Ok();
    if (node.attributes.index() != def.attributes)
      return Error(Code::kInternal, "it carries attributes of another operator");
    const auto outside = [](size_t n, int lo, int hi) {
      return n < static_cast<size_t>(lo) || (hi >= 0 && n > static_cast<size_t>(hi));
    };
    const auto range = [](int lo, int hi) {
      if (hi < 0) return Concat("at least ", lo);
      return lo == hi ? Concat(lo) : Concat(lo, " to ", hi);
    };
    if (outside(node.inputs.size(), std::max<int>(def.min_inputs, 0), def.max_inputs))
      return Error(Code::kInvalidModel, "has ", node.inputs.size(), " inputs; it takes ",
                   range(std::max<int>(def.min_inputs, 0), def.max_inputs));
    if (outside(node.outputs.size(), std::max<int>(def.min_outputs, 0), def.max_outputs))
      return Error(Code::kInvalidModel, "has ", node.outputs.size(), " outputs; it gives ",
                   range(std::max<int>(def.min_outputs, 0), def.max_outputs));
    return Status::Ok();
  }

  Status CheckCalls(const Node& node) const {
    for (const int32_t callee : Callees(node)) {
      if (callee < 0 || Index(callee) >= module_.graphs.size())
        return Error(Code::kInvalidModel, "calls subgraph ", callee, ", which does not exist");
    }
    return Status::Ok();
  }

 public:
  static std::vector<int32_t> Callees(const Node& node) {
    if (const auto* attrs = std::get_if<WhileAttrs>(&node.attributes))
      return {attrs->cond_subgraph, attrs->body_subgraph};
    if (const auto* attrs = std::get_if<IfAttrs>(&node.attributes))
      return {attrs->then_subgraph, attrs->else_subgraph};
    if (const auto* attrs = std::get_if<CallOnceAttrs>(&node.attributes))
      return {attrs->init_subgraph};
    if (const auto* attrs = std::get_if<CaseAttrs>(&node.attributes))
      return attrs->branch_subgraphs;
    if (const auto* attrs = std::get_if<CompositeAttrs>(&node.attributes))
      return {attrs->decomposition_subgraph};
    if (const auto* attrs = std::get_if<StablehloReduceWindowAttrs>(&node.attributes))
      return {attrs->body_subgraph};
    if (const auto* attrs = std::get_if<StablehloScatterAttrs>(&node.attributes))
      return {attrs->update_subgraph};
    return {};
  }

 private:
  const Module& module_;
  const Graph& graph_;
  std::vector<Source> source_;
};

// Subgraphs must not call themselves, directly or through others.
Status CheckNoRecursion(const Module& module) {
  const size_t n = module.graphs.size();
  std::vector<std::vector<int32_t>> callees(n);
  for (size_t i = 0; i < n; ++i) {
    for (const Node& node : module.graphs[i].nodes)
      for (const int32_t callee : GraphVerifier::Callees(node)) callees[i].push_back(callee);
    std::sort(callees[i].begin(), callees[i].end());
    callees[i].erase(std::unique(callees[i].begin(), callees[i].end()), callees[i].end());
  }
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(n, kNew);
  std::vector<std::pair<size_t, size_t>> stack;  // graph, next callee: no recursion of our own
  for (size_t root = 0; root < n; ++root) {
    if (state[root] != kNew) continue;
    stack.emplace_back(root, 0);
    state[root] = kOpen;
    while (!stack.empty()) {
      auto& [graph, next] = stack.back();
      if (next == callees[graph].size()) {
        state[graph] = kDone;
        stack.pop_back();
        continue;
      }
      const size_t callee = static_cast<size_t>(callees[graph][next++]);
      if (state[callee] == kOpen)
        return Error(Code::kInvalidModel, "subgraph ", callee,
                     " calls itself, directly or through others");
      if (state[callee] == kNew) {
        state[callee] = kOpen;
        stack.emplace_back(callee, 0);
      }
    }
  }
  return Status::Ok();
}

}  // namespace

Status Verify(const Module& module) {
  if (module.graphs.empty()) return Error(Code::kInvalidModel, "the model has no graph");
  for (size_t i = 0; i < module.graphs.size(); ++i) {
    Status status = GraphVerifier(module, module.graphs[i]).Run();
    if (!status.ok()) {
      if (module.graphs.size() == 1) return status;
      return std::move(status).WithContext(Concat("subgraph ", i));
    }
  }
  for (const Signature& signature : module.signatures) {
    if (signature.subgraph < 0 || static_cast<size_t>(signature.subgraph) >= module.graphs.size())
      return Error(Code::kInvalidModel, "signature '", signature.key, "' names subgraph ",
                   signature.subgraph, ", which does not exist");
    const Graph& graph = module.graphs[static_cast<size_t>(signature.subgraph)];
    for (const auto* names : {&signature.inputs, &signature.outputs})
      for (const auto& [name, value] : *names)
        if (value < 0 || static_cast<size_t>(value) >= graph.values.size())
          return Error(Code::kInvalidModel, "signature '", signature.key, "': '", name,
                       "' names tensor ", value, ", which does not exist");
  }
  return CheckNoRecursion(module);
}

}  // namespace edgeml::ir
