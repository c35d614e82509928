// SOFTMAX and LOG_SOFTMAX on the reference kernels.
#include <cmath>

#include "src/backends/kernel_table.h"
#include "src/backends/reference/elementwise.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/softmax/softmax.h"

namespace edgeml::backends {
namespace {

using namespace reference;

float BetaOf(const NodeView& view) {
  return view.node->op == OpCode::kSoftmax ? view.attrs<ir::SoftmaxAttrs>().beta : 1.0f;
}

std::string DeclineScaleOfOutput(const TensorView& output, float scale, float tolerance,
                                 int32_t zero_point) {
  if (std::abs(output.scale() - scale) > tolerance * scale)
    return Concat("output has a scale of ", output.scale(), ", expected ", scale);
  if (output.zero_point() != zero_point)
    return Concat("output has a zero point of ", output.zero_point(), ", expected ", zero_point);
  return "";
}

std::string DeclineSoftmax(const NodeView& view) {
  const TensorView& in = view.inputs[0];
  const TensorView& out = view.outputs[0];
  const bool log = view.node->op == OpCode::kLogSoftmax;
  if (in.type == DType::kFloat32) return DeclineOtherType(out, "output", DType::kFloat32);
  if (in.type == DType::kFloat16 && !log) return DeclineOtherType(out, "output", DType::kFloat16);
  if (std::string why = DeclineType(in, "input", {DType::kInt8, DType::kUInt8, DType::kInt16});
      !why.empty())
    return why;
  if (log && in.type == DType::kInt16) return "int16 input is not supported";
  if (log || out.type != DType::kInt16) {
    if (std::string why = DeclineOtherType(out, "output", in.type); !why.empty()) return why;
  }
  if (std::string why = DeclinePerTensor(in, "input"); !why.empty()) return why;
  if (std::string why = DeclinePerTensor(out, "output"); !why.empty()) return why;
  const float scaled_beta = in.scale() * BetaOf(view);
  if (!(scaled_beta > 0.0f) || !std::isfinite(scaled_beta))
    return Concat("beta of ", BetaOf(view), " is not supported with integers");
  if (log) return DeclineScaleOfOutput(out, 1.0f / 16, 0.0f, in.type == DType::kInt8 ? 127 : 255);
  if (in.type == DType::kInt16) {
    if (std::string why = DeclineAsymmetric(in, "input"); !why.empty()) return why;
    return DeclineScaleOfOutput(out, 1.0f / 32768, 0.001f, 0);
  }
  if (out.type == DType::kInt8) return DeclineScaleOfOutput(out, 1.0f / 256, 0.001f, -128);
  return "";
}

constexpr bool Occurs(DType type) {
  return ir::AnySelected<OpCode::kSoftmax, OpCode::kLogSoftmax>(type);
}

class SoftmaxStep : public runtime::Step {
 public:
  Status Prepare(runtime::PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& in = view.inputs[0];
    log_ = view.node->op == OpCode::kLogSoftmax;
    beta_ = BetaOf(view);
    if (kBytes && (in.type == DType::kInt8 || in.type == DType::kUInt8))
      bytes_ = kernels::MakeSoftmax8Params(in.scale(), beta_);
    if (kWords && in.type == DType::kInt16)
      kernels::MakeSoftmax16Params(in.scale(), beta_, &words_);
    if (in.type == view.outputs[0].type) AllowInPlaceIfAlike(context, 0);
    return Status::Ok();
  }

  Status Run(runtime::RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    const int64_t rows = in.shape.num_elements(0, in.rank() - 1);
    const int64_t depth = in.shape.back();
    if (in.num_elements() == 0) return Status::Ok();
    if (kFloat && in.type == DType::kFloat32) {
      if (kLog && log_) {
        kernels::LogSoftmaxFloat(in.as<float>(), rows, depth, out.as_mutable<float>());
      } else {
        kernels::SoftmaxFloat(in.as<float>(), rows, depth, beta_, out.as_mutable<float>());
      }
    } else if (kHalf && in.type == DType::kFloat16) {
      kernels::SoftmaxHalf(in.as<uint16_t>(), rows, depth, beta_, out.as_mutable<uint16_t>());
    } else if (kWords && in.type == DType::kInt16) {
      kernels::Softmax16(in.as<int16_t>(), rows, depth, words_, out.as_mutable<int16_t>());
    } else if (kBytes && kLog && log_) {
      kernels::LogSoftmax8(in.type, in.data, rows, depth, bytes_, out.data);
    } else if (kBytes) {
      kernels::Softmax8(in.type, in.data, out.type, rows, depth, bytes_, out.data);
    }
    return Status::Ok();
  }

 private:
  static constexpr bool kFloat = Occurs(DType::kFloat32), kHalf = Occurs(DType::kFloat16),
                        kBytes = Occurs(DType::kInt8) || Occurs(DType::kUInt8),
                        kWords = Occurs(DType::kInt16), kLog = ir::IsSelected(OpCode::kLogSoftmax);
  bool log_ = false;
  float beta_ = 1.0f;
  kernels::Softmax8Params bytes_;
  kernels::Softmax16Params words_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kSoftmax, "softmax.reference", ErrorBound::kExact, DeclineSoftmax,
     MakeStep<SoftmaxStep>},
    {OpCode::kLogSoftmax, "log_softmax.reference", ErrorBound::kExact, DeclineSoftmax,
     MakeStep<SoftmaxStep>},
};

}  // namespace

std::span<const KernelEntry> SoftmaxKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
