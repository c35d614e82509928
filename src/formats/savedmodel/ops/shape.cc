// Shapes, and values made from them.
#include <algorithm>

#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

using ir::OpCode;

Status LowerReshape(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t shape, op.Index32(1));
  return op.Emit(OpCode::kReshape, {op.in[0], shape});
}

Status LowerSqueeze(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  std::vector<int32_t> dims;
  for (const int64_t axis : op.attrs.Ints("squeeze_dims")) {
    const auto normalized = NormalizedAxis(axis, op.rank(0));
    if (!normalized) return Error(Code::kInvalidModel, "axis ", axis, " is out of range");
    dims.push_back(*normalized);
  }
  const ir::Value& value = op.b.value(op.in[0]);
  // Which dimensions are one is not known of open ones: TensorFlow would look when it runs.
  if (dims.empty()) {
    for (int d = 0; d < op.rank(0); ++d)
      if (op.shape(0)[d] == 1) dims.push_back(d);
    if (dims.empty()) return op.Return(op.in[0]);
  }
  if (value.is_constant()) {
    Shape shape;
    for (int d = 0; d < op.rank(0); ++d)
      if (std::find(dims.begin(), dims.end(), d) == dims.end()) shape.push_back(op.shape(0)[d]);
    EDGEML_ASSIGN_OR_RETURN(const int32_t made, op.Reshape(op.in[0], shape));
    return op.Return(made);
  }
  return op.Emit(OpCode::kSqueeze, op.in, ir::SqueezeAttrs{dims});
}

Status LowerExpandDims(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t axis, op.Index32(1));
  return op.Emit(OpCode::kExpandDims, {op.in[0], axis});
}

Status LowerShape(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const DType to = op.attrs.Type("out_type", DType::kInt32);
  return op.Emit(OpCode::kShape, op.in, ir::TypeAttrs{DType::kInvalid, to}, to);
}

Status LowerShapeN(Op& op) {
  op.attrs.Ignore("N");
  const DType to = op.attrs.Type("out_type", DType::kInt32);
  std::vector<int32_t> shapes;
  for (const int32_t value : op.in) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t shape, op.Make(OpCode::kShape, {value},
                                                         ir::TypeAttrs{DType::kInvalid, to}, to));
    shapes.push_back(shape);
  }
  return op.ReturnAll(std::move(shapes));
}

Status LowerRank(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  return op.Return(op.b.AddInt(op.rank(0), op.node.name));
}

Status LowerSize(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const DType to = op.attrs.Type("out_type", DType::kInt32);
  EDGEML_ASSIGN_OR_RETURN(const int32_t shape,
                          op.Make(OpCode::kShape, op.in, ir::TypeAttrs{DType::kInvalid, to}, to));
  return op.Emit(OpCode::kReduceProd, {shape, op.b.AddInts({0})}, ir::ReduceAttrs{false});
}

Status LowerFill(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  op.attrs.Ignore("index_type");
  EDGEML_ASSIGN_OR_RETURN(const int32_t dims, op.Index32(0));
  return op.Emit(OpCode::kFill, {dims, op.in[1]}, {}, op.type(1));
}

Status LowerRange(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  return op.Emit(OpCode::kRange, op.in);
}

Status LowerOnesLike(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const int32_t one, op.Number(1, op.type(0)));
  EDGEML_ASSIGN_OR_RETURN(
      const int32_t shape,
      op.Make(OpCode::kShape, op.in, ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32));
  return op.Emit(OpCode::kFill, {shape, one}, {}, op.type(0));
}

Status LowerBroadcastTo(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  EDGEML_ASSIGN_OR_RETURN(const int32_t shape, op.Index32(1));
  return op.Emit(OpCode::kBroadcastTo, {op.in[0], shape});
}

Status LowerBroadcastArgs(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  return op.Emit(OpCode::kBroadcastArgs, op.in);
}

// The inverse of a permutation that is known.
Status LowerInvertPermutation(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  EDGEML_ASSIGN_OR_RETURN(const auto known, op.Known(0));
  std::vector<int32_t> inverse(known.size(), -1);
  for (size_t i = 0; i < known.size(); ++i) {
    const auto to = static_cast<size_t>(known[i]);
    if (known[i] < 0 || to >= inverse.size() || inverse[to] >= 0)
      return Error(Code::kInvalidModel, "input 0 is no permutation");
    inverse[to] = static_cast<int32_t>(i);
  }
  if (op.type(0) != DType::kInt32) return Error(Code::kUnsupported, "int64 is not supported");
  return op.Return(op.b.AddInts(inverse, op.node.name));
}

// `num` values from start to stop, both included, in steps as TensorFlow takes them.
Status LowerLinSpace(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(3));
  EDGEML_ASSIGN_OR_RETURN(const int64_t count, op.KnownScalar(2));
  float ends[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    const ir::Value& value = op.b.value(op.in[i]);
    if (!value.is_constant() || value.type != DType::kFloat32 || value.data.bytes.size() != 4)
      return Error(Code::kUnsupported, "a range that is not constant is not supported");
    ends[i] = *reinterpret_cast<const float*>(value.data.bytes.data());
  }
  if (count < 1 || count > 1 << 20)
    return Error(Code::kUnsupported, "a range of ", count, " values is not supported");
  std::vector<float> values(static_cast<size_t>(count), ends[0]);
  const float step = count > 1 ? (ends[1] - ends[0]) / static_cast<float>(count - 1) : 0.0f;
  for (size_t i = 0; i < values.size(); ++i) values[i] = ends[0] + step * static_cast<float>(i);
  if (count > 1) values.back() = ends[1];
  return op.Return(op.b.AddConstant(op.node.name, Shape{static_cast<int32_t>(count)},
                                    std::span<const float>(values)));
}

constexpr OpEntry kOps[] = {
    {"BroadcastArgs", LowerBroadcastArgs},
    {"BroadcastTo", LowerBroadcastTo},
    {"ExpandDims", LowerExpandDims},
    {"Fill", LowerFill},
    {"InvertPermutation", LowerInvertPermutation},
    {"LinSpace", LowerLinSpace},
    {"OnesLike", LowerOnesLike},
    {"Range", LowerRange},
    {"Rank", LowerRank},
    {"Reshape", LowerReshape},
    {"Shape", LowerShape},
    {"ShapeN", LowerShapeN},
    {"Size", LowerSize},
    {"Squeeze", LowerSqueeze},
    {"VariableShape", LowerShape},
};

}  // namespace

std::span<const OpEntry> ShapeOps() { return kOps; }

}  // namespace edgeml::savedmodel
