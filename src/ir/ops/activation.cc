// Activation functions that stand on their own: arity and shape rules.
#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status InferSoftmax(InferContext& context) {
  if (context.inputs[0].rank() < 1)
    return Error(Code::kInvalidModel, "input 0 is a scalar, expected at least 1 dimension");
  return InferSameAsInput(context);
}

// The slopes are broadcast to the input, never the other way round.
Status InferPrelu(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(InferBroadcast(context));
  if (!(context.outputs[0].shape == context.inputs[0].shape))
    return Error(Code::kInvalidModel, "slopes ", context.inputs[1].shape.ToString(),
                 " do not broadcast to input ", context.inputs[0].shape.ToString());
  return Status::Ok();
}

constexpr OpDef Plain(OpCode op, size_t attributes = 0) {
  return {.op = op,
          .min_inputs = 1,
          .max_inputs = 1,
          .attributes = attributes,
          .infer = InferSameAsInput};
}

constexpr OpDef kOps[] = {
    Plain(OpCode::kElu),
    Plain(OpCode::kGelu, AttrsKind<GeluAttrs>()),
    Plain(OpCode::kHardSwish),
    Plain(OpCode::kLeakyRelu, AttrsKind<LeakyReluAttrs>()),
    Plain(OpCode::kLogistic),
    {.op = OpCode::kLogSoftmax, .min_inputs = 1, .max_inputs = 1, .infer = InferSoftmax},
    {.op = OpCode::kPrelu, .min_inputs = 2, .max_inputs = 2, .infer = InferPrelu},
    Plain(OpCode::kRelu),
    Plain(OpCode::kRelu0To1),
    Plain(OpCode::kRelu6),
    Plain(OpCode::kReluN1To1),
    {.op = OpCode::kSoftmax,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<SoftmaxAttrs>(),
     .infer = InferSoftmax},
    Plain(OpCode::kTanh),
};

}  // namespace

std::span<const OpDef> ActivationOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
