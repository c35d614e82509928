// Activation functions that stand on their own, on the reference kernels.
#include "src/kernels/activation/activation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"

namespace edgeml::backends {
namespace {

using namespace reference;

// RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1, LEAKY_RELU, PRELU -------------------------------------

std::string DeclineRectifier(const NodeView& view) {
  const OpCode op = view.node->op;
  const bool clamps_to_one = op == OpCode::kRelu0To1 || op == OpCode::kReluN1To1;
  const std::string why =
      clamps_to_one
          ? DeclineUnary(view, {DType::kFloat32, DType::kInt8, DType::kUInt8})
          : DeclineUnary(view, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16});
  if (!why.empty()) return why;
  const DType type = view.inputs[0].type;
  if (op == OpCode::kPrelu) {
    const DType alpha = type == DType::kInt16 ? DType::kInt8 : type;
    if (std::string other = DeclineOtherType(view.inputs[1], "input 1 (slopes)", alpha);
        !other.empty())
      return other;
  }
  if (op == OpCode::kLeakyRelu && !std::isfinite(view.attrs<ir::LeakyReluAttrs>().alpha))
    return "the slope is not finite";
  if (type == DType::kFloat32) return "";
  if (op == OpCode::kPrelu) {
    if (std::string other = DeclinePerTensor(view.inputs[1], "input 1 (slopes)"); !other.empty())
      return other;
  }
  return DeclineUnaryQuantization(view);
}

class RectifierStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    op_ = view.node->op;
    lo_ = op_ == OpCode::kReluN1To1 ? -1.0f : 0.0f;
    hi_ = op_ == OpCode::kRelu6  ? 6.0f
          : op_ == OpCode::kRelu ? std::numeric_limits<float>::infinity()
                                 : 1.0f;
    if (op_ == OpCode::kLeakyRelu) alpha_ = view.attrs<ir::LeakyReluAttrs>().alpha;
    if (op_ == OpCode::kPrelu)
      plan_ = kernels::MakeBroadcastPlan(view.outputs[0].shape,
                                         {view.inputs[0].shape, view.inputs[1].shape});
    if (view.inputs[0].type != DType::kFloat32) SetQuantized(view);
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    const int64_t n = in.num_elements();
    const float* reals = in.as<float>();
    if (op_ == OpCode::kPrelu) {
      const TensorView& slopes = context.input(1);
      if (in.type == DType::kFloat32) {
        kernels::PreluFloat(plan_, reals, slopes.as<float>(), out.as_mutable<float>());
      } else {
        kernels::PreluQuantized(in.type, plan_, in.data, slopes.data, params_, out.data);
      }
    } else if (op_ == OpCode::kLeakyRelu) {
      if (in.type == DType::kFloat32) {
        kernels::LeakyReluFloat(reals, n, alpha_, out.as_mutable<float>());
      } else {
        kernels::LeakyReluQuantized(in.type, in.data, n, params_, out.data);
      }
    } else if (in.type == DType::kFloat32) {
      kernels::ClampFloat(reals, n, lo_, hi_, out.as_mutable<float>());
    } else {
      kernels::ReluQuantized(in.type, in.data, n, params_, out.data);
    }
    return Status::Ok();
  }

 private:
  void SetQuantized(const NodeView& view) {
    const TensorView& in = view.inputs[0];
    const TensorView& out = view.outputs[0];
    params_ = {};
    params_.zero_point_in = in.zero_point();
    params_.zero_point_out = out.zero_point();
    params_.identity = ToFixedPoint(in.scale() / out.scale());
    QuantizedTypeRange(out.type, &params_.lo, &params_.hi);
    if (op_ == OpCode::kPrelu) {
      params_.zero_point_alpha = view.inputs[1].zero_point();
      params_.alpha = ToFixedPoint(in.scale() * view.inputs[1].scale() / out.scale());
    } else if (op_ == OpCode::kLeakyRelu) {
      params_.negate_alpha = alpha_ < 0.0f;
      params_.alpha = ToFixedPoint(std::abs(in.scale() * alpha_ / out.scale()));
    } else {
      const auto stored = [&](float real) {  // saturated, so that sums with it stay in range
        const float steps = std::round(real / out.scale());
        return params_.zero_point_out + static_cast<int32_t>(std::clamp(steps, -1.0e6f, 1.0e6f));
      };
      params_.lo = std::max(params_.lo, stored(lo_));
      if (op_ != OpCode::kRelu) params_.hi = std::min(params_.hi, stored(hi_));
    }
  }

  OpCode op_ = OpCode::kRelu;
  float lo_ = 0.0f, hi_ = 0.0f, alpha_ = 0.0f;
  kernels::BroadcastPlan plan_;
  kernels::RectifierParams params_;
};

// ELU, GELU, LOGISTIC, TANH: real functions, tables of them, int16 interpolation -----------------

using RealFunction = float (*)(float);

RealFunction FunctionOf(const NodeView& view) {
  switch (view.node->op) {
    case OpCode::kElu:
      return kernels::EluReal;
    case OpCode::kGelu:
      if (view.inputs[0].type == DType::kFloat16)
        return view.attrs<ir::GeluAttrs>().approximate ? kernels::GeluApproximateHalfReal
                                                       : kernels::GeluHalfReal;
      return view.attrs<ir::GeluAttrs>().approximate ? kernels::GeluApproximateReal
                                                     : kernels::GeluReal;
    case OpCode::kLogistic:
      return kernels::LogisticReal;
    default:
      return [](float x) { return std::tanh(x); };
  }
}

std::string DeclineSmooth(const NodeView& view) {
  const OpCode op = view.node->op;
  const DType type = view.inputs[0].type;
  const bool sigmoid = op == OpCode::kLogistic || op == OpCode::kTanh;
  if ((type == DType::kFloat16 && op != OpCode::kElu) || (type == DType::kBFloat16 && sigmoid))
    return DeclineOtherType(view.outputs[0], "output", type);
  const std::string why =
      op == OpCode::kElu
          ? DeclineUnary(view, {DType::kFloat32, DType::kInt8})
          : DeclineUnary(view, {DType::kFloat32, DType::kInt8, DType::kUInt8, DType::kInt16});
  if (!why.empty()) return why;
  if (view.inputs[0].type == DType::kFloat32) return "";
  if (op == OpCode::kGelu) {  // a table like the 8-bit ones: any zero point, also in int16
    if (std::string in = DeclinePerTensor(view.inputs[0], "input"); !in.empty()) return in;
    return DeclinePerTensor(view.outputs[0], "output");
  }
  if (std::string other = DeclineUnaryQuantization(view); !other.empty()) return other;
  const float scale = view.outputs[0].scale();
  const bool words = view.inputs[0].type == DType::kInt16;
  if (op == OpCode::kLogistic && scale != (words ? 1.0f / 32768 : 1.0f / 256))
    return Concat("output has a scale of ", scale, ", expected 1/", words ? 32768 : 256);
  if (op == OpCode::kTanh && words && std::abs(scale * 32768.0f - 1.0f) > 6e-4f)
    return Concat("output has a scale of ", scale, ", expected 1/32768");
  return "";
}

class SmoothStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& in = view.inputs[0];
    const TensorView& out = view.outputs[0];
    op_ = view.node->op;
    function_ = FunctionOf(view);
    if (in.type == DType::kInt8 || in.type == DType::kUInt8) {
      // The table of the logistic function has no cut-offs.
      const RealFunction function = op_ == OpCode::kLogistic
                                        ? [](float x) { return 1.0f / (1.0f + std::exp(-x)); }
                                        : function_;
      kernels::FillByteTable(in.type, AffineOf(in), AffineOf(out), function, bytes_);
    } else if (in.type == DType::kInt16 && op_ == OpCode::kGelu) {
      kernels::FillInt16Table(AffineOf(in), AffineOf(out), function_, words_);
    } else if (in.type == DType::kInt16) {
      params_ = op_ == OpCode::kTanh ? kernels::MakeTanhInt16Params(in.scale())
                                     : kernels::MakeLogisticInt16Params(in.scale());
    }
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    const int64_t n = in.num_elements();
    if (in.type == DType::kFloat16 || in.type == DType::kBFloat16) {
      kernels::MapHalf(in.type, function_, in.as<uint16_t>(), n, out.as_mutable<uint16_t>());
    } else if (in.type == DType::kFloat32) {
      kernels::MapFloat(function_, in.as<float>(), n, out.as_mutable<float>());
    } else if (in.type != DType::kInt16) {
      kernels::ApplyByteTable(bytes_, in.as<uint8_t>(), n, out.as_mutable<uint8_t>());
    } else {
      const int16_t* from = in.as<int16_t>();
      int16_t* to = out.as_mutable<int16_t>();
      if (op_ == OpCode::kGelu) kernels::ApplyInt16Table(words_, from, n, to);
      if (op_ == OpCode::kTanh) kernels::TanhInt16(from, n, params_, to);
      if (op_ == OpCode::kLogistic) kernels::LogisticInt16(from, n, params_, to);
    }
    return Status::Ok();
  }

 private:
  OpCode op_ = OpCode::kElu;
  RealFunction function_ = nullptr;
  kernels::ByteTable bytes_;
  kernels::Int16Table words_;
  kernels::SigmoidInt16Params params_;
};

// HARD_SWISH -------------------------------------------------------------------------------------

std::string DeclineHardSwish(const NodeView& view) {
  if (std::string why = DeclineUnary(view, {DType::kFloat32, DType::kInt8, DType::kUInt8});
      !why.empty())
    return why;
  if (view.inputs[0].type == DType::kFloat32) return "";
  if (std::string why = DeclineUnaryQuantization(view); !why.empty()) return why;
  kernels::HardSwishParams params;
  if (!kernels::MakeHardSwishParams(view.inputs[0].scale(), 0, view.outputs[0].scale(), 0, &params))
    return "the output's scale is too small beside the input's";
  return "";
}

class HardSwishStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const TensorView& in = context.view().inputs[0];
    const TensorView& out = context.view().outputs[0];
    if (in.type != DType::kFloat32)
      kernels::MakeHardSwishParams(in.scale(), in.zero_point(), out.scale(), out.zero_point(),
                                   &params_);
    AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }
  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    if (in.type == DType::kFloat32) {
      kernels::MapFloat(kernels::HardSwishReal, in.as<float>(), in.num_elements(),
                        out.as_mutable<float>());
    } else {
      kernels::HardSwishQuantized(in.type, in.data, in.num_elements(), params_, out.data);
    }
    return Status::Ok();
  }

 private:
  kernels::HardSwishParams params_;
};

constexpr auto kExact = ErrorBound::kExact;
constexpr KernelEntry kKernels[] = {
    {OpCode::kRelu, "relu.reference", kExact, DeclineRectifier, MakeStep<RectifierStep>},
    {OpCode::kRelu6, "relu6.reference", kExact, DeclineRectifier, MakeStep<RectifierStep>},
    {OpCode::kReluN1To1, "relu_n1_to_1.reference", kExact, DeclineRectifier,
     MakeStep<RectifierStep>},
    {OpCode::kRelu0To1, "relu_0_to_1.reference", kExact, DeclineRectifier, MakeStep<RectifierStep>},
    {OpCode::kLeakyRelu, "leaky_relu.reference", kExact, DeclineRectifier, MakeStep<RectifierStep>},
    {OpCode::kPrelu, "prelu.reference", kExact, DeclineRectifier, MakeStep<RectifierStep>},
    {OpCode::kElu, "elu.reference", kExact, DeclineSmooth, MakeStep<SmoothStep>},
    {OpCode::kGelu, "gelu.reference", kExact, DeclineSmooth, MakeStep<SmoothStep>},
    {OpCode::kLogistic, "logistic.reference", kExact, DeclineSmooth, MakeStep<SmoothStep>},
    {OpCode::kTanh, "tanh.reference", kExact, DeclineSmooth, MakeStep<SmoothStep>},
    {OpCode::kHardSwish, "hard_swish.reference", kExact, DeclineHardSwish, MakeStep<HardSwishStep>},
};

}  // namespace

std::span<const KernelEntry> ActivationKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
