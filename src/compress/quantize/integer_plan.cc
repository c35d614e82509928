#include "src/compress/quantize/integer_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/cells.h"

namespace edgeml::quantize {
namespace {

using Outputs = Convention::Outputs;

constexpr int kStaysFloat = 32;  // bits

class Planner {
 public:
  Planner(const ir::Graph& graph, const Ranges& ranges, const IntegerOptions& options)
      : graph_(graph), ranges_(ranges), options_(options) {
    group_.resize(graph.values.size());
    std::iota(group_.begin(), group_.end(), 0);
    fixed_.resize(graph.values.size());
    span_.resize(graph.values.size());
    producer_.assign(graph.values.size(), -1);
    for (size_t n = 0; n < graph.nodes.size(); ++n)
      for (const int32_t v : graph.nodes[n].outputs)
        if (v != ir::kNoValue) producer_[Index(v)] = static_cast<int32_t>(n);
  }

  IntegerPlan Make(std::vector<LayerReport>& layers) {
    IntegerPlan plan{graph_, ranges_, options_.activations, {}, {}};
    plan.nodes.resize(graph_.nodes.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const ir::Node& node = graph_.nodes[n];
      if (!TouchesFloat(node)) continue;
      LayerReport layer;
      layer.node = static_cast<int32_t>(n);
      layer.op_code = node.op;
      layer.op = node.name();
      if (!node.outputs.empty() && node.outputs[0] != ir::kNoValue) {
        layer.output = node.outputs[0];
        layer.name = ValueOf(layer.output).name;
      }
      layer.reason = Reason(n, plan);
      layer.quantized = plan.nodes[n].quantized = layer.reason.empty();
      if (const auto format = WeightFormatOf(graph_, layer.node, options_);
          format && layer.quantized) {
        layer.weight_bits = format->bits;
        layer.format = *format;
      }
      layers.push_back(std::move(layer));
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (plan.nodes[n].quantized) Join(graph_.nodes[n]);
    for (size_t v = 0; v < graph_.values.size(); ++v)
      if (ranges_[v]) Widen(static_cast<int32_t>(v), *ranges_[v]);
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (plan.nodes[n].quantized) WidenByConstants(graph_.nodes[n]);
    plan.values.resize(graph_.values.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (plan.nodes[n].quantized) Settle(graph_.nodes[n], plan.nodes[n], plan.values);
    return plan;
  }

 private:
  static size_t Index(int32_t i) { return static_cast<size_t>(i); }
  const ir::Value& ValueOf(int32_t v) const { return graph_.values[Index(v)]; }
  bool IsFloat(int32_t v) const { return v != ir::kNoValue && ValueOf(v).type == DType::kFloat32; }
  // Floats that are computed, or fed.
  bool IsActivation(int32_t v) const { return IsFloat(v) && !ValueOf(v).is_constant(); }
  bool TouchesFloat(const ir::Node& node) const {
    const auto is_float = [this](int32_t v) { return IsFloat(v); };
    return std::ranges::any_of(node.inputs, is_float) ||
           std::ranges::any_of(node.outputs, is_float);
  }
  // Floats among the inputs but for weights and bias, and what belongs to a recurrent cell.
  template <typename Visit>
  void ForOperands(const ir::Node& node, const Convention& convention, Visit visit) const {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto place = static_cast<int8_t>(i);
      if (convention.cell && i > 0) break;
      if (IsFloat(node.inputs[i]) && place != convention.weights && place != convention.bias)
        visit(i, node.inputs[i]);
    }
  }

  // Why a node stays float; empty = it need not. Earlier nodes are decided.
  std::string Reason(size_t n, const IntegerPlan& plan) const {
    const ir::Node& node = graph_.nodes[n];
    if (const char* why = WhyNot(graph_, node, options_.activations)) return why;
    if (const auto it = options_.bits.find(static_cast<int32_t>(n));
        it != options_.bits.end() && it->second == kStaysFloat)
      return "chosen to stay float";
    if (!options_.only_nodes.empty() &&
        std::ranges::find(options_.only_nodes, static_cast<int32_t>(n)) ==
            options_.only_nodes.end())
      return "not chosen";
    for (const std::string& name : options_.keep_float)
      if (name == node.name() || std::ranges::any_of(node.outputs, [&](int32_t v) {
            return v != ir::kNoValue && ValueOf(v).name == name;
          }))
        return "kept float as asked";
    const Convention& convention = *ConventionOf(node.op);
    for (const int32_t v : node.inputs)
      if (IsFloat(v) && ValueOf(v).sparsity != nullptr) return "a sparse operand";
    std::string reason;
    bool some_quantized = convention.weights >= 0 || convention.cell || options_.integer_only;
    ForOperands(node, convention, [&](size_t, int32_t v) {
      if (!IsActivation(v)) return;
      if (ValueOf(v).is_variable) reason = "it reads state";
      const int32_t from = producer_[Index(v)];
      if (!ranges_[Index(v)]) reason = Concat("the range of ", ValueOf(v).name, " is not known");
      some_quantized = some_quantized || from < 0 || plan.nodes[Index(from)].quantized;
    });
    if (convention.cell)
      if (const int32_t v = UnknownInCell(node, ranges_); v != ir::kNoValue)
        reason = Concat("the range of ", ValueOf(v).name, " is not known");
    for (const int32_t v : node.outputs)
      if (IsFloat(v) && !ranges_[Index(v)] && convention.outputs != Outputs::kFixed)
        reason = Concat("the range of ", ValueOf(v).name, " is not known");
    if (reason.empty() && !some_quantized) return "between operators that stay float";
    return reason;
  }

  int32_t Root(int32_t v) {
    while (group_[Index(v)] != v) v = group_[Index(v)] = group_[Index(group_[Index(v)])];
    return v;
  }
  void Union(int32_t a, int32_t b) {
    a = Root(a), b = Root(b);
    if (a == b) return;
    if (!fixed_[Index(a)]) fixed_[Index(a)] = fixed_[Index(b)];
    group_[Index(b)] = a;
  }

  // Values that share a scale. A value whose scale is fixed joins others only if all of them have
  // that very scale; else the node gets it requantized.
  void Join(const ir::Node& node) {
    const Convention& convention = *ConventionOf(node.op);
    if (convention.outputs == Outputs::kFixed)
      fixed_[Index(Root(node.outputs[0]))] = FixedAffine(node.op, options_.activations);
    if (convention.outputs != Outputs::kSame) return;
    int32_t first_output = ir::kNoValue;
    for (const int32_t v : node.outputs) {
      if (!IsActivation(v)) continue;
      if (first_output == ir::kNoValue) first_output = v;
      Union(first_output, v);
    }
    if (first_output == ir::kNoValue) return;
    std::vector<int32_t> operands;
    bool constants = false;
    ForOperands(node, convention, [&](size_t, int32_t v) {
      if (IsActivation(v)) operands.push_back(v);
      constants = constants || !IsActivation(v);
    });
    const bool all_fixed = !constants && std::ranges::all_of(operands, [&](int32_t v) {
      return fixed_[Index(Root(v))] == fixed_[Index(Root(operands[0]))];
    });
    // Padding with zeros is the one constant that every scale has.
    const bool pads = node.op == ir::OpCode::kPadV2;
    for (const int32_t v : operands)
      if (!fixed_[Index(Root(v))] || all_fixed || pads) Union(first_output, v);
  }

  void Widen(int32_t v, const Range& range) {
    auto& span = span_[Index(Root(v))];
    if (span)
      span->Include(range);
    else
      span = range;
  }
  static Range RangeOf(const ir::Value& value) {
    Range range;
    const auto* const data = reinterpret_cast<const float*>(value.data.bytes.data());
    for (size_t i = 0; i < value.data.bytes.size() / sizeof(float); ++i)
      if (std::isfinite(data[i])) range.Include({data[i], data[i]});
    return range;
  }
  // Constants that are joined with activations, but for the number that PADV2 pads with: it may be
  // far away on purpose, and is cut off.
  void WidenByConstants(const ir::Node& node) {
    const Convention& convention = *ConventionOf(node.op);
    if (convention.outputs != Outputs::kSame || node.op == ir::OpCode::kPadV2) return;
    ForOperands(node, convention, [&](size_t, int32_t v) {
      if (!IsActivation(v)) Widen(node.outputs[0], RangeOf(ValueOf(v)));
    });
  }

  Affine AffineOfGroup(int32_t v) {
    const size_t root = Index(Root(v));
    if (fixed_[root]) return *fixed_[root];
    return AffineOf(span_[root].value_or(Range{}), options_.activations);
  }

  void Settle(const ir::Node& node, IntegerPlan::Node& plan,
              std::vector<std::optional<Affine>>& values) {
    const Convention& convention = *ConventionOf(node.op);
    plan.inputs.resize(node.inputs.size());
    plan.outputs.resize(node.outputs.size());
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const int32_t v = node.outputs[i];
      if (IsFloat(v)) plan.outputs[i] = values[Index(v)] = AffineOfGroup(v);
    }
    ForOperands(node, convention, [&](size_t i, int32_t v) {
      if (IsActivation(v) && !values[Index(v)]) values[Index(v)] = AffineOfGroup(v);
      if (convention.outputs == Outputs::kSame && !node.outputs.empty() && plan.outputs[0])
        plan.inputs[i] = plan.outputs[0];
      else if (IsActivation(v))
        plan.inputs[i] = values[Index(v)];
      else
        plan.inputs[i] =
            AffineOf(RangeOf(ValueOf(v)), ConstantTypeOf(node.op, options_.activations));
    });
  }

  const ir::Graph& graph_;
  const Ranges& ranges_;
  const IntegerOptions& options_;
  std::vector<int32_t> group_, producer_;     // by value, as all below
  std::vector<std::optional<Affine>> fixed_;  // of the group's root
  std::vector<std::optional<Range>> span_;    // of the group's root
};

}  // namespace

std::optional<WeightFormat> WeightFormatOf(const ir::Graph& graph, int32_t n,
                                           const IntegerOptions& options) {
  const ir::Node& node = graph.nodes[static_cast<size_t>(n)];
  const Convention* const convention = ConventionOf(node.op);
  if (convention != nullptr && convention->cell) return WeightFormat{};
  if (convention == nullptr || convention->weights < 0) return std::nullopt;
  WeightFormat format = options.weights;
  if (const auto it = options.bits.find(n); it != options.bits.end()) {
    if (it->second == kStaysFloat) return std::nullopt;
    format.bits = it->second;
  }
  if (format.bits < 8 && !convention->int4_weights) format.bits = 8;
  format.axis = options.per_channel ? convention->channels : -1;
  if (format.outputs >= 0) format.outputs = convention->channels;
  format.block_size = 0;
  return format;
}

IntegerPlan MakeIntegerPlan(const ir::Graph& graph, const Ranges& ranges,
                            const IntegerOptions& options, std::vector<LayerReport>& layers) {
  return Planner(graph, ranges, options).Make(layers);
}

}  // namespace edgeml::quantize
