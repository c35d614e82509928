// Control flow and resource variables. Their output shapes are those of the graphs they call, where
// these agree, or the ones that the model states; else only running tells.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status CheckOneElement(const InferContext& context, size_t i) {
  if (context.inputs[i].num_elements() == 1) return Status::Ok();
  return Error(Code::kInvalidModel, "input ", i, " has shape ", context.inputs[i].shape.ToString(),
               ", expected one element");
}

// One of `graphs` runs on the inputs from `first` on: when all of them make outputs of the same
// shapes, these are the node's.
Status InferFromGraphs(InferContext& context, std::span<const int32_t> graphs, size_t first) {
  context.needs_values = !context.outputs.empty();
  if (context.callees == nullptr || context.outputs.empty()) return Status::Ok();
  std::vector<Shape> shapes(context.outputs.size()), others(context.outputs.size());
  for (size_t i = 0; i < graphs.size(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const bool known,
                            context.callees->OutputShapes(graphs[i], context.inputs.subspan(first),
                                                          i == 0 ? shapes : others));
    if (!known || (i > 0 && shapes != others)) return Status::Ok();
  }
  for (size_t i = 0; i < shapes.size(); ++i) context.outputs[i].shape = shapes[i];
  context.needs_values = false;
  return Status::Ok();
}

Status InferIf(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 0));
  const auto& attrs = context.attrs<IfAttrs>();
  return InferFromGraphs(context, std::array{attrs.then_subgraph, attrs.else_subgraph}, 1);
}

Status InferCase(InferContext& context) {
  EDGEML_RETURN_IF_ERROR(CheckOneElement(context, 0));
  const auto& attrs = context.attrs<CaseAttrs>();
  if (attrs.branch_subgraphs.empty()) return Error(Code::kInvalidModel, "has no branches");
  return InferFromGraphs(context, attrs.branch_subgraphs, 1);
}

Status InferComposite(InferContext& context) {
  const auto& attrs = context.attrs<CompositeAttrs>();
  return InferFromGraphs(context, std::array{attrs.decomposition_subgraph}, 0);
}

// A body that leaves all shapes as they are may run any number of times.
Status InferWhile(InferContext& context) {
  if (context.inputs.size() != context.outputs.size())
    return Error(Code::kInvalidModel, "has ", context.inputs.size(), " inputs but ",
                 context.outputs.size(), " outputs");
  EDGEML_RETURN_IF_ERROR(
      InferFromGraphs(context, std::array{context.attrs<WhileAttrs>().body_subgraph}, 0));
  for (size_t i = 0; i < context.inputs.size(); ++i)
    context.needs_values |= !(context.outputs[i].shape == context.inputs[i].shape);
  return Status::Ok();
}

Status InferNothing(InferContext&) { return Status::Ok(); }

Status InferVarHandle(InferContext& context) {
  // The model's own shape stays when it holds the one id.
  Shape& shape = context.outputs[0].shape;
  if (!std::ranges::all_of(shape.dims(), [](int32_t d) { return d == 1; })) shape = Shape{};
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

constexpr OpDef kOps[] = {
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

}  // namespace

std::span<const OpDef> ControlFlowOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
