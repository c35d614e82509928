#include "src/ir/rewriter.h"

#include <algorithm>
#include <utility>

#include "src/ir/op_def.h"

namespace edgeml::ir {

Rewriter::Rewriter(Graph& graph) : graph_(graph), nodes_(std::move(graph.nodes)) {
  const size_t n = nodes_.size();
  graph_.nodes.clear();
  removed_.assign(n, 0);
  count_ = n;
  for (size_t i = 0; i < n; ++i) {
    previous_.push_back(static_cast<int32_t>(i) - 1);
    next_.push_back(i + 1 < n ? static_cast<int32_t>(i) + 1 : kNoNode);
  }
  if (n > 0) {
    first_ = 0;
    last_ = static_cast<int32_t>(n) - 1;
  }
  producer_.assign(graph_.values.size(), kNoNode);
  users_.resize(graph_.values.size());
  output_uses_.assign(graph_.values.size(), 0);
  is_input_.assign(graph_.values.size(), 0);
  for (size_t i = 0; i < n; ++i) {
    const auto index = static_cast<int32_t>(i);
    for (const int32_t v : nodes_[i].inputs) AddUser(v, index);
    for (const int32_t v : nodes_[i].intermediates) AddUser(v, index);
    for (const int32_t v : nodes_[i].outputs)
      if (v != kNoValue) producer_[Index(v)] = index;
  }
  for (const int32_t v : graph_.outputs) ++output_uses_[Index(v)];
  for (const int32_t v : graph_.inputs)
    if (v != kNoValue) is_input_[Index(v)] = 1;
}

void Rewriter::Finish() {
  if (finished_) return;
  finished_ = true;
  graph_.nodes.reserve(count_);
  for (int32_t n = First(); n != kNoNode; n = Next(n))
    graph_.nodes.push_back(std::move(nodes_[Index(n)]));
}

void Rewriter::AddUser(int32_t v, int32_t n) {
  if (v != kNoValue) users_[Index(v)].push_back(n);
}

void Rewriter::DropUser(int32_t v, int32_t n) {
  if (v == kNoValue) return;
  std::vector<int32_t>& users = users_[Index(v)];
  const auto found = std::find(users.begin(), users.end(), n);
  if (found == users.end()) return;
  *found = users.back();
  users.pop_back();
}

int32_t Rewriter::SoleProducer(int32_t n, size_t i) const {
  const std::vector<int32_t>& inputs = node(n).inputs;
  if (i >= inputs.size() || inputs[i] == kNoValue || SoleUser(inputs[i]) != n) return kNoNode;
  return Producer(inputs[i]);
}

int32_t Rewriter::AddValue(Value value) {
  graph_.values.push_back(std::move(value));
  producer_.push_back(kNoNode);
  users_.emplace_back();
  output_uses_.push_back(0);
  is_input_.push_back(0);
  return static_cast<int32_t>(graph_.values.size()) - 1;
}

int32_t Rewriter::AddConstant(std::string name, DType type, const Shape& shape, ConstantData data) {
  Value value;
  value.name = std::move(name);
  value.type = type;
  value.shape = shape;
  value.data = std::move(data);
  return AddValue(std::move(value));
}

int32_t Rewriter::AddInts(std::string name, std::span<const int32_t> values) {
  return AddConstant(std::move(name), DType::kInt32, Shape{static_cast<int32_t>(values.size())},
                     values);
}

int32_t Rewriter::AddLike(int32_t like, std::string name, const Shape& shape) {
  Value value;
  value.name = std::move(name);
  value.type = this->value(like).type;
  value.quantization = this->value(like).quantization;
  value.shape = shape;
  if (!shape.known()) {
    value.shape_signature = shape;
    value.has_signature = true;
    for (int i = 0; i < shape.rank(); ++i)
      if (shape[i] == kUnknownDim) value.shape[i] = 1;
  }
  return AddValue(std::move(value));
}

int32_t Rewriter::InsertBefore(int32_t before, Node node) {
  return Insert(previous_[Index(before)], before, std::move(node));
}

int32_t Rewriter::InsertAfter(int32_t after, Node node) {
  return Insert(after, next_[Index(after)], std::move(node));
}

int32_t Rewriter::Insert(int32_t previous, int32_t next, Node node) {
  const auto n = static_cast<int32_t>(nodes_.size());
  for (const int32_t v : node.inputs) AddUser(v, n);
  for (const int32_t v : node.intermediates) AddUser(v, n);
  for (const int32_t v : node.outputs)
    if (v != kNoValue) producer_[Index(v)] = n;
  nodes_.push_back(std::move(node));
  removed_.push_back(0);
  previous_.push_back(previous);
  next_.push_back(next);
  (previous == kNoNode ? first_ : next_[Index(previous)]) = n;
  (next == kNoNode ? last_ : previous_[Index(next)]) = n;
  ++count_;
  return n;
}

void Rewriter::SetInput(int32_t n, size_t i, int32_t v) {
  int32_t& input = nodes_[Index(n)].inputs[i];
  DropUser(input, n);
  input = v;
  AddUser(v, n);
}

void Rewriter::SetInputs(int32_t n, std::vector<int32_t> inputs) {
  Node& node = mutable_node(n);
  for (const int32_t v : node.inputs) DropUser(v, n);
  node.inputs = std::move(inputs);
  for (const int32_t v : node.inputs) AddUser(v, n);
}

void Rewriter::SetOutput(int32_t n, size_t i, int32_t v) {
  int32_t& output = nodes_[Index(n)].outputs[i];
  if (output != kNoValue && producer_[Index(output)] == n) producer_[Index(output)] = kNoNode;
  output = v;
  producer_[Index(v)] = n;
}

void Rewriter::Remove(int32_t n) {
  const Node& node = nodes_[Index(n)];
  for (const int32_t v : node.inputs) DropUser(v, n);
  for (const int32_t v : node.intermediates) DropUser(v, n);
  for (const int32_t v : node.outputs)
    if (v != kNoValue && producer_[Index(v)] == n) producer_[Index(v)] = kNoNode;
  const int32_t previous = previous_[Index(n)], next = next_[Index(n)];
  (previous == kNoNode ? first_ : next_[Index(previous)]) = next;
  (next == kNoNode ? last_ : previous_[Index(next)]) = previous;
  removed_[Index(n)] = 1;  // its own `next` stays, for who is on the way
  --count_;
}

bool Rewriter::CanReplace(int32_t v, int32_t by) const {
  if (v == by || value(v).type != value(by).type) return false;
  if (value(v).is_variable || value(by).is_variable) return false;
  return !IsGraphOutput(v) || (Producer(by) != kNoNode && !IsGraphOutput(by));
}

void Rewriter::ReplaceUses(int32_t v, int32_t by) {
  const std::vector<int32_t> users = std::move(users_[Index(v)]);
  users_[Index(v)].clear();
  for (const int32_t n : users) {
    // One entry per use: each finds the next use that is left.
    Node& node = nodes_[Index(n)];
    auto found = std::find(node.inputs.begin(), node.inputs.end(), v);
    if (found == node.inputs.end()) {
      found = std::find(node.intermediates.begin(), node.intermediates.end(), v);
      if (found == node.intermediates.end()) continue;
    }
    *found = by;
    AddUser(by, n);
  }
}

void Rewriter::ReplaceNode(int32_t n, int32_t by) {
  const int32_t v = node(n).outputs[0];
  Remove(n);
  if (!IsGraphOutput(v)) {
    ReplaceUses(v, by);
    return;
  }
  // The graph's output keeps its index: what computed `by` computes it now.
  const int32_t producer = Producer(by);
  const std::vector<int32_t>& outputs = node(producer).outputs;
  const auto i =
      static_cast<size_t>(std::find(outputs.begin(), outputs.end(), by) - outputs.begin());
  ReplaceUses(by, v);
  SetOutput(producer, i, v);
}

int64_t Rewriter::RemoveDead() {
  int64_t removed = 0;
  for (int32_t n = last_; n != kNoNode; n = previous_[Index(n)]) {
    if (HasEffects(graph_, node(n))) continue;
    const std::vector<int32_t>& outputs = node(n).outputs;
    if (!std::all_of(outputs.begin(), outputs.end(),
                     [&](int32_t v) { return v == kNoValue || Unused(v); }))
      continue;
    Remove(n);  // leaves its own `previous` as it was
    ++removed;
  }
  return removed;
}

namespace {

bool TouchesState(const Graph& graph, const Node& node) {
  const auto is_variable = [&](int32_t v) {
    return v != kNoValue && graph.values[static_cast<size_t>(v)].is_variable;
  };
  return std::any_of(node.inputs.begin(), node.inputs.end(), is_variable) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), is_variable);
}

}  // namespace

bool HasEffects(const Graph& graph, const Node& node) {
  const OpDef& def = DefOf(node.op);
  return def.has_side_effects || def.infer == nullptr || node.outputs.empty() ||
         TouchesState(graph, node);
}

bool IsPure(const Graph& graph, const Node& node) {
  return !HasEffects(graph, node) && node.op != OpCode::kMultinomial &&
         node.op != OpCode::kRandomStandardNormal && node.op != OpCode::kRandomUniform &&
         node.op != OpCode::kStablehloRngBitGenerator;
}

void CompactValues(Module& module) {
  for (size_t g = 0; g < module.graphs.size(); ++g) {
    Graph& graph = module.graphs[g];
    std::vector<uint8_t> used(graph.values.size(), 0);
    const auto use = [&](int32_t v) {
      if (v >= 0) used[static_cast<size_t>(v)] = 1;
    };
    const auto use_all = [&](const std::vector<int32_t>& values) {
      std::for_each(values.begin(), values.end(), use);
    };
    use_all(graph.inputs);
    use_all(graph.outputs);
    for (const Node& node : graph.nodes) {
      use_all(node.inputs);
      use_all(node.outputs);
      use_all(node.intermediates);
    }
    for (const Signature& signature : module.signatures) {
      if (static_cast<size_t>(signature.subgraph) != g) continue;
      for (const auto& [name, v] : signature.inputs) use(v);
      for (const auto& [name, v] : signature.outputs) use(v);
    }
    for (size_t v = 0; v < graph.values.size(); ++v) {
      if (used[v] == 0) continue;  // scales are not quantized block-wise themselves
      use(graph.values[v].quantization.scale_value);
      use(graph.values[v].quantization.zero_point_value);
    }

    std::vector<int32_t> number(graph.values.size(), kNoValue);
    size_t kept = 0;
    for (size_t v = 0; v < graph.values.size(); ++v) {
      if (used[v] == 0) continue;
      number[v] = static_cast<int32_t>(kept);
      if (kept != v) graph.values[kept] = std::move(graph.values[v]);
      ++kept;
    }
    graph.values.resize(kept);
    const auto renumber = [&](int32_t& v) {
      if (v >= 0) v = number[static_cast<size_t>(v)];
    };
    const auto renumber_all = [&](std::vector<int32_t>& values) {
      std::for_each(values.begin(), values.end(), renumber);
    };
    renumber_all(graph.inputs);
    renumber_all(graph.outputs);
    for (Node& node : graph.nodes) {
      renumber_all(node.inputs);
      renumber_all(node.outputs);
      renumber_all(node.intermediates);
    }
    for (Value& value : graph.values) {
      renumber(value.quantization.scale_value);
      renumber(value.quantization.zero_point_value);
    }
    for (Signature& signature : module.signatures) {
      if (static_cast<size_t>(signature.subgraph) != g) continue;
      for (auto& [name, v] : signature.inputs) renumber(v);
      for (auto& [name, v] : signature.outputs) renumber(v);
    }
  }
}

}  // namespace edgeml::ir
