#include "src/compress/quantize/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/squant.h"
#include "src/tensor/half.h"
#include "src/tensor/packed_int.h"

namespace edgeml::quantize {
namespace {

// Where the elements of one scale lie: runs of `run` elements, `stride` apart from each other.
struct Layout {
  size_t groups = 1, run = 0, stride = 0, repeats = 1;
  size_t offset(size_t group, size_t repeat) const { return group * run + repeat * stride; }
};

Result<Layout> LayoutOf(const Shape& shape, const WeightFormat& format) {
  const auto elements = static_cast<size_t>(shape.num_elements());
  if (format.bits != 8 && format.bits != 4 && format.bits != 1)
    return Error(Code::kInvalidArgument, "weights of ", format.bits, " bits: 8, 4 or 1 can be had");
  if (format.block_size > 0) {
    if (shape.rank() == 0 || shape.back() % format.block_size != 0)
      return Error(Code::kInvalidArgument, "weights of shape ", shape.ToString(),
                   " do not divide into blocks of ", format.block_size);
    const auto block = static_cast<size_t>(format.block_size);
    return Layout{elements / block, block, 0, 1};
  }
  if (format.axis < 0) return Layout{1, elements, 0, 1};
  if (format.axis >= shape.rank())
    return Error(Code::kInvalidArgument, "weights of shape ", shape.ToString(), " have no axis ",
                 format.axis);
  const auto run = static_cast<size_t>(shape.num_elements(format.axis + 1, shape.rank()));
  const auto channels = static_cast<size_t>(shape[format.axis]);
  const auto repeats = static_cast<size_t>(shape.num_elements(0, format.axis));
  return Layout{channels, run, run * channels, repeats};
}

// Calls visit(first element, count) for the runs of one group.
template <typename Visit>
void ForRuns(const Layout& layout, size_t group, Visit visit) {
  for (size_t repeat = 0; repeat < layout.repeats; ++repeat)
    visit(layout.offset(group, repeat), layout.run);
}

int8_t Round(float weight, double inverse_scale, int largest) {
  const double q = std::round(static_cast<double>(weight) * inverse_scale);
  return static_cast<int8_t>(
      std::clamp(q, -static_cast<double>(largest), static_cast<double>(largest)));
}

// Weights, and how much the squared error of each counts.
struct Weighted {
  std::span<const float> weights, importance;
};

double SquaredError(const Weighted& w, const Layout& layout, size_t group, double scale,
                    int largest) {
  double error = 0;
  ForRuns(layout, group, [&](size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      const double apart = w.weights[i] - Round(w.weights[i], 1 / scale, largest) * scale;
      error += w.importance[i] * apart * apart;
    }
  });
  return error;
}

// Steps of 1 % down to 40 % of the scale that covers everything.
constexpr int kMostShrinkPercent = 60;

double BestScale(const Weighted& weights, const Layout& layout, size_t group, double covers,
                 int largest) {
  double best = covers, least = SquaredError(weights, layout, group, covers, largest);
  for (int percent = 1; percent <= kMostShrinkPercent; ++percent) {
    const double scale = covers * (1 - percent / 100.0);
    const double error = SquaredError(weights, layout, group, scale, largest);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

float QuantizedWeights::scale_of(const Shape& shape, size_t i) const {
  if (format.block_size > 0) return scale[i / static_cast<size_t>(format.block_size)];
  if (scale.size() == 1) return scale[0];
  const auto run = static_cast<size_t>(shape.num_elements(format.axis + 1, shape.rank()));
  return scale[i / run % scale.size()];
}

Result<QuantizedWeights> QuantizeWeights(std::span<const float> weights, const Shape& shape,
                                         const WeightFormat& format,
                                         std::span<const float> min_scale) {
  EDGEML_ASSIGN_OR_RETURN(const Layout layout, LayoutOf(shape, format));
  const int largest = LargestOf(format.bits);
  const bool searched =
      format.scale == WeightFormat::Scale::kSquaredError && format.bits > 1 && format.bits < 8;
  std::vector<float> importance;
  if (searched)
    for (const float w : weights) importance.push_back(std::abs(w) * std::sqrt(std::abs(w)));
  QuantizedWeights out;
  out.format = format;
  out.values.resize(weights.size());
  out.scale.assign(layout.groups, 0.0f);
  for (size_t group = 0; group < layout.groups; ++group) {
    double most = 0, sum = 0;
    bool finite = true;
    ForRuns(layout, group, [&](size_t first, size_t count) {
      for (const float weight : weights.subspan(first, count)) {
        finite = finite && std::isfinite(weight);
        most = std::max(most, std::abs(static_cast<double>(weight)));
        sum += std::abs(static_cast<double>(weight));
      }
    });
    if (!finite) return Error(Code::kUnsupported, "weights that are infinite or not a number");
    double scale = most / largest;
    if (scale > 0 && searched)
      scale = BestScale({weights, importance}, layout, group, scale, largest);
    // With one bit the mean magnitude has the least squared error (Rastegari et al. 2016, 2.1).
    if (format.bits == 1) scale = sum / static_cast<double>(layout.run * layout.repeats);
    if (!min_scale.empty())
      scale = std::max(scale, static_cast<double>(min_scale[min_scale.size() > 1 ? group : 0]));
    float stored = static_cast<float>(scale);
    if (format.block_size > 0) stored = HalfToFloat(FloatToHalf(stored));
    out.scale[group] = stored;
  }
  float least = std::numeric_limits<float>::infinity();
  for (const float scale : out.scale)
    if (scale > 0) least = std::min(least, scale);
  if (!std::isfinite(least)) least = 1.0f;
  for (size_t group = 0; group < layout.groups; ++group) {
    // Subnormal scales have no inverse; channels so small count as zeros.
    const bool zeros = out.scale[group] < std::numeric_limits<float>::min();
    if (zeros) out.scale[group] = least;
    const double inverse = zeros ? 0.0 : 1.0 / out.scale[group];
    ForRuns(layout, group, [&](size_t first, size_t count) {
      for (size_t i = first; i < first + count; ++i)
        out.values[i] = format.bits == 1 && !zeros
                            ? static_cast<int8_t>(std::signbit(weights[i]) ? -1 : 1)
                            : Round(weights[i], inverse, largest);
    });
  }
  if (format.outputs >= 0) BalanceRounding(weights, shape, format.outputs, out);
  return out;
}

std::vector<float> Dequantize(const QuantizedWeights& weights, const Shape& shape) {
  std::vector<float> out(weights.values.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(weights.values[i]) * weights.scale_of(shape, i);
  return out;
}

ir::Value MakeConstant(const QuantizedWeights& weights, std::string name, const Shape& shape) {
  ir::Value value;
  value.name = std::move(name);
  value.shape = shape;
  const bool packed = weights.format.bits < 8 && weights.format.packed;
  value.type = packed ? DType::kInt4 : DType::kInt8;
  const size_t count = weights.values.size();
  std::vector<std::byte> bytes(packed ? PackedInt4Bytes(count) : count);
  if (packed)
    PackInt4(weights.values.data(), count, bytes.data());
  else if (count > 0)
    std::memcpy(bytes.data(), weights.values.data(), count);
  value.data = ir::ConstantData::Own(std::move(bytes));
  value.quantization.scale = weights.scale;
  value.quantization.zero_point.assign(weights.scale.size(), 0);
  value.quantization.axis = std::max(weights.format.axis, 0);
  value.quantization.block_size = weights.format.block_size;
  return value;
}

ir::Value BlockScales(const QuantizedWeights& weights, std::string name, const Shape& shape) {
  ir::Value value;
  value.name = std::move(name);
  value.type = DType::kFloat16;
  value.shape = shape;
  value.shape[shape.rank() - 1] /= weights.format.block_size;
  std::vector<std::byte> bytes(weights.scale.size() * sizeof(uint16_t));
  for (size_t i = 0; i < weights.scale.size(); ++i) {
    const uint16_t half = FloatToHalf(weights.scale[i]);
    std::memcpy(bytes.data() + i * sizeof half, &half, sizeof half);
  }
  value.data = ir::ConstantData::Own(std::move(bytes));
  return value;
}

Quantization PerTensor(float scale, int64_t zero_point) {
  Quantization out;
  out.scale = {scale};
  out.zero_point = {zero_point};
  return out;
}

}  // namespace edgeml::quantize
