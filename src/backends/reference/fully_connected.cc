// FULLY_CONNECTED on the reference kernels.
#include <cmath>
#include <limits>

#include "src/backends/reference/matmul.h"
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
  if (attrs.shuffled_4x16_weights) return "shuffled 4x16 weights are not supported";
  if (view.outputs.size() != 1) return "has a second output";
  std::string reason = DeclineTypes(view);
  // Only hybrid weights take an activation that is not a clamp.
  if (reason.empty() && !(IsHybrid(view) && attrs.activation == ir::Activation::kTanh))
    reason = DeclineActivation(attrs.activation, output);
  if (!reason.empty() || weights.type == DType::kFloat32) return reason;

  if (weights.rank() != 2) return "the weights do not have 2 dimensions";
  reason = DeclineQuantization(weights, "the weights tensor", /*zero_scale=*/true);
  if (reason.empty()) reason = DeclineChannelScales(weights, 0, weights.dim(0));
  if (reason.empty() && IsSubByte(weights.type))
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
    tanh_ = attrs.activation == ir::Activation::kTanh;
    if (weights.type == DType::kFloat32) return Status::Ok();

    EDGEML_RETURN_IF_ERROR(weights_.Prepare(context, kWeights));
    const auto units = static_cast<int32_t>(shape_.units);
    per_channel_ = weights.quantization->per_axis();
    if (hybrid_) {
      weights_scales_ = ChannelScales(weights, units);
      weights_scale_ = weights.scale();
      asymmetric_ = attrs.asymmetric_quantize_inputs;
      quantized_input_.Prepare(context, shape_.batch, shape_.depth);
      // Without an activation nothing is clamped, not even an infinity.
      if (activation == kActivationNone || tanh_) {
        max_ = std::numeric_limits<float>::infinity();
        min_ = -max_;
      }
      return Status::Ok();
    }
    const bool wide_weights = weights.type == DType::kInt16;
    scales_ = EffectiveScales(input, weights, output, units,
                              /*float_product=*/wide_weights && !per_channel_);
    if (wide_weights) multipliers_ = FixedPointMultipliers(scales_);
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
    if (hybrid_) return RunHybrid(context);
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
        kernels::FullyConnectedFloat(shape, min_, max_, input.as<float>(),
                                     context.input(kWeights).as<float>(), Bias<float>(context),
                                     output.as_mutable<float>());
        break;
      case DType::kInt8:
        kernels::FullyConnectedInt8(shape, q_, input.as<int8_t>(), weights, Bias<int32_t>(context),
                                    output.as_mutable<int8_t>());
        break;
      case DType::kUInt8:
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
    float* input_scales = quantized_input_.scales(context);
    if (!per_channel_) {
      for (int64_t row = 0; row < shape_.batch; ++row) input_scales[row] *= weights_scale_;
    }
    float* output = context.output(0).as_mutable<float>();
    return ForEachRow(context, shape_.batch, [&](int64_t row) {
      FullyConnectedShape shape = shape_;
      shape.row_begin = row;
      shape.row_end = row + 1;
      kernels::FullyConnectedHybrid(shape, input_scales, quantized_input_.zero_points(context),
                                    per_channel_ ? weights_scales_.data() : nullptr, min_, max_,
                                    quantized_input_.values(context), weights, Bias<float>(context),
                                    output);
      if (!tanh_) return;
      for (int64_t i = row * shape_.units; i < (row + 1) * shape_.units; ++i)
        output[i] = std::tanh(output[i]);
    });
  }

  FullyConnectedShape shape_;
  float min_ = 0.0f, max_ = 0.0f;
  bool hybrid_ = false, tanh_ = false, asymmetric_ = false;
  bool per_channel_ = false, sums_in_32_bits_ = false;
  FullyConnectedQuantization q_;
  std::vector<double> scales_;
  std::vector<FixedPointMultiplier> multipliers_;  // int16 weights only
  float weights_scale_ = 0.0f;
  std::vector<float> weights_scales_;
  IntegerWeights weights_;
  QuantizedInput quantized_input_;
};

}  // namespace

void AddFullyConnectedKernels(KernelList& list) {
  list.push_back({ir::OpCode::kFullyConnected, "fully_connected.reference",
                  runtime::ErrorBound::kExact, Decline, runtime::MakeStep<FullyConnectedStep>});
}

}  // namespace edgeml::backends
