// tanh and the logistic function on 16-bit fixed-point numbers, as the integer LSTM of the TFLite
// quantization scheme needs them: gemmlowp's algorithms (Newton-Raphson division, exp by a Taylor
// polynomial around -1/8 and a table of powers), with its roundings, so that results equal LiteRT's
// bit for bit. Freestanding.
//
// A number with m integer bits stands for raw * 2^(m - 15).
#ifndef EDGEML_KERNELS_RECURRENT_FIXED_POINT_16_H_
#define EDGEML_KERNELS_RECURRENT_FIXED_POINT_16_H_

#include <cstdint>

namespace edgeml::kernels {

// tanh(x), x with `integer_bits` in [0, 6]; the result has no integer bits. Within 12.5 * 2^-15.
int16_t TanhInt16(int16_t x, int integer_bits);

// 1 / (1 + exp(-x)), x with 3 integer bits; the result has no integer bits. Within 12.5 * 2^-15.
int16_t LogisticInt16(int16_t x);

// a * b / 2^15 rounded to nearest, ties away from zero; saturates the one overflow.
constexpr int16_t MultiplyInt16(int16_t a, int16_t b) {
  if (a == b && a == INT16_MIN) return INT16_MAX;
  const int32_t product = int32_t{a} * b;
  return static_cast<int16_t>((product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

// x * 2^exponent: saturating to the left, rounding (ties away from zero) to the right.
// exponent in [-15, 15].
constexpr int16_t RescaleInt16(int16_t x, int exponent) {
  if (exponent >= 0) {
    const int32_t threshold = (1 << (15 - exponent)) - 1;
    if (x > threshold) return INT16_MAX;
    if (x < -threshold) return INT16_MIN;
    return static_cast<int16_t>(x * (1 << exponent));
  }
  const int right = -exponent;
  const int32_t mask = (1 << right) - 1;
  const int32_t remainder = x & mask;
  const int32_t half = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int16_t>((x >> right) + (remainder > half ? 1 : 0));
}

constexpr int16_t SaturatingAddInt16(int16_t a, int16_t b) {
  const int32_t sum = int32_t{a} + b;
  return static_cast<int16_t>(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RECURRENT_FIXED_POINT_16_H_
