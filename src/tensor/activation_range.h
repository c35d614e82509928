// The output range of a fused activation: what a kernel clamps its result to.
//
// The activation comes as a plain number, in the order of the graph's enum (ir::Activation), since
// this room does not see the graph. Freestanding but for std::round.
#ifndef EDGEML_TENSOR_ACTIVATION_RANGE_H_
#define EDGEML_TENSOR_ACTIVATION_RANGE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "edgeml/dtype.h"

namespace edgeml {

// Fused activations that are a clamp. Other numbers (tanh, sign bit) are none.
inline constexpr int kActivationNone = 0;
inline constexpr int kActivationRelu = 1;
inline constexpr int kActivationReluN1To1 = 2;
inline constexpr int kActivationRelu6 = 3;

// Whether the two functions below express `activation` completely.
constexpr bool IsClampActivation(int activation) {
  return activation >= kActivationNone && activation <= kActivationRelu6;
}

// [*lo, *hi] that a float result is clamped to; the whole finite range for no activation, so that
// infinities are clamped too, as LiteRT's kernels do.
inline void FloatActivationRange(int activation, float* lo, float* hi) {
  *lo = std::numeric_limits<float>::lowest();
  *hi = std::numeric_limits<float>::max();
  if (activation == kActivationRelu || activation == kActivationRelu6) *lo = 0.0f;
  if (activation == kActivationReluN1To1) *lo = -1.0f;
  if (activation == kActivationReluN1To1) *hi = 1.0f;
  if (activation == kActivationRelu6) *hi = 6.0f;
}

// The values [*lo, *hi] a quantized type stores; false for types that are not quantized activations
// (int8, uint8 and int16 are).
inline bool QuantizedTypeRange(DType type, int32_t* lo, int32_t* hi) {
  switch (type) {
    case DType::kInt8:
      *lo = -128;
      *hi = 127;
      return true;
    case DType::kUInt8:
      *lo = 0;
      *hi = 255;
      return true;
    case DType::kInt16:
      *lo = -32768;
      *hi = 32767;
      return true;
    default:
      return false;
  }
}

// [*lo, *hi] in the stored integers of an output of that type, scale and zero point: the type's
// range cut to the activation's bounds, each rounded to the nearest stored value (ties away from
// zero, in float32). False when the type is not int8, uint8 or int16, or when a bound is not
// representable in 32 bits (also for a scale of zero or NaN with an activation); then *lo and *hi
// are unspecified. *lo may exceed *hi for odd parameters; kernels then clamp as max first, min
// last.
inline bool QuantizedActivationRange(int activation, DType type, float scale, int32_t zero_point,
                                     int32_t* lo, int32_t* hi) {
  if (!QuantizedTypeRange(type, lo, hi)) return false;
  const auto quantize = [&](float real, int32_t* stored) {
    const float steps = std::round(real / scale);
    if (!(steps >= -2147483648.0f && steps < 2147483648.0f)) return false;
    *stored = static_cast<int32_t>(static_cast<uint32_t>(zero_point) +
                                   static_cast<uint32_t>(static_cast<int32_t>(steps)));
    return true;
  };
  int32_t bound = 0;
  if (activation == kActivationRelu || activation == kActivationRelu6) {
    if (!quantize(0.0f, &bound)) return false;
    *lo = std::max(*lo, bound);
  }
  if (activation == kActivationReluN1To1) {
    if (!quantize(-1.0f, &bound)) return false;
    *lo = std::max(*lo, bound);
  }
  if (activation == kActivationRelu6 || activation == kActivationReluN1To1) {
    if (!quantize(activation == kActivationRelu6 ? 6.0f : 1.0f, &bound)) return false;
    *hi = std::min(*hi, bound);
  }
  return true;
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_ACTIVATION_RANGE_H_
