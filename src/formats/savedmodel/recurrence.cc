#include "src/formats/savedmodel/recurrence.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "src/formats/savedmodel/attributes.h"

namespace edgeml::savedmodel {
namespace {

constexpr size_t kMostTerms = 6;  // of a sum; the usual ones have three

class Matcher {
 public:
  explicit Matcher(const Graph& graph) : graph_(graph), arguments_(graph.nodes.size(), -1) {
    for (size_t i = 0; i < graph.inputs.size(); ++i)
      arguments_[static_cast<size_t>(graph.inputs[i].node)] = static_cast<int32_t>(i);
  }

  std::optional<Recurrence> Step() {
    Recurrence r;
    r.roles.assign(graph_.inputs.size(), Recurrence::Role::kUnknown);
    if (graph_.outputs.size() != graph_.inputs.size()) return std::nullopt;
    // What is written to the list of outputs is the new state.
    Endpoint hidden;
    int32_t outputs = -1;
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Node* const set = Is(graph_.outputs[i].value, {"TensorListSetItem"}, 3);
      if (set == nullptr || ArgumentOf(set->inputs[0]) != static_cast<int32_t>(i)) continue;
      if (outputs >= 0) return std::nullopt;
      outputs = static_cast<int32_t>(i);
      hidden = set->inputs[2];
      r.write_step = ArgumentOf(set->inputs[1]);
      r.last_only = r.write_step < 0 && Integer(set->inputs[1]) == 0;
      if (r.write_step < 0 && !r.last_only) return std::nullopt;
    }
    if (outputs < 0) return std::nullopt;
    Endpoint cell;
    if (!Lstm(hidden, r, cell) && !Simple(hidden, r)) return std::nullopt;
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      r.roles[i] = RoleOf(static_cast<int32_t>(i), outputs, hidden, cell, r);
    const auto has = [&r](int32_t i, Recurrence::Role role) {
      return i >= 0 && r.roles[static_cast<size_t>(i)] == role;
    };
    if (!has(hidden_in_, Recurrence::Role::kHidden) || !has(r.step, Recurrence::Role::kCounter) ||
        !has(r.inputs, Recurrence::Role::kSame) ||
        (r.is_lstm && !has(cell_in_, Recurrence::Role::kCell)) ||
        (!r.last_only && !has(r.write_step, Recurrence::Role::kCounter)))
      return std::nullopt;
    return r;
  }

  std::optional<std::vector<LoopLimit>> Limits() const {
    std::vector<LoopLimit> out;
    if (graph_.outputs.size() != 1 || !AddLimits(graph_.outputs[0].value, 0, out))
      return std::nullopt;
    return out;
  }

 private:
  const Node& At(const Endpoint& at) const { return graph_.nodes[static_cast<size_t>(at.node)]; }
  // The node behind a value if it is one of these operators and has that many inputs.
  const Node* Is(const Endpoint& at, std::initializer_list<std::string_view> ops,
                 size_t inputs) const {
    const Node& node = At(at);
    const bool one = std::find(ops.begin(), ops.end(), node.op) != ops.end();
    return one && node.inputs.size() == inputs ? &node : nullptr;
  }
  // The number of the graph's input that a value is; -1 when it is none.
  int32_t ArgumentOf(const Endpoint& at) const {
    return at.output == 0 ? arguments_[static_cast<size_t>(at.node)] : -1;
  }
  std::optional<int64_t> Integer(const Endpoint& at) const {
    const Node& node = At(at);
    int32_t number = 0;
    if (node.op != kConstOp || node.constant.type != DType::kInt32 ||
        node.constant.data.bytes.size() != sizeof number)
      return std::nullopt;
    std::memcpy(&number, node.constant.data.bytes.data(), sizeof number);
    return number;
  }

  Recurrence::Role RoleOf(int32_t i, int32_t outputs, const Endpoint& hidden, const Endpoint& cell,
                          const Recurrence& r) const {
    const Endpoint& value = graph_.outputs[static_cast<size_t>(i)].value;
    if (i == outputs) return Recurrence::Role::kOutputs;
    if (ArgumentOf(value) == i) return Recurrence::Role::kSame;
    if (i == hidden_in_ && value == hidden) return Recurrence::Role::kHidden;
    if (r.is_lstm && i == cell_in_ && value == cell) return Recurrence::Role::kCell;
    if (const Node* const add = Is(value, {"Add", "AddV2"}, 2))
      for (const size_t k : {size_t{0}, size_t{1}})
        if (ArgumentOf(add->inputs[k]) == i && Integer(add->inputs[1 - k]) == 1)
          return Recurrence::Role::kCounter;
    return Recurrence::Role::kUnknown;
  }

  // Both inputs of a product, in either order.
  template <typename Accept>
  bool Either(const Endpoint& at, std::initializer_list<std::string_view> ops,
              Accept accept) const {
    const Node* const node = Is(at, ops, 2);
    return node != nullptr &&
           (accept(node->inputs[0], node->inputs[1]) || accept(node->inputs[1], node->inputs[0]));
  }

  // Output `part` of the split of an LSTM's gates, through `op`.
  bool IsGate(const Endpoint& at, std::string_view op, int32_t part) {
    const Node* const node = Is(at, {op}, 1);
    if (node == nullptr || node->inputs[0].output != part) return false;
    const Node* const split = Is(node->inputs[0], {"Split"}, 2);
    const auto axis = split == nullptr ? std::nullopt : Integer(split->inputs[0]);
    if (!axis || (*axis != 1 && *axis != -1) || AttrReader(*split).Int("num_split", 0) != 4 ||
        (gates_ >= 0 && gates_ != node->inputs[0].node))
      return false;
    gates_ = node->inputs[0].node;
    return true;
  }

  // o * tanh(c'), c' = f * c + i * tanh(g).
  bool Lstm(const Endpoint& hidden, Recurrence& r, Endpoint& cell) {
    const bool found = Either(hidden, {"Mul"}, [&](const Endpoint& gate, const Endpoint& squashed) {
      const Node* const tanh = Is(squashed, {"Tanh"}, 1);
      if (tanh == nullptr || !IsGate(gate, "Sigmoid", 3)) return false;
      cell = tanh->inputs[0];
      return Either(cell, {"Add", "AddV2"}, [&](const Endpoint& kept, const Endpoint& fresh) {
        return Either(kept, {"Mul"},
                      [&](const Endpoint& forget, const Endpoint& before) {
                        cell_in_ = ArgumentOf(before);
                        return cell_in_ >= 0 && IsGate(forget, "Sigmoid", 1);
                      }) &&
               Either(fresh, {"Mul"}, [&](const Endpoint& input, const Endpoint& candidate) {
                 return IsGate(input, "Sigmoid", 0) && IsGate(candidate, "Tanh", 2);
               });
      });
    });
    r.is_lstm = found;
    return found && Sum(graph_.nodes[static_cast<size_t>(gates_)].inputs[1], 4, r);
  }

  bool Simple(const Endpoint& hidden, Recurrence& r) {
    r.is_lstm = false;
    const Node* const node = Is(hidden, {"Tanh", "Relu", "Relu6"}, 1);
    if (node == nullptr) return Sum(hidden, 1, r);
    r.activation = node->op;
    return Sum(node->inputs[0], 1, r);
  }

  // x W + h U + b, added up in any order.
  bool Sum(const Endpoint& at, int32_t gates, Recurrence& r) {
    std::vector<Endpoint> terms = {at};
    for (size_t i = 0; i < terms.size(); ++i) {
      while (const Node* const add = Is(terms[i], {"Add", "AddV2", "BiasAdd"}, 2)) {
        if (terms.size() == kMostTerms) return false;
        const Endpoint second = add->inputs[1];
        terms[i] = add->inputs[0];
        terms.push_back(second);
      }
    }
    for (const Endpoint& term : terms)
      if (!Term(term, r)) return false;
    if (r.kernel == nullptr || r.recurrent_kernel == nullptr) return false;
    r.units = r.recurrent_kernel->shape[0];
    const int32_t width = r.recurrent_kernel->shape[1];
    return int64_t{r.units} * gates == width && r.kernel->shape[1] == width && r.units > 0 &&
           r.kernel->shape[0] > 0 &&
           (r.bias == nullptr || r.bias->shape == Shape{width} ||
            (r.bias->shape == Shape{1, width}));
  }

  bool Term(const Endpoint& at, Recurrence& r) {
    if (const Node& node = At(at); node.op == kConstOp) {
      const bool fits = r.bias == nullptr && node.constant.type == DType::kFloat32;
      r.bias = &node.constant;
      return fits;
    }
    const Node* const product = Is(at, {"MatMul"}, 2);
    if (product == nullptr) return false;
    AttrReader attrs(*product);
    const Constant& weights = At(product->inputs[1]).constant;
    if (At(product->inputs[1]).op != kConstOp || weights.type != DType::kFloat32 ||
        weights.shape.rank() != 2 || attrs.Bool("transpose_a", false) ||
        attrs.Bool("transpose_b", false))
      return false;
    if (const Node* const item = Is(product->inputs[0], {"TensorListGetItem"}, 3)) {
      if (r.kernel != nullptr) return false;
      r.kernel = &weights;
      r.inputs = ArgumentOf(item->inputs[0]);
      r.step = ArgumentOf(item->inputs[1]);
      return r.inputs >= 0 && r.step >= 0;
    }
    if (r.recurrent_kernel != nullptr) return false;
    r.recurrent_kernel = &weights;
    hidden_in_ = ArgumentOf(product->inputs[0]);
    return hidden_in_ >= 0;
  }

  bool AddLimits(const Endpoint& at, int depth, std::vector<LoopLimit>& out) const {
    constexpr int kMostDepth = 3;
    if (depth > kMostDepth) return false;
    if (const Node* const both = Is(at, {"LogicalAnd"}, 2))
      return AddLimits(both->inputs[0], depth + 1, out) &&
             AddLimits(both->inputs[1], depth + 1, out);
    const Node* const less = Is(at, {"Less"}, 2);
    if (less == nullptr) return false;
    LoopLimit limit;
    limit.counter = ArgumentOf(less->inputs[0]);
    limit.limit_input = ArgumentOf(less->inputs[1]);
    const auto number = Integer(less->inputs[1]);
    limit.limit = number.value_or(0);
    out.push_back(limit);
    return limit.counter >= 0 && (limit.limit_input >= 0 || number);
  }

  const Graph& graph_;
  std::vector<int32_t> arguments_;  // for each node the number of the input that it is
  int32_t gates_ = -1;              // the split of an LSTM's gates
  int32_t hidden_in_ = -1, cell_in_ = -1;
};

}  // namespace

std::optional<Recurrence> MatchStep(const Graph& body) { return Matcher(body).Step(); }

std::optional<std::vector<LoopLimit>> MatchLimits(const Graph& condition) {
  return Matcher(condition).Limits();
}

}  // namespace edgeml::savedmodel
