// Element-wise functions of one input. [n] → [n]; all may work in place.
#ifndef EDGEML_KERNELS_ELEMENTWISE_UNARY_H_
#define EDGEML_KERNELS_ELEMENTWISE_UNARY_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/lookup_table.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

enum class UnaryOp : uint8_t {
  kAbs,
  kCeil,
  kCos,
  kExp,
  kFloor,
  kLog,
  kNeg,
  kRound,  // half to even
  kRsqrt,
  kSign,  // NaN stays NaN
  kSin,
  kSqrt,
  kSquare,
};

// float32, any op; the library's functions, 1 ulp. IEEE rules outside of a function's domain.
void UnaryFloat(UnaryOp op, const float* in, int64_t n, float* out);

// float16 or bfloat16 through float32, any op; rounded once.
void UnaryHalf(DType type, UnaryOp op, const uint16_t* in, int64_t n, uint16_t* out);
// kSign of float64.
void SignDouble(const double* in, int64_t n, double* out);

// kAbs, kNeg, kSign of int8, int16, int32, int64; the minimum stays itself. Exact.
void UnaryInteger(DType type, UnaryOp op, const void* in, int64_t n, void* out);

// out[i] = !in[i], bytes 0 or 1.
void LogicalNot(const uint8_t* in, int64_t n, uint8_t* out);

struct QuantizedUnaryParams {
  AffineScale in, out;
  bool rescale = false;             // abs: the scales differ
  FixedPointMultiplier multiplier;  // abs: in/out; rsqrt: 1 / (sqrt(in) * out)
};

// |x|, int8 or int16. Exact.
void AbsQuantized(DType type, const void* in, int64_t n, const QuantizedUnaryParams& params,
                  void* out);
// sqrt in float32, truncated. False, with the rest unwritten, at the first negative input. int8 or
// int16.
bool SqrtQuantized(DType type, const void* in, int64_t n, const QuantizedUnaryParams& params,
                   void* out);
// 1/sqrt in fixed point, int8; 0 gives the maximum. False at the first negative input.
bool RsqrtInt8(const int8_t* in, int64_t n, const QuantizedUnaryParams& params, int8_t* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_UNARY_H_
