#include "src/passes/matching.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "src/ir/op_def.h"

namespace edgeml::passes {

using ir::Rewriter;

bool IsFloat(const Rewriter& graph, int32_t v) {
  return graph.value(v).type == DType::kFloat32 && graph.value(v).quantization.empty();
}

bool IsFloatNode(const Rewriter& graph, const ir::Node& node) {
  const auto is_float = [&](int32_t v) { return v == ir::kNoValue || IsFloat(graph, v); };
  return std::all_of(node.inputs.begin(), node.inputs.end(), is_float) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), is_float);
}

std::optional<std::span<const float>> Floats(const Rewriter& graph, int32_t v) {
  const ir::Value& value = graph.value(v);
  if (!value.is_constant() || value.type != DType::kFloat32 || value.sparsity != nullptr ||
      !value.quantization.empty() || !value.shape.known())
    return std::nullopt;
  const auto bytes = value.data.bytes;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) != 0) return std::nullopt;
  return std::span(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
}

std::optional<float> Splat(const Rewriter& graph, int32_t v) {
  const auto elements = Floats(graph, v);
  if (!elements || elements->empty()) return std::nullopt;
  const float first = (*elements)[0];
  for (const float element : *elements)
    if (!(element == first)) return std::nullopt;
  return first;
}

bool IsSplat(const Rewriter& graph, int32_t v, float number) {
  const auto splat = Splat(graph, v);
  return splat && *splat == number;
}

bool IsAboutSplat(const Rewriter& graph, int32_t v, double number) {
  const auto splat = Splat(graph, v);
  return splat && std::abs(static_cast<double>(*splat) - number) <=
                      2 * std::numeric_limits<float>::epsilon() * std::abs(number);
}

std::optional<std::vector<int64_t>> Integers(const Rewriter& graph, int32_t v) {
  if (v == ir::kNoValue) return std::nullopt;
  const ir::Value& value = graph.value(v);
  if (!value.is_constant() || value.sparsity != nullptr || !value.shape.known())
    return std::nullopt;
  switch (value.type) {
    case DType::kInt64:
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kBool:
      break;
    default:
      return std::nullopt;
  }
  const TensorView view = ConstantView(value);
  const int64_t count = view.num_elements();
  if (count > kMostIntegers) return std::nullopt;
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(ir::IndexAt(view, i));
  return out;
}

bool SameShapeForSameSize(const Shape& a, const Shape& b) {
  if (!(a == b)) return false;
  int open = 0;
  bool empty = false;
  for (const int32_t dim : a.dims()) {
    open += dim == kUnknownDim ? 1 : 0;
    empty = empty || dim == 0;
  }
  return open == 0 || (open == 1 && !empty);
}

bool BroadcastsInto(const Shape& small, const Shape& large) {
  if (small.rank() > large.rank()) return false;
  for (int i = 0; i < small.rank(); ++i) {
    const int32_t dim = small.back(i);
    if (dim != 1 && (dim == kUnknownDim || dim != large.back(i))) return false;
  }
  return true;
}

bool SameElements(const Rewriter& graph, int32_t a, int32_t b) {
  return graph.value(a).type == graph.value(b).type &&
         graph.value(a).quantization == graph.value(b).quantization;
}

bool IsReshape(ir::OpCode op) {
  return op == ir::OpCode::kReshape || op == ir::OpCode::kSqueeze || op == ir::OpCode::kExpandDims;
}

bool IsElementwiseUnary(ir::OpCode op) {
  switch (op) {
    case ir::OpCode::kAbs:
    case ir::OpCode::kCast:
    case ir::OpCode::kCeil:
    case ir::OpCode::kCos:
    case ir::OpCode::kElu:
    case ir::OpCode::kExp:
    case ir::OpCode::kFloor:
    case ir::OpCode::kGelu:
    case ir::OpCode::kHardSwish:
    case ir::OpCode::kLeakyRelu:
    case ir::OpCode::kLog:
    case ir::OpCode::kLogicalNot:
    case ir::OpCode::kLogistic:
    case ir::OpCode::kNeg:
    case ir::OpCode::kRelu:
    case ir::OpCode::kRelu0To1:
    case ir::OpCode::kRelu6:
    case ir::OpCode::kReluN1To1:
    case ir::OpCode::kRound:
    case ir::OpCode::kRsqrt:
    case ir::OpCode::kSign:
    case ir::OpCode::kSin:
    case ir::OpCode::kSqrt:
    case ir::OpCode::kSquare:
    case ir::OpCode::kTanh:
      return true;
    default:
      return false;
  }
}

std::optional<std::vector<int32_t>> ReshapeTarget(const Shape& shape) {
  int open = 0;
  for (const int32_t dim : shape.dims()) open += dim == kUnknownDim ? 1 : 0;
  if (open > 1) return std::nullopt;
  if (open == 1)
    for (const int32_t dim : shape.dims())
      if (dim == 0) return std::nullopt;  // any size would do
  return std::vector<int32_t>(shape.dims().begin(), shape.dims().end());
}

bool BecomeReshape(Rewriter& graph, int32_t n, int32_t x) {
  const int32_t out = graph.node(n).outputs[0];
  const auto target = ReshapeTarget(graph.shape(out));
  if (!target || !graph.value(out).has_rank) return false;
  graph.SetInputs(n, {x, graph.AddInts(graph.value(out).name + "/shape", *target)});
  ir::Node& node = graph.mutable_node(n);
  node.op = ir::OpCode::kReshape;
  node.attributes = ir::ReshapeAttrs{};
  return true;
}

TensorView ConstantView(const ir::Value& value) {
  TensorView view;
  // Views are read only here; the type has no const form.
  view.data = const_cast<std::byte*>(value.data.bytes.data());
  view.type = value.type;
  view.shape = value.shape;
  view.quantization = &value.quantization;
  view.is_constant = value.is_constant();
  view.is_sparse = value.sparsity != nullptr;
  view.SetDenseStrides();
  return view;
}

void SetFusedActivation(ir::Node& node, ir::Activation activation) {
  std::visit(
      [activation](auto& attrs) {
        if constexpr (requires { attrs.activation; }) attrs.activation = activation;
      },
      node.attributes);
}

}  // namespace edgeml::passes
