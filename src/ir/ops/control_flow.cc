// Control flow and resource variables. Their output shapes are only known by running them, except
// where the model states one.
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"

namespace edgeml::ir {
namespace {

Status CheckOneElement(const InferContext& context, size_t i) {
  if (context.inputs[i].num_elements() == 1) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", i, " has shape ", context.inputs[i].shape.ToString(),
               ", expected one element");
}

Status InferIf(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 0));
  context.needs_values = !context.outputs.empty();
  return Status::Ok();
}

// Which branch runs, a number or a boolean, decides about the outputs.
Status InferCase(InferContext& context) {
  if (context.attrs<CaseAttrs>().branch_subgraphs.empty())
    return Error(Code::kInvalidModel, "has no branches");
  return InferIf(context);
}

Status InferComposite(InferContext& context) {
  context.needs_values = !context.outputs.empty();
  return Status::Ok();
}

Status InferWhile(InferContext& context) {
  if (context.inputs.size() != context.outputs.size())
    return Error(Code::kInvalidModel, "has ", context.inputs.size(), " inputs but ",
                 context.outputs.size(), " outputs");
  context.needs_values = !context.outputs.empty();
  return Status::Ok();
}

Status InferNothing(InferContext&) { return Status::Ok(); }

Status InferVarHandle(InferContext& context) {
  // The model's own shape stays when it holds the one id.
  Shape& shape = context.outputs[0].shape;
  if (!shape.known() || shape.num_elements() != 1) shape = Shape{};
  return Status::Ok();
}

Status InferReadVariable(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 0));
  // A model that states a rank states the whole shape; a scalar may also mean "unknown".
  const Shape& shape = context.outputs[0].shape;
  context.needs_values = shape.rank() == 0 || !shape.known();
  return Status::Ok();
}

Status InferAssignVariable(InferContext& context) { return CheckOneElement(context, 0); }

}  // namespace

std::span<const OpDef> ControlFlowOps() {
  static const std::vector<OpDef> defs = {
      {.op = OpCode::kAssignVariable,
       .min_inputs = 2,
       .max_inputs = 2,
       .min_outputs = 0,
       .max_outputs = 0,
       .infer = InferAssignVariable,
       .has_side_effects = true},
      {.op = OpCode::kCallOnce,
       .min_outputs = 0,
       .max_outputs = 0,
       .attributes = AttrsKind<CallOnceAttrs>(),
       .infer = InferNothing,
       .has_side_effects = true},
      {.op = OpCode::kIf,
       .min_inputs = 1,
       .max_inputs = -1,
       .min_outputs = 0,
       .max_outputs = -1,
       .attributes = AttrsKind<IfAttrs>(),
       .infer = InferIf,
       .has_side_effects = true},
      {.op = OpCode::kReadVariable,
       .min_inputs = 1,
       .max_inputs = 1,
       .infer = InferReadVariable,
       .has_side_effects = true},
      {.op = OpCode::kStablehloCase,
       .min_inputs = 1,
       .max_inputs = -1,
       .min_outputs = 0,
       .max_outputs = -1,
       .attributes = AttrsKind<CaseAttrs>(),
       .infer = InferCase,
       .has_side_effects = true},
      {.op = OpCode::kStablehloComposite,
       .min_inputs = 0,
       .max_inputs = -1,
       .min_outputs = 0,
       .max_outputs = -1,
       .attributes = AttrsKind<CompositeAttrs>(),
       .infer = InferComposite,
       .has_side_effects = true},
      {.op = OpCode::kVarHandle,
       .attributes = AttrsKind<VarHandleAttrs>(),
       .infer = InferVarHandle,
       .has_side_effects = true},
      {.op = OpCode::kWhile,
       .min_inputs = 0,
       .max_inputs = -1,
       .min_outputs = 0,
       .max_outputs = -1,
       .attributes = AttrsKind<WhileAttrs>(),
       .infer = InferWhile,
       .has_side_effects = true},
  };
  return defs;
}

}  // namespace edgeml::ir
