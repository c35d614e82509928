// Random numbers: arity and shape rules. Each evaluation continues the stream, so that none is ever
// folded.
#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

// Input: the output's shape.
Status InferRandom(InferContext& context) {
  const TensorView& shape = context.inputs[0];
  if (shape.type != DType::kInt32 || shape.rank() != 1)
    return Error(Code::kInvalidModel, "input 0 (shape) is ", NameOf(shape.type), " ",
                 shape.shape.ToString(), ", expected int32 of one dimension");
  if (!context.has_values(0)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(context.outputs[0].shape, ShapeFromValues(shape));
  return Status::Ok();
}

// Inputs: logits [batch, classes], number of samples.
Status InferMultinomial(InferContext& context) {
  const TensorView &logits = context.inputs[0], &samples = context.inputs[1];
  if (logits.rank() != 2 || logits.dim(1) < 1)
    return Error(Code::kInvalidModel, "input 0 (logits) has shape ", logits.shape.ToString(),
                 ", expected [batch, classes]");
  if (samples.type != DType::kInt32 || samples.rank() != 0)
    return Error(Code::kInvalidModel, "input 1 (samples) is ", NameOf(samples.type), " ",
                 samples.shape.ToString(), ", expected an int32 scalar");
  if (!context.has_values(1)) {
    context.needs_values = true;
    return Status::Ok();
  }
  EDGEML_ASSIGN_OR_RETURN(const int32_t count, CheckedDim(IndexAt(samples, 0)));
  context.outputs[0].shape = Shape{logits.dim(0), count};
  return Status::Ok();
}

constexpr OpDef kOps[] = {
    {.op = OpCode::kMultinomial,
     .min_inputs = 2,
     .max_inputs = 2,
     .attributes = AttrsKind<RandomAttrs>(),
     .infer = InferMultinomial,
     .has_side_effects = true},
    {.op = OpCode::kRandomStandardNormal,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<RandomAttrs>(),
     .infer = InferRandom,
     .has_side_effects = true},
    {.op = OpCode::kRandomUniform,
     .min_inputs = 1,
     .max_inputs = 1,
     .attributes = AttrsKind<RandomAttrs>(),
     .infer = InferRandom,
     .has_side_effects = true},
};

}  // namespace

std::span<const OpDef> RandomOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
