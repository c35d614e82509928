// ADD, SUB, MUL, DIV, FLOOR_DIV, FLOOR_MOD, POW, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE and ADD_N on
// the reference kernels.
#include "src/kernels/elementwise/arithmetic.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/tensor/half.h"

namespace edgeml::backends {
namespace {

using namespace reference;
using kernels::ArithmeticOp;
using kernels::ArithmeticResult;

ArithmeticOp OpOf(OpCode op) {
  switch (op) {
    case OpCode::kSub:
      return ArithmeticOp::kSub;
    case OpCode::kMul:
      return ArithmeticOp::kMul;
    case OpCode::kDiv:
      return ArithmeticOp::kDiv;
    case OpCode::kFloorDiv:
      return ArithmeticOp::kFloorDiv;
    case OpCode::kFloorMod:
      return ArithmeticOp::kFloorMod;
    case OpCode::kPow:
      return ArithmeticOp::kPow;
    case OpCode::kMaximum:
      return ArithmeticOp::kMaximum;
    case OpCode::kMinimum:
      return ArithmeticOp::kMinimum;
    case OpCode::kSquaredDifference:
      return ArithmeticOp::kSquaredDifference;
    default:
      return ArithmeticOp::kAdd;
  }
}

bool HasFusedActivation(OpCode op) {
  return op == OpCode::kAdd || op == OpCode::kSub || op == OpCode::kMul || op == OpCode::kDiv;
}

// Which arithmetic a node asks for.
enum class Form : uint8_t { kNone, kFloat, kHalf, kComplex, kInteger, kQuantized, kInt16To8 };

Form FormOf(const NodeView& view) {
  using D = DType;
  const OpCode op = view.node->op;
  const TensorView& a = view.inputs[0];
  const TensorView& out = view.outputs[0];
  const D type = a.type;
  if (type != view.inputs[1].type) return Form::kNone;
  if (op == OpCode::kMul && type == D::kInt16 && IsOneOf(out.type, {D::kInt8, D::kUInt8}))
    return Form::kInt16To8;
  if (out.type != type) return Form::kNone;
  if (type == D::kFloat32) return Form::kFloat;
  const bool extreme = op == OpCode::kMaximum || op == OpCode::kMinimum;
  if (type == D::kBFloat16) return extreme ? Form::kHalf : Form::kNone;
  if (type == D::kFloat16)
    return extreme || op == OpCode::kAdd || op == OpCode::kMul ? Form::kHalf : Form::kNone;
  if (type == D::kComplex64) return op == OpCode::kMul ? Form::kComplex : Form::kNone;
  const bool small = IsOneOf(type, {D::kInt8, D::kUInt8, D::kInt16});
  switch (op) {
    case OpCode::kAdd:
    case OpCode::kMul:
      if (type == D::kInt16 && !out.quantized() && !a.quantized()) return Form::kInteger;
      if (op == OpCode::kMul && type == D::kUInt32) return Form::kInteger;
      [[fallthrough]];
    case OpCode::kSub:
      if (IsOneOf(type, {D::kInt32, D::kInt64})) return Form::kInteger;
      return small ? Form::kQuantized : Form::kNone;
    case OpCode::kDiv:
      if (type == D::kInt32) return Form::kInteger;
      return small ? Form::kQuantized : Form::kNone;
    case OpCode::kFloorDiv:
      return IsOneOf(type, {D::kInt8, D::kInt16, D::kInt32}) ? Form::kInteger : Form::kNone;
    case OpCode::kFloorMod:
      return IsOneOf(type, {D::kInt8, D::kInt16, D::kInt32, D::kInt64}) ? Form::kInteger
                                                                        : Form::kNone;
    case OpCode::kPow:
      return type == D::kInt32 ? Form::kInteger : Form::kNone;
    case OpCode::kMaximum:
    case OpCode::kMinimum:
      return small || IsOneOf(type, {D::kInt32, D::kInt64}) ? Form::kInteger : Form::kNone;
    case OpCode::kSquaredDifference:
      if (type == D::kInt32) return Form::kInteger;
      return type == D::kInt8 ? Form::kQuantized : Form::kNone;
    default:
      return Form::kNone;
  }
}

// int16 add and sub may use shifts alone when the model says so and the scales are powers of two.
bool TryPowerOfTwo(const NodeView& view, kernels::QuantizedArithmeticParams* params,
                   bool* representable) {
  const OpCode op = view.node->op;
  if ((op != OpCode::kAdd && op != OpCode::kSub) || view.inputs[0].type != DType::kInt16 ||
      !view.attrs<ir::BinaryAttrs>().pot_scale_int16)
    return false;
  return kernels::SetPowerOfTwoScales(view.inputs[0].scale(), view.inputs[1].scale(),
                                      view.outputs[0].scale(), params, representable);
}

std::string DeclineArithmetic(const NodeView& view) {
  const Form form = FormOf(view);
  const TensorView& a = view.inputs[0];
  const TensorView& b = view.inputs[1];
  const TensorView& out = view.outputs[0];
  if (form == Form::kNone)
    return Concat(NameOf(a.type), " and ", NameOf(b.type), " inputs with ", NameOf(out.type),
                  " output are not supported");
  if (form == Form::kInt16To8 || form == Form::kQuantized) {
    if (std::string why = DeclinePerTensor(out, "output"); !why.empty()) return why;
  }
  if (std::string why = DeclineActivation(ir::FusedActivation(*view.node), out); !why.empty())
    return why;
  if (form == Form::kComplex && ir::FusedActivation(*view.node) != ir::Activation::kNone)
    return "complex numbers have no order to be clamped by";
  if (form != Form::kQuantized) return "";
  if (std::string why = DeclinePerTensor(a, "input 0"); !why.empty()) return why;
  if (std::string why = DeclinePerTensor(b, "input 1"); !why.empty()) return why;
  if (a.type == DType::kInt16 && view.node->op != OpCode::kDiv) {
    for (const TensorView* t : {&a, &b, &out}) {
      if (std::string why = DeclineAsymmetric(*t, "an int16 tensor"); !why.empty()) return why;
    }
  }
  kernels::QuantizedArithmeticParams params;
  bool representable = true;
  if (TryPowerOfTwo(view, &params, &representable) && !representable)
    return "the power-of-two scales of the inputs do not fit the output's";
  return "";
}

constexpr OpCode kOps[] = {OpCode::kAdd,      OpCode::kSub,
                           OpCode::kMul,      OpCode::kDiv,
                           OpCode::kFloorDiv, OpCode::kFloorMod,
                           OpCode::kPow,      OpCode::kMaximum,
                           OpCode::kMinimum,  OpCode::kSquaredDifference};

// Whether such arithmetic occurs in this build's models on tensors of one of the types.
constexpr bool Occurs(std::initializer_list<DType> types) {
  for (const OpCode op : kOps)
    for (const DType type : types)
      if (ir::IsSelected(op, type)) return true;
  return false;
}

constexpr bool kOnlyAdd = [] {
  for (const OpCode op : kOps)
    if (op != OpCode::kAdd && ir::IsSelected(op)) return false;
  return true;
}();

// Integers taken as they are: wide ones, and with these operators small ones too.
constexpr bool kHasIntegers =
    Occurs({DType::kInt16, DType::kInt32, DType::kUInt32, DType::kInt64}) ||
    ir::IsSelected(OpCode::kFloorDiv) || ir::IsSelected(OpCode::kFloorMod) ||
    ir::IsSelected(OpCode::kMaximum) || ir::IsSelected(OpCode::kMinimum);

class ArithmeticStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& a = view.inputs[0];
    const TensorView& b = view.inputs[1];
    const TensorView& out = view.outputs[0];
    form_ = FormOf(view);
    op_ = OpOf(view.node->op);
    operands_ = {};
    operands_.plan = kernels::MakeBroadcastPlan(out.shape, {a.shape, b.shape});
    operands_.b_size = b.num_elements();
    operands_.same_shape = a.shape == b.shape;
    const int activation = static_cast<int>(ir::FusedActivation(*view.node));
    FloatActivationRange(activation, &float_lo_, &float_hi_);
    if (form_ == Form::kHalf && HasFusedActivation(view.node->op)) {  // infinities are clamped too
      float_lo_ = std::max(float_lo_, -kHalfMax);
      float_hi_ = std::min(float_hi_, kHalfMax);
    }
    if (form_ == Form::kQuantized || form_ == Form::kInt16To8) {
      params_ = {};
      params_.zero_point_a = a.zero_point();
      params_.zero_point_b = b.zero_point();
      params_.zero_point_out = out.zero_point();
      QuantizedActivationRange(activation, out.type, out.scale(), out.zero_point(), &params_.lo,
                               &params_.hi);
      bool representable = true;
      if (form_ == Form::kQuantized && !TryPowerOfTwo(view, &params_, &representable))
        kernels::SetQuantizedScales(op_, out.type, a.scale(), b.scale(), out.scale(), &params_);
    }
    AllowInPlaceIfAlike(context, 0);
    AllowInPlaceIfAlike(context, 1);
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    // Known while compiling where only additions are: the calls below become small then.
    const ArithmeticOp op = kOnlyAdd ? ArithmeticOp::kAdd : op_;
    operands_.a = context.input(0).data;
    operands_.b = context.input(1).data;
    operands_.out = context.output(0).data;
    const DType type = context.input(0).type;
    ArithmeticResult result = ArithmeticResult::kOk;
    switch (form_) {
      case Form::kFloat:
        if constexpr (Occurs({DType::kFloat32}))
          result = kernels::ArithmeticFloat(op, operands_, float_lo_, float_hi_);
        break;
      case Form::kHalf:
        if constexpr (Occurs({DType::kFloat16, DType::kBFloat16}))
          kernels::ArithmeticHalf(type, op, operands_, float_lo_, float_hi_);
        break;
      case Form::kComplex:
        if constexpr (Occurs({DType::kComplex64})) kernels::MultiplyComplex(operands_);
        break;
      case Form::kInteger: {
        const bool bounded_below = float_lo_ > -2.0f, bounded_above = float_hi_ < 7.0f;
        const int64_t lo =
            bounded_below ? static_cast<int64_t>(float_lo_) : std::numeric_limits<int64_t>::min();
        const int64_t hi =
            bounded_above ? static_cast<int64_t>(float_hi_) : std::numeric_limits<int64_t>::max();
        if constexpr (kHasIntegers)
          result = kernels::ArithmeticInteger(type, op, operands_, lo, hi);
        break;
      }
      case Form::kQuantized:
        if constexpr (Occurs({DType::kInt8, DType::kUInt8, DType::kInt16}))
          result = kernels::ArithmeticQuantized(type, op, operands_, params_);
        break;
      case Form::kInt16To8:
        if constexpr (Occurs({DType::kInt16}))
          kernels::MultiplyInt16To8(context.output(0).type, operands_, params_.zero_point_out,
                                    params_.lo, params_.hi);
        break;
      case Form::kNone:
        return Error(Code::kInternal, "no arithmetic for these types");
    }
    if (result == ArithmeticResult::kDivisionByZero)
      return Error(Code::kFailed, "division by zero in input 1");
    if (result == ArithmeticResult::kNegativeExponent)
      return Error(Code::kFailed, "negative exponent in input 1, not defined for integers");
    return Status::Ok();
  }

 private:
  Form form_ = Form::kNone;
  ArithmeticOp op_ = ArithmeticOp::kAdd;
  kernels::BinaryOperands operands_;
  kernels::QuantizedArithmeticParams params_;
  float float_lo_ = 0.0f, float_hi_ = 0.0f;
};

std::string DeclineAddN(const NodeView& view) {
  if (std::string why = DeclineUnary(view, {DType::kFloat32, DType::kInt32}); !why.empty())
    return why;
  for (const TensorView& input : view.inputs) {
    if (std::string why = DeclineOtherType(input, "an input", view.inputs[0].type); !why.empty())
      return why;
  }
  return "";
}

class AddNStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    inputs_.assign(context.view().inputs.size(), nullptr);
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = context.input(i).data;
    const TensorView& out = context.output(0);
    kernels::AddN(out.type, inputs_.data(), static_cast<int64_t>(inputs_.size()),
                  out.num_elements(), out.data);
    return Status::Ok();
  }

 private:
  std::vector<const void*> inputs_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kAdd, "add.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kSub, "sub.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kMul, "mul.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kDiv, "div.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kFloorDiv, "floor_div.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kFloorMod, "floor_mod.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kPow, "pow.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kMaximum, "maximum.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kMinimum, "minimum.reference", ErrorBound::kExact, DeclineArithmetic,
     MakeStep<ArithmeticStep>},
    {OpCode::kSquaredDifference, "squared_difference.reference", ErrorBound::kExact,
     DeclineArithmetic, MakeStep<ArithmeticStep>},
    {OpCode::kAddN, "add_n.reference", ErrorBound::kExact, DeclineAddN, MakeStep<AddNStep>},
};

}  // namespace

std::span<const KernelEntry> ArithmeticKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
