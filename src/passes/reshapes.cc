// Matrix products by constants, and reshapes.
#include <algorithm>

#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

bool Becomes(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kBatchMatMul || !IsFloatNode(graph, node)) return false;
  const auto& attrs = node.attrs<ir::BatchMatMulAttrs>();
  const int32_t x = node.inputs[0], matrix = node.inputs[1];
  const auto elements = Floats(graph, matrix);
  const Shape shape = graph.shape(matrix);
  const int rank = graph.shape(x).rank();
  // Batches of the matrix of size 1 are broadcast; they must not add dimensions to the result.
  if (attrs.adj_x || !elements || elements->empty() || shape.rank() < 2 || shape.rank() > rank ||
      shape.num_elements(0, shape.rank() - 2) != 1)
    return false;
  const int32_t rows = shape.back(1), columns = shape.back(0);
  int32_t weights = matrix;
  Shape weights_shape{rows, columns};
  if (!attrs.adj_y) {
    // As many bytes again, unless the product had the matrix to itself.
    std::vector<float> transposed(elements->size());
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r)
      for (size_t c = 0; c < static_cast<size_t>(columns); ++c)
        transposed[c * static_cast<size_t>(rows) + r] =
            (*elements)[r * static_cast<size_t>(columns) + c];
    weights_shape = {columns, rows};
    weights = graph.AddConstant(graph.value(matrix).name, DType::kFloat32, weights_shape,
                                std::span<const float>(transposed));
  } else if (shape.rank() != 2) {
    weights = graph.AddConstant(graph.value(matrix).name, DType::kFloat32, weights_shape,
                                graph.value(matrix).data);
  }
  ir::FullyConnectedAttrs dense;
  dense.keep_num_dims = rank > 2;
  graph.SetInputs(n, {x, weights, ir::kNoValue});
  Node& changed = graph.mutable_node(n);
  changed.op = OpCode::kFullyConnected;
  changed.attributes = dense;
  graph.DropIfUnused(matrix);
  return true;
}

// FULLY_CONNECTED takes all dimensions but the last for one: a reshape before it that keeps the
// last dimension does nothing, and with keep_num_dims one after it does nothing either.
bool WithoutReshapes(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kFullyConnected || !IsFloatNode(graph, node) ||
      node.attrs<ir::FullyConnectedAttrs>().keep_num_dims)
    return false;
  const int32_t x = node.inputs[0];
  const Shape& in = graph.shape(x);
  if (in.rank() < 2 || in.back() == kUnknownDim) return false;
  const int32_t before = graph.Producer(x);
  if (before != ir::kNoNode && IsReshape(graph.node(before).op)) {
    const int32_t source = graph.node(before).inputs[0];
    const Shape& shape = graph.shape(source);
    if (graph.value(source).has_rank && shape.rank() >= 2 && shape.back() == in.back()) {
      graph.SetInput(n, 0, source);
      graph.mutable_node(n);
      return true;
    }
  }
  const int32_t y = node.outputs[0], after = graph.SoleUser(y);
  if (after == ir::kNoNode || !IsReshape(graph.node(after).op) ||
      graph.node(after).inputs[0] != y || in.rank() < 3)
    return false;
  const int32_t result = graph.node(after).outputs[0];
  const Shape& out = graph.shape(result);
  const Shape& weights = graph.shape(node.inputs[1]);
  // Only where rows are what the last dimension holds: FULLY_CONNECTED may join several.
  if (weights.rank() != 2 || weights[1] != in.back() || out.rank() != in.rank() ||
      out.back() != graph.shape(y).back())
    return false;
  Shape wanted = in;
  wanted[in.rank() - 1] = out.back();
  if (!SameShapeForSameSize(wanted, out)) return false;
  graph.Remove(after);
  graph.SetOutput(n, 0, result);
  Node& changed = graph.mutable_node(n);
  std::get<ir::FullyConnectedAttrs>(changed.attributes).keep_num_dims = true;
  return true;
}

// A reshape of a reshape, also with nodes between them that work element by element.
bool Merge(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (!IsReshape(node.op)) return false;
  const int32_t before = graph.Producer(node.inputs[0]);
  if (before == ir::kNoNode) return false;
  if (IsReshape(graph.node(before).op)) {
    const int32_t source = graph.node(before).inputs[0];
    if (source == node.inputs[0] || graph.value(source).type != graph.value(node.outputs[0]).type)
      return false;
    if (node.op == OpCode::kReshape &&
        graph.is_constant(node.inputs.size() > 1 ? node.inputs[1] : node.inputs[0])) {
      graph.SetInput(n, 0, source);
      return true;
    }
    return BecomeReshape(graph, n, source);
  }
  // Move the first reshape away from in front of an element-wise node: the second one merges.
  if (!IsElementwiseUnary(graph.node(before).op) || graph.SoleUser(node.inputs[0]) != n)
    return false;
  const int32_t first = graph.SoleProducer(before, 0);
  if (first == ir::kNoNode || !IsReshape(graph.node(first).op) ||
      !ReshapeTarget(graph.shape(node.outputs[0])))
    return false;
  const int32_t source = graph.node(first).inputs[0];
  const int32_t old = graph.node(before).outputs[0];
  const int32_t wide = graph.AddLike(old, graph.value(old).name, graph.shape(source));
  graph.SetInput(before, 0, source);
  graph.SetOutput(before, 0, wide);
  return BecomeReshape(graph, n, wide);
}

bool TransposeOfOnes(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kTranspose) return false;
  const auto permutation = Integers(graph, node.inputs[1]);
  const Shape& shape = graph.shape(node.inputs[0]);
  if (!permutation || static_cast<int>(permutation->size()) != shape.rank()) return false;
  int64_t last = -1;
  for (const int64_t from : *permutation) {
    if (shape[static_cast<int>(from)] == 1) continue;
    if (from < last) return false;
    last = from;
  }
  return BecomeReshape(graph, n, node.inputs[0]);
}

// A slice that takes everything, and only drops or adds dimensions of size 1.
bool SliceOfOnes(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kStridedSlice) return false;
  const auto steps = Integers(graph, node.inputs[3]);
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.outputs[0]);
  if (!steps || !in.known() || !out.known() || in.num_elements() != out.num_elements() ||
      std::any_of(steps->begin(), steps->end(), [](int64_t step) { return step != 1; }))
    return false;
  return BecomeReshape(graph, n, node.inputs[0]);
}

// A reduction and a reshape that drops the dimensions it reduced, or puts them back.
bool IntoReduction(Rewriter& graph, int32_t n) {
  if (!IsReshape(graph.node(n).op)) return false;
  const int32_t before = graph.SoleProducer(n, 0);
  if (before == ir::kNoNode) return false;
  const Node& node = graph.node(before);
  const auto* const attrs = std::get_if<ir::ReduceAttrs>(&node.attributes);
  const auto axes = attrs != nullptr ? Integers(graph, node.inputs[1]) : std::nullopt;
  if (!axes) return false;
  const Shape& in = graph.shape(node.inputs[0]);
  std::vector<bool> reduced(static_cast<size_t>(in.rank()), false);
  for (const int64_t number : *axes) {
    const auto axis = NormalizedAxis(number, in.rank());
    if (!axis) return false;
    reduced[static_cast<size_t>(*axis)] = true;
  }
  Shape wanted;
  for (int d = 0; d < in.rank(); ++d) {
    if (!reduced[static_cast<size_t>(d)]) {
      wanted.push_back(in[d]);
    } else if (!attrs->keep_dims) {
      wanted.push_back(1);
    }
  }
  const int32_t out = graph.node(n).outputs[0];
  if (!SameShapeForSameSize(wanted, graph.shape(out))) return false;
  const bool keep = !attrs->keep_dims;
  graph.Remove(n);
  graph.SetOutput(before, 0, out);
  std::get<ir::ReduceAttrs>(graph.mutable_node(before).attributes).keep_dims = keep;
  return true;
}

// The last two dimensions change places.
bool SwapsMatrix(const Rewriter& graph, int32_t n) {
  if (n == ir::kNoNode || graph.node(n).op != OpCode::kTranspose) return false;
  const auto p = Integers(graph, graph.node(n).inputs[1]);
  if (!p || p->size() < 2) return false;
  const auto last = static_cast<int64_t>(p->size()) - 1;
  for (int64_t i = 0; i < last - 1; ++i)
    if ((*p)[static_cast<size_t>(i)] != i) return false;
  return (*p)[p->size() - 1] == last - 1 && (*p)[p->size() - 2] == last;
}

// BATCH_MATMUL reads transposed matrices, and gives a transposed product for exchanged ones.
bool IntoMatMul(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kBatchMatMul || !IsFloatNode(graph, node)) return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const int32_t before = graph.Producer(node.inputs[i]);
    if (!SwapsMatrix(graph, before)) continue;
    graph.SetInput(n, i, graph.node(before).inputs[0]);
    auto& attrs = std::get<ir::BatchMatMulAttrs>(graph.mutable_node(n).attributes);
    (i == 0 ? attrs.adj_x : attrs.adj_y) = !(i == 0 ? attrs.adj_x : attrs.adj_y);
    return true;
  }
  const int32_t after = graph.SoleUser(node.outputs[0]);
  if (!SwapsMatrix(graph, after) || graph.node(after).inputs[0] != node.outputs[0]) return false;
  const int32_t out = graph.node(after).outputs[0];
  graph.Remove(after);
  graph.SetOutput(n, 0, out);
  graph.SetInputs(n, {graph.node(n).inputs[1], graph.node(n).inputs[0]});
  auto& attrs = std::get<ir::BatchMatMulAttrs>(graph.mutable_node(n).attributes);
  const bool adj_x = attrs.adj_x;
  attrs.adj_x = !attrs.adj_y;
  attrs.adj_y = !adj_x;
  return true;
}

// Operators of two tensors that broadcast them to one another.
bool Broadcasts(OpCode op) {
  switch (op) {
    case OpCode::kAdd:
    case OpCode::kDiv:
    case OpCode::kMaximum:
    case OpCode::kMinimum:
    case OpCode::kMul:
    case OpCode::kSquaredDifference:
    case OpCode::kSub:
      return true;
    default:
      return false;
  }
}

// A tensor that is spread out, or gets leading ones, only to meet one of the full shape: the
// operator does that itself.
bool IntoBroadcast(Rewriter& graph, int32_t n) {
  constexpr int kMostRank = 4;  // that LiteRT's kernels broadcast
  const Node& node = graph.node(n);
  if (!Broadcasts(node.op) || !IsFloatNode(graph, node)) return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const int32_t v = node.inputs[i], before = graph.Producer(v);
    if (before == ir::kNoNode) continue;
    const Node& spread = graph.node(before);
    const int32_t source = spread.inputs[0];
    const Shape& from = graph.shape(source);
    const Shape& to = graph.shape(v);
    const Shape& full = graph.shape(node.inputs[1 - i]);
    if (full.rank() > kMostRank || !IsFloat(graph, source) || !graph.value(source).has_rank)
      continue;
    if (spread.op == OpCode::kBroadcastTo || spread.op == OpCode::kTile) {
      // TILE of a dimension that is not 1 repeats it: that is no broadcast.
      if (!BroadcastsInto(from, to) || !BroadcastsInto(to, full)) continue;
    } else if (IsReshape(spread.op)) {
      if (from.rank() >= to.rank() || to.rank() > full.rank()) continue;
      Shape wide = from;
      while (wide.rank() < to.rank()) wide = wide.ExpandedTo(wide.rank() + 1);
      if (!SameShapeForSameSize(wide, to)) continue;
    } else {
      continue;
    }
    graph.SetInput(n, i, source);
    graph.mutable_node(n);
    return true;
  }
  return false;
}

}  // namespace

Result<int64_t> MatMulToFullyConnected(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += Becomes(graph, n) || IntoMatMul(graph, n) ? 1 : 0;
  if (changes > 0) graph.RemoveDead();
  return changes;
}

Result<int64_t> MergeReshapes(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += TransposeOfOnes(graph, n) || SliceOfOnes(graph, n) || Merge(graph, n) ||
                       WithoutReshapes(graph, n) || IntoReduction(graph, n) ||
                       IntoBroadcast(graph, n)
                   ? 1
                   : 0;
  if (changes > 0) graph.RemoveDead();
  return changes;
}

}  // namespace edgeml::passes
