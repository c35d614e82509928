// Batch normalization and everything else that scales and shifts channels, into the weights and the
// bias of the operator before it or after it; chains of what is left into one MUL and one ADD.
#include <algorithm>
#include <cmath>
#include <limits>

#include "src/ir/op_def.h"
#include "src/passes/linear_ops.h"
#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

// Into the operator before --------------------------------------------------------------------

// Whether changed weights cost no memory: nobody else needs the ones that are there.
bool MayChange(const Rewriter& graph, int32_t weights) {
  constexpr size_t kSmallBytes = 4096;
  return graph.Users(weights).size() == 1 || graph.value(weights).data.bytes.size() <= kSmallBytes;
}

bool AllFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// Calls scale(element, index along `axis`) on a copy of the weights.
template <typename F>
std::vector<float> MapWeights(std::span<const float> weights, const Shape& shape, int axis, F f) {
  std::vector<float> out(weights.begin(), weights.end());
  const auto inner = static_cast<size_t>(shape.num_elements(axis + 1, shape.rank()));
  const auto size = static_cast<size_t>(shape[axis]);
  size_t at = 0;
  while (at < out.size())
    for (size_t c = 0; c < size; ++c)
      for (size_t i = 0; i < inner; ++i, ++at) out[at] = f(out[at], c);
  return out;
}

bool FoldIntoProducer(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const auto affine = AffineOf(graph, node);
  if (!affine) return false;
  const int32_t y = node.outputs[0], x = affine->input;
  if (!graph.CanReplace(y, x)) return false;
  const auto c = affine->constant == ir::kNoValue ? std::span<const float>()
                                                  : Floats(graph, affine->constant).value();
  auto axis = affine->constant == ir::kNoValue
                  ? std::optional<int>(-1)
                  : ChannelAxis(graph.shape(affine->constant), graph.shape(y).rank());
  if (!axis) return false;

  // The operator with the weights, past nodes that only move its results.
  if (graph.SoleUser(x) != n) return false;
  int32_t at = graph.Producer(x);
  while (at != ir::kNoNode && !LinearOpOf(graph.node(at).op)) {
    axis = AxisBefore(graph, graph.node(at), *axis);
    if (!axis) return false;
    at = graph.SoleProducer(at, 0);
  }
  if (at == ir::kNoNode) return false;
  const Node& linear = graph.node(at);
  const LinearOp op = *LinearOpOf(linear.op);
  const int32_t weights_value = linear.inputs[op.weights];
  const auto weights = Floats(graph, weights_value);
  const Shape weights_shape = graph.shape(weights_value);
  if (!IsFloat(graph, linear.outputs[0]) || !weights || weights->empty() ||
      weights_shape.rank() <= std::max(op.out_axis, op.in_axis) ||
      ir::FusedActivation(linear) != ir::Activation::kNone)
    return false;
  const auto channels = static_cast<size_t>(weights_shape[op.out_axis]);
  if (*axis >= 0 && (*axis != graph.shape(linear.outputs[0]).rank() - 1 || c.size() != channels))
    return false;
  auto bias = BiasOf(graph, linear, op, channels);
  if (!bias || (affine->scales() && !MayChange(graph, weights_value))) return false;

  const auto constant = [&](size_t channel) {
    return c.empty() ? 0.0f : c[c.size() == 1 ? 0 : channel];
  };
  for (size_t i = 0; i < channels; ++i)
    (*bias)[i] =
        static_cast<float>((*bias)[i] * affine->scale(constant(i)) + affine->shift(constant(i)));
  if (!AllFinite(*bias)) return false;
  if (affine->scales()) {
    const std::vector<float> scaled =
        MapWeights(*weights, weights_shape, op.out_axis, [&](float w, size_t channel) {
          return static_cast<float>(w * affine->scale(constant(channel)));
        });
    if (!AllFinite(scaled)) return false;
    const std::string name = graph.value(weights_value).name;
    graph.SetInput(
        at, op.weights,
        graph.AddConstant(name, DType::kFloat32, weights_shape, std::span<const float>(scaled)));
    graph.DropIfUnused(weights_value);
  }
  if (affine->shifts() ||
      (op.bias < linear.inputs.size() && graph.node(at).inputs[op.bias] != ir::kNoValue))
    SetBias(graph, at, op, *bias);
  const ir::Activation activation = ir::FusedActivation(node);
  SetFusedActivation(graph.mutable_node(at), activation);
  graph.ReplaceNode(n, x);
  return true;
}

// Into the operator after ---------------------------------------------------------------------

// A scale far from 1 stays a node: it may stand between pixels of 0 to 255 and weights near 0.1,
// and would make those too small for float16 later.
constexpr double kLeastScale = 1.0 / 16, kMostScale = 16;
// So does a large shift: what it is taken from may be as large, and their difference is exact
// before the multiplication, not after it.
constexpr double kMostShift = 2;

bool FoldIntoUser(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const auto affine = AffineOf(graph, node);
  if (!affine || ir::FusedActivation(node) != ir::Activation::kNone ||
      affine->constant == ir::kNoValue)
    return false;
  const int32_t y = node.outputs[0], x = affine->input;
  const auto c = Floats(graph, affine->constant).value();
  for (const float value : c) {
    const double magnitude = std::abs(affine->scale(value));
    if (magnitude < kLeastScale || magnitude > kMostScale ||
        std::abs(affine->shift(value)) > kMostShift)
      return false;
  }
  auto axis = ChannelAxis(graph.shape(affine->constant), graph.shape(y).rank());
  if (!axis || !graph.CanReplace(y, x)) return false;
  int32_t at = graph.SoleUser(y);
  if (at == ir::kNoNode) return false;
  const Node& linear = graph.node(at);
  const auto op = LinearOpOf(linear.op);
  if (!op || linear.inputs[op->input] != y ||
      std::count(linear.inputs.begin(), linear.inputs.end(), y) != 1)
    return false;
  const int32_t weights_value = linear.inputs[op->weights];
  const auto weights = Floats(graph, weights_value);
  const Shape weights_shape = graph.shape(weights_value);
  if (!weights || weights->empty() || weights_shape.rank() <= std::max(op->out_axis, op->in_axis) ||
      !MayChange(graph, weights_value))
    return false;
  const Shape& input_shape = graph.shape(y);
  if (*axis >= 0 && *axis != input_shape.rank() - 1) return false;
  const auto in_size = static_cast<size_t>(weights_shape[op->in_axis]);
  const auto out_size = static_cast<size_t>(weights_shape[op->out_axis]);

  // Which input channel an element of the weights meets.
  size_t per_group = out_size, multiplier = 1;
  bool valid = false;  // no zeros around the image, which the shift would not reach
  switch (linear.op) {
    case OpCode::kFullyConnected:
      if (*axis >= 0 && c.size() != in_size) return false;
      valid = true;
      break;
    case OpCode::kDepthwiseConv2D:
      multiplier = static_cast<size_t>(linear.attrs<ir::DepthwiseConvAttrs>().depth_multiplier);
      valid = linear.attrs<ir::DepthwiseConvAttrs>().window.padding == ir::Padding::kValid;
      if (multiplier == 0 || (*axis >= 0 && c.size() * multiplier != out_size)) return false;
      break;
    case OpCode::kConv2D:
      valid = linear.attrs<ir::ConvAttrs>().window.padding == ir::Padding::kValid;
      if (*axis >= 0) {
        const size_t groups = in_size == 0 ? 0 : c.size() / in_size;
        if (groups == 0 || groups * in_size != c.size() || out_size % groups != 0) return false;
        per_group = out_size / groups;
      }
      break;
    case OpCode::kConv3D:
      valid = linear.attrs<ir::Conv3DAttrs>().window.padding == ir::Padding::kValid;
      if (*axis >= 0 && c.size() != in_size) return false;
      break;
    default:  // transposed ones: zeros come between
      if (*axis >= 0 && c.size() != in_size) return false;
      break;
  }
  if (affine->shifts() && !valid) return false;
  auto bias = BiasOf(graph, linear, *op, out_size);
  if (!bias) return false;

  std::vector<double> shift(out_size);
  std::vector<float> scaled(weights->begin(), weights->end());
  const auto stride_of = [&](int dim) {
    return static_cast<size_t>(weights_shape.num_elements(dim + 1, weights_shape.rank()));
  };
  const size_t in_stride = stride_of(op->in_axis), out_stride = stride_of(op->out_axis);
  for (size_t i = 0; i < scaled.size(); ++i) {
    const size_t out = i / out_stride % out_size;
    size_t channel = i / in_stride % in_size;
    if (linear.op == OpCode::kDepthwiseConv2D) channel = out / multiplier;
    if (linear.op == OpCode::kConv2D) channel += out / per_group * in_size;
    const float constant = c[c.size() == 1 ? 0 : channel];
    shift[out] += affine->shift(constant) * scaled[i];
    scaled[i] = static_cast<float>(affine->scale(constant) * scaled[i]);
  }
  for (size_t i = 0; i < out_size; ++i) (*bias)[i] = static_cast<float>((*bias)[i] + shift[i]);
  if (!AllFinite(scaled) || !AllFinite(*bias)) return false;
  if (affine->scales()) {
    const std::string name = graph.value(weights_value).name;
    graph.SetInput(
        at, op->weights,
        graph.AddConstant(name, DType::kFloat32, weights_shape, std::span<const float>(scaled)));
    graph.DropIfUnused(weights_value);
  }
  if (affine->shifts()) SetBias(graph, at, *op, *bias);
  graph.ReplaceNode(n, x);
  return true;
}

// Chains --------------------------------------------------------------------------------------

// Numbers that are broadcast.
struct Numbers {
  Shape shape;
  std::vector<double> values = {0};
};

template <typename F>
std::optional<Numbers> Combine(const Numbers& a, const Numbers& b, F f, size_t most) {
  const auto shape = BroadcastShapes(a.shape, b.shape);
  if (!shape) return std::nullopt;
  const auto bytes = CheckedByteSize(*shape, DType::kInt8);
  if (!bytes || *bytes > most) return std::nullopt;
  const int rank = shape->rank();
  const Shape wide_a = a.shape.ExpandedTo(rank), wide_b = b.shape.ExpandedTo(rank);
  Numbers out{*shape, std::vector<double>(*bytes)};
  for (size_t i = 0; i < out.values.size(); ++i) {
    size_t rest = i, at_a = 0, at_b = 0, stride_a = 1, stride_b = 1;
    for (int d = rank - 1; d >= 0; --d) {
      const auto size = static_cast<size_t>((*shape)[d]);
      const size_t index = rest % size;
      rest /= size;
      if (wide_a[d] != 1) at_a += index * stride_a;
      if (wide_b[d] != 1) at_b += index * stride_b;
      stride_a *= static_cast<size_t>(wide_a[d]);
      stride_b *= static_cast<size_t>(wide_b[d]);
    }
    out.values[i] = f(a.values[at_a], b.values[at_b]);
  }
  return out;
}

bool All(const Numbers& numbers, double number) {
  return std::all_of(numbers.values.begin(), numbers.values.end(),
                     [&](double v) { return v == number; });
}

// Makes node n compute `op` of x and the numbers.
bool Become(Rewriter& graph, int32_t n, OpCode op, int32_t x, const Numbers& numbers,
            ir::Activation activation) {
  const std::vector<float> values(numbers.values.begin(), numbers.values.end());
  if (!AllFinite(values)) return false;
  const int32_t constant =
      graph.AddConstant(graph.value(graph.node(n).outputs[0]).name + "/constant", DType::kFloat32,
                        numbers.shape, std::span<const float>(values));
  graph.SetInputs(n, {x, constant});
  Node& node = graph.mutable_node(n);
  node.op = op;
  node.attributes = ir::BinaryAttrs{activation, true};
  return true;
}

// The chain that ends with node n, if a shorter one does the same.
bool MergeChain(Rewriter& graph, int32_t n) {
  constexpr size_t kSmallConstant = 1024;  // elements
  std::vector<int32_t> chain = {n};        // from the last to the first
  auto affine = AffineOf(graph, graph.node(n));
  if (!affine) return false;
  std::vector<Affine> steps = {*affine};
  size_t most = kSmallConstant;
  while (true) {
    const int32_t c = steps.back().constant;
    if (c != ir::kNoValue) most = std::max(most, Floats(graph, c)->size());
    const int32_t x = steps.back().input;
    const int32_t before = graph.SoleUser(x) == chain.back() ? graph.Producer(x) : ir::kNoNode;
    if (before == ir::kNoNode || ir::FusedActivation(graph.node(before)) != ir::Activation::kNone)
      break;
    affine = AffineOf(graph, graph.node(before));
    if (!affine) break;
    chain.push_back(before);
    steps.push_back(*affine);
  }
  if (chain.size() < 2) return false;

  std::optional<Numbers> scale = Numbers{{}, {1.0}}, shift = Numbers{{}, {0.0}};
  for (size_t i = steps.size(); i-- > 0;) {
    const Affine& step = steps[i];
    Numbers c;
    if (step.constant != ir::kNoValue) {
      const auto elements = Floats(graph, step.constant).value();
      c = {graph.shape(step.constant), std::vector<double>(elements.begin(), elements.end())};
    }
    const auto by = [&](double v, double constant) {
      return v * step.scale(static_cast<float>(constant));
    };
    const auto by_plus = [&](double v, double constant) {
      const auto number = static_cast<float>(constant);
      return v * step.scale(number) + step.shift(number);
    };
    // Each grows with the constants only that it depends on.
    const Numbers none{{}, {1.0}};
    scale = step.scales() ? Combine(*scale, c, by, most) : scale;
    if (step.shifts() || !All(*shift, 0)) shift = Combine(*shift, c, by_plus, most);
    if (!scale || !shift) return false;
  }
  const bool scales = !All(*scale, 1), shifts = !All(*shift, 0);
  const size_t needed = (scales ? 1 : 0) + (shifts ? 1 : 0);
  if (needed >= chain.size()) return false;
  const int32_t x = steps.back().input;
  const ir::Activation activation = ir::FusedActivation(graph.node(n));
  if (needed == 0) {
    if (activation != ir::Activation::kNone || !graph.CanReplace(graph.node(n).outputs[0], x))
      return false;
    graph.ReplaceNode(n, x);
    return true;
  }
  if (needed == 1)
    return scales ? Become(graph, n, OpCode::kMul, x, *scale, activation)
                  : Become(graph, n, OpCode::kAdd, x, *shift, activation);
  const int32_t first = chain[1];
  const int32_t between = graph.node(first).outputs[0];
  return Become(graph, first, OpCode::kMul, x, *scale, ir::Activation::kNone) &&
         Become(graph, n, OpCode::kAdd, between, *shift, activation);
}

template <bool (*kRewrite)(Rewriter&, int32_t)>
Result<int64_t> ForEachNode(PassContext& context) {
  int64_t changes = 0;
  for (int32_t n = context.graph.First(); n != ir::kNoNode; n = context.graph.Next(n))
    changes += kRewrite(context.graph, n) ? 1 : 0;
  if (changes > 0) context.graph.RemoveDead();
  return changes;
}

}  // namespace

Result<int64_t> FoldAffineIntoWeights(PassContext& context) {
  EDGEML_ASSIGN_OR_RETURN(const int64_t before, ForEachNode<FoldIntoProducer>(context));
  EDGEML_ASSIGN_OR_RETURN(const int64_t after, ForEachNode<FoldIntoUser>(context));
  return before + after;
}

Result<int64_t> MergeAffineChains(PassContext& context) { return ForEachNode<MergeChain>(context); }

}  // namespace edgeml::passes
