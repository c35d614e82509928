// Integer arithmetic without undefined behaviour, and the fixed-point functions that the quantized
// kernels of the TFLite family are defined by. Freestanding.
#ifndef EDGEML_KERNELS_ELEMENTWISE_INTEGER_MATH_H_
#define EDGEML_KERNELS_ELEMENTWISE_INTEGER_MATH_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// Two's complement wrap-around for any integer type.
template <typename T>
constexpr T WrapAdd(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename T>
constexpr T WrapSub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename T>
constexpr T WrapMul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Truncates; NaN and what does not fit give INT32_MIN, as the conversion instructions of x86 do.
inline int32_t TruncateToInt32(double value) {
  if (!(value > -2147483649.0 && value < 2147483648.0)) return std::numeric_limits<int32_t>::min();
  return static_cast<int32_t>(value);
}

// clamp(value + zero_point) to [lo, hi], max first.
constexpr int32_t OffsetAndClamp(int32_t value, int32_t zero_point, int32_t lo, int32_t hi) {
  return std::min(std::max(WrapAdd(value, zero_point), lo), hi);
}

// A fixed-point number "Qm" is an int32 x that stands for x * 2^(m - 31), m integer bits.

// Qm * Qn → Q(m + n).
constexpr int32_t MulQ(int32_t a, int32_t b) { return SaturatingRoundingDoublingHighMul(a, b); }

// x * 2^exponent, saturating to the left, rounding (ties away from zero) to the right.
// exponent in [-31, 30].
constexpr int32_t ShiftQ(int32_t x, int exponent) {
  if (exponent <= 0) return RoundingDivideByPowerOfTwo(x, -exponent);
  const int32_t threshold = static_cast<int32_t>((int64_t{1} << (31 - exponent)) - 1);
  if (x > threshold) return std::numeric_limits<int32_t>::max();
  if (x < -threshold) return std::numeric_limits<int32_t>::min();
  return static_cast<int32_t>(static_cast<uint32_t>(x) << exponent);
}

// (a + b) / 2 rounded, ties away from zero.
constexpr int32_t HalfSumQ(int32_t a, int32_t b) {
  const int64_t sum = int64_t{a} + b;
  return static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
}

inline constexpr int32_t kOneQ0 = std::numeric_limits<int32_t>::max();

// 1 / (1 + x) in Q0 for x in [0, 1) in Q0: three Newton-Raphson steps on d = (1 + x) / 2.
constexpr int32_t OneOverOnePlusQ0(int32_t x) {
  constexpr int32_t k48Over17Q2 = 1515870810, kNeg32Over17Q2 = -1010580540, kOneQ2 = 1 << 29;
  const int32_t half_denominator = HalfSumQ(x, kOneQ0);
  int32_t estimate = WrapAdd(k48Over17Q2, MulQ(half_denominator, kNeg32Over17Q2));
  for (int step = 0; step < 3; ++step) {
    const int32_t rest = WrapSub(kOneQ2, MulQ(half_denominator, estimate));
    estimate = WrapAdd(estimate, ShiftQ(MulQ(estimate, rest), 2));  // Q4 → Q2
  }
  return ShiftQ(estimate, 1);  // half of a Q2 number is the same bits in Q1
}

// 1 / x as r * 2^-bits_over_unit with r in (1/2, 1] in Q0, where x > 0 has `integer_digits` bits in
// front of the binary point.
struct Reciprocal {
  int32_t q0;
  int bits_over_unit;
};
constexpr Reciprocal ReciprocalOf(int32_t x, int integer_digits) {
  const int headroom_plus_one = std::countl_zero(static_cast<uint32_t>(x));
  const uint32_t fraction =
      (headroom_plus_one < 32 ? static_cast<uint32_t>(x) << headroom_plus_one : 0u) -
      (uint32_t{1} << 31);
  return {OneOverOnePlusQ0(static_cast<int32_t>(fraction)), integer_digits - headroom_plus_one};
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_INTEGER_MATH_H_
