// Element-wise arithmetic, comparisons, logic and selection: arity and shape rules. They cost no
// multiply-accumulates.
#include <algorithm>

#include "src/base/strings.h"
#include "src/ir/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::ir {
namespace {

Status InferAddN(InferContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    if (!(context.inputs[i].shape == context.inputs[0].shape))
      return Error(Code::kInvalidModel, "input ", i, " has shape ",
                   context.inputs[i].shape.ToString(), ", input 0 has ",
                   context.inputs[0].shape.ToString());
  }
  return InferSameAsInput(context);
}

// LiteRT checks no more than the ranks here, and then reads as much of input 1 as input 0 has.
Status InferAtan2(InferContext& context) {
  if (!(context.inputs[0].shape == context.inputs[1].shape))
    return Error(Code::kInvalidModel, "inputs of shapes ", context.inputs[0].shape.ToString(),
                 " and ", context.inputs[1].shape.ToString(), " differ; they are not broadcast");
  return InferSameAsInput(context);
}

// The condition is a scalar, has the shape of the others, or chooses whole slices of their first
// dimension.
Status InferSelect(InferContext& context) {
  const Shape& condition = context.inputs[0].shape;
  const Shape& x = context.inputs[1].shape;
  const Shape& y = context.inputs[2].shape;
  const bool all_single =
      condition.num_elements() == 1 && x.num_elements() == 1 && y.num_elements() == 1;
  const bool slices = condition.rank() == 1 && x.rank() >= 1 && condition[0] == x[0];
  if (!all_single && (!(x == y) || !(condition == x || condition.rank() == 0 || slices)))
    return Error(Code::kInvalidModel, "condition ", condition.ToString(), " cannot select from ",
                 x.ToString(), " and ", y.ToString());
  context.outputs[0].shape = x;
  return Status::Ok();
}

Status InferSelectV2(InferContext& context) {
  const auto values = BroadcastShapes(context.inputs[1].shape, context.inputs[2].shape);
  const auto all = values ? BroadcastShapes(context.inputs[0].shape, *values) : std::nullopt;
  if (!all)
    return Error(Code::kInvalidModel, "shapes ", context.inputs[0].shape.ToString(), ", ",
                 context.inputs[1].shape.ToString(), " and ", context.inputs[2].shape.ToString(),
                 " cannot be broadcast together");
  context.outputs[0].shape = *all;
  return Status::Ok();
}

constexpr OpDef Unary(OpCode op) {
  return {.op = op, .min_inputs = 1, .max_inputs = 1, .infer = InferSameAsInput};
}
constexpr OpDef Binary(OpCode op) {
  return {.op = op, .min_inputs = 2, .max_inputs = 2, .infer = InferBroadcast};
}
constexpr OpDef Fused(OpCode op) {
  OpDef def = Binary(op);
  def.attributes = AttrsKind<BinaryAttrs>();
  return def;
}

constexpr OpDef kOps[] = {
    Unary(OpCode::kAbs),
    Fused(OpCode::kAdd),
    {.op = OpCode::kAddN, .min_inputs = 1, .max_inputs = -1, .infer = InferAddN},
    {.op = OpCode::kAtan2, .min_inputs = 2, .max_inputs = 2, .infer = InferAtan2},
    Binary(OpCode::kBitwiseXor),
    Unary(OpCode::kCeil),
    Unary(OpCode::kComplexAbs),
    Unary(OpCode::kCos),
    Fused(OpCode::kDiv),
    Binary(OpCode::kEqual),
    Unary(OpCode::kExp),
    Unary(OpCode::kFloor),
    Binary(OpCode::kFloorDiv),
    Binary(OpCode::kFloorMod),
    Binary(OpCode::kGreater),
    Binary(OpCode::kGreaterEqual),
    Unary(OpCode::kImag),
    Binary(OpCode::kLess),
    Binary(OpCode::kLessEqual),
    Unary(OpCode::kLog),
    Binary(OpCode::kLogicalAnd),
    Unary(OpCode::kLogicalNot),
    Binary(OpCode::kLogicalOr),
    Binary(OpCode::kMaximum),
    Binary(OpCode::kMinimum),
    Fused(OpCode::kMul),
    Unary(OpCode::kNeg),
    Binary(OpCode::kNotEqual),
    Binary(OpCode::kPow),
    Unary(OpCode::kReal),
    Binary(OpCode::kRightShift),
    Unary(OpCode::kRound),
    Unary(OpCode::kRsqrt),
    {.op = OpCode::kSelect, .min_inputs = 3, .max_inputs = 3, .infer = InferSelect},
    {.op = OpCode::kSelectV2, .min_inputs = 3, .max_inputs = 3, .infer = InferSelectV2},
    Unary(OpCode::kSign),
    Unary(OpCode::kSin),
    Unary(OpCode::kSqrt),
    Unary(OpCode::kSquare),
    Binary(OpCode::kSquaredDifference),
    Fused(OpCode::kSub),
};

}  // namespace

std::span<const OpDef> ElementwiseOps() { return SelectedRows<kOps>(); }

}  // namespace edgeml::ir
