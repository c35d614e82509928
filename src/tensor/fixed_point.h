// Fixed-point multipliers of the TFLite quantization specification, with its default "double
// rounding" (gemmlowp's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT).
// Freestanding: no allocation, no library calls beyond frexp/round in the set-up functions.
#ifndef EDGEML_TENSOR_FIXED_POINT_H_
#define EDGEML_TENSOR_FIXED_POINT_H_

#include <cmath>
#include <cstdint>
#include <limits>

namespace edgeml {

// value ≈ mantissa * 2^(shift - 31), mantissa in [2^30, 2^31) or 0.
struct FixedPointMultiplier {
  int32_t mantissa = 0;
  int shift = 0;
};

// Splits a non-negative real multiplier. Values below 2^-32 flush to zero; values too large for the
// format saturate (shift 30, mantissa max), as the specification's implementation does.
inline FixedPointMultiplier ToFixedPoint(double real_multiplier) {
  FixedPointMultiplier m;
  if (!(real_multiplier > 0.0)) return m;
  if (real_multiplier >= 1073741824.0) return {std::numeric_limits<int32_t>::max(), 30};
  int exponent = 0;
  const double fraction = std::frexp(real_multiplier, &exponent);
  int64_t q = static_cast<int64_t>(std::round(fraction * 2147483648.0));
  if (q == (int64_t{1} << 31)) {
    q /= 2;
    ++exponent;
  }
  if (exponent < -31) return m;  // flush to zero
  if (exponent > 30) {
    exponent = 30;
    q = (int64_t{1} << 31) - 1;
  }
  m.mantissa = static_cast<int32_t>(q);
  m.shift = exponent;
  return m;
}

// round(a * b / 2^31), ties away from zero; saturates the one overflow (both INT32_MIN).
constexpr int32_t SaturatingRoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min())
    return std::numeric_limits<int32_t>::max();
  const int64_t ab = static_cast<int64_t>(a) * b;
  const int64_t nudge = ab >= 0 ? (int64_t{1} << 30) : 1 - (int64_t{1} << 30);
  return static_cast<int32_t>((ab + nudge) / (int64_t{1} << 31));
}

// x / 2^exponent rounded to nearest, ties away from zero. exponent in [0, 31].
constexpr int32_t RoundingDivideByPowerOfTwo(int32_t x, int exponent) {
  const int32_t mask = static_cast<int32_t>((int64_t{1} << exponent) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// x * m, double rounding. The left shift wraps as two's complement does.
constexpr int32_t MultiplyByFixedPoint(int32_t x, FixedPointMultiplier m) {
  const int left = m.shift > 0 ? m.shift : 0;
  const int right = m.shift > 0 ? 0 : -m.shift;
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << left);
  return RoundingDivideByPowerOfTwo(SaturatingRoundingDoublingHighMul(shifted, m.mantissa), right);
}

// 64-bit accumulator (int16 activations): the mantissa is reduced to 16 bits and one rounding is
// done. |x| < 2^47 and m.shift in [-31, 8); outside of it the result wraps, without undefined
// behaviour.
constexpr int32_t MultiplyByFixedPoint(int64_t x, FixedPointMultiplier m) {
  const int32_t reduced = m.mantissa < 0x7FFF0000 ? (m.mantissa + (1 << 15)) >> 16 : 0x7FFF;
  const int total_shift = m.shift < 15 ? 15 - m.shift : 1;
  const uint64_t product = static_cast<uint64_t>(x) * static_cast<uint64_t>(int64_t{reduced});
  const uint64_t rounded = product + (uint64_t{1} << (total_shift - 1));
  return static_cast<int32_t>(static_cast<int64_t>(rounded) >> total_shift);
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_FIXED_POINT_H_
