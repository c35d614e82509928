// Reductions, positions of extremes, running sums, largest elements: arity and shape rules.
#include <array>
#include <limits>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status CheckIndexType(const TensorView& view, const char* what) {
  if (view.type == DType::kInt32 || view.type == DType::kInt64 || view.type == DType::kInt16)
    return Status::Ok();
  return Error(Code::kInvalidModel, what, " is of type ", NameOf(view.type), ", expected int32");
}

// The single value of input `index` as an axis of input 0. REQUIRES: has_values(index).
Result<int> SingleAxis(const InferContext& context, size_t index) {
  const TensorView& axis = context.inputs[index];
  const int64_t value = IndexAt(axis, 0);
  const auto normalized = NormalizedAxis(value, context.inputs[0].rank());
  if (!normalized)
    return Error(Code::kInvalidModel, "axis ", value, " is out of range for input 0 ",
                 context.inputs[0].shape.ToString());
  return *normalized;
}

Status CheckSingleIndex(const InferContext& context, size_t index, const char* what) {
  EDGEML_RETURN_IF_ERROR(CheckIndexType(context.inputs[index], what));
  if (context.inputs[index].num_elements() != 1)
    return Error(Code::kInvalidModel, what, " has shape ", context.inputs[index].shape.ToString(),
                 ", expected a single value");
  if (context.inputs[0].rank() < 1)
    return Error(Code::kInvalidModel, "input 0 is a scalar, expected at least 1 dimension");
  return Status::Ok();
}

Status InferReduce(InferContext& context) {
  const TensorView& axes = context.inputs[1];
  EDGEML_RETURN_IF_ERROR(CheckIndexType(axes, "input 1 (axes)"));
  const Shape& in = context.inputs[0].shape;
  if (in.rank() == 0) {  // axes do not matter
    context.outputs[0].shape = Shape();
    return Status::Ok();
  }
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  std::array<bool, kMaxRank> reduced{};
  for (int64_t i = 0; i < axes.num_elements(); ++i) {
    const int64_t axis = IndexAt(axes, i);
    const auto normalized = NormalizedAxis(axis, in.rank());
    if (!normalized)
      return Error(Code::kInvalidModel, "axis ", axis, " is out of range for input 0 ",
                   in.ToString());
    reduced[static_cast<size_t>(*normalized)] = true;
  }
  Shape out;
  for (int i = 0; i < in.rank(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) {
      out.push_back(in[i]);
    } else if (context.attrs<ReduceAttrs>().keep_dims) {
      out.push_back(1);
    }
  }
  context.outputs[0].shape = out;
  return Status::Ok();
}

Status InferArgExtreme(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckSingleIndex(context, 1, "input 1 (axis)"));
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const int axis, SingleAxis(context, 1));
  const Shape& in = context.inputs[0].shape;
  if (in[axis] == 0)
    return Error(Code::kInvalidModel, "axis ", axis, " of input 0 ", in.ToString(), " is empty");
  Shape out;
  for (int i = 0; i < in.rank(); ++i)
    if (i != axis) out.push_back(in[i]);
  context.outputs[0].shape = out;
  return Status::Ok();
}

// The shape does not depend on the axis; the kernel checks it when it is only known then.
Status InferCumsum(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckSingleIndex(context, 1, "input 1 (axis)"));
  if (context.has_values(1)) {
    auto axis = SingleAxis(context, 1);
    if (!axis.ok()) return axis.status();
  }
  return InferSameAsInput(context);
}

Status InferTopK(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckSingleIndex(context, 1, "input 1 (k)"));
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  const Shape& in = context.inputs[0].shape;
  const int64_t k = IndexAt(context.inputs[1], 0);
  if (k > in.back())
    return Error(Code::kInvalidModel, "k = ", k,
                 " is more than the innermost dimension of input 0 ", in.ToString());
  if (context.outputs[1].type == DType::kInt16 && in.back() > std::numeric_limits<int16_t>::max())
    return Error(Code::kInvalidModel, "positions in rows of ", in.back(), " do not fit int16");
  Shape out = in;
  out[out.rank() - 1] = k < 0 ? 0 : static_cast<int32_t>(k);
  context.outputs[0].shape = context.outputs[1].shape = out;
  return Status::Ok();
}

constexpr OpDef Reduction(OpCode op) {
  return {.op = op,
          .min_inputs = 2,
          .max_inputs = 2,
          .attributes = AttrsKind<ReduceAttrs>(),
          .infer = InferReduce};
}
constexpr OpDef ArgExtreme(OpCode op) {
  return {.op = op,
          .min_inputs = 2,
          .max_inputs = 2,
          .attributes = AttrsKind<TypeAttrs>(),
          .infer = InferArgExtreme};
}

constexpr OpDef kOps[] = {
    ArgExtreme(OpCode::kArgMax),
    ArgExtreme(OpCode::kArgMin),
    {.op = OpCode::kCumsum,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<CumsumAttrs>(),
     .infer = InferCumsum},
    Reduction(OpCode::kMean),
    Reduction(OpCode::kReduceAll),
    Reduction(OpCode::kReduceAny),
    Reduction(OpCode::kReduceMax),
    Reduction(OpCode::kReduceMin),
    Reduction(OpCode::kReduceProd),
    Reduction(OpCode::kSum),
    {.op = OpCode::kTopKV2,
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 2,
     .max_outputs = 2,
     .infer = InferTopK},
};

}  // namespace

std::span<const OpDef> ReductionOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
