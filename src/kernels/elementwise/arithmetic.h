// Binary arithmetic with broadcasting. Source of the semantics: LiteRT's reference kernels.
#ifndef EDGEML_KERNELS_ELEMENTWISE_ARITHMETIC_H_
#define EDGEML_KERNELS_ELEMENTWISE_ARITHMETIC_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/broadcast.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

enum class ArithmeticOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kFloorMod,
  kPow,
  kMaximum,
  kMinimum,
  kSquaredDifference,
};

enum class ArithmeticResult : uint8_t { kOk, kDivisionByZero, kNegativeExponent };

struct BinaryOperands {
  BroadcastPlan plan;
  const void* a = nullptr;
  const void* b = nullptr;
  void* out = nullptr;
  int64_t b_size = 0;       // elements of b
  bool same_shape = false;  // a and b have equal shapes
};

// [a], [b] → [broadcast], float32; add, sub, mul and div are clamped to [lo, hi]. Division by zero
// is IEEE's for kDiv and kFloorMod; kFloorDiv fails on any zero in b. kPow with a single exponent
// that is within 1e-5 of a whole number ≥ 1, and shapes that differ, multiplies repeatedly instead
// of calling pow. Exact but for kPow: 2 ulp.
ArithmeticResult ArithmeticFloat(ArithmeticOp op, const BinaryOperands& operands, float lo,
                                 float hi);

// Add, mul (float16 only), maximum and minimum of float16 or bfloat16: computed in float32,
// clamped, rounded once. Does nothing for another type or operator. Exact.
void ArithmeticHalf(DType type, ArithmeticOp op, const BinaryOperands& operands, float lo,
                    float hi);
// Products of complex64 numbers, in float32 as C++ multiplies complex numbers (infinite where a
// factor is infinite and the other is not zero). Equal to LiteRT's kernel.
void MultiplyComplex(const BinaryOperands& operands);

// The same for int8, uint8, int16, int32, uint32 and int64; results wrap, then add, sub, mul and
// div are clamped to [lo, hi]. Division truncates; any zero in b fails before anything is written.
// kPow goes through double (out of range: the type's minimum in 32 bits) and fails on a negative
// exponent. Exact. Does nothing for another type.
ArithmeticResult ArithmeticInteger(DType type, ArithmeticOp op, const BinaryOperands& operands,
                                   int64_t lo, int64_t hi);

// Parameters of quantized arithmetic (int8, uint8, int16).
struct QuantizedArithmeticParams {
  int32_t zero_point_a = 0, zero_point_b = 0, zero_point_out = 0;
  int left_shift = 0;  // headroom that inputs are scaled up by before they are rescaled
  FixedPointMultiplier multiplier_a, multiplier_b, multiplier_out;
  int32_t lo = 0, hi = 0;  // stored range of the output, activation included
  // Power-of-two form (int16 add and sub): right shifts of the inputs, nothing else counts but lo,
  // hi.
  bool power_of_two = false;
  int right_shift_a = 0, right_shift_b = 0;
};

// Fills the multipliers of `op` (add, sub, mul, div, squared difference) from the three scales,
// each > 0 and finite, as the quantization specification's implementation computes them. `type`
// chooses the headroom. Zero points and the range are left alone.
void SetQuantizedScales(ArithmeticOp op, DType type, float scale_a, float scale_b, float scale_out,
                        QuantizedArithmeticParams* params);

// Tries the power-of-two form of int16 add and sub: false when a scale is no power of two (then the
// general form applies). When true, *representable tells whether at most one input must be shifted,
// to the right.
bool SetPowerOfTwoScales(float scale_a, float scale_b, float scale_out,
                         QuantizedArithmeticParams* params, bool* representable);

// [a], [b] → [broadcast] in int8, uint8 or int16 with zero points within the type (0 for int16).
// kDiv fails when b holds its zero point. Exact.
ArithmeticResult ArithmeticQuantized(DType type, ArithmeticOp op, const BinaryOperands& operands,
                                     const QuantizedArithmeticParams& params);

// int16 * int16 in Q0.15 → int8 or uint8 with a zero point and range: the top 8 bits of the
// product. `out_type` is kInt8 or kUInt8.
void MultiplyInt16To8(DType out_type, const BinaryOperands& operands, int32_t zero_point,
                      int32_t lo, int32_t hi);

// out[i] = sum over k of in[k][i], in the order of k; float32 or int32 (wrapping). count ≥ 1.
void AddN(DType type, const void* const* inputs, int64_t count, int64_t n, void* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_ARITHMETIC_H_
