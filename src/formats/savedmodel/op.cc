#include "src/formats/savedmodel/op.h"

#include <algorithm>
#include <cstring>

#include "src/base/strings.h"

namespace edgeml::savedmodel {
namespace {

// A permuted copy of a constant. Elements of `width` bytes.
std::vector<std::byte> Permuted(const Shape& shape, std::span<const std::byte> bytes, size_t width,
                                std::span<const int32_t> permutation) {
  const int rank = shape.rank();
  std::vector<int64_t> strides(static_cast<size_t>(rank)), steps(static_cast<size_t>(rank));
  std::vector<int32_t> dims(static_cast<size_t>(rank)), at(static_cast<size_t>(rank), 0);
  int64_t stride = 1;
  for (int d = rank; d-- > 0;) {
    strides[static_cast<size_t>(d)] = stride;
    stride *= shape[d];
  }
  for (size_t d = 0; d < static_cast<size_t>(rank); ++d) {
    dims[d] = shape[permutation[d]];
    steps[d] = strides[static_cast<size_t>(permutation[d])];
  }
  std::vector<std::byte> out(bytes.size());
  int64_t from = 0;
  for (size_t to = 0; to + width <= out.size(); to += width) {
    std::memcpy(out.data() + to, bytes.data() + static_cast<size_t>(from) * width, width);
    for (size_t d = static_cast<size_t>(rank); d-- > 0;) {
      from += steps[d];
      if (++at[d] < dims[d]) break;
      from -= steps[d] * dims[d];
      at[d] = 0;
    }
  }
  return out;
}

}  // namespace

bool GraphState::IsRead(const Endpoint& value) {
  if (read_.empty()) {
    for (const Node& node : graph.nodes)
      for (const Endpoint& input : node.inputs) read_.emplace(input.node, input.output);
    for (const Graph::Output& output : graph.outputs)
      read_.emplace(output.value.node, output.value.output);
  }
  return read_.contains({value.node, value.output});
}

Op::Op(ir::GraphBuilder& builder, GraphLowerer& lowerer, const Graph& in_graph, const Node& of,
       std::span<const std::vector<int32_t>> values, GraphState& state)
    : b(builder),
      graphs(lowerer),
      graph(in_graph),
      node(of),
      attrs(of),
      values_(values),
      state_(state) {
  for (const Endpoint& input : of.inputs) in.push_back(ValueOf(input));
}

Status Op::ExpectInputs(size_t count) const {
  if (in.size() == count) return Status::Ok();
  return Error(Code::kInvalidModel, "it has ", in.size(), " inputs, expected ", count);
}

std::optional<std::vector<int64_t>> Op::KnownIntegers(int32_t value) const {
  switch (b.type(value)) {
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return b.KnownIntegers(value);
    default:
      return std::nullopt;
  }
}

Result<std::vector<int64_t>> Op::Known(size_t i) const {
  const auto values = KnownIntegers(in[i]);
  if (!values)
    return Error(Code::kUnsupported, "input ", i,
                 " is computed while the model runs; it must be a constant. Fixed input shapes may "
                 "make it one");
  return *values;
}

Result<int64_t> Op::KnownScalar(size_t i) const {
  EDGEML_ASSIGN_OR_RETURN(const auto values, Known(i));
  if (values.size() != 1)
    return Error(Code::kInvalidModel, "input ", i, " has ", values.size(), " elements, expected 1");
  return values[0];
}

Result<int32_t> Op::Index32(size_t i) {
  if (type(i) == DType::kInt32) return in[i];
  const auto known = KnownIntegers(in[i]);
  if (!known)
    return Make(ir::OpCode::kCast, {in[i]}, ir::TypeAttrs{type(i), DType::kInt32}, DType::kInt32);
  std::vector<int32_t> narrow;
  for (const int64_t value : *known)
    narrow.push_back(static_cast<int32_t>(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX)));
  return b.AddConstant(b.value(in[i]).name, b.value(in[i]).shape, std::span<const int32_t>(narrow));
}

Result<int32_t> Op::Make(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes,
                         DType type) {
  return b.Add(op, std::move(inputs), std::move(attributes), node.name, type);
}

Status Op::Emit(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes, DType type) {
  EDGEML_ASSIGN_OR_RETURN(const int32_t value,
                          Make(op, std::move(inputs), std::move(attributes), type));
  return Return(value);
}

Status Op::EmitAll(ir::OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes,
                   std::span<const DType> types) {
  std::vector<ir::GraphBuilder::Output> outputs;
  for (size_t i = 0; i < types.size(); ++i)
    outputs.push_back({types[i], i == 0 ? node.name : Concat(node.name, ":", i), {}, {}});
  EDGEML_ASSIGN_OR_RETURN(out,
                          b.Add(op, std::move(inputs), std::move(attributes), std::move(outputs)));
  return attrs.Finish();
}

Status Op::Return(int32_t value) { return ReturnAll({value}); }

Status Op::ReturnAll(std::vector<int32_t> values) {
  out = std::move(values);
  return attrs.Finish();
}

Result<int32_t> Op::Transpose(int32_t value, std::span<const int32_t> permutation) {
  bool moves = false;
  for (size_t d = 0; d < permutation.size(); ++d)
    moves = moves || permutation[d] != static_cast<int32_t>(d);
  if (!moves) return value;
  const ir::Value& from = b.value(value);
  const int bits = BitsOf(from.type);
  if (!from.is_constant() || bits < 8)
    return Make(ir::OpCode::kTranspose, {value, b.AddInts(permutation)});
  const auto [made, is_new] = state_.permuted.try_emplace(
      {value, std::vector<int32_t>(permutation.begin(), permutation.end())}, ir::kNoValue);
  if (!is_new) return made->second;
  Shape shape;
  for (const int32_t d : permutation) shape.push_back(from.shape[d]);
  std::vector<std::byte> bytes =
      Permuted(from.shape, from.data.bytes, static_cast<size_t>(bits) / 8, permutation);
  made->second =
      b.AddConstant(from.name, from.type, shape, ir::ConstantData::Own(std::move(bytes)));
  return made->second;
}

Result<int32_t> Op::Reshape(int32_t value, const Shape& shape) {
  const ir::Value& from = b.value(value);
  if (b.shape(value) == shape) return value;
  if (from.is_constant() && shape.known() &&
      CheckedByteSize(shape, from.type) == CheckedByteSize(from.shape, from.type))
    return b.AddConstant(from.name, from.type, shape, from.data, from.quantization);
  return Make(ir::OpCode::kReshape, {value, b.AddInts(shape.dims())});
}

Result<int32_t> Op::Number(int value, DType type) {
  switch (type) {
    case DType::kFloat32:
      return b.AddFloat(static_cast<float>(value));
    case DType::kInt32:
      return b.AddInt(value);
    case DType::kInt64: {
      const int64_t wide = value;
      return b.AddConstant(std::string(), Shape{}, std::span<const int64_t>(&wide, 1));
    }
    default:
      return Error(Code::kUnsupported, "type ", NameOf(type), " is not supported here");
  }
}

Result<Op::Layout> Op::DataFormat() {
  const std::string format = attrs.String("data_format", "NHWC");
  if (format == "NHWC" || format == "NDHWC") return Layout{};
  if (format == "NCHW" || format == "NCDHW") return Layout{true, 2, 3, 1};
  return Error(Code::kUnsupported, "data_format ", format, " is not supported");
}

Result<int32_t> Op::ToChannelsLast(int32_t value) {
  if (b.rank(value) == 5) return Transpose(value, {0, 2, 3, 4, 1});
  if (b.rank(value) == 4) return Transpose(value, {0, 2, 3, 1});
  return Error(Code::kInvalidModel, "an image of ", b.rank(value), " dimensions");
}

Result<int32_t> Op::ToChannelsFirst(int32_t value) {
  if (b.rank(value) == 5) return Transpose(value, {0, 4, 1, 2, 3});
  return Transpose(value, {0, 3, 1, 2});
}

Handler FindHandler(std::string_view op) {
  const std::span<const OpEntry> families[] = {
      ElementwiseOps(), ActivationOps(), ConvolutionOps(), MatrixOps(),      PoolingOps(),
      ReductionOps(),   MovementOps(),   ShapeOps(),       ControlFlowOps(), ListOps(),
      AudioOps(),       DetectionOps(),  TableOps()};
  for (const auto family : families)
    for (const OpEntry& entry : family)
      if (entry.name == op) return entry.lower;
  return nullptr;
}

}  // namespace edgeml::savedmodel
