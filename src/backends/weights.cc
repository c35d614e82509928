#include "src/backends/weights.h"

#include <cmath>

#include "src/base/strings.h"
#include "src/kernels/quantize/dynamic_range.h"
#include "src/tensor/packed_int.h"

namespace edgeml::backends {
namespace {

struct StoredRange {
  int64_t lo = 0, hi = 0;
};
StoredRange RangeOf(DType type) {
  switch (type) {
    case DType::kUInt8:
      return {0, 255};
    case DType::kInt8:
      return {-128, 127};
    case DType::kInt16:
      return {-32768, 32767};
    case DType::kInt4:
      return {-8, 7};
    case DType::kInt2:
      return {-2, 1};
    default:
      return {0, 0};
  }
}

}  // namespace

std::string DeclineQuantization(const TensorView& view, std::string_view what, bool zero_scale,
                                bool blocks) {
  if (!view.quantized()) return Concat(what, " has no quantization parameters");
  const Quantization& q = *view.quantization;
  if (q.block_size != 0 && !blocks) return Concat(what, " is quantized in blocks");
  for (float scale : q.scale) {
    if (!std::isfinite(scale) || scale < 0.0f || (scale == 0.0f && !zero_scale))
      return Concat(what, " has a scale of ", scale);
  }
  const StoredRange range = RangeOf(view.type);
  for (int64_t zero_point : q.zero_point) {
    if (zero_point < range.lo || zero_point > range.hi)
      return Concat(what, " has a zero point of ", zero_point);
  }
  return "";
}

std::string DeclineAsymmetric(const TensorView& view, std::string_view what) {
  if (!view.quantized()) return "";
  for (int64_t zero_point : view.quantization->zero_point) {
    if (zero_point != 0) return Concat(what, " has a zero point of ", zero_point, ", not 0");
  }
  return "";
}

std::string DeclineChannelScales(const TensorView& weights, int axis, int32_t channels) {
  const size_t scales = weights.quantization->scale.size();
  if (scales == 1) return "";
  if (scales != static_cast<size_t>(channels) || weights.quantization->axis != axis)
    return Concat("weights have ", scales, " scales along dimension ", weights.quantization->axis,
                  ", expected ", channels, " along ", axis);
  return "";
}

std::string DeclineActivation(ir::Activation activation, const TensorView& output) {
  const int number = static_cast<int>(activation);
  if (!IsClampActivation(number))
    return Concat("fused activation ", ir::NameOf(activation), " is not supported here");
  int32_t lo = 0, hi = 0;
  if (output.quantized() && QuantizedTypeRange(output.type, &lo, &hi) &&
      !QuantizedActivationRange(number, output.type, output.scale(), output.zero_point(), &lo, &hi))
    return Concat("fused activation ", ir::NameOf(activation),
                  " does not fit the output's scale of ", output.scale());
  return "";
}

std::string NoKernelFor(const NodeView& view, size_t input, size_t weights) {
  return Concat(NameOf(view.inputs[input].type), " input with ", NameOf(view.inputs[weights].type),
                " weights and ", NameOf(view.outputs[0].type), " output is not supported");
}

Status IntegerWeights::Prepare(PrepareContext& context, size_t input) {
  input_ = input;
  workspace_ = -1;
  packed_ = nullptr;
  const TensorView& weights = context.view().inputs[input];
  if (!IsSubByte(weights.type)) return Status::Ok();
  const auto count = static_cast<size_t>(weights.num_elements());
  if (!weights.is_constant) {
    workspace_ = context.RequestWorkspace(count);
    return Status::Ok();
  }
  const bool four_bits = weights.type == DType::kInt4;
  EDGEML_ASSIGN_OR_RETURN(packed_, context.Pack(input, four_bits ? "int4 as int8" : "int2 as int8",
                                                count, [&](std::byte* out) {
                                                  auto* bytes = reinterpret_cast<int8_t*>(out);
                                                  if (four_bits) {
                                                    UnpackInt4(weights.data, count, bytes);
                                                  } else {
                                                    UnpackInt2(weights.data, count, bytes);
                                                  }
                                                }));
  return Status::Ok();
}

const int8_t* IntegerWeights::Get(RunContext& context) const {
  if (packed_ != nullptr) return reinterpret_cast<const int8_t*>(packed_.get());
  const TensorView& weights = context.input(input_);
  if (workspace_ < 0) return weights.as<int8_t>();
  auto* bytes = static_cast<int8_t*>(context.workspace(workspace_));
  const auto count = static_cast<size_t>(weights.num_elements());
  if (weights.type == DType::kInt4) {
    UnpackInt4(weights.data, count, bytes);
  } else {
    UnpackInt2(weights.data, count, bytes);
  }
  return bytes;
}

std::vector<double> EffectiveScales(const TensorView& input, const TensorView& weights,
                                    const TensorView& output, int32_t channels,
                                    bool float_product) {
  std::vector<double> scales(static_cast<size_t>(channels));
  for (size_t c = 0; c < scales.size(); ++c) {
    const float weights_scale = weights.quantization->scale_at(c);
    const double product = float_product ? static_cast<double>(input.scale() * weights_scale)
                                         : static_cast<double>(input.scale()) * weights_scale;
    // Finite even when the float product is not: far beyond where the multipliers saturate.
    scales[c] = std::min(product / output.scale(), 1e60);
  }
  return scales;
}

std::vector<FixedPointMultiplier> FixedPointMultipliers(const std::vector<double>& scales) {
  std::vector<FixedPointMultiplier> multipliers;
  multipliers.reserve(scales.size());
  for (double scale : scales) multipliers.push_back(ToFixedPoint(scale));
  return multipliers;
}

std::vector<float> ChannelScales(const TensorView& weights, int32_t channels) {
  std::vector<float> scales(static_cast<size_t>(channels));
  for (size_t c = 0; c < scales.size(); ++c) scales[c] = weights.quantization->scale_at(c);
  return scales;
}

void QuantizedInput::Prepare(PrepareContext& context, int64_t rows, int64_t elements) {
  rows_ = static_cast<size_t>(rows);
  elements_ = static_cast<size_t>(elements);
  values_ = context.RequestWorkspace(uint64_t{rows_} * elements_);
  scales_ = context.RequestWorkspace(uint64_t{rows_} * sizeof(float));
  zero_points_ = context.RequestWorkspace(uint64_t{rows_} * sizeof(int32_t));
}

void QuantizedInput::Fill(RunContext& context, const float* input, bool asymmetric) const {
  kernels::QuantizeRows(input, rows_, elements_, asymmetric, values(context), scales(context),
                        zero_points(context));
}

}  // namespace edgeml::backends
