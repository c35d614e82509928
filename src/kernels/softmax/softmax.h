// Softmax and log-softmax over the innermost dimension: [rows, depth] → [rows, depth].
#ifndef EDGEML_KERNELS_SOFTMAX_SOFTMAX_H_
#define EDGEML_KERNELS_SOFTMAX_SOFTMAX_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/lookup_table.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// float32. e^(beta (x - max)) / sum, summed in order. In place allowed.
void SoftmaxFloat(const float* in, int64_t rows, int64_t depth, float beta, float* out);
// float16: e^x is summed in float32 and stored in float16 before it is divided. In place allowed.
void SoftmaxHalf(const uint16_t* in, int64_t rows, int64_t depth, float beta, uint16_t* out);
// x - max - log(sum e^(x - max)). In place allowed.
void LogSoftmaxFloat(const float* in, int64_t rows, int64_t depth, float* out);

// 8-bit input: differences to the row's maximum in Q5, e^x in Q0, the sum in Q12, where it
// saturates at 4096 (so many elements are equal at least).
struct Softmax8Params {
  int32_t mantissa = 0;          // difference → Q5
  int shift = 0;                 // in [-31, 31]
  int32_t diff_min = 0;          // differences below it count as e^x = 0
  FixedPointMultiplier reverse;  // log-softmax: Q5 → difference
};
// REQUIRES: scale * beta > 0 and finite.
Softmax8Params MakeSoftmax8Params(float scale, float beta);
// `in` int8 or uint8; `out` of the same type, or int16. The output's scale is 2^-8 or 2^-16 and its
// zero point the type's minimum. In place allowed when the types are equal. Exact.
void Softmax8(DType in_type, const void* in, DType out_type, int64_t rows, int64_t depth,
              const Softmax8Params& params, void* out);
// int8 or uint8 → the same, scale 1/16, zero point the type's maximum. In place allowed. Exact.
void LogSoftmax8(DType type, const void* in, int64_t rows, int64_t depth,
                 const Softmax8Params& params, void* out);

// int16 → int16 in Q0.15, by tables of e^x and 1/(1 + x).
struct Softmax16Params {
  FixedPointMultiplier multiplier;  // difference → steps of 10/65535
  Int16Table exp, one_over_one_plus;
};
void MakeSoftmax16Params(float scale, float beta, Softmax16Params* params);
void Softmax16(const int16_t* in, int64_t rows, int64_t depth, const Softmax16Params& params,
               int16_t* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SOFTMAX_SOFTMAX_H_
