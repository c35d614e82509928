// float32 kernels on elements of 16-bit floating point, block by block.
#ifndef EDGEML_KERNELS_ELEMENTWISE_THROUGH_FLOAT_H_
#define EDGEML_KERNELS_ELEMENTWISE_THROUGH_FLOAT_H_

#include <algorithm>
#include <cstdint>

#include "edgeml/dtype.h"
#include "src/base/function_ref.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {

// [n] → [n] of float16 or bfloat16: `apply(block, size)` maps float32 values in place; the results
// are rounded once. `out` may be `in`.
inline void ThroughFloat(DType type, const uint16_t* in, int64_t n, uint16_t* out,
                         FunctionRef<void(float* block, int64_t size)> apply) {
  constexpr int64_t kBlock = 256;
  const bool half = type == DType::kFloat16;
  float block[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = std::min(kBlock, n - begin);
    for (int64_t i = 0; i < size; ++i)
      block[i] = half ? HalfToFloat(in[begin + i]) : BFloat16ToFloat(in[begin + i]);
    apply(block, size);
    for (int64_t i = 0; i < size; ++i)
      out[begin + i] = half ? FloatToHalf(block[i]) : FloatToBFloat16(block[i]);
  }
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_THROUGH_FLOAT_H_
