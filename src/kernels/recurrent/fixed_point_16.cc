#include "src/kernels/recurrent/fixed_point_16.h"

namespace edgeml::kernels {
namespace {

constexpr int16_t kOne0 = INT16_MAX;  // 1 with no integer bits, as near as it goes
constexpr int16_t kOne2 = 1 << 13;    // 1 with 2 integer bits

// The upper half of a 32-bit fixed-point constant, rounded.
constexpr int16_t Upper(int32_t constant) {
  const int32_t remainder = constant & 0xFFFF;
  const int32_t half = 0x7FFF + (constant < 0 ? 1 : 0);
  return static_cast<int16_t>((constant >> 16) + (remainder > half ? 1 : 0));
}

// Sums of 16-bit numbers wrap.
constexpr int16_t Wrap(int32_t x) { return static_cast<int16_t>(x); }

// exp(x) for x in [-1/4, 0), no integer bits on both sides.
int16_t ExpNearZero(int16_t a) {
  constexpr int16_t kExpMinusEighth = Upper(1895147668);
  constexpr int16_t kThird = Upper(715827883);
  const int16_t x = Wrap(a + (1 << 12));  // around -1/8
  const int16_t x2 = MultiplyInt16(x, x);
  const int16_t x3 = MultiplyInt16(x2, x);
  const int16_t x4 = MultiplyInt16(x2, x2);
  const int16_t cubic = MultiplyInt16(Wrap(RescaleInt16(x4, -2) + x3), kThird);
  const int16_t tail = RescaleInt16(Wrap(cubic + x2), -1);
  return SaturatingAddInt16(kExpMinusEighth, MultiplyInt16(kExpMinusEighth, Wrap(x + tail)));
}

// exp(x) for x <= 0 with `integer_bits` in [1, 7]; the result has no integer bits.
int16_t ExpOfNegative(int16_t x, int integer_bits) {
  const int fraction_bits = 15 - integer_bits;
  const auto quarter = static_cast<int16_t>(1 << (fraction_bits - 2));
  const int16_t within = Wrap((x & (quarter - 1)) - quarter);  // in [-1/4, 0)
  int16_t result = ExpNearZero(RescaleInt16(within, integer_bits));
  const int16_t remainder = Wrap(within - x);  // a multiple of 1/4
  constexpr int32_t kExpOfMinusPowers[] = {1672461947, 1302514674, 790015084, 290630308,
                                           39332535,   720401,     242};  // of 2^-2 … 2^4
  for (int i = 0; i < 7; ++i) {
    const int exponent = i - 2;
    if (integer_bits <= exponent) break;
    if ((remainder & (1 << (fraction_bits + exponent))) != 0)
      result = MultiplyInt16(result, Upper(kExpOfMinusPowers[i]));
  }
  if (integer_bits > 5) {
    const int16_t clamp = Upper(-(1 << (36 - integer_bits)));  // -32
    if (x < clamp) result = 0;
  }
  return x == 0 ? kOne0 : result;
}

// 2 / (1 + a) for a in [0, 1], with 2 integer bits.
int16_t TwoOverOnePlus(int16_t a) {
  constexpr int16_t k48Over17 = Upper(1515870810);
  constexpr int16_t kMinus32Over17 = Upper(-1010580540);
  // (a + 1) / 2; the sum is positive.
  const auto half_denominator = static_cast<int16_t>((int32_t{a} + kOne0 + 1) / 2);
  int16_t x = Wrap(k48Over17 + MultiplyInt16(half_denominator, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const int16_t error = Wrap(kOne2 - MultiplyInt16(half_denominator, x));
    x = Wrap(x + RescaleInt16(MultiplyInt16(x, error), 2));
  }
  return x;
}

}  // namespace

int16_t TanhInt16(int16_t x, int integer_bits) {
  if (x == 0) return 0;
  const int16_t negative = x < 0 ? x : Wrap(-x);
  // -tanh(x) = 2 / (1 + exp(2x)) - 1 for x < 0; doubling x is one more integer bit.
  const int16_t t =
      RescaleInt16(Wrap(TwoOverOnePlus(ExpOfNegative(negative, integer_bits + 1)) - kOne2), 2);
  return x < 0 ? Wrap(-t) : t;
}

int16_t LogisticInt16(int16_t x) {
  if (x == 0) return 1 << 14;
  const int16_t negative = x > 0 ? Wrap(-x) : x;
  // Half of it: one integer bit less.
  const int16_t positive = RescaleInt16(TwoOverOnePlus(ExpOfNegative(negative, 3)), 1);
  return x > 0 ? positive : Wrap(kOne0 - positive);
}

}  // namespace edgeml::kernels
