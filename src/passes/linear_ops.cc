#include "src/passes/linear_ops.h"

#include <algorithm>
#include <cmath>

#include "src/passes/matching.h"

namespace edgeml::passes {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

std::optional<LinearOp> LinearOpOf(OpCode op) {
  switch (op) {
    case OpCode::kConv2D:  // [O, H, W, I / groups]
      return LinearOp{0, 1, 2, 0, 3};
    case OpCode::kDepthwiseConv2D:  // [1, H, W, C * multiplier]
      return LinearOp{0, 1, 2, 3, 3};
    case OpCode::kTransposeConv:  // [O, H, W, I]
      return LinearOp{2, 1, 3, 0, 3};
    case OpCode::kConv3D:  // [D, H, W, I, O]
      return LinearOp{0, 1, 2, 4, 3};
    case OpCode::kConv3DTranspose:  // [D, H, W, O, I]
      return LinearOp{2, 1, 3, 3, 4};
    case OpCode::kFullyConnected:  // [O, I]
      return LinearOp{0, 1, 2, 0, 1};
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<float>> BiasOf(const Rewriter& graph, const Node& node,
                                         const LinearOp& op, size_t channels) {
  if (op.bias >= node.inputs.size() || node.inputs[op.bias] == ir::kNoValue)
    return std::vector<float>(channels);
  const auto bias = Floats(graph, node.inputs[op.bias]);
  if (!bias || bias->size() != channels) return std::nullopt;
  return std::vector<float>(bias->begin(), bias->end());
}

void SetBias(Rewriter& graph, int32_t n, const LinearOp& op, std::span<const float> bias) {
  std::vector<int32_t> inputs = graph.node(n).inputs;
  std::string name = graph.value(inputs[op.weights]).name + "/bias";
  if (op.bias < inputs.size() && inputs[op.bias] != ir::kNoValue)
    name = graph.value(inputs[op.bias]).name;
  inputs.resize(std::max(inputs.size(), op.bias + 1), ir::kNoValue);
  inputs[op.bias] = graph.AddConstant(std::move(name), DType::kFloat32,
                                      Shape{static_cast<int32_t>(bias.size())}, bias);
  graph.SetInputs(n, std::move(inputs));
}

std::optional<Affine> AffineOf(const Rewriter& graph, const Node& node) {
  if (!IsFloatNode(graph, node)) return std::nullopt;
  if (node.op == OpCode::kNeg) return Affine{node.inputs[0], ir::kNoValue, Affine::kNegate};
  const bool divides = node.op == OpCode::kDiv;
  const bool subtracts = node.op == OpCode::kSub;
  if (!divides && !subtracts && node.op != OpCode::kAdd && node.op != OpCode::kMul)
    return std::nullopt;
  for (const size_t i : {size_t{1}, size_t{0}}) {
    const int32_t c = node.inputs[i], x = node.inputs[1 - i];
    if (i == 0 && divides) break;
    const auto elements = Floats(graph, c);
    if (!elements || elements->empty() || graph.is_constant(x) ||
        !BroadcastsInto(graph.shape(c), graph.shape(x)))
      continue;
    const bool usable = std::all_of(elements->begin(), elements->end(), [&](float f) {
      return std::isfinite(f) && !(divides && f == 0.0f);
    });
    if (!usable) continue;
    if (divides) return Affine{x, c, Affine::kDivide};
    if (subtracts) return Affine{x, c, i == 1 ? Affine::kShiftDown : Affine::kSubtractFrom};
    return Affine{x, c, node.op == OpCode::kAdd ? Affine::kShift : Affine::kScale};
  }
  return std::nullopt;
}

std::optional<int> ChannelAxis(const Shape& constant, int rank) {
  int axis = -1;
  for (int i = 0; i < constant.rank(); ++i) {
    if (constant[i] == 1) continue;
    if (axis >= 0) return std::nullopt;
    axis = rank - constant.rank() + i;
  }
  return axis;
}

namespace {

// The last dimension of a reshape's two sides is the same one when it has the same size: elements
// lie in order.
bool KeepsLast(const Shape& a, const Shape& b) {
  return a.rank() > 0 && b.rank() > 0 && a.back() == b.back() && a.back() != kUnknownDim;
}

std::optional<int> AxisAcross(const Rewriter& graph, const Node& node, int axis, bool forwards) {
  switch (node.op) {
    case OpCode::kReshape:
    case OpCode::kSqueeze:
    case OpCode::kExpandDims: {
      if (axis < 0) return -1;
      const Shape& in = graph.shape(node.inputs[0]);
      const Shape& out = graph.shape(node.outputs[0]);
      const Shape& from = forwards ? in : out;
      if (axis != from.rank() - 1 || !KeepsLast(in, out)) return std::nullopt;
      return (forwards ? out : in).rank() - 1;
    }
    case OpCode::kTranspose: {
      if (axis < 0) return -1;
      const auto permutation = Integers(graph, node.inputs[1]);
      if (!permutation) return std::nullopt;
      for (size_t i = 0; i < permutation->size(); ++i) {
        const auto here = static_cast<int>(i), there = static_cast<int>((*permutation)[i]);
        if (forwards ? there == axis : here == axis) return forwards ? here : there;
      }
      return std::nullopt;
    }
    case OpCode::kBatchToSpaceNd: {
      if (axis < 0) return -1;
      // Takes from the batch, gives to the dimensions after it, as many as there are block sizes.
      const auto block = Integers(graph, node.inputs[1]);
      if (!block || axis <= static_cast<int>(block->size())) return std::nullopt;
      return axis;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<int> AxisBefore(const Rewriter& graph, const Node& node, int axis) {
  return AxisAcross(graph, node, axis, false);
}
std::optional<int> AxisAfter(const Rewriter& graph, const Node& node, int axis) {
  return AxisAcross(graph, node, axis, true);
}

}  // namespace edgeml::passes
