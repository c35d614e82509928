// AVERAGE_POOL_2D, MAX_POOL_2D and MEAN over height and width on the vector kernels.
#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/ir/window_shape.h"
#include "src/kernels/pooling/vector_pool.h"
#include "src/kernels/reduction/reduction.h"

namespace edgeml::backends {
namespace {

using kernels::PoolElement;
using kernels::VectorPoolKernels;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

const VectorPoolKernels& Kernels() { return *kernels::VectorPoolFor(BestSimdLevel()); }

std::string DeclineTypes(const NodeView& view) {
  if (BestSimdLevel() == SimdLevel::kNone) return "no SIMD level on this machine";
  const DType type = view.inputs[0].type;
  if (type != view.outputs[0].type ||
      (type != DType::kFloat32 && type != DType::kInt8 && type != DType::kUInt8))
    return "not float32, int8 or uint8";
  return "";
}

// Pools -------------------------------------------------------------------------------------

std::string DeclinePool(const NodeView& view) {
  std::string reason = DeclineTypes(view);
  const auto& attrs = view.attrs<ir::PoolAttrs>();
  const TensorView& output = view.outputs[0];
  if (reason.empty()) reason = DeclineActivation(attrs.activation, output);
  if (reason.empty() && output.type != DType::kFloat32 && !output.quantized() &&
      attrs.activation != ir::Activation::kNone)
    reason = "no quantization parameters for the fused activation";
  if (reason.empty() && int64_t{attrs.filter_h} * attrs.filter_w > kernels::kMaxAveragedPixels)
    reason = "a window of more than 65536 pixels";
  return reason;
}

template <bool kMax>
class PoolStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<ir::PoolAttrs>();
    const TensorView& output = view.outputs[0];
    const auto s = ir::WindowShape<kernels::PoolShape>(
        attrs.window, view.inputs[0].shape, attrs.filter_h, attrs.filter_w, output.shape);
    rows_ = s.output_rows();
    work_per_row_ = int64_t{s.out_w} * s.channels * s.filter_h * s.filter_w;
    args_ = kernels::PoolArgsOf(s);
    args_.is_max = kMax;
    args_.element = output.type == DType::kFloat32 ? PoolElement::kFloat
                    : output.type == DType::kInt8  ? PoolElement::kInt8
                                                   : PoolElement::kUInt8;
    const auto activation = static_cast<int>(attrs.activation);
    FloatActivationRange(activation, &args_.float_lo, &args_.float_hi);
    if (output.type != DType::kFloat32 &&
        !QuantizedActivationRange(activation, output.type, output.scale(), output.zero_point(),
                                  &args_.lo, &args_.hi))
      return Error(Code::kInternal, "activation range");
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const void* input = context.input(0).data;
    void* output = context.output(0).data;
    const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(work_per_row_, 1));
    context.pool().ParallelFor(rows_, grain, [&](int64_t begin, int64_t end, int) {
      Kernels().pool(args_, input, output, begin, end);
    });
    return Status::Ok();
  }

 private:
  kernels::VectorPoolArgs args_;
  int64_t rows_ = 0, work_per_row_ = 0;
};

// Mean --------------------------------------------------------------------------------------

// Whether the constant axes are height and width of [batch, height, width, channels].
bool IsSpatial(const NodeView& view) {
  const TensorView& in = view.inputs[0];
  const TensorView& axes = view.inputs[1];
  if (in.rank() != 4 || !axes.is_constant || axes.data == nullptr || axes.num_elements() != 2)
    return false;
  const auto first = NormalizedAxis(ir::IndexAt(axes, 0), 4);
  const auto second = NormalizedAxis(ir::IndexAt(axes, 1), 4);
  return (first == 1 && second == 2) || (first == 2 && second == 1);
}

std::string DeclineMean(const NodeView& view) {
  std::string reason = DeclineTypes(view);
  if (!reason.empty()) return reason;
  if (!IsSpatial(view)) return "not over height and width";
  const int64_t pixels = int64_t{view.inputs[0].dim(1)} * view.inputs[0].dim(2);
  if (pixels < 1 || pixels > kernels::kMaxAveragedPixels) return "not 1 to 65536 pixels";
  if (view.inputs[0].type == DType::kFloat32) return "";
  for (const TensorView* t : {&view.inputs[0], &view.outputs[0]}) {
    if (reason.empty()) reason = DeclineQuantization(*t, "a tensor");
    if (reason.empty() && t->quantization->per_axis()) reason = "a scale per channel";
  }
  return reason;
}

class MeanStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const TensorView& in = context.view().inputs[0];
    const TensorView& out = context.view().outputs[0];
    batch_ = in.dim(0);
    pixels_ = int64_t{in.dim(1)} * in.dim(2);
    channels_ = in.dim(3);
    if (in.type == DType::kFloat32) return Status::Ok();
    zero_in_ = in.zero_point();
    zero_out_ = out.zero_point();
    multiplier_ = kernels::MeanMultiplier(
        static_cast<double>(in.scale()) / static_cast<double>(out.scale()), pixels_);
    sums_ = context.RequestWorkspace(static_cast<size_t>(channels_) * sizeof(int32_t));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& in = context.input(0);
    const TensorView& out = context.output(0);
    for (int64_t b = 0; b < batch_; ++b) {
      const int64_t from = b * pixels_ * channels_, to = b * channels_;
      if (in.type == DType::kFloat32) {
        Kernels().column_means(in.as<float>() + from, pixels_, channels_,
                               out.as_mutable<float>() + to);
        continue;
      }
      auto* sums = static_cast<int32_t*>(context.workspace(sums_));
      const bool is_unsigned = in.type == DType::kUInt8;
      Kernels().column_sums(in.as<uint8_t>() + from, is_unsigned, pixels_, channels_, sums);
      const int32_t lo = is_unsigned ? 0 : -128;
      for (int64_t c = 0; c < channels_; ++c) {
        const auto shifted = static_cast<int32_t>(sums[c] - zero_in_ * pixels_);
        const int64_t mean = int64_t{MultiplyByFixedPoint(shifted, multiplier_)} + zero_out_;
        out.as_mutable<uint8_t>()[to + c] =
            static_cast<uint8_t>(std::clamp<int64_t>(mean, lo, lo + 255));
      }
    }
    return Status::Ok();
  }

 private:
  int64_t batch_ = 0, pixels_ = 0, channels_ = 0;
  int32_t zero_in_ = 0, zero_out_ = 0;
  FixedPointMultiplier multiplier_;
  int sums_ = -1;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kAveragePool2D, "average_pool_2d", ErrorBound::kExact, DeclinePool,
     MakeStep<PoolStep<false>>},
    {OpCode::kMaxPool2D, "max_pool_2d", ErrorBound::kExact, DeclinePool, MakeStep<PoolStep<true>>},
    {OpCode::kMean, "mean.spatial", ErrorBound::kExact, DeclineMean, MakeStep<MeanStep>},
};

}  // namespace

std::span<const KernelEntry> CpuPoolingKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
