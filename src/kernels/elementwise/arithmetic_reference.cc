#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>

#include "src/kernels/elementwise/arithmetic.h"
#include "src/kernels/elementwise/integer_math.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

template <typename T>
T Clamp(T x, T lo, T hi) {
  return std::min(std::max(x, lo), hi);  // a NaN stays
}

template <typename T, typename F>
void Run(const BinaryOperands& o, F f) {
  BinaryLoop(o.plan, static_cast<const T*>(o.a), static_cast<const T*>(o.b), static_cast<T*>(o.out),
             f);
}

template <typename T>
bool HasZero(const BinaryOperands& o) {
  const T* b = static_cast<const T*>(o.b);
  return std::any_of(b, b + o.b_size, [](T x) { return x == T{0}; });
}

// x^exponent by squaring, exponent ≥ 1; `multiply` rounds, clamps or wraps.
template <typename T, typename Multiply>
T PowByMultiplying(T x, int32_t exponent, Multiply multiply) {
  T result = x;
  int bit = 30;
  while (((exponent >> bit) & 1) == 0) --bit;
  for (--bit; bit >= 0; --bit) {
    result = multiply(result, result);
    if (((exponent >> bit) & 1) != 0) result = multiply(x, result);
  }
  return result;
}

float FloatTimes(float a, float b) {
  constexpr float kMax = std::numeric_limits<float>::max();
  return Clamp(a * b, -kMax, kMax);
}

void PowFloat(const BinaryOperands& o) {
  if (o.b_size == 1 && !o.same_shape) {
    const float exponent = *static_cast<const float*>(o.b);
    const float rounded = std::round(exponent);
    if (rounded >= 1.0f && rounded < 2147483648.0f && std::abs(exponent - rounded) < 1e-5f) {
      const int32_t whole = static_cast<int32_t>(rounded);
      return Run<float>(o, [=](float a, float) { return PowByMultiplying(a, whole, FloatTimes); });
    }
  }
  Run<float>(o, [](float a, float b) { return std::pow(a, b); });
}

float FloorModFloat(float a, float b) {
  const float rest = std::fmod(a, b);
  return rest != 0.0f && (b < 0.0f) != (rest < 0.0f) ? rest + b : rest;
}

template <typename T>
ArithmeticResult PowInteger(const BinaryOperands& o) {
  const T* b = static_cast<const T*>(o.b);
  if (std::any_of(b, b + o.b_size, [](T x) { return x < T{0}; }))
    return ArithmeticResult::kNegativeExponent;
  if (o.b_size == 1 && !o.same_shape && *b >= 1 && *b <= std::numeric_limits<int32_t>::max()) {
    const int32_t whole = static_cast<int32_t>(*b);
    Run<T>(o, [=](T x, T) { return PowByMultiplying(x, whole, WrapMul<T>); });
  } else {
    Run<T>(o, [](T x, T e) {
      return static_cast<T>(
          TruncateToInt32(std::pow(static_cast<double>(x), static_cast<double>(e))));
    });
  }
  return ArithmeticResult::kOk;
}

template <typename T>
T Quotient(T a, T b) {  // b != 0
  if constexpr (std::is_signed_v<T>) {
    if (b == T{-1}) return WrapSub(T{0}, a);
  }
  return static_cast<T>(a / b);
}

template <typename T>
T FloorQuotient(T a, T b) {
  const T quotient = Quotient(a, b);
  if constexpr (std::is_signed_v<T>) {
    const bool inexact = b != T{-1} && a % b != 0;
    if (inexact && (a < 0) != (b < 0)) return static_cast<T>(quotient - 1);
  }
  return quotient;
}

template <typename T>
T FloorModInteger(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    if (b == T{-1}) return 0;
  }
  const T rest = static_cast<T>(a % b);
  return rest != 0 && (b < 0) != (rest < 0) ? WrapAdd(rest, b) : rest;
}

template <typename T>
ArithmeticResult RunInteger(ArithmeticOp op, const BinaryOperands& o, int64_t lo64, int64_t hi64) {
  const T lo = static_cast<T>(std::max<int64_t>(lo64, std::numeric_limits<T>::lowest()));
  const T hi =
      static_cast<T>(std::min<uint64_t>(static_cast<uint64_t>(std::max<int64_t>(hi64, 0)),
                                        static_cast<uint64_t>(std::numeric_limits<T>::max())));
  const bool divides =
      op == ArithmeticOp::kDiv || op == ArithmeticOp::kFloorDiv || op == ArithmeticOp::kFloorMod;
  if (divides && HasZero<T>(o)) return ArithmeticResult::kDivisionByZero;
  switch (op) {
    case ArithmeticOp::kAdd:
      Run<T>(o, [=](T a, T b) { return Clamp(WrapAdd(a, b), lo, hi); });
      break;
    case ArithmeticOp::kSub:
      Run<T>(o, [=](T a, T b) { return Clamp(WrapSub(a, b), lo, hi); });
      break;
    case ArithmeticOp::kMul:
      Run<T>(o, [=](T a, T b) { return Clamp(WrapMul(a, b), lo, hi); });
      break;
    case ArithmeticOp::kDiv:
      Run<T>(o, [=](T a, T b) { return Clamp(Quotient(a, b), lo, hi); });
      break;
    case ArithmeticOp::kFloorDiv:
      Run<T>(o, FloorQuotient<T>);
      break;
    case ArithmeticOp::kFloorMod:
      Run<T>(o, FloorModInteger<T>);
      break;
    case ArithmeticOp::kPow:
      return PowInteger<T>(o);
    case ArithmeticOp::kMaximum:
      Run<T>(o, [](T a, T b) { return a > b ? a : b; });
      break;
    case ArithmeticOp::kMinimum:
      Run<T>(o, [](T a, T b) { return a < b ? a : b; });
      break;
    case ArithmeticOp::kSquaredDifference:
      Run<T>(o, [](T a, T b) { return WrapMul(WrapSub(a, b), WrapSub(a, b)); });
      break;
  }
  return ArithmeticResult::kOk;
}

template <typename T>
void SumAll(const void* const* inputs, int64_t count, int64_t n, T* out) {
  for (int64_t i = 0; i < n; ++i) {
    T sum = static_cast<const T*>(inputs[0])[i];
    for (int64_t k = 1; k < count; ++k) {
      const T term = static_cast<const T*>(inputs[k])[i];
      if constexpr (std::is_integral_v<T>) {
        sum = WrapAdd(sum, term);
      } else {
        sum += term;
      }
    }
    out[i] = sum;
  }
}

}  // namespace

ArithmeticResult ArithmeticFloat(ArithmeticOp op, const BinaryOperands& o, float lo, float hi) {
  switch (op) {
    case ArithmeticOp::kAdd:
      Run<float>(o, [=](float a, float b) { return Clamp(a + b, lo, hi); });
      break;
    case ArithmeticOp::kSub:
      Run<float>(o, [=](float a, float b) { return Clamp(a - b, lo, hi); });
      break;
    case ArithmeticOp::kMul:
      Run<float>(o, [=](float a, float b) { return Clamp(a * b, lo, hi); });
      break;
    case ArithmeticOp::kDiv:
      Run<float>(o, [=](float a, float b) { return Clamp(a / b, lo, hi); });
      break;
    case ArithmeticOp::kFloorDiv:
      if (HasZero<float>(o)) return ArithmeticResult::kDivisionByZero;
      Run<float>(o, [](float a, float b) {
        return static_cast<float>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
      });
      break;
    case ArithmeticOp::kFloorMod:
      Run<float>(o, FloorModFloat);
      break;
    case ArithmeticOp::kPow:
      PowFloat(o);
      break;
    case ArithmeticOp::kMaximum:
      Run<float>(o, [](float a, float b) { return a > b ? a : b; });
      break;
    case ArithmeticOp::kMinimum:
      Run<float>(o, [](float a, float b) { return a < b ? a : b; });
      break;
    case ArithmeticOp::kSquaredDifference:
      Run<float>(o, [](float a, float b) { return (a - b) * (a - b); });
      break;
  }
  return ArithmeticResult::kOk;
}

void ArithmeticHalf(DType type, ArithmeticOp op, const BinaryOperands& o, float lo, float hi) {
  const bool half = type == DType::kFloat16;
  if (!half && type != DType::kBFloat16) return;
  const auto bounded = [=](float x) { return Clamp(x, lo, hi); };
  const auto larger = [](float a, float b) { return a > b ? a : b; };
  const auto smaller = [](float a, float b) { return a < b ? a : b; };
  switch (op) {
    case ArithmeticOp::kAdd:
      if (half) Run<Half>(o, [=](float a, float b) { return bounded(a + b); });
      break;
    case ArithmeticOp::kMul:
      if (half) Run<Half>(o, [=](float a, float b) { return bounded(a * b); });
      break;
    case ArithmeticOp::kMaximum:
      half ? Run<Half>(o, larger) : Run<BFloat16>(o, larger);
      break;
    case ArithmeticOp::kMinimum:
      half ? Run<Half>(o, smaller) : Run<BFloat16>(o, smaller);
      break;
    default:
      break;
  }
}

void MultiplyComplex(const BinaryOperands& o) {
  using Number = std::complex<float>;
  Run<Number>(o, [](Number a, Number b) { return a * b; });
}

ArithmeticResult ArithmeticInteger(DType type, ArithmeticOp op, const BinaryOperands& o, int64_t lo,
                                   int64_t hi) {
  switch (type) {
    case DType::kInt8:
      return RunInteger<int8_t>(op, o, lo, hi);
    case DType::kUInt8:
      return RunInteger<uint8_t>(op, o, lo, hi);
    case DType::kInt16:
      return RunInteger<int16_t>(op, o, lo, hi);
    case DType::kInt32:
      return RunInteger<int32_t>(op, o, lo, hi);
    case DType::kUInt32:
      return RunInteger<uint32_t>(op, o, lo, hi);
    case DType::kInt64:
      return RunInteger<int64_t>(op, o, lo, hi);
    default:
      return ArithmeticResult::kOk;
  }
}

void AddN(DType type, const void* const* inputs, int64_t count, int64_t n, void* out) {
  if (type == DType::kFloat32) SumAll(inputs, count, n, static_cast<float*>(out));
  if (type == DType::kInt32) SumAll(inputs, count, n, static_cast<int32_t*>(out));
}

}  // namespace edgeml::kernels
