// Conversions between float32 and the 16-bit floating point formats, in integer arithmetic: the
// same bits on every machine. Freestanding.
#ifndef EDGEML_TENSOR_HALF_H_
#define EDGEML_TENSOR_HALF_H_

#include <bit>
#include <cstdint>

namespace edgeml {

// The value of an IEEE binary16, exact. NaNs keep their payload's upper bits and become quiet.
constexpr float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0x1F) {
    const uint32_t quiet = fraction != 0 ? 0x400000u : 0u;
    return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13) | quiet);
  }
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

// The nearest binary16, ties to even; overflow gives infinity, every NaN the quiet one 0x7E00 with
// its sign.
constexpr uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);  // rounds past 65504
  if (magnitude < 0x33000001u) return static_cast<uint16_t>(sign);  // at most half of 2^-24
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
  const int drop = exponent < -14 ? -exponent - 1 : 13;  // bits that do not fit
  const uint32_t rounded_down = significand >> drop;
  const uint32_t rest = significand & ((1u << drop) - 1);
  const uint32_t half_way = 1u << (drop - 1);
  const uint32_t up = rest > half_way || (rest == half_way && (rounded_down & 1u) != 0) ? 1u : 0u;
  // A carry out of the fraction runs into the exponent field, as it should.
  const uint32_t base = exponent < -14 ? 0u : static_cast<uint32_t>(exponent + 14) << 10;
  return static_cast<uint16_t>(sign | (base + rounded_down + up));
}

constexpr float BFloat16ToFloat(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

// The nearest bfloat16, ties to even; every NaN the quiet one 0x7FC0 with its sign.
constexpr uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
    return static_cast<uint16_t>(((bits >> 16) & 0x8000u) | 0x7FC0u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

// Elements of the two formats that compute as the float32 they stand for: a read is exact, a write
// rounds.
struct Half {
  uint16_t bits = 0;
  constexpr Half() = default;
  constexpr Half(float value) : bits(FloatToHalf(value)) {}
  constexpr operator float() const { return HalfToFloat(bits); }
};
struct BFloat16 {
  uint16_t bits = 0;
  constexpr BFloat16() = default;
  constexpr BFloat16(float value) : bits(FloatToBFloat16(value)) {}
  constexpr operator float() const { return BFloat16ToFloat(bits); }
};
static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2);
inline constexpr float kHalfMax = 65504.0f;  // the largest finite one

}  // namespace edgeml

#endif  // EDGEML_TENSOR_HALF_H_
