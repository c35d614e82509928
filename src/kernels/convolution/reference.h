// What the reference functions of this family share; not for other families.
#ifndef EDGEML_KERNELS_CONVOLUTION_REFERENCE_H_
#define EDGEML_KERNELS_CONVOLUTION_REFERENCE_H_

#include <algorithm>
#include <cstdint>

#include "src/kernels/convolution/convolution.h"

namespace edgeml::kernels::reference {

// Filter taps [begin, end) that fall inside the input when the window starts at `origin`.
struct Taps {
  int32_t begin = 0, end = 0;
};
inline Taps TapsInside(int64_t origin, int32_t dilation, int32_t filter, int32_t in) {
  Taps taps;
  // First f with origin + f * dilation >= 0; first f with origin + f * dilation >= in.
  const int64_t begin = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const int64_t end = origin >= in ? 0 : (in - origin + dilation - 1) / dilation;
  taps.begin = static_cast<int32_t>(std::min<int64_t>(begin, filter));
  taps.end = static_cast<int32_t>(std::min<int64_t>(end, filter));
  return taps;
}

// Two's complement sums without undefined behaviour.
inline int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
inline int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// Requantization of a finished sum.
template <typename Out, typename Acc>
inline Out Requantize(const ConvQuantization& q, int32_t channel, Acc sum) {
  int32_t value = MultiplyByFixedPoint(sum, q.multipliers[channel]);
  value = WrappingAdd(value, q.output_zero_point);
  return static_cast<Out>(std::min(std::max(value, q.output_min), q.output_max));
}

inline float Clamp(const FloatRange& range, float value) {
  return std::min(std::max(value, range.min), range.max);
}

// The kinds of arithmetic. Each has: Sum, the accumulator; Product(x, w); Add; and Finish(sum,
// channel, image) to the output type.
struct FloatArithmetic {
  const FloatRange& range;
  const float* bias;
  using Sum = float;
  static float Add(float a, float b) { return a + b; }
  float Product(float x, float w, int32_t, int32_t) const { return x * w; }
  float Finish(float sum, int32_t channel, int32_t) const {
    return Clamp(range, sum + (bias != nullptr ? bias[channel] : 0.0f));
  }
};

// kZeroPoints: whether input and filter have zero points that count (int16 has none; signed filters
// have none).
template <typename Out, typename Acc, bool kInputZeroPoint, bool kFilterZeroPoint>
struct IntegerArithmetic {
  const ConvQuantization& q;
  const Acc* bias;
  using Sum = Acc;
  static Acc Add(Acc a, Acc b) { return WrappingAdd(a, b); }
  Acc Product(int32_t x, int32_t w, int32_t, int32_t) const {
    if constexpr (kInputZeroPoint) x -= q.input_zero_point;
    if constexpr (kFilterZeroPoint) w -= q.filter_zero_point;
    return x * w;
  }
  Out Finish(Acc sum, int32_t channel, int32_t) const {
    if (bias != nullptr) sum = WrappingAdd(sum, bias[channel]);
    return Requantize<Out>(q, channel, sum);
  }
};
using Int8Arithmetic = IntegerArithmetic<int8_t, int32_t, true, false>;
using UInt8Arithmetic = IntegerArithmetic<uint8_t, int32_t, true, true>;
template <typename Acc>
using Int16Arithmetic = IntegerArithmetic<int16_t, Acc, false, false>;

// Integer products, one scaling at the end. kScalesFirst: the scales are multiplied with each other
// before the sum is.
template <bool kScalesFirst>
struct HybridArithmetic {
  const HybridScales& scales;
  const FloatRange& range;
  const float* bias;
  using Sum = int32_t;
  static int32_t Add(int32_t a, int32_t b) { return WrappingAdd(a, b); }
  int32_t Product(int32_t x, int32_t w, int32_t, int32_t image) const {
    return (x - (scales.input_zero_points != nullptr ? scales.input_zero_points[image] : 0)) * w;
  }
  float Finish(int32_t sum, int32_t channel, int32_t image) const {
    const float filter_scale = scales.filter_scales != nullptr ? scales.filter_scales[channel] : 1;
    const float input_scale = scales.input_scales[image];
    float value = static_cast<float>(sum);
    if constexpr (kScalesFirst) {
      value *= filter_scale * input_scale;
    } else {
      value = value * filter_scale * input_scale;
    }
    return Clamp(range, value + (bias != nullptr ? bias[channel] : 0.0f));
  }
};

}  // namespace edgeml::kernels::reference

#endif  // EDGEML_KERNELS_CONVOLUTION_REFERENCE_H_
