// Conversions between element types: arity and shape rules.
#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// Parameters per channel belong to a dimension that has as many elements.
Status CheckChannels(const TensorView& view, const char* what) {
  if (!view.quantized() || !view.quantization->per_axis()) return Status::Ok();
  const Quantization& q = *view.quantization;
  const size_t channels = q.scale.size();
  if (q.axis < 0 || q.axis >= view.rank() || static_cast<size_t>(view.dim(q.axis)) != channels ||
      q.block_size != 0)
    return Error(Code::kInvalidModel, what, " has ", channels, " scales for dimension ", q.axis,
                 " of shape ", view.shape.ToString());
  if (q.zero_point.size() > 1 && q.zero_point.size() != channels)
    return Error(Code::kInvalidModel, what, " has ", channels, " scales and ", q.zero_point.size(),
                 " zero points");
  return Status::Ok();
}

Status InferConversion(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(InferSameAsInput(context));
  EDGEML_RETURN_IF_ERROR(CheckChannels(context.inputs[0], "input 0"));
  return CheckChannels(context.outputs[0], "output 0");
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kCast,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<TypeAttrs>(),
     .infer = InferSameAsInput},
    {.op = OpCode::kDensify, .min_inputs = 1, .max_inputs = 1, .infer = InferSameAsInput},
    {.op = OpCode::kDequantize, .min_inputs = 1, .max_inputs = 1, .infer = InferConversion},
    {.op = OpCode::kFakeQuant,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<FakeQuantAttrs>(),
     .infer = InferSameAsInput},
    {.op = OpCode::kQuantize, .min_inputs = 1, .max_inputs = 1, .infer = InferConversion},
};

}  // namespace

std::span<const OpDef> ConversionOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
