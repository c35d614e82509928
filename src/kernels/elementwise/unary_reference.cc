#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/elementwise/through_float.h"
#include "src/kernels/elementwise/unary.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename F>
void Map(const void* in, int64_t n, void* out, F f) {
  const T* from = static_cast<const T*>(in);
  T* to = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = f(from[i]);
}

float RoundHalfToEven(float x) {
  const float below = std::floor(x);
  const float rest = x - below;
  if (rest < 0.5f || (rest == 0.5f && std::fmod(below, 2.0f) == 0.0f)) return below;
  return below + 1.0f;
}

template <typename T>
T Sign(T x) {
  if (std::isnan(x)) return x;
  return static_cast<T>((x > 0) - (x < 0));
}

template <typename T>
void MapInteger(UnaryOp op, const void* in, int64_t n, void* out) {
  switch (op) {
    case UnaryOp::kAbs:
      return Map<T>(in, n, out, [](T x) { return x < 0 ? WrapSub(T{0}, x) : x; });
    case UnaryOp::kNeg:
      return Map<T>(in, n, out, [](T x) { return WrapSub(T{0}, x); });
    case UnaryOp::kSign:
      return Map<T>(in, n, out, [](T x) { return static_cast<T>((x > 0) - (x < 0)); });
    default:
      return;
  }
}

template <typename T>
void AbsTyped(const void* in, int64_t n, const QuantizedUnaryParams& p, void* out) {
  constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
  Map<T>(in, n, out, [&](T x) {
    int32_t value = std::abs(x - p.in.zero_point);
    if (p.rescale) value = MultiplyByFixedPoint(value, p.multiplier);
    return static_cast<T>(OffsetAndClamp(value, p.out.zero_point, kLo, kHi));
  });
}

template <typename T>
bool SqrtTyped(const void* in, int64_t n, const QuantizedUnaryParams& p, void* out) {
  constexpr int32_t kLo = std::numeric_limits<T>::min(), kHi = std::numeric_limits<T>::max();
  const T* from = static_cast<const T*>(in);
  T* to = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const float real = p.in.scale * static_cast<float>(from[i] - p.in.zero_point);
    if (!(real >= 0.0f)) return false;
    const int32_t steps = TruncateToInt32(std::sqrt(real) / p.out.scale);
    to[i] = static_cast<T>(OffsetAndClamp(steps, p.out.zero_point, kLo, kHi));
  }
  return true;
}

// 1 / sqrt(x) for x > 0: Newton-Raphson in Q3 on x scaled into [1/2, 2) by an even power of two.
FixedPointMultiplier InverseSqrt(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  int right_shift = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++right_shift;
  }
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  right_shift -= pairs;
  x <<= 2 * pairs;
  constexpr int32_t kThreeHalvesQ3 = (1 << 28) + (1 << 27), kSqrtHalfQ0 = 1518500250;
  const int32_t half_x_q3 = ShiftQ(x >> 1, -1);
  int32_t y = 1 << 28;  // 1 in Q3
  for (int step = 0; step < 5; ++step) {
    const int32_t cube_q3 = ShiftQ(MulQ(MulQ(y, y), y), 6);                     // Q9 → Q3
    y = ShiftQ(WrapSub(MulQ(kThreeHalvesQ3, y), MulQ(half_x_q3, cube_q3)), 3);  // Q6 → Q3
  }
  y = MulQ(y, kSqrtHalfQ0);
  if (right_shift < 0) {
    y = static_cast<int32_t>(static_cast<uint32_t>(y) << -right_shift);
    right_shift = 0;
  }
  return {y, -right_shift};
}

}  // namespace

void UnaryFloat(UnaryOp op, const float* in, int64_t n, float* out) {
  switch (op) {
    case UnaryOp::kAbs:
      return Map<float>(in, n, out, [](float x) { return std::abs(x); });
    case UnaryOp::kCeil:
      return Map<float>(in, n, out, [](float x) { return std::ceil(x); });
    case UnaryOp::kCos:
      return Map<float>(in, n, out, [](float x) { return std::cos(x); });
    case UnaryOp::kExp:
      return Map<float>(in, n, out, [](float x) { return std::exp(x); });
    case UnaryOp::kFloor:
      return Map<float>(in, n, out, [](float x) { return std::floor(x); });
    case UnaryOp::kLog:
      return Map<float>(in, n, out, [](float x) { return std::log(x); });
    case UnaryOp::kNeg:
      return Map<float>(in, n, out, [](float x) { return -x; });
    case UnaryOp::kRound:
      return Map<float>(in, n, out, RoundHalfToEven);
    case UnaryOp::kRsqrt:
      return Map<float>(in, n, out, [](float x) { return 1.0f / std::sqrt(x); });
    case UnaryOp::kSign:
      return Map<float>(in, n, out, Sign<float>);
    case UnaryOp::kSin:
      return Map<float>(in, n, out, [](float x) { return std::sin(x); });
    case UnaryOp::kSqrt:
      return Map<float>(in, n, out, [](float x) { return std::sqrt(x); });
    case UnaryOp::kSquare:
      return Map<float>(in, n, out, [](float x) { return x * x; });
  }
}

void UnaryHalf(DType type, UnaryOp op, const uint16_t* in, int64_t n, uint16_t* out) {
  ThroughFloat(type, in, n, out,
               [op](float* block, int64_t size) { UnaryFloat(op, block, size, block); });
}

void SignDouble(const double* in, int64_t n, double* out) { Map<double>(in, n, out, Sign<double>); }

void UnaryInteger(DType type, UnaryOp op, const void* in, int64_t n, void* out) {
  switch (type) {
    case DType::kInt8:
      return MapInteger<int8_t>(op, in, n, out);
    case DType::kInt16:
      return MapInteger<int16_t>(op, in, n, out);
    case DType::kInt32:
      return MapInteger<int32_t>(op, in, n, out);
    case DType::kInt64:
      return MapInteger<int64_t>(op, in, n, out);
    default:
      return;
  }
}

void LogicalNot(const uint8_t* in, int64_t n, uint8_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i] == 0;
}

void AbsQuantized(DType type, const void* in, int64_t n, const QuantizedUnaryParams& p, void* out) {
  if (type == DType::kInt8) return AbsTyped<int8_t>(in, n, p, out);
  if (type == DType::kInt16) return AbsTyped<int16_t>(in, n, p, out);
}

bool SqrtQuantized(DType type, const void* in, int64_t n, const QuantizedUnaryParams& p,
                   void* out) {
  return type == DType::kInt8 ? SqrtTyped<int8_t>(in, n, p, out)
                              : SqrtTyped<int16_t>(in, n, p, out);
}

bool RsqrtInt8(const int8_t* in, int64_t n, const QuantizedUnaryParams& p, int8_t* out) {
  constexpr int kHeadroom = 20;  // keeps the small intermediate an integer
  FixedPointMultiplier last = p.multiplier;
  last.shift = std::max(last.shift - kHeadroom, -31);
  for (int64_t i = 0; i < n; ++i) {
    const int32_t value = in[i] - p.in.zero_point;
    if (value < 0) return false;
    if (value == 0) {
      out[i] = 127;
      continue;
    }
    FixedPointMultiplier inverse = InverseSqrt(value);
    inverse.shift += kHeadroom;
    const int32_t scaled = MultiplyByFixedPoint(int32_t{1}, inverse);
    out[i] = static_cast<int8_t>(
        OffsetAndClamp(MultiplyByFixedPoint(scaled, last), p.out.zero_point, -128, 127));
  }
  return true;
}

}  // namespace edgeml::kernels
