#include <algorithm>

#include "src/ir/op_def.h"
#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

bool AllEqual(const Rewriter& graph, const Node& node, size_t input, int64_t number) {
  if (input >= node.inputs.size()) return false;
  const auto values = Integers(graph, node.inputs[input]);
  return values &&
         std::all_of(values->begin(), values->end(), [&](int64_t v) { return v == number; });
}

// Whether the node takes all of input 0 in order, given that it takes a part of it.
bool KeepsEverything(const Rewriter& graph, const Node& node) {
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.outputs[0]);
  return in == out && in.known();
}

bool IsWholeStridedSlice(const Rewriter& graph, const Node& node) {
  const auto& attrs = node.attrs<ir::StridedSliceAttrs>();
  if (attrs.ellipsis_mask != 0 || attrs.new_axis_mask != 0 || attrs.shrink_axis_mask != 0)
    return false;
  if (!AllEqual(graph, node, 3, 1)) return false;
  if (KeepsEverything(graph, node)) return true;
  const auto begin = Integers(graph, node.inputs[1]);
  const auto end = Integers(graph, node.inputs[2]);
  if (!begin || !end || begin->size() != end->size()) return false;
  for (size_t i = 0; i < begin->size(); ++i) {
    if ((*begin)[i] != 0 && ((attrs.begin_mask >> i) & 1) == 0) return false;
    if (((attrs.end_mask >> i) & 1) != 0) continue;
    const Shape& in = graph.shape(node.inputs[0]);
    if (attrs.offset || static_cast<int>(i) >= in.rank()) return false;
    const int32_t dim = in[static_cast<int>(i)];
    if (dim == kUnknownDim ? (*end)[i] != INT32_MAX : (*end)[i] < dim) return false;
  }
  return true;
}

bool IsWholeSlice(const Rewriter& graph, const Node& node) {
  if (KeepsEverything(graph, node)) return true;
  return AllEqual(graph, node, 1, 0) && AllEqual(graph, node, 2, -1);
}

// x + 0, 0 + x, x - 0, x * 1, 1 * x, x / 1, x ^ 1: the input that comes out, or -1.
int UnitOperand(const Rewriter& graph, const Node& node) {
  const bool commutes = node.op == OpCode::kAdd || node.op == OpCode::kMul;
  const float unit = node.op == OpCode::kAdd || node.op == OpCode::kSub ? 0.0f : 1.0f;
  if (ir::FusedActivation(node) != ir::Activation::kNone) return -1;
  for (const size_t i : {size_t{1}, size_t{0}}) {
    if (i == 0 && !commutes) break;
    const size_t kept = 1 - i;
    if (!BroadcastsInto(graph.shape(node.inputs[i]), graph.shape(node.inputs[kept]))) continue;
    if (IsFloatNode(graph, node) && IsSplat(graph, node.inputs[i], unit))
      return static_cast<int>(kept);
    if (graph.value(node.outputs[0]).quantization.empty() &&
        AllEqual(graph, node, i, static_cast<int64_t>(unit)))
      return static_cast<int>(kept);
  }
  return -1;
}

bool IsUnitWindow(const ir::PoolAttrs& attrs) {
  return attrs.filter_h == 1 && attrs.filter_w == 1 && attrs.window.stride_h == 1 &&
         attrs.window.stride_w == 1 && attrs.window.padding != ir::Padding::kExplicit &&
         attrs.activation == ir::Activation::kNone;
}

// Which input of the node its only output equals in shape and elements; -1 for none.
int SameAsInput(const Rewriter& graph, const Node& node) {
  switch (node.op) {
    case OpCode::kReshape:
    case OpCode::kSqueeze:
    case OpCode::kExpandDims:
      return SameShapeForSameSize(graph.shape(node.inputs[0]), graph.shape(node.outputs[0])) ? 0
                                                                                             : -1;
    case OpCode::kTranspose: {
      const auto permutation = Integers(graph, node.inputs[1]);
      if (!permutation) return -1;
      for (size_t i = 0; i < permutation->size(); ++i)
        if ((*permutation)[i] != static_cast<int64_t>(i)) return -1;
      return 0;
    }
    case OpCode::kSlice:
      return IsWholeSlice(graph, node) ? 0 : -1;
    case OpCode::kStridedSlice:
      return IsWholeStridedSlice(graph, node) ? 0 : -1;
    case OpCode::kPad:
    case OpCode::kPadV2:
    case OpCode::kMirrorPad:
      return AllEqual(graph, node, 1, 0) ? 0 : -1;
    case OpCode::kTile:
      return AllEqual(graph, node, 1, 1) ? 0 : -1;
    case OpCode::kBroadcastTo:
    case OpCode::kResizeBilinear:
    case OpCode::kResizeNearestNeighbor:
      return KeepsEverything(graph, node) ? 0 : -1;
    case OpCode::kSpaceToBatchNd:
    case OpCode::kBatchToSpaceNd:
      return AllEqual(graph, node, 1, 1) && AllEqual(graph, node, 2, 0) ? 0 : -1;
    case OpCode::kSpaceToDepth:
    case OpCode::kDepthToSpace:
      return node.attrs<ir::BlockAttrs>().block_size == 1 ? 0 : -1;
    case OpCode::kCast:
    case OpCode::kAddN:
    case OpCode::kSplit:
    case OpCode::kSplitV:
    case OpCode::kConcatenation:
      // Of one tensor (the last three), to the same type (all; checked by the caller).
      if (node.op != OpCode::kCast && node.op != OpCode::kSplit && node.op != OpCode::kSplitV &&
          node.inputs.size() != 1)
        return -1;
      if (ir::FusedActivation(node) != ir::Activation::kNone) return -1;
      return node.op == OpCode::kSplit ? 1 : 0;
    case OpCode::kSelect:
    case OpCode::kSelectV2: {
      for (const int side : {1, 2}) {
        const int32_t v = node.inputs[static_cast<size_t>(side)];
        if (AllEqual(graph, node, 0, side == 1 ? 1 : 0) && graph.shape(v).known() &&
            graph.shape(v) == graph.shape(node.outputs[0]))
          return side;
      }
      return -1;
    }
    case OpCode::kMean:
    case OpCode::kSum:
    case OpCode::kReduceMax:
    case OpCode::kReduceMin:
    case OpCode::kReduceProd:
      // Over dimensions of size 1, which stay.
      return node.attrs<ir::ReduceAttrs>().keep_dims && KeepsEverything(graph, node) ? 0 : -1;
    case OpCode::kAveragePool2D:
    case OpCode::kMaxPool2D:
      return IsUnitWindow(node.attrs<ir::PoolAttrs>()) ? 0 : -1;
    case OpCode::kAdd:
    case OpCode::kSub:
    case OpCode::kMul:
    case OpCode::kDiv:
    case OpCode::kPow:
      return UnitOperand(graph, node);
    default:
      return -1;
  }
}

// NEG, RELU and the like of one of their own kind: the value that comes out, or kNoValue.
int32_t Undone(const Rewriter& graph, const Node& node) {
  const bool idempotent = node.op == OpCode::kRelu || node.op == OpCode::kRelu6 ||
                          node.op == OpCode::kReluN1To1 || node.op == OpCode::kRelu0To1 ||
                          node.op == OpCode::kAbs || node.op == OpCode::kFloor ||
                          node.op == OpCode::kCeil || node.op == OpCode::kRound;
  const bool involution = node.op == OpCode::kNeg || node.op == OpCode::kLogicalNot;
  if ((!idempotent && !involution) || graph.Producer(node.inputs[0]) == ir::kNoNode)
    return ir::kNoValue;
  const Node& before = graph.node(graph.Producer(node.inputs[0]));
  if (before.op != node.op) return ir::kNoValue;
  return idempotent ? node.inputs[0] : before.inputs[0];
}

}  // namespace

Result<int64_t> RemoveIdentities(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const Node& node = graph.node(n);
    if (node.outputs.size() != 1 || node.outputs[0] == ir::kNoValue || node.inputs.empty() ||
        node.inputs[0] == ir::kNoValue)
      continue;
    const int input = SameAsInput(graph, node);
    const int32_t by = input < 0 ? Undone(graph, node) : node.inputs[static_cast<size_t>(input)];
    if (by == ir::kNoValue || !SameElements(graph, by, node.outputs[0]) ||
        !graph.CanReplace(node.outputs[0], by))
      continue;
    graph.ReplaceNode(n, by);
    ++changes;
  }
  return changes;
}

}  // namespace edgeml::passes
