// 1 / sqrt of an integer in fixed-point arithmetic, as the TFLite quantization scheme computes it
// (normalizations). Freestanding.
#ifndef EDGEML_TENSOR_INVERSE_SQRT_H_
#define EDGEML_TENSOR_INVERSE_SQRT_H_

#include <cstdint>
#include <limits>

#include "src/tensor/fixed_point.h"

namespace edgeml {

// x * 2^exponent, saturating. exponent in [0, 31).
constexpr int32_t SaturatingShiftLeft(int32_t x, int exponent) {
  const int64_t shifted = static_cast<int64_t>(x) * (int64_t{1} << exponent);
  if (shifted > std::numeric_limits<int32_t>::max()) return std::numeric_limits<int32_t>::max();
  if (shifted < std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::min();
  return static_cast<int32_t>(shifted);
}

// 1 / sqrt(input) ≈ mantissa * 2^(shift - 31), shift <= 0. Inputs below 1 count as 1. Five steps of
// Newton's method on numbers with 3 integer bits, with the roundings of gemmlowp's fixed-point
// type, so that the result equals LiteRT's bit for bit.
constexpr FixedPointMultiplier InverseSqrt(int32_t input) {
  if (input <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  // Scaled by powers of 4 into [2^27, 2^29).
  int right_shift = 11;
  while (input >= (1 << 29)) {
    input /= 4;
    ++right_shift;
  }
  while (input < (1 << 27)) {
    input *= 4;
    --right_shift;
  }
  constexpr int32_t kOnePointFive = (1 << 28) + (1 << 27);
  constexpr int32_t kHalfSqrt2 = 1518500250;  // with 0 integer bits
  const int32_t value = input >> 1;
  const int32_t half_value = RoundingDivideByPowerOfTwo(value, 1);
  int32_t x = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t squared = SaturatingRoundingDoublingHighMul(x, x);
    const int32_t cubed = SaturatingShiftLeft(SaturatingRoundingDoublingHighMul(squared, x), 6);
    x = SaturatingShiftLeft(SaturatingRoundingDoublingHighMul(kOnePointFive, x) -
                                SaturatingRoundingDoublingHighMul(half_value, cubed),
                            3);
  }
  x = SaturatingRoundingDoublingHighMul(x, kHalfSqrt2);
  if (right_shift < 0) {
    x = static_cast<int32_t>(static_cast<uint32_t>(x) << -right_shift);
    right_shift = 0;
  }
  return {x, -right_shift};
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_INVERSE_SQRT_H_
