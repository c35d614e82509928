// CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV on the reference kernels.
#include "src/kernels/convolution/convolution.h"

#include "src/backends/kernel_table.h"
#include "src/backends/reference/reference_backend.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/ir/window_shape.h"

namespace edgeml::backends {
namespace {

using kernels::ConvQuantization;
using kernels::ConvShape;
using kernels::FloatRange;
using kernels::HybridScales;
using kernels::RowRange;

enum class Kind { kConv, kDepthwise, kTranspose };

// Where the operands stand, which differs for the transpose convolution.
constexpr size_t InputOf(Kind kind) { return kind == Kind::kTranspose ? 2 : 0; }
constexpr size_t kFilter = 1;
constexpr size_t BiasOf(Kind kind) { return kind == Kind::kTranspose ? 3 : 2; }
constexpr int ChannelAxisOf(Kind kind) { return kind == Kind::kDepthwise ? 3 : 0; }

// The models' statement about 16-bit convolutions; kFloat32 says nothing.
DType StatedBiasType(const NodeView& view, Kind kind) {
  return kind == Kind::kDepthwise ? DType::kFloat32
                                  : view.attrs<ir::ConvAttrs>().quantized_bias_type;
}

// Whether a 16-bit convolution sums in 32 bits.
bool SumsIn32Bits(const NodeView& view, Kind kind) {
  const size_t bias = BiasOf(kind);
  return view.has_input(bias) ? view.inputs[bias].type == DType::kInt32
                              : StatedBiasType(view, kind) == DType::kInt32;
}

std::string DeclineTypes(const NodeView& view, Kind kind) {
  const DType input = view.inputs[InputOf(kind)].type;
  const DType filter = view.inputs[kFilter].type;
  const bool has_bias = view.has_input(BiasOf(kind));
  const DType bias = has_bias ? view.inputs[BiasOf(kind)].type : DType::kInvalid;
  bool known = view.outputs[0].type == input;
  bool bias_fits = !has_bias;
  switch (input) {
    case DType::kFloat32:
      known =
          known && (filter == DType::kFloat32 || filter == DType::kInt8 ||
                    (kind == Kind::kConv && (filter == DType::kUInt8 || filter == DType::kInt4)));
      bias_fits = bias_fits || bias == DType::kFloat32;
      break;
    case DType::kUInt8:
      known = known && filter == DType::kUInt8;
      bias_fits = bias_fits || bias == DType::kInt32;
      break;
    case DType::kInt8:
      known =
          known && (filter == DType::kInt8 || (kind != Kind::kTranspose && filter == DType::kInt4));
      bias_fits = bias_fits || bias == DType::kInt32;
      break;
    case DType::kInt16:
      known = known && (filter == DType::kInt8 || (kind == Kind::kConv && filter == DType::kInt4));
      bias_fits =
          bias_fits || bias == DType::kInt64 || (kind != Kind::kDepthwise && bias == DType::kInt32);
      if (const DType stated = StatedBiasType(view, kind); stated != DType::kFloat32)
        bias_fits = bias_fits && (!has_bias || bias == stated);
      break;
    default:
      known = false;
      break;
  }
  if (!known) return NoKernelFor(view, InputOf(kind), kFilter);
  if (!bias_fits)
    return Concat("a bias of ", NameOf(bias), " with ", NameOf(input), " input is not supported");
  return "";
}

template <Kind kind>
std::string Decline(const NodeView& view) {
  const TensorView& input = view.inputs[InputOf(kind)];
  const TensorView& filter = view.inputs[kFilter];
  const TensorView& output = view.outputs[0];
  std::string reason = DeclineTypes(view, kind);
  if (reason.empty()) reason = DeclineActivation(ir::FusedActivation(*view.node), output);
  if (!reason.empty() || filter.type == DType::kFloat32) return reason;

  if (filter.rank() != 4) return "the weights do not have 4 dimensions";
  const int axis = ChannelAxisOf(kind);
  reason = DeclineQuantization(filter, "the weights tensor", /*zero_scale=*/true);
  if (reason.empty()) reason = DeclineChannelScales(filter, axis, filter.dim(axis));
  if (reason.empty() && input.type == DType::kUInt8 && filter.quantization->per_axis())
    reason = "uint8 weights with a scale per channel are not supported";
  // LiteRT runs grouped hybrid convolutions with its per-channel kernel, which knows signed
  // weights.
  if (reason.empty() && input.type == DType::kFloat32 && filter.type == DType::kUInt8 &&
      input.rank() == 4 && input.dim(3) != filter.dim(3))
    reason = "uint8 weights of a grouped convolution with float32 input are not supported";
  if (!reason.empty() || input.type == DType::kFloat32) return reason;

  if (reason.empty()) reason = DeclineQuantization(input, "input");
  if (reason.empty()) reason = DeclineQuantization(output, "output");
  if (reason.empty() && kind == Kind::kConv && input.type != DType::kUInt8)
    reason = DeclineAsymmetric(filter, "the weights tensor");
  if (reason.empty() && input.type == DType::kInt16) reason = DeclineAsymmetric(input, "input");
  if (reason.empty() && input.type == DType::kInt16) reason = DeclineAsymmetric(output, "output");
  return reason;
}

// LiteRT quantizes the input of a hybrid convolution symmetrically when all channels of the weights
// have the same scale, asymmetrically otherwise; of the other two kinds, always asymmetrically.
bool QuantizesSymmetrically(const NodeView& view, Kind kind, int32_t groups) {
  if (kind != Kind::kConv || groups != 1) return false;
  if (view.inputs[kFilter].type == DType::kUInt8) return true;
  const std::vector<float>& scales = view.inputs[kFilter].quantization->scale;
  return std::all_of(scales.begin(), scales.end(), [&](float s) { return s == scales[0]; });
}

template <Kind kind, typename Function>
constexpr Function* Pick(Function* conv, Function* depthwise, Function* transpose) {
  return kind == Kind::kConv ? conv : kind == Kind::kDepthwise ? depthwise : transpose;
}

constexpr OpCode CodeOf(Kind kind) {
  return kind == Kind::kConv        ? OpCode::kConv2D
         : kind == Kind::kDepthwise ? OpCode::kDepthwiseConv2D
                                    : OpCode::kTransposeConv;
}

template <Kind kind>
class ConvStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& input = view.inputs[InputOf(kind)];
    const TensorView& filter = view.inputs[kFilter];
    const TensorView& output = view.outputs[0];
    SetShape(view);
    activation_ = static_cast<int>(ir::FusedActivation(*view.node));
    FloatActivationRange(activation_, &range_.min, &range_.max);
    hybrid_ = input.type == DType::kFloat32 && filter.type != DType::kFloat32;
    if (filter.type == DType::kFloat32) return Status::Ok();

    EDGEML_RETURN_IF_ERROR(weights_.Prepare(context, kFilter));
    if (hybrid_) {
      symmetric_ = QuantizesSymmetrically(view, kind, shape_.groups);
      filter_scales_ = ChannelScales(filter, shape_.out_c);
      quantized_input_.Prepare(context, shape_.batch,
                               static_cast<int64_t>(shape_.in_h) * shape_.in_w * shape_.in_c);
      return Status::Ok();
    }
    multipliers_ =
        FixedPointMultipliers(EffectiveScales(input, filter, output, shape_.out_c,
                                              /*float_product=*/input.type == DType::kUInt8));
    sums_in_32_bits_ = SumsIn32Bits(view, kind);
    q_.multipliers = multipliers_.data();
    q_.input_zero_point = input.zero_point();
    q_.filter_zero_point = filter.zero_point();
    q_.output_zero_point = output.zero_point();
    if (!QuantizedActivationRange(activation_, output.type, output.scale(), output.zero_point(),
                                  &q_.output_min, &q_.output_max))
      return Error(Code::kInternal, "activation range");
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& input = context.input(InputOf(kind));
    const TensorView& output = context.output(0);
    constexpr OpCode kCode = CodeOf(kind);
    switch (input.type) {
      case DType::kFloat32:
        if constexpr (!ir::IsSelected(kCode, DType::kFloat32)) break;
        if (hybrid_) return RunHybrid(context);
        return ForEachRow(context, shape_.output_rows(), [&](int64_t row) {
          Float(input.as<float>(), context.input(kFilter).as<float>(), Bias<float>(context),
                output.as_mutable<float>(), {row, row + 1});
        });
      case DType::kUInt8:
        if constexpr (!ir::IsSelected(kCode, DType::kUInt8)) break;
        return ForEachRow(context, shape_.output_rows(), [&](int64_t row) {
          UInt8(input.as<uint8_t>(), context.input(kFilter).as<uint8_t>(), Bias<int32_t>(context),
                output.as_mutable<uint8_t>(), {row, row + 1});
        });
      case DType::kInt8: {
        if constexpr (!ir::IsSelected(kCode, DType::kInt8)) break;
        const int8_t* filter = weights_.Get(context);
        return ForEachRow(context, shape_.output_rows(), [&](int64_t row) {
          Int8(input.as<int8_t>(), filter, Bias<int32_t>(context), output.as_mutable<int8_t>(),
               {row, row + 1});
        });
      }
      default: {
        if constexpr (!ir::IsSelected(kCode, DType::kInt16)) break;
        const int8_t* filter = weights_.Get(context);
        return ForEachRow(context, shape_.output_rows(), [&](int64_t row) {
          Int16(input.as<int16_t>(), filter, context, output.as_mutable<int16_t>(), {row, row + 1});
        });
      }
    }
    return Error(Code::kInternal, "no convolution of ", NameOf(input.type));
  }

 private:
  void SetShape(const NodeView& view) {
    const Shape& input = view.inputs[InputOf(kind)].shape;
    const Shape& filter = view.inputs[kFilter].shape;
    const Shape& output = view.outputs[0].shape;
    const ir::Window& window = *ir::WindowOf(*view.node);
    shape_ = ir::WindowShape<ConvShape>(window, input, filter[1], filter[2], output);
    if (kind == Kind::kConv) shape_.groups = input[3] / filter[3];
    if (kind == Kind::kDepthwise) shape_.depth_multiplier = output[3] / input[3];
    if (kind == Kind::kTranspose) {  // padded as the convolution that it reverses
      shape_.pad_top = ir::WindowPadBefore(window, output[1], filter[1], input[1], true);
      shape_.pad_left = ir::WindowPadBefore(window, output[2], filter[2], input[2], false);
    }
  }

  template <typename T>
  const T* Bias(RunContext& context) const {
    const size_t bias = BiasOf(kind);
    return bias < context.num_inputs() && context.input(bias).present()
               ? context.input(bias).as<T>()
               : nullptr;
  }

  Status RunHybrid(RunContext& context) {
    const int8_t* filter = weights_.Get(context);
    quantized_input_.Fill(context, context.input(InputOf(kind)).as<float>(), !symmetric_);
    HybridScales scales;
    scales.input_scales = quantized_input_.scales(context);
    if (symmetric_) {
      for (int32_t b = 0; b < shape_.batch; ++b)
        quantized_input_.scales(context)[b] *= filter_scales_[0];
    } else {
      scales.input_zero_points = quantized_input_.zero_points(context);
      scales.filter_scales = filter_scales_.data();
    }
    return ForEachRow(context, shape_.output_rows(), [&](int64_t row) {
      auto* kernel = Pick<kind>(kernels::ConvHybrid, kernels::DepthwiseConvHybrid,
                                kernels::TransposeConvHybrid);
      kernel(shape_, scales, range_, quantized_input_.values(context), filter, Bias<float>(context),
             context.output(0).as_mutable<float>(), {row, row + 1});
    });
  }

  void Float(const float* input, const float* filter, const float* bias, float* output,
             RowRange rows) const {
    auto* kernel =
        Pick<kind>(kernels::ConvFloat, kernels::DepthwiseConvFloat, kernels::TransposeConvFloat);
    kernel(shape_, range_, input, filter, bias, output, rows);
  }
  void UInt8(const uint8_t* input, const uint8_t* filter, const int32_t* bias, uint8_t* output,
             RowRange rows) const {
    auto* kernel =
        Pick<kind>(kernels::ConvUInt8, kernels::DepthwiseConvUInt8, kernels::TransposeConvUInt8);
    kernel(shape_, q_, input, filter, bias, output, rows);
  }
  void Int8(const int8_t* input, const int8_t* filter, const int32_t* bias, int8_t* output,
            RowRange rows) const {
    auto* kernel =
        Pick<kind>(kernels::ConvInt8, kernels::DepthwiseConvInt8, kernels::TransposeConvInt8);
    kernel(shape_, q_, input, filter, bias, output, rows);
  }
  void Int16(const int16_t* input, const int8_t* filter, RunContext& context, int16_t* output,
             RowRange rows) const {
    const auto run = [&]<typename Sum>(const Sum* bias) {
      if constexpr (kind == Kind::kConv) {
        kernels::ConvInt16(shape_, q_, input, filter, bias, output, rows);
      } else {
        kernels::TransposeConvInt16(shape_, q_, input, filter, bias, output, rows);
      }
    };
    if constexpr (kind == Kind::kDepthwise) {
      kernels::DepthwiseConvInt16(shape_, q_, input, filter, Bias<int64_t>(context), output, rows);
    } else if (sums_in_32_bits_) {
      run(Bias<int32_t>(context));
    } else {
      run(Bias<int64_t>(context));
    }
  }

  ConvShape shape_;
  int activation_ = 0;
  FloatRange range_;
  bool hybrid_ = false, symmetric_ = false, sums_in_32_bits_ = false;
  ConvQuantization q_;
  std::vector<FixedPointMultiplier> multipliers_;
  std::vector<float> filter_scales_;
  IntegerWeights weights_;
  QuantizedInput quantized_input_;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kConv2D, "conv_2d.reference", ErrorBound::kExact, Decline<Kind::kConv>,
     MakeStep<ConvStep<Kind::kConv>>},
    {OpCode::kDepthwiseConv2D, "depthwise_conv_2d.reference", ErrorBound::kExact,
     Decline<Kind::kDepthwise>, MakeStep<ConvStep<Kind::kDepthwise>>},
    {OpCode::kTransposeConv, "transpose_conv.reference", ErrorBound::kExact,
     Decline<Kind::kTranspose>, MakeStep<ConvStep<Kind::kTranspose>>},
};

}  // namespace

std::span<const KernelEntry> ConvolutionKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
