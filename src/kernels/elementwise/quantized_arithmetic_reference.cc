#include <algorithm>
#include <bit>
#include <cmath>

#include "src/kernels/elementwise/arithmetic.h"
#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/elementwise/quantization_math.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename F>
void Run(const BinaryOperands& o, const QuantizedArithmeticParams& p, F f) {
  BinaryLoop(o.plan, static_cast<const T*>(o.a), static_cast<const T*>(o.b), static_cast<T*>(o.out),
             [&](T a, T b) { return static_cast<T>(f(a - p.zero_point_a, b - p.zero_point_b)); });
}

// An input on the common scale of both.
int32_t Scaled(int32_t x, int left_shift, FixedPointMultiplier m) {
  return MultiplyByFixedPoint(static_cast<int32_t>(static_cast<uint32_t>(x) << left_shift), m);
}

int32_t Finish(int32_t x, const QuantizedArithmeticParams& p) {
  return OffsetAndClamp(MultiplyByFixedPoint(x, p.multiplier_out), p.zero_point_out, p.lo, p.hi);
}

int32_t Divide(int32_t a, int32_t b, const QuantizedArithmeticParams& p) {  // b != 0
  if (b < 0) {
    a = -a;
    b = -b;
  }
  const Reciprocal reciprocal = ReciprocalOf(b, 31);
  const uint32_t magnitude = static_cast<uint32_t>(a < 0 ? ~a : a);
  const int headroom = std::countl_zero(magnitude) - 1;  // a's redundant sign bits
  const int32_t quotient = SaturatingRoundingDoublingHighMul(
      static_cast<int32_t>(static_cast<uint32_t>(a) << headroom), reciprocal.q0);
  FixedPointMultiplier m = p.multiplier_out;
  m.shift = m.shift - reciprocal.bits_over_unit - headroom;
  if (m.shift >= -31)
    return OffsetAndClamp(MultiplyByFixedPoint(quotient, m), p.zero_point_out, p.lo, p.hi);
  // A quotient far below one step (a = 0 is the common case). The reference implementation then
  // shifts by more than the word has bits; what it gives on x86 and Arm, where counts are taken
  // modulo 32 and its rounding mask has all bits set, is what every model has been running with.
  const int32_t product = SaturatingRoundingDoublingHighMul(quotient, m.mantissa);
  const int32_t kept = product >> (-m.shift & 31);
  const int32_t rounding = product > (product < 0 ? 0 : -1) ? 1 : 0;
  return OffsetAndClamp(kept + rounding, p.zero_point_out, p.lo, p.hi);
}

template <typename T>
ArithmeticResult RunQuantized(ArithmeticOp op, const BinaryOperands& o,
                              const QuantizedArithmeticParams& p) {
  const auto scaled_a = [&](int32_t a) { return Scaled(a, p.left_shift, p.multiplier_a); };
  const auto scaled_b = [&](int32_t b) { return Scaled(b, p.left_shift, p.multiplier_b); };
  switch (op) {
    case ArithmeticOp::kAdd:
      Run<T>(o, p,
             [&](int32_t a, int32_t b) { return Finish(WrapAdd(scaled_a(a), scaled_b(b)), p); });
      break;
    case ArithmeticOp::kSub:
      Run<T>(o, p,
             [&](int32_t a, int32_t b) { return Finish(WrapSub(scaled_a(a), scaled_b(b)), p); });
      break;
    case ArithmeticOp::kMul:
      Run<T>(o, p, [&](int32_t a, int32_t b) { return Finish(WrapMul(a, b), p); });
      break;
    case ArithmeticOp::kDiv: {
      const T* b = static_cast<const T*>(o.b);
      if (std::any_of(b, b + o.b_size, [&](T x) { return x == p.zero_point_b; }))
        return ArithmeticResult::kDivisionByZero;
      Run<T>(o, p, [&](int32_t x, int32_t y) { return Divide(x, y, p); });
      break;
    }
    case ArithmeticOp::kSquaredDifference:
      Run<T>(o, p, [&](int32_t a, int32_t b) {
        const int32_t difference = WrapSub(scaled_a(a), scaled_b(b));
        return Finish(WrapMul(difference, difference), p);
      });
      break;
    default:
      break;
  }
  return ArithmeticResult::kOk;
}

void RunPowerOfTwo(ArithmeticOp op, const BinaryOperands& o, const QuantizedArithmeticParams& p) {
  const int32_t sign = op == ArithmeticOp::kSub ? -1 : 1;
  BinaryLoop(o.plan, static_cast<const int16_t*>(o.a), static_cast<const int16_t*>(o.b),
             static_cast<int16_t*>(o.out), [&](int16_t a, int16_t b) {
               const int32_t sum = RoundingDivideByPowerOfTwo(a, p.right_shift_a) +
                                   sign * RoundingDivideByPowerOfTwo(b, p.right_shift_b);
               return static_cast<int16_t>(std::min(p.hi, std::max(p.lo, sum)));
             });
}

}  // namespace

void SetQuantizedScales(ArithmeticOp op, DType type, float scale_a, float scale_b, float scale_out,
                        QuantizedArithmeticParams* params) {
  params->power_of_two = false;
  if (op == ArithmeticOp::kMul) {
    params->multiplier_out = ToFixedPoint(scale_a * scale_b / scale_out);
    return;
  }
  if (op == ArithmeticOp::kDiv) {
    params->multiplier_out = ToFixedPoint(scale_a / (scale_b * scale_out));
    return;
  }
  const double twice_max_scale = 2.0f * std::max(scale_a, scale_b);
  params->multiplier_a = ToFixedPoint(scale_a / twice_max_scale);
  params->multiplier_b = ToFixedPoint(scale_b / twice_max_scale);
  if (op == ArithmeticOp::kSquaredDifference) {
    params->left_shift = 7;
    params->multiplier_out =
        ToFixedPoint(twice_max_scale * twice_max_scale / (16384.0f * scale_out));
  } else {
    params->left_shift = type == DType::kInt16 ? 15 : 20;
    params->multiplier_out =
        ToFixedPoint(twice_max_scale / (static_cast<float>(1 << params->left_shift) * scale_out));
  }
}

bool SetPowerOfTwoScales(float scale_a, float scale_b, float scale_out,
                         QuantizedArithmeticParams* params, bool* representable) {
  int log2_a = 0, log2_b = 0, log2_out = 0;
  if (!IsPowerOfTwo(scale_a, &log2_a) || !IsPowerOfTwo(scale_b, &log2_b) ||
      !IsPowerOfTwo(scale_out, &log2_out))
    return false;
  params->power_of_two = true;
  params->right_shift_a = log2_out - log2_a;
  params->right_shift_b = log2_out - log2_b;
  *representable = params->right_shift_a >= 0 && params->right_shift_b >= 0 &&
                   (params->right_shift_a == 0 || params->right_shift_b == 0);
  params->right_shift_a = std::clamp(params->right_shift_a, 0, 31);
  params->right_shift_b = std::clamp(params->right_shift_b, 0, 31);
  return true;
}

ArithmeticResult ArithmeticQuantized(DType type, ArithmeticOp op, const BinaryOperands& o,
                                     const QuantizedArithmeticParams& p) {
  if (p.power_of_two) {
    RunPowerOfTwo(op, o, p);
    return ArithmeticResult::kOk;
  }
  switch (type) {
    case DType::kInt8:
      return RunQuantized<int8_t>(op, o, p);
    case DType::kUInt8:
      return RunQuantized<uint8_t>(op, o, p);
    case DType::kInt16:
      return RunQuantized<int16_t>(op, o, p);
    default:
      return ArithmeticResult::kOk;
  }
}

void MultiplyInt16To8(DType out_type, const BinaryOperands& o, int32_t zero_point, int32_t lo,
                      int32_t hi) {
  const auto product = [=](int16_t a, int16_t b) {
    // Q0.15 product, rounded; -1 * -1 saturates.
    const int32_t ab = int32_t{a} * b;
    const int32_t q15 = std::min((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15), 32767);
    const int32_t top = RoundingDivideByPowerOfTwo(q15, 8);
    return std::max(lo - zero_point, std::min(hi - zero_point, top)) + zero_point;
  };
  const int16_t* a = static_cast<const int16_t*>(o.a);
  const int16_t* b = static_cast<const int16_t*>(o.b);
  if (out_type == DType::kInt8) {
    BinaryLoop(o.plan, a, b, static_cast<int8_t*>(o.out),
               [&](int16_t x, int16_t y) { return static_cast<int8_t>(product(x, y)); });
  } else {
    BinaryLoop(o.plan, a, b, static_cast<uint8_t*>(o.out),
               [&](int16_t x, int16_t y) { return static_cast<uint8_t>(product(x, y)); });
  }
}

}  // namespace edgeml::kernels
