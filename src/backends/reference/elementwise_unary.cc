// Element-wise functions of one input on the reference kernels.
#include "src/kernels/elementwise/unary.h"

#include <cmath>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using namespace reference;
using kernels::UnaryOp;

UnaryOp OpOf(OpCode op) {
  switch (op) {
    case OpCode::kCeil:
      return UnaryOp::kCeil;
    case OpCode::kCos:
      return UnaryOp::kCos;
    case OpCode::kExp:
      return UnaryOp::kExp;
    case OpCode::kFloor:
      return UnaryOp::kFloor;
    case OpCode::kLog:
      return UnaryOp::kLog;
    case OpCode::kNeg:
      return UnaryOp::kNeg;
    case OpCode::kRound:
      return UnaryOp::kRound;
    case OpCode::kRsqrt:
      return UnaryOp::kRsqrt;
    case OpCode::kSign:
      return UnaryOp::kSign;
    case OpCode::kSin:
      return UnaryOp::kSin;
    case OpCode::kSqrt:
      return UnaryOp::kSqrt;
    case OpCode::kSquare:
      return UnaryOp::kSquare;
    default:
      return UnaryOp::kAbs;
  }
}

enum class Form : uint8_t { kNone, kFloat, kHalf, kDouble, kInteger, kQuantized };

Form FormOf(const NodeView& view) {
  using D = DType;
  const TensorView& in = view.inputs[0];
  if (in.type != view.outputs[0].type) return Form::kNone;
  if (in.type == D::kFloat32) return Form::kFloat;
  const bool half = in.type == D::kFloat16, any_half = half || in.type == D::kBFloat16;
  switch (view.node->op) {
    case OpCode::kCos:
    case OpCode::kSin:
      return half ? Form::kHalf : Form::kNone;
    case OpCode::kFloor:
    case OpCode::kRound:
      return any_half ? Form::kHalf : Form::kNone;
    case OpCode::kAbs:
      if (in.type == D::kInt32 || (in.type == D::kInt16 && !in.quantized())) return Form::kInteger;
      [[fallthrough]];
    case OpCode::kExp:
    case OpCode::kLog:
    case OpCode::kRsqrt:
    case OpCode::kSqrt:
      return IsOneOf(in.type, {D::kInt8, D::kInt16}) ? Form::kQuantized : Form::kNone;
    case OpCode::kNeg:
      if (any_half) return Form::kHalf;
      return IsOneOf(in.type, {D::kInt8, D::kInt16, D::kInt32, D::kInt64}) ? Form::kInteger
                                                                           : Form::kNone;
    case OpCode::kSign:
      if (in.type == D::kFloat64) return Form::kDouble;
      return in.type == D::kInt32 ? Form::kInteger : Form::kNone;
    default:
      return Form::kNone;
  }
}

std::string DeclineUnaryOp(const NodeView& view) {
  const Form form = FormOf(view);
  if (form == Form::kNone)
    return Concat(NameOf(view.inputs[0].type), " input with ", NameOf(view.outputs[0].type),
                  " output is not supported");
  return form == Form::kQuantized ? DeclineUnaryQuantization(view) : "";
}

class UnaryStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const DType type = view.inputs[0].type;
    form_ = FormOf(view);
    op_ = OpOf(view.node->op);
    AllowInPlaceIfAlike(context, 0);
    if (form_ != Form::kQuantized) return Status::Ok();
    params_ = {};
    params_.in = AffineOf(view.inputs[0]);
    params_.out = AffineOf(view.outputs[0]);
    params_.rescale = params_.in.scale != params_.out.scale;
    if (op_ == UnaryOp::kAbs) {
      params_.multiplier = ToFixedPoint(params_.in.scale / params_.out.scale);
    } else if (op_ == UnaryOp::kExp) {
      FillTable(type, [](float x) { return std::exp(x); });
    } else if (op_ == UnaryOp::kLog) {
      const int32_t lowest = type == DType::kInt8 ? -128 : -32768;
      const float otherwise =
          static_cast<float>(lowest - params_.out.zero_point) * params_.out.scale;
      FillTable(type, [=](float x) { return x <= 0.0f ? otherwise : std::log(x); });
    } else if (op_ == UnaryOp::kRsqrt && type == DType::kInt16) {
      const float otherwise = 32767.0f * params_.out.scale;
      FillTable(type, [=](float x) { return x <= 0.0f ? otherwise : 1.0f / std::sqrt(x); });
    } else if (op_ == UnaryOp::kRsqrt) {
      params_.multiplier =
          ToFixedPoint(1.0 / static_cast<double>(std::sqrt(params_.in.scale) * params_.out.scale));
    }
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    const int64_t n = in.num_elements();
    if (form_ == Form::kFloat) {
      kernels::UnaryFloat(op_, in.as<float>(), n, out.as_mutable<float>());
      return Status::Ok();
    }
    if (form_ == Form::kHalf) {
      kernels::UnaryHalf(in.type, op_, in.as<uint16_t>(), n, out.as_mutable<uint16_t>());
      return Status::Ok();
    }
    if (form_ == Form::kDouble) {
      kernels::SignDouble(in.as<double>(), n, out.as_mutable<double>());
      return Status::Ok();
    }
    if (form_ == Form::kInteger) {
      kernels::UnaryInteger(in.type, op_, in.data, n, out.data);
      return Status::Ok();
    }
    return RunQuantized(in, n, out);
  }

 private:
  void FillTable(DType type, FunctionRef<float(float)> function) {
    if (type == DType::kInt8) {
      kernels::FillByteTable(type, params_.in, params_.out, function, bytes_);
    } else {
      kernels::FillInt16Table(params_.in, params_.out, function, words_);
    }
  }

  Status RunQuantized(const TensorView& in, int64_t n, const TensorView& out) const {
    bool in_domain = true;
    switch (op_) {
      case UnaryOp::kAbs:
        kernels::AbsQuantized(in.type, in.data, n, params_, out.data);
        break;
      case UnaryOp::kSqrt:
        in_domain = kernels::SqrtQuantized(in.type, in.data, n, params_, out.data);
        break;
      case UnaryOp::kRsqrt:
        if (in.type == DType::kInt8) {
          in_domain = kernels::RsqrtInt8(in.as<int8_t>(), n, params_, out.as_mutable<int8_t>());
          break;
        }
        for (int64_t i = 0; i < n; ++i) in_domain &= in.as<int16_t>()[i] >= 0;
        if (!in_domain) break;
        [[fallthrough]];
      default:
        if (in.type == DType::kInt8) {
          kernels::ApplyByteTable(bytes_, in.as<uint8_t>(), n, out.as_mutable<uint8_t>());
        } else {
          kernels::ApplyInt16Table(words_, in.as<int16_t>(), n, out.as_mutable<int16_t>());
        }
    }
    if (!in_domain) return Error(Code::kFailed, "square root of a negative number in input 0");
    return Status::Ok();
  }

  Form form_ = Form::kNone;
  UnaryOp op_ = UnaryOp::kAbs;
  kernels::QuantizedUnaryParams params_;
  kernels::ByteTable bytes_;
  kernels::Int16Table words_;
};

std::string DeclineLogicalNot(const NodeView& view) { return DeclineUnary(view, {DType::kBool}); }

class LogicalNotStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    kernels::LogicalNot(context.input(0).as<uint8_t>(), context.input(0).num_elements(),
                        context.output(0).as_mutable<uint8_t>());
    return Status::Ok();
  }
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kAbs, "abs.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kCeil, "ceil.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kCos, "cos.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kExp, "exp.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kFloor, "floor.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kLog, "log.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kNeg, "neg.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kRound, "round.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kRsqrt, "rsqrt.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kSign, "sign.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kSin, "sin.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kSqrt, "sqrt.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kSquare, "square.reference", ErrorBound::kExact, DeclineUnaryOp, MakeStep<UnaryStep>},
    {OpCode::kLogicalNot, "logical_not.reference", ErrorBound::kExact, DeclineLogicalNot,
     MakeStep<LogicalNotStep>},
};

}  // namespace

std::span<const KernelEntry> UnaryKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
