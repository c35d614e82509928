// Clamps by another name, and activations into the operators that apply them as they go.
#include <algorithm>
#include <cmath>

#include "src/ir/op_def.h"
#include "src/passes/linear_ops.h"
#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Activation;
using ir::Node;
using ir::OpCode;
using ir::Rewriter;

// The input of MAXIMUM or MINIMUM beside a constant of one number.
struct Limit {
  int32_t input;
  float number;
};
std::optional<Limit> LimitOf(const Rewriter& graph, const Node& node) {
  if (!IsFloatNode(graph, node)) return std::nullopt;
  for (const size_t i : {size_t{1}, size_t{0}}) {
    const int32_t x = node.inputs[1 - i];
    const auto number = Splat(graph, node.inputs[i]);
    if (number && !graph.is_constant(x) &&
        BroadcastsInto(graph.shape(node.inputs[i]), graph.shape(x)))
      return Limit{x, *number};
  }
  return std::nullopt;
}

void BecomeUnary(Rewriter& graph, int32_t n, OpCode op, int32_t x) {
  graph.SetInputs(n, {x});
  Node& node = graph.mutable_node(n);
  node.op = op;
  node.attributes = {};
}

// The range that a node cuts its input to; infinite where it does not.
struct Range {
  int32_t input = ir::kNoValue;
  float low = -INFINITY, high = INFINITY;
};
std::optional<Range> RangeOf(const Rewriter& graph, const Node& node) {
  switch (node.op) {
    case OpCode::kRelu:
      return Range{node.inputs[0], 0, INFINITY};
    case OpCode::kRelu6:
      return Range{node.inputs[0], 0, 6};
    case OpCode::kReluN1To1:
      return Range{node.inputs[0], -1, 1};
    case OpCode::kRelu0To1:
      return Range{node.inputs[0], 0, 1};
    case OpCode::kMaximum:
    case OpCode::kMinimum: {
      const auto limit = LimitOf(graph, node);
      if (!limit || std::isnan(limit->number)) return std::nullopt;
      return node.op == OpCode::kMaximum ? Range{limit->input, limit->number, INFINITY}
                                         : Range{limit->input, -INFINITY, limit->number};
    }
    default:
      return std::nullopt;
  }
}

std::optional<OpCode> OpOfRange(float low, float high) {
  if (low == 0 && high == INFINITY) return OpCode::kRelu;
  if (low == 0 && high == 6) return OpCode::kRelu6;
  if (low == -1 && high == 1) return OpCode::kReluN1To1;
  if (low == 0 && high == 1) return OpCode::kRelu0To1;
  return std::nullopt;
}

bool RecognizeClamp(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const auto outer = RangeOf(graph, node);
  if (!outer || !IsFloat(graph, node.outputs[0])) return false;
  // Together with the clamp before: max(low, min(high, x)), or the other way round.
  if (const int32_t before = graph.Producer(outer->input); before != ir::kNoNode) {
    const auto inner = RangeOf(graph, graph.node(before));
    if (inner && inner->low <= outer->high && outer->low <= inner->high) {
      const float low = std::max(inner->low, outer->low);
      const float high = std::min(inner->high, outer->high);
      const auto op = OpOfRange(low, high);
      const bool shorter = graph.SoleUser(outer->input) == n;
      if (op && (shorter || *op != node.op)) {
        BecomeUnary(graph, n, *op, inner->input);
        return true;
      }
      if (low == inner->low && high == inner->high &&
          SameElements(graph, outer->input, node.outputs[0]) &&
          graph.CanReplace(node.outputs[0], outer->input)) {
        graph.ReplaceNode(n, outer->input);  // it cuts nothing more
        return true;
      }
    }
  }
  const auto op = OpOfRange(outer->low, outer->high);
  if (!op || *op == node.op) return false;
  BecomeUnary(graph, n, *op, outer->input);
  return true;
}

std::optional<Activation> ActivationOf(OpCode op) {
  switch (op) {
    case OpCode::kRelu:
      return Activation::kRelu;
    case OpCode::kRelu6:
      return Activation::kRelu6;
    case OpCode::kReluN1To1:
      return Activation::kReluN1To1;
    default:
      // LiteRT's kernels have no other fused activation (CalculateActivationRange in its
      // kernels/kernel_util.h takes TANH and SIGN_BIT for none).
      return std::nullopt;
  }
}

// The operators whose float kernels in LiteRT apply a fused activation. CONCATENATION and
// L2_NORMALIZATION have the field as well and refuse to run when it is set.
bool AppliesActivation(OpCode op) {
  switch (op) {
    case OpCode::kAdd:
    case OpCode::kAveragePool2D:
    case OpCode::kConv2D:
    case OpCode::kConv3D:
    case OpCode::kConv3DTranspose:
    case OpCode::kDepthwiseConv2D:
    case OpCode::kDiv:
    case OpCode::kFullyConnected:
    case OpCode::kL2Pool2D:
    case OpCode::kMaxPool2D:
    case OpCode::kMul:
    case OpCode::kSub:
    case OpCode::kTransposeConv:
      return true;
    default:
      return false;
  }
}

bool MovesOnly(OpCode op) {
  return op == OpCode::kReshape || op == OpCode::kSqueeze || op == OpCode::kExpandDims ||
         op == OpCode::kTranspose || op == OpCode::kBatchToSpaceNd;
}

bool FuseActivation(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const auto activation = ActivationOf(node.op);
  if (!activation || !IsFloatNode(graph, node)) return false;
  int32_t at = graph.SoleProducer(n, 0);
  while (at != ir::kNoNode && MovesOnly(graph.node(at).op)) at = graph.SoleProducer(at, 0);
  if (at == ir::kNoNode || !AppliesActivation(graph.node(at).op) ||
      !IsFloat(graph, graph.node(at).outputs[0]) ||
      !graph.CanReplace(node.outputs[0], node.inputs[0]))
    return false;
  const Activation there = ir::FusedActivation(graph.node(at));
  // RELU6 of RELU is RELU6, RELU of either is what it was.
  const bool narrows = there == Activation::kRelu && *activation == Activation::kRelu6;
  const bool keeps =
      there == *activation || (there == Activation::kRelu6 && *activation == Activation::kRelu);
  if (there != Activation::kNone && !narrows && !keeps) return false;
  if (!keeps) SetFusedActivation(graph.mutable_node(at), *activation);
  graph.ReplaceNode(n, node.inputs[0]);
  return true;
}

}  // namespace

Result<int64_t> RecognizeClamps(PassContext& context) {
  int64_t changes = 0;
  Rewriter& graph = context.graph;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += RecognizeClamp(graph, n) ? 1 : 0;
  if (changes > 0) graph.RemoveDead();
  return changes;
}

Result<int64_t> FuseActivations(PassContext& context) {
  int64_t changes = 0;
  Rewriter& graph = context.graph;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += FuseActivation(graph, n) ? 1 : 0;
  return changes;
}

}  // namespace edgeml::passes
