// FULLY_CONNECTED on the reference kernels.
#include <cmath>
#include <limits>

#include "src/backends/kernel_table.h"
#include "src/backends/weights.h"
#include "src/base/strings.h"
#include "src/kernels/matmul/matmul.h"

namespace edgeml::backends {
namespace {

using ir::FullyConnectedAttrs;
using kernels::FullyConnectedQuantization;
using kernels::FullyConnectedShape;

constexpr size_t kInput = 0, kWeights = 1, kBias = 2;

bool IsIntegerWeight(DType type) {
  return type == DType::kInt8 || type == DType::kUInt8 || type == DType::kInt4 ||
         type == DType::kInt2;
}
bool IsHybrid(const NodeView& view) {
  return view.inputs[kInput].type == DType::kFloat32 && IsIntegerWeight(view.inputs[kWeights].type);
}

std::string DeclineTypes(const NodeView& view) {
  const DType input = view.inputs[kInput].type;
  const DType weights = view.inputs[kWeights].type;
  const DType output = view.outputs[0].type;
  const bool narrow = weights == DType::kInt8 || IsSubByte(weights);
  bool known = false;
  switch (input) {
    case DType::kFloat32:
      known = output == DType::kFloat32 && (weights == DType::kFloat32 || IsHybrid(view));
      break;
    case DType::kUInt8:
      known = weights == DType::kUInt8 && (output == DType::kUInt8 || output == DType::kInt16);
      break;
    case DType::kInt8:
      known = narrow && output == DType::kInt8;
      break;
    case DType::kInt16:
      known = (narrow || weights == DType::kInt16) && output == DType::kInt16;
      break;
    default:
      break;
  }
  if (!known || weights == DType::kUInt4) return NoKernelFor(view, kInput, kWeights);
  if (!view.has_input(kBias)) return "";
  const DType bias = view.inputs[kBias].type;
  const DType stated = view.attrs<FullyConnectedAttrs>().quantized_bias_type;
  bool bias_fits = bias == (input == DType::kFloat32 ? DType::kFloat32 : DType::kInt32);
  if (input == DType::kInt16) {
    bias_fits = bias == DType::kInt32 || bias == DType::kInt64;
    if (stated != DType::kFloat32) bias_fits = bias_fits && bias == stated;
  }
  if (!bias_fits)
    return Concat("a bias of ", NameOf(bias), " with ", NameOf(input), " input is not supported");
  return "";
}

std::string Decline(const NodeView& view) {
  const auto& attrs = view.attrs<FullyConnectedAttrs>();
  const TensorView& input = view.inputs[kInput];
  const TensorView& weights = view.inputs[kWeights];
  const TensorView& output = view.outputs[0];
  if (attrs.shuffled_4x16_weights) return "the weights are shuffled";
  if (view.outputs.size() != 1) return "has a second output";
  std::string reason = DeclineTypes(view);
  // Hybrid weights take any activation.
  if (reason.empty() && !IsHybrid(view)) reason = DeclineActivation(attrs.activation, output);
  if (!reason.empty() || weights.type == DType::kFloat32) return reason;

  if (weights.rank() != 2) return "the weights do not have 2 dimensions";
  const bool in_blocks = IsHybrid(view) && weights.quantized() && weights.quantization->block_size;
  reason = DeclineQuantization(weights, "the weights tensor", /*zero_scale=*/true, in_blocks);
  if (reason.empty() && !in_blocks) reason = DeclineChannelScales(weights, 0, weights.dim(0));
  if (reason.empty() && (IsSubByte(weights.type) || weights.is_sparse || in_blocks))
    reason = DeclineAsymmetric(weights, "the weights tensor");
  if (!reason.empty() || IsHybrid(view)) return reason;

  if (input.type == DType::kUInt8 && weights.quantization->per_axis())
    reason = "uint8 weights with a scale per channel are not supported";
  if (reason.empty()) reason = DeclineQuantization(input, "input");
  if (reason.empty()) reason = DeclineQuantization(output, "output");
  if (reason.empty() && input.type == DType::kInt16) reason = DeclineAsymmetric(input, "input");
  if (reason.empty() && output.type == DType::kInt16) reason = DeclineAsymmetric(output, "output");
  return reason;
}

constexpr bool Occurs(DType type) { return ir::IsSelected(OpCode::kFullyConnected, type); }

class FullyConnectedStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const auto& attrs = view.attrs<FullyConnectedAttrs>();
    const TensorView& input = view.inputs[kInput];
    const TensorView& weights = view.inputs[kWeights];
    const TensorView& output = view.outputs[0];
    shape_ = {};
    shape_.units = weights.dim(0);
    shape_.depth = weights.dim(1);
    shape_.batch = shape_.units == 0 ? 0 : output.num_elements() / shape_.units;
    const int activation = static_cast<int>(attrs.activation);
    FloatActivationRange(activation, &min_, &max_);
    hybrid_ = IsHybrid(view);
    activation_ = attrs.activation;
    if (weights.type == DType::kFloat32) return Status::Ok();

    EDGEML_RETURN_IF_ERROR(weights_.Prepare(context, kWeights));
    const auto units = static_cast<int32_t>(shape_.units);
    per_channel_ = weights.quantization->per_axis();
    if (hybrid_) {
      block_ = weights.quantization->block_size;
      weights_scales_ = block_ != 0 ? weights.quantization->scale : ChannelScales(weights, units);
      weights_scale_ = weights.scale();
      sparse_ = weights.is_sparse;
      // LiteRT quantizes activations for weights in blocks this way whatever the attribute says. It
      // also forgets their fused activation, and knows them as constants of 4 bits with at least 4
      // units and a depth of 32 in its optimized kernel only; here they are like all others.
      asymmetric_ = attrs.asymmetric_quantize_inputs || block_ != 0;
      quantized_input_.Prepare(context, shape_.batch, shape_.depth);
      // Without an activation nothing is clamped, not even an infinity.
      if (activation == kActivationNone || !IsClampActivation(activation)) {
        max_ = std::numeric_limits<float>::infinity();
        min_ = -max_;
      }
      return Status::Ok();
    }
    // LiteRT's kernels for these have fixed-point multipliers, which come from other scales.
    const bool fixed_point =
        weights.type == DType::kInt16 || (weights.is_sparse && input.type == DType::kInt8);
    scales_ = EffectiveScales(input, weights, output, units,
                              /*float_product=*/fixed_point && !per_channel_);
    multipliers_.clear();
    if (fixed_point) multipliers_ = FixedPointMultipliers(scales_);
    sums_in_32_bits_ = view.has_input(kBias) ? view.inputs[kBias].type == DType::kInt32
                                             : attrs.quantized_bias_type == DType::kInt32;
    q_.input_zero_point = input.zero_point();
    q_.weights_zero_point = weights.zero_point();
    q_.output_zero_point = output.zero_point();
    q_.scales = scales_.data();
    q_.per_channel = per_channel_;
    if (!QuantizedActivationRange(activation, output.type, output.scale(), output.zero_point(),
                                  &q_.output_min, &q_.output_max))
      return Error(Code::kInternal, "activation range");
    return Status::Ok();
  }

  Status Run(RunContext& context) override {
    const TensorView& output = context.output(0);
    if (shape_.depth == 0) {  // LiteRT leaves even the bias out
      if (output.data != nullptr)
        std::fill_n(output.as_mutable<std::byte>(), output.num_elements() * BitsOf(output.type) / 8,
                    std::byte{0});
      return Status::Ok();
    }
    if (Occurs(DType::kFloat32) && hybrid_) return RunHybrid(context);
    const int8_t* weights = weights_.Get(context);
    return ForEachRow(context, shape_.batch, [&](int64_t row) {
      FullyConnectedShape shape = shape_;
      shape.row_begin = row;
      shape.row_end = row + 1;
      RunRow(context, shape, weights);
    });
  }

 private:
  template <typename T>
  static const T* Bias(RunContext& context) {
    return kBias < context.num_inputs() && context.input(kBias).present()
               ? context.input(kBias).as<T>()
               : nullptr;
  }

  void RunRow(RunContext& context, const FullyConnectedShape& shape, const int8_t* weights) {
    const TensorView& input = context.input(kInput);
    const TensorView& output = context.output(0);
    switch (input.type) {
      case DType::kFloat32:
        if constexpr (!Occurs(DType::kFloat32)) break;
        kernels::FullyConnectedFloat(shape, min_, max_, input.as<float>(),
                                     context.input(kWeights).as<float>(), Bias<float>(context),
                                     output.as_mutable<float>());
        break;
      case DType::kInt8:
        if constexpr (!Occurs(DType::kInt8)) break;
        if (multipliers_.empty()) {
          kernels::FullyConnectedInt8(shape, q_, input.as<int8_t>(), weights,
                                      Bias<int32_t>(context), output.as_mutable<int8_t>());
        } else {
          kernels::FullyConnectedInt8FixedPoint(shape, q_, multipliers_.data(), input.as<int8_t>(),
                                                weights, Bias<int32_t>(context),
                                                output.as_mutable<int8_t>());
        }
        break;
      case DType::kUInt8:
        if constexpr (!Occurs(DType::kUInt8)) break;
        if (output.type == DType::kUInt8) {
          kernels::FullyConnectedUInt8(shape, q_, input.as<uint8_t>(),
                                       context.input(kWeights).as<uint8_t>(),
                                       Bias<int32_t>(context), output.as_mutable<uint8_t>());
        } else {
          kernels::FullyConnectedUInt8Int16(shape, q_, input.as<uint8_t>(),
                                            context.input(kWeights).as<uint8_t>(),
                                            Bias<int32_t>(context), output.as_mutable<int16_t>());
        }
        break;
      default: {
        if constexpr (!Occurs(DType::kInt16)) break;
        const auto run = [&]<typename Sum>(const Sum* bias) {
          if (multipliers_.empty()) {
            kernels::FullyConnectedInt16(shape, q_, input.as<int16_t>(), weights, bias,
                                         output.as_mutable<int16_t>());
          } else {
            kernels::FullyConnectedInt16Weights(shape, q_, multipliers_.data(), input.as<int16_t>(),
                                                context.input(kWeights).as<int16_t>(), bias,
                                                output.as_mutable<int16_t>());
          }
        };
        if (sums_in_32_bits_) {
          run(Bias<int32_t>(context));
        } else {
          run(Bias<int64_t>(context));
        }
      }
    }
  }

  Status RunHybrid(RunContext& context) {
    const int8_t* weights = weights_.Get(context);
    quantized_input_.Fill(context, context.input(kInput).as<float>(), asymmetric_);
    const int8_t* input = quantized_input_.values(context);
    float* input_scales = quantized_input_.scales(context);
    const int32_t* zero_points = quantized_input_.zero_points(context);
    if (!per_channel_ && block_ == 0) {
      for (int64_t row = 0; row < shape_.batch; ++row) input_scales[row] *= weights_scale_;
    }
    const float* weights_scales = per_channel_ ? weights_scales_.data() : nullptr;
    const float* bias = Bias<float>(context);
    float* output = context.output(0).as_mutable<float>();
    return ForEachRow(context, shape_.batch, [&](int64_t row) {
      FullyConnectedShape shape = shape_;
      shape.row_begin = row;
      shape.row_end = row + 1;
      if (block_ != 0) {
        kernels::FullyConnectedHybridBlocks(shape, block_, weights_scales_.data(), input_scales,
                                            zero_points, min_, max_, input, weights, bias, output);
      } else {
        auto* kernel =
            sparse_ ? kernels::FullyConnectedHybridSparse : kernels::FullyConnectedHybrid;
        kernel(shape, input_scales, zero_points, weights_scales, min_, max_, input, weights, bias,
               output);
      }
      for (int64_t i = row * shape_.units; i < (row + 1) * shape_.units; ++i) {
        if (activation_ == ir::Activation::kTanh) output[i] = std::tanh(output[i]);
        if (activation_ == ir::Activation::kSignBit)
          output[i] = std::signbit(output[i]) ? 1.0f : 0.0f;
      }
    });
  }

  FullyConnectedShape shape_;
  float min_ = 0.0f, max_ = 0.0f;
  ir::Activation activation_ = ir::Activation::kNone;
  bool hybrid_ = false, asymmetric_ = false, sparse_ = false;
  bool per_channel_ = false, sums_in_32_bits_ = false;
  int32_t block_ = 0;  // size of the blocks of weights that share a scale; 0 = none
  FullyConnectedQuantization q_;
  std::vector<double> scales_;
  std::vector<FixedPointMultiplier> multipliers_;  // int16 or sparse int8 weights only
  float weights_scale_ = 0.0f;
  std::vector<float> weights_scales_;
  IntegerWeights weights_;
  QuantizedInput quantized_input_;
};

// Weights in tiles of 4 x 16, uint8 activations, int16 output; output 1 is a work area.
std::string DeclineShuffled(const NodeView& view) {
  const auto& attrs = view.attrs<FullyConnectedAttrs>();
  if (!attrs.shuffled_4x16_weights) return "the weights are not shuffled";
  if (view.outputs.size() != 2 || view.outputs[1].type != DType::kUInt8)
    return "no second output of uint8, as shuffled weights need";
  if (view.inputs[kInput].type != DType::kUInt8 || view.inputs[kWeights].type != DType::kUInt8 ||
      view.outputs[0].type != DType::kInt16)
    return NoKernelFor(view, kInput, kWeights);
  if (view.has_input(kBias) && view.inputs[kBias].type != DType::kInt32)
    return Concat("a bias of ", NameOf(view.inputs[kBias].type), " is not supported");
  std::string reason = DeclineQuantization(view.inputs[kInput], "input");
  if (reason.empty())
    reason = DeclineQuantization(view.inputs[kWeights], "the weights tensor", /*zero_scale=*/true);
  if (reason.empty() && view.inputs[kWeights].quantization->per_axis())
    reason = "uint8 weights with a scale per channel are not supported";
  if (reason.empty()) reason = DeclineQuantization(view.outputs[0], "output");
  if (reason.empty()) reason = DeclineActivation(attrs.activation, view.outputs[0]);
  return reason;
}

class ShuffledStep : public runtime::Step {
 public:
  Status Prepare(PrepareContext& context) override {
    const NodeView& view = context.view();
    const TensorView& weights = view.inputs[kWeights];
    const TensorView& output = view.outputs[0];
    shape_.units = weights.dim(0);
    shape_.depth = weights.dim(1);
    shape_.batch = shape_.units == 0 ? 0 : output.num_elements() / shape_.units;
    multiplier_ = ToFixedPoint(
        EffectiveScales(view.inputs[kInput], weights, output, 1, /*float_product=*/true)[0]);
    if (!QuantizedActivationRange(static_cast<int>(view.attrs<FullyConnectedAttrs>().activation),
                                  output.type, output.scale(), output.zero_point(), &min_, &max_))
      return Error(Code::kInternal, "activation range");
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    const bool has_bias = kBias < context.num_inputs() && context.input(kBias).present();
    kernels::FullyConnectedShuffled(
        shape_, multiplier_, min_, max_, context.input(kInput).as<uint8_t>(),
        context.input(kWeights).as<int8_t>(),
        has_bias ? context.input(kBias).as<int32_t>() : nullptr,
        context.output(1).as_mutable<uint8_t>(), context.output(0).as_mutable<int16_t>());
    return Status::Ok();
  }

 private:
  FullyConnectedShape shape_;
  FixedPointMultiplier multiplier_;
  int32_t min_ = 0, max_ = 0;
};

constexpr KernelEntry kKernels[] = {
    {OpCode::kFullyConnected, "fully_connected.reference", ErrorBound::kExact, Decline,
     MakeStep<FullyConnectedStep>},
    {OpCode::kFullyConnected,
     "fully_connected.shuffled.reference",
     ErrorBound::kExact,
     DeclineShuffled,
     MakeStep<ShuffledStep>,
     {DType::kUInt8, DType::kInt16}},
};

}  // namespace

std::span<const KernelEntry> FullyConnectedKernels() { return ir::SelectedRows<kKernels>(); }

}  // namespace edgeml::backends
