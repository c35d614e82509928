// Shape rules of operators that look elements up by index, or make indices.
#include <limits>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// Appends dimensions [first, last) of `from`; kUnsupported above kMaxRank.
Status Append(Shape& shape, const Shape& from, int first, int last) {
  for (int i = first; i < last; ++i) {
    if (shape.rank() == kMaxRank)
      return Error(Code::kUnsupported, "the result's rank is above ", kMaxRank);
    shape.push_back(from[i]);
  }
  return Status::Ok();
}

Status InferGather(InferContext& context) {
  const Shape &input = context.inputs[0].shape, &positions = context.inputs[1].shape;
  EDGEML_ASSIGN_OR_RETURN(const GatherAxes axes,
                          ResolveGather(context.attrs<GatherAttrs>(), input, positions));
  Shape output;
  EDGEML_RETURN_IF_ERROR(Append(output, input, 0, axes.axis));
  EDGEML_RETURN_IF_ERROR(Append(output, positions, axes.batch_dims, positions.rank()));
  EDGEML_RETURN_IF_ERROR(Append(output, input, axes.axis + 1, input.rank()));
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferGatherNd(InferContext& context) {
  const Shape &params = context.inputs[0].shape, &indices = context.inputs[1].shape;
  if (params.rank() < 1 || indices.rank() < 1 || indices.back() > params.rank())
    return Error(Code::kInvalidModel, "indices ", indices.ToString(), " do not fit ",
                 params.ToString());
  Shape output;
  EDGEML_RETURN_IF_ERROR(Append(output, indices, 0, indices.rank() - 1));
  EDGEML_RETURN_IF_ERROR(Append(output, params, indices.back(), params.rank()));
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferEmbeddingLookup(InferContext& context) {
  const Shape &lookup = context.inputs[0].shape, &table = context.inputs[1].shape;
  if (lookup.rank() != 1 || table.rank() < 2)
    return Error(Code::kInvalidModel, "indices ", lookup.ToString(), " do not fit the table ",
                 table.ToString());
  Shape output = table;
  output[0] = lookup[0];
  context.outputs[0].shape = output;
  return Status::Ok();
}

Status InferOneHot(InferContext& context) {
  const Shape& indices = context.inputs[0].shape;
  for (size_t i = 1; i < 4; ++i)
    if (context.inputs[i].num_elements() != 1)
      return Error(Code::kInvalidModel, "input ", i, " must hold one element");
  const int32_t stated = context.attrs<AxisAttrs>().axis;
  EDGEML_ASSIGN_OR_RETURN(const int axis, CheckedAxis(stated, indices.rank() + 1));
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t depth, CheckedDim(IndexAt(context.inputs[1], 0)));
  Shape output;
  EDGEML_RETURN_IF_ERROR(Append(output, indices, 0, axis));
  EDGEML_RETURN_IF_ERROR(Append(output, Shape{depth}, 0, 1));
  EDGEML_RETURN_IF_ERROR(Append(output, indices, axis, indices.rank()));
  context.outputs[0].shape = output;
  return Status::Ok();
}

template <typename T>
int64_t CountNonZero(const TensorView& view) {
  int64_t count = 0;
  for (const T& value : view.elements<T>())
    if (value != T{}) ++count;
  return count;
}

Status InferWhere(InferContext& context) {
  const TensorView& condition = context.inputs[0];
  if (condition.rank() == 0) return Error(Code::kInvalidModel, "the condition is a scalar");
  if (!context.has_values(0)) {
    context.needs_values = true;
    return Status::Ok();
  }
  int64_t count = 0;
  switch (condition.type) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
      count = CountNonZero<uint8_t>(condition);
      break;
    case DType::kFloat32:
      count = CountNonZero<float>(condition);
      break;
    case DType::kInt32:
    case DType::kUInt32:
      count = CountNonZero<uint32_t>(condition);
      break;
    case DType::kInt64:
      count = CountNonZero<uint64_t>(condition);
      break;
    default:
      return Error(Code::kUnsupported, "a condition of type ", edgeml::NameOf(condition.type));
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t rows, CheckedDim(count));
  context.outputs[0].shape = Shape{rows, condition.rank()};
  return Status::Ok();
}

}  // namespace

Result<GatherAxes> ResolveGather(const GatherAttrs& attrs, const Shape& input,
                                 const Shape& positions) {
  GatherAxes axes;
  EDGEML_ASSIGN_OR_RETURN(axes.axis, CheckedAxis(attrs.axis, input.rank()));
  axes.batch_dims = attrs.batch_dims < 0 ? attrs.batch_dims + positions.rank() : attrs.batch_dims;
  bool fits =
      axes.batch_dims >= 0 && axes.batch_dims <= axes.axis && axes.batch_dims <= positions.rank();
  for (int i = 0; fits && i < axes.batch_dims; ++i) fits = input[i] == positions[i];
  if (!fits)
    return Error(Code::kInvalidModel, "batch_dims ", attrs.batch_dims, " does not fit input ",
                 input.ToString(), " and positions ", positions.ToString());
  return axes;
}

namespace {

constexpr OpDef kOps[] = {
    {.op = OpCode::kEmbeddingLookup,
     .min_inputs = 2,
     .max_inputs = 2,
     .infer = InferEmbeddingLookup},
    {.op = OpCode::kGather,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<GatherAttrs>(),
     .infer = InferGather},
    {.op = OpCode::kGatherNd, .min_inputs = 2, .max_inputs = 2, .infer = InferGatherNd},
    {.op = OpCode::kOneHot,
     .min_inputs = 4,
     .max_inputs = 4,
     .attributes = AttrsKind<AxisAttrs>(),
     .infer = InferOneHot},
    {.op = OpCode::kWhere, .min_inputs = 1, .max_inputs = 1, .infer = InferWhere},
};

}  // namespace

std::span<const OpDef> GatherOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
