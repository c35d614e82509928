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
  if (out.rank() != in.rank() || out.back() != graph.shape(y).back()) return false;
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

}  // namespace

Result<int64_t> MatMulToFullyConnected(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += Becomes(graph, n) ? 1 : 0;
  return changes;
}

Result<int64_t> MergeReshapes(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += TransposeOfOnes(graph, n) || Merge(graph, n) || WithoutReshapes(graph, n) ? 1 : 0;
  if (changes > 0) graph.RemoveDead();
  return changes;
}

}  // namespace edgeml::passes
