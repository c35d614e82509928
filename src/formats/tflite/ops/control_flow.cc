// The options of control flow and variables in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    CallOnceCodec, CallOnceOptions, CallOnceAttrs, VT_INIT_SUBGRAPH_INDEX,
    { return Assign(a, o.init_subgraph_index()); }, a.init_subgraph)
EDGEML_CODEC(
    IfCodec, IfOptions, IfAttrs, VT_ELSE_SUBGRAPH_INDEX,
    { return Assign(a, o.then_subgraph_index(), o.else_subgraph_index()); }, a.then_subgraph,
    a.else_subgraph)
EDGEML_CODEC(
    VarHandleCodec, VarHandleOptions, VarHandleAttrs, VT_SHARED_NAME,
    {
      EDGEML_RETURN_IF_ERROR(ReadText(o.container(), b, a.container));
      return ReadText(o.shared_name(), b, a.shared_name);
    },
    c.builder.CreateString(a.container), c.builder.CreateString(a.shared_name))
EDGEML_CODEC(
    WhileCodec, WhileOptions, WhileAttrs, VT_BODY_SUBGRAPH_INDEX,
    { return Assign(a, o.cond_subgraph_index(), o.body_subgraph_index()); }, a.cond_subgraph,
    a.body_subgraph)

constexpr OpHandler kHandlers[] = {
    Plain<fb::AssignVariableOptions>(Op::kAssignVariable, Code_::ASSIGN_VARIABLE),
    With<CallOnceCodec>(Op::kCallOnce, Code_::CALL_ONCE),
    With<IfCodec>(Op::kIf, Code_::IF),
    Plain<fb::ReadVariableOptions>(Op::kReadVariable, Code_::READ_VARIABLE),
    With<VarHandleCodec>(Op::kVarHandle, Code_::VAR_HANDLE),
    With<WhileCodec>(Op::kWhile, Code_::WHILE),
};

}  // namespace

std::span<const OpHandler> ControlFlowHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
