// DEPTHWISE_CONV_2D with one output per input channel.
#include <algorithm>
#include <limits>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/cpu/matrix_problem.h"
#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/depthwise/depthwise.h"
#include "src/kernels/elementwise/rows.h"

namespace edgeml::backends {
namespace {

using kernels::ConvQuantization;
using kernels::ConvShape;
using kernels::DepthwiseFloatPlan;
using kernels::DepthwiseInt8Plan;
using kernels::FloatRange;
using runtime::NodeView;
using runtime::PrepareContext;
using runtime::RunContext;

constexpr MatrixOp kOp = MatrixOp::kDepthwise;

const kernels::DepthwiseInt8Kernels& Int8Kernels() {
  return *kernels::DepthwiseInt8For(BestSimdLevel());
}
const kernels::DepthwiseFloatKernels& FloatKernels() {
  return *kernels::DepthwiseFloatFor(BestSimdLevel());
}

// Rows of outputs worth a thread's while.
int64_t GrainOf(const ConvShape& s) {
  const int64_t work = int64_t{s.out_w} * s.out_c * s.filter_h * s.filter_w;
  return std::max<int64_t>(1, 65536 / std::max<int64_t>(work, 1));
}

template <typename Body>
Status ForRows(RunContext& context, const ConvShape& shape, Body&& body) {
  context.pool().ParallelFor(shape.output_rows(), GrainOf(shape),
                             [&](int64_t begin, int64_t end, int) { body(begin, end); });
  return Status::Ok();
}

Result<std::shared_ptr<const std::byte>> PackInteger(PrepareContext& context,
                                                     const ConvShape& shape, int32_t zero_point) {
  const TensorView& filter = context.view().inputs[kMatrixWeights];
  const std::string layout =
      Concat("depthwise.", NameOf(filter.type), ".", NameOf(BestSimdLevel()), ".", shape.filter_h,
             "x", shape.filter_w, "x", shape.in_c, ".zero_point", zero_point);
  return context.Pack(kMatrixWeights, layout,
                      DepthwiseInt8Plan::PackedBytes(Int8Kernels(), shape,
                                                     filter.type == DType::kUInt8, zero_point),
                      [&](std::byte* out) {
                        DepthwiseInt8Plan::Pack(Int8Kernels(), shape, filter.data, filter.type,
                                                zero_point, out);
                      });
}

class IntegerStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& input = view.inputs[kMatrixInput];
    const TensorView& filter = view.inputs[kMatrixWeights];
    const TensorView& output = view.outputs[0];
    const bool is_unsigned = input.type == DType::kUInt8;
    shape_ = ConvShapeOf(view, kOp);
    const auto multipliers = FixedPointMultipliers(
        EffectiveScales(input, filter, output, shape_.out_c, /*float_product=*/is_unsigned));
    ConvQuantization q;
    q.input_zero_point = input.zero_point();
    q.filter_zero_point = is_unsigned ? filter.zero_point() : 0;
    q.output_zero_point = output.zero_point();
    q.multipliers = multipliers.data();
    if (!QuantizedActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), output.type,
                                  output.scale(), output.zero_point(), &q.output_min,
                                  &q.output_max))
      return Error(Code::kInternal, "activation range");
    EDGEML_ASSIGN_OR_RETURN(packed_, PackInteger(context, shape_, q.filter_zero_point));
    const int32_t* bias =
        view.has_input(kMatrixBias) ? view.inputs[kMatrixBias].as<int32_t>() : nullptr;
    plan_.SettleInteger(Int8Kernels(), shape_, q, is_unsigned, bias, packed_.get());
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const void* input = context.input(kMatrixInput).data;
    void* output = context.output(0).data;
    return ForRows(context, shape_, [&](int64_t begin, int64_t end) {
      plan_.Run(input, output, {begin, end});
    });
  }

 private:
  ConvShape shape_;
  std::shared_ptr<const std::byte> packed_;
  DepthwiseInt8Plan plan_;
};

class FloatStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    shape_ = ConvShapeOf(view, kOp);
    FloatActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), &range_.min,
                         &range_.max);
    constant_ = HasConstantWeights(view);
    const float* bias =
        constant_ && view.has_input(kMatrixBias) ? view.inputs[kMatrixBias].as<float>() : nullptr;
    plan_.Settle(FloatKernels(), shape_, range_, view.inputs[kMatrixWeights].as<float>(), bias);
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    if (!constant_) {  // the arrays of the plan keep their sizes: nothing is allocated
      const bool has_bias =
          context.num_inputs() > kMatrixBias && context.input(kMatrixBias).present();
      plan_.Settle(FloatKernels(), shape_, range_, context.input(kMatrixWeights).as<float>(),
                   has_bias ? context.input(kMatrixBias).as<float>() : nullptr);
    }
    const auto* input = context.input(kMatrixInput).as<float>();
    auto* output = context.output(0).as_mutable<float>();
    return ForRows(context, shape_, [&](int64_t begin, int64_t end) {
      plan_.Run(input, output, {begin, end});
    });
  }

 private:
  ConvShape shape_;
  FloatRange range_;
  DepthwiseFloatPlan plan_;
  bool constant_ = true;
};

// Float in and out, int8 weights: each image is quantized when it runs, always asymmetrically.
class HybridStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    shape_ = ConvShapeOf(view, kOp);
    EDGEML_ASSIGN_OR_RETURN(packed_, PackInteger(context, shape_, 0));
    const auto scales = ChannelScales(view.inputs[kMatrixWeights], shape_.out_c);
    FloatRange range;
    FloatActivationRange(static_cast<int>(ir::FusedActivation(*view.node)), &range.min, &range.max);
    const float* bias =
        view.has_input(kMatrixBias) ? view.inputs[kMatrixBias].as<float>() : nullptr;
    plan_.SettleHybrid(Int8Kernels(), shape_, scales.data(), range, bias, packed_.get());
    quantized_.Prepare(context, shape_.batch, int64_t{shape_.in_h} * shape_.in_w * shape_.in_c);
    pad_ = context.RequestWorkspace(static_cast<size_t>(shape_.in_c));
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    kernels::QuantizeRowsWith(
        *kernels::RowsFor(BestSimdLevel()), context.input(kMatrixInput).as<float>(),
        quantized_.rows(), quantized_.elements(), /*asymmetric=*/true, quantized_.values(context),
        quantized_.scales(context), quantized_.zero_points(context));
    auto* pad = static_cast<int8_t*>(context.workspace(pad_));
    auto* output = context.output(0).as_mutable<float>();
    ConvShape one = shape_;
    one.batch = 1;
    for (int32_t image = 0; image < shape_.batch; ++image) {
      const int32_t zero_point = quantized_.zero_points(context)[image];
      std::fill_n(pad, shape_.in_c, static_cast<int8_t>(zero_point));
      const int64_t first = int64_t{image} * shape_.out_h;
      EDGEML_RETURN_IF_ERROR(ForRows(context, one, [&](int64_t begin, int64_t end) {
        plan_.RunHybrid(quantized_.values(context), quantized_.scales(context)[image], zero_point,
                        pad, output, {first + begin, first + end});
      }));
    }
    return Status::Ok();
  }

 private:
  ConvShape shape_;
  std::shared_ptr<const std::byte> packed_;
  DepthwiseInt8Plan plan_;
  QuantizedInput quantized_;
  int pad_ = -1;
};

std::string DeclineCommon(const NodeView& view, bool any_weights = false) {
  std::string reason = DeclineStructure(view, kOp, /*takes_channels=*/true, any_weights);
  if (!reason.empty()) return reason;
  const Shape& filter = view.inputs[kMatrixWeights].shape;
  if (filter[3] != view.inputs[kMatrixInput].dim(3)) return "depth multiplier other than 1";
  if (filter[1] > kernels::kMaxDepthwiseFilterHeight) return "filter higher than 32";
  return "";
}
template <DType type>
std::string DeclineIntegerStep(const NodeView& view) {
  std::string reason = DeclineCommon(view);
  return reason.empty() ? DeclineInteger(view, kOp, type) : reason;
}
std::string DeclineHybridStep(const NodeView& view) {
  std::string reason = DeclineCommon(view);
  return reason.empty() ? DeclineHybrid(view, kOp, DType::kInt8) : reason;
}
std::string DeclineFloatStep(const NodeView& view) {
  std::string reason = DeclineCommon(view, /*any_weights=*/true);
  return reason.empty() ? DeclineFloat(view) : reason;
}

constexpr KernelEntry kKernels[] = {
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.int8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<DType::kInt8>,
     MakeStep<IntegerStep>,
     {DType::kInt8}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.uint8",
     ErrorBound::kOneQuantum,
     DeclineIntegerStep<DType::kUInt8>,
     MakeStep<IntegerStep>,
     {DType::kUInt8}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.float32",
     ErrorBound::kFloatRounding,
     DeclineFloatStep,
     MakeStep<FloatStep>,
     {DType::kFloat32}},
    {OpCode::kDepthwiseConv2D,
     "depthwise_conv_2d.hybrid",
     ErrorBound::kFloatRounding,
     DeclineHybridStep,
     MakeStep<HybridStep>,
     {DType::kFloat32, DType::kInt8}},
};

}  // namespace

std::span<const KernelEntry> CpuDepthwiseKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
