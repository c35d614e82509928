#include "src/passes/layout_nodes.h"

#include <algorithm>
#include <cstring>

#include "src/passes/matching.h"

namespace edgeml::passes {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

std::optional<Permutation> PermutationOf(const Rewriter& graph, const Node& node) {
  if (node.op != OpCode::kTranspose) return std::nullopt;
  const auto numbers = Integers(graph, node.inputs[1]);
  if (!numbers || numbers->size() > kMaxRank) return std::nullopt;
  Permutation p;
  for (const int64_t number : *numbers) {
    const auto axis = NormalizedAxis(number, static_cast<int>(numbers->size()));
    if (!axis || std::find(p.begin(), p.end(), *axis) != p.end()) return std::nullopt;
    p.push_back(*axis);
  }
  if (graph.shape(node.inputs[0]).rank() != static_cast<int>(p.size())) return std::nullopt;
  return p;
}

Permutation Inverse(const Permutation& p) {
  Permutation out(p.size());
  for (size_t i = 0; i < p.size(); ++i) out[static_cast<size_t>(p[i])] = static_cast<int>(i);
  return out;
}

Permutation Composed(const Permutation& first, const Permutation& second) {
  Permutation out;
  for (const int i : second) out.push_back(first[static_cast<size_t>(i)]);
  return out;
}

bool IsIdentity(const Permutation& p) {
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i] != static_cast<int>(i)) return false;
  return true;
}

Shape Transposed(const Shape& shape, const Permutation& p) {
  Shape out;
  for (const int i : p) out.push_back(shape[i]);
  return out;
}

namespace {

bool IsElementwise(OpCode op) {
  switch (op) {
    case OpCode::kAdd:
    case OpCode::kDiv:
    case OpCode::kEqual:
    case OpCode::kFloorDiv:
    case OpCode::kFloorMod:
    case OpCode::kGreater:
    case OpCode::kGreaterEqual:
    case OpCode::kLess:
    case OpCode::kLessEqual:
    case OpCode::kLogicalAnd:
    case OpCode::kLogicalOr:
    case OpCode::kMaximum:
    case OpCode::kMinimum:
    case OpCode::kMul:
    case OpCode::kNotEqual:
    case OpCode::kPow:
    case OpCode::kPrelu:
    case OpCode::kSelectV2:
    case OpCode::kSquaredDifference:
    case OpCode::kSub:
      return true;
    default:
      return IsElementwiseUnary(op);
  }
}

bool IsReduction(OpCode op) {
  return op == OpCode::kMean || op == OpCode::kSum || op == OpCode::kReduceMax ||
         op == OpCode::kReduceMin || op == OpCode::kReduceProd || op == OpCode::kReduceAll ||
         op == OpCode::kReduceAny;
}

// The axes of a reduction, each in [0, rank); none when they are not known.
std::optional<std::vector<bool>> ReducedAxes(const Rewriter& graph, const Node& node, int rank) {
  const auto axes = Integers(graph, node.inputs[1]);
  if (!axes) return std::nullopt;
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t number : *axes) {
    const auto axis = NormalizedAxis(number, rank);
    if (!axis) return std::nullopt;
    reduced[static_cast<size_t>(*axis)] = true;
  }
  return reduced;
}

// Constants that a new order would copy stay small.
constexpr size_t kMostConstantBytes = size_t{1} << 20;

bool IsUnquantized(const Rewriter& graph, int32_t v) {
  const ir::Value& value = graph.value(v);
  return value.quantization.empty() && value.has_rank && value.sparsity == nullptr &&
         value.type != DType::kString && BitsOf(value.type) >= 8;
}

std::optional<LayoutNode> ElementwiseLayout(const Rewriter& graph, const Node& node, int rank) {
  LayoutNode layout;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int32_t v = node.inputs[i];
    if (v == ir::kNoValue) return std::nullopt;
    const Shape& shape = graph.shape(v);
    if (graph.is_constant(v)) {
      if (graph.value(v).data.bytes.size() > kMostConstantBytes || shape.rank() > rank)
        return std::nullopt;
      layout.constants.push_back(i);
    } else if (shape.rank() == rank) {
      layout.inputs.push_back(i);
    } else if (shape.rank() != 0) {
      return std::nullopt;
    }
  }
  return layout;
}

// Rows of a constant [rank, width], or elements of [rank], as integers.
bool HasRows(const Rewriter& graph, const Node& node, size_t input, int rank, int width) {
  if (input >= node.inputs.size()) return false;
  const auto numbers = Integers(graph, node.inputs[input]);
  const ir::Value& value = graph.value(node.inputs[input]);
  return numbers && static_cast<int>(numbers->size()) == rank * width &&
         (value.type == DType::kInt32 || value.type == DType::kInt64);
}

// Puts row i of a constant of rows at place p[i].
void MoveRows(Rewriter& graph, int32_t n, size_t input, const Permutation& p) {
  const int32_t v = graph.node(n).inputs[input];
  const auto bytes = graph.value(v).data.bytes;
  const size_t width = bytes.size() / p.size();
  std::vector<std::byte> moved(bytes.size());
  for (size_t i = 0; i < p.size(); ++i)
    std::memcpy(moved.data() + static_cast<size_t>(p[i]) * width, bytes.data() + i * width, width);
  const std::string name = graph.value(v).name;
  const Shape shape = graph.shape(v);
  graph.SetInput(
      n, input,
      graph.AddConstant(name, graph.value(v).type, shape, ir::ConstantData::Own(std::move(moved))));
}

}  // namespace

std::optional<LayoutNode> LayoutOf(const Rewriter& graph, const Node& node, const Permutation& p) {
  const auto rank = static_cast<int>(p.size());
  if (node.inputs.empty() || node.outputs.empty()) return std::nullopt;
  for (const int32_t v : node.outputs)
    if (v == ir::kNoValue || !IsUnquantized(graph, v)) return std::nullopt;
  for (const int32_t v : node.inputs)
    if (v == ir::kNoValue || !IsUnquantized(graph, v)) return std::nullopt;
  const auto has_rank = [&](int32_t v) { return graph.shape(v).rank() == rank; };
  const auto all_outputs = std::all_of(node.outputs.begin(), node.outputs.end(), has_rank);
  std::optional<LayoutNode> layout;
  if (IsElementwise(node.op)) {
    layout = ElementwiseLayout(graph, node, rank);
  } else if (IsReduction(node.op)) {
    const auto reduced = ReducedAxes(graph, node, rank);
    if (!reduced || !has_rank(node.inputs[0])) return std::nullopt;
    if (!node.attrs<ir::ReduceAttrs>().keep_dims) {
      // What is left must lie in the order that it has now.
      int last = -1;
      for (size_t i = 0; i < p.size(); ++i) {
        if ((*reduced)[i]) continue;
        if (p[i] < last) return std::nullopt;
        last = p[i];
      }
      return LayoutNode{{0}, {}, false};
    }
    layout = LayoutNode{{0}, {}, true};
  } else {
    switch (node.op) {
      case OpCode::kConcatenation:
        layout.emplace();
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          const bool constant = graph.is_constant(node.inputs[i]);
          (constant ? layout->constants : layout->inputs).push_back(i);
          if (!has_rank(node.inputs[i]) ||
              (constant && graph.value(node.inputs[i]).data.bytes.size() > kMostConstantBytes))
            return std::nullopt;
        }
        break;
      case OpCode::kPad:
      case OpCode::kPadV2:
      case OpCode::kMirrorPad:
        if (!HasRows(graph, node, 1, rank, 2)) return std::nullopt;
        layout = LayoutNode{{0}, {}, true};
        break;
      case OpCode::kTile:
        if (!HasRows(graph, node, 1, rank, 1)) return std::nullopt;
        layout = LayoutNode{{0}, {}, true};
        break;
      case OpCode::kSlice:
        if (!HasRows(graph, node, 1, rank, 1) || !HasRows(graph, node, 2, rank, 1))
          return std::nullopt;
        layout = LayoutNode{{0}, {}, true};
        break;
      case OpCode::kStridedSlice: {
        const auto& attrs = node.attrs<ir::StridedSliceAttrs>();
        if (attrs.ellipsis_mask != 0 || attrs.new_axis_mask != 0 || attrs.shrink_axis_mask != 0)
          return std::nullopt;
        for (const size_t i : {size_t{1}, size_t{2}, size_t{3}})
          if (!HasRows(graph, node, i, rank, 1)) return std::nullopt;
        layout = LayoutNode{{0}, {}, true};
        break;
      }
      case OpCode::kSplit:
      case OpCode::kSplitV: {
        const auto axis = Integers(graph, node.inputs[node.op == OpCode::kSplit ? 0 : 2]);
        if (!axis || axis->size() != 1 || !NormalizedAxis((*axis)[0], rank)) return std::nullopt;
        layout = LayoutNode{{node.op == OpCode::kSplit ? size_t{1} : size_t{0}}, {}, true};
        break;
      }
      case OpCode::kSoftmax:
      case OpCode::kLogSoftmax:
      case OpCode::kL2Normalization:
        if (p.back() != rank - 1) return std::nullopt;  // along the last dimension
        layout = LayoutNode{{0}, {}, true};
        break;
      default:
        return std::nullopt;
    }
  }
  if (!layout || layout->inputs.empty() || !all_outputs) return std::nullopt;
  for (const size_t i : layout->inputs)
    if (!has_rank(node.inputs[i]) || graph.is_constant(node.inputs[i]) ||
        graph.value(node.inputs[i]).is_variable)
      return std::nullopt;
  return layout;
}

namespace {

// A constant that is broadcast to the tensors, in the new order.
void TransposeConstant(Rewriter& graph, int32_t n, size_t input, const Permutation& inverse) {
  const int32_t v = graph.node(n).inputs[input];
  const Shape shape = graph.shape(v).ExpandedTo(static_cast<int>(inverse.size()));
  const Shape to = Transposed(shape, inverse);
  const auto bytes = graph.value(v).data.bytes;
  const size_t width = static_cast<size_t>(BitsOf(graph.value(v).type)) / 8;
  if (graph.shape(v).rank() == 0 || bytes.size() == width) return;  // one number is in any order
  std::vector<std::byte> moved(bytes.size());
  std::vector<size_t> strides(inverse.size(), 1);
  for (int d = shape.rank() - 1; d > 0; --d)
    strides[static_cast<size_t>(d) - 1] =
        strides[static_cast<size_t>(d)] * static_cast<size_t>(shape[d]);
  for (size_t at = 0; at * width < moved.size(); ++at) {
    size_t rest = at, from = 0;
    for (int d = to.rank() - 1; d >= 0; --d) {
      const auto size = static_cast<size_t>(to[d]);
      from += rest % size * strides[static_cast<size_t>(inverse[static_cast<size_t>(d)])];
      rest /= size;
    }
    std::memcpy(moved.data() + at * width, bytes.data() + from * width, width);
  }
  const std::string name = graph.value(v).name;
  graph.SetInput(
      n, input,
      graph.AddConstant(name, graph.value(v).type, to, ir::ConstantData::Own(std::move(moved))));
}

int32_t MovedMask(int32_t mask, const Permutation& p) {
  uint32_t out = 0;
  for (size_t i = 0; i < p.size(); ++i)
    if (((static_cast<uint32_t>(mask) >> i) & 1u) != 0) out |= 1u << p[i];
  return static_cast<int32_t>(out);
}

}  // namespace

void ChangeOrder(Rewriter& graph, int32_t n, const LayoutNode& layout, const Permutation& p) {
  const auto rank = static_cast<int>(p.size());
  const auto moved = [&](int64_t axis) {
    return static_cast<int32_t>(p[static_cast<size_t>(NormalizedAxis(axis, rank).value_or(0))]);
  };
  for (const size_t i : layout.constants) TransposeConstant(graph, n, i, Inverse(p));
  const Node& node = graph.node(n);
  if (IsReduction(node.op)) {
    std::vector<int32_t> axes;
    const auto now = Integers(graph, node.inputs[1]);
    for (size_t i = 0; now && i < now->size(); ++i) axes.push_back(moved((*now)[i]));
    std::sort(axes.begin(), axes.end());
    graph.SetInput(n, 1, graph.AddInts(graph.value(node.inputs[1]).name, axes));
    return;
  }
  switch (node.op) {
    case OpCode::kConcatenation: {
      auto& attrs = std::get<ir::ConcatAttrs>(graph.mutable_node(n).attributes);
      attrs.axis = moved(attrs.axis);
      break;
    }
    case OpCode::kPad:
    case OpCode::kPadV2:
    case OpCode::kMirrorPad:
    case OpCode::kTile:
      MoveRows(graph, n, 1, p);
      break;
    case OpCode::kSlice:
      MoveRows(graph, n, 1, p);
      MoveRows(graph, n, 2, p);
      break;
    case OpCode::kStridedSlice: {
      for (const size_t i : {size_t{1}, size_t{2}, size_t{3}}) MoveRows(graph, n, i, p);
      auto& attrs = std::get<ir::StridedSliceAttrs>(graph.mutable_node(n).attributes);
      attrs.begin_mask = MovedMask(attrs.begin_mask, p);
      attrs.end_mask = MovedMask(attrs.end_mask, p);
      break;
    }
    case OpCode::kSplit:
    case OpCode::kSplitV: {
      const size_t input = node.op == OpCode::kSplit ? 0 : 2;
      const int32_t v = node.inputs[input];
      const auto now = Integers(graph, v);
      const int32_t axis = now ? moved((*now)[0]) : 0;
      const std::string name = graph.value(v).name;
      const Shape shape = graph.shape(v);
      graph.SetInput(
          n, input,
          graph.AddConstant(name, DType::kInt32, shape, std::span<const int32_t>(&axis, 1)));
      break;
    }
    default:
      break;
  }
}

}  // namespace edgeml::passes
