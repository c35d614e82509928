// Arguments of the vector pools: PODs that cross into sources compiled per SIMD level. See
// vector_pool.h.
#ifndef EDGEML_KERNELS_POOLING_VECTOR_POOL_ARGS_H_
#define EDGEML_KERNELS_POOLING_VECTOR_POOL_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

enum class PoolElement : int32_t { kFloat, kInt8, kUInt8 };

struct VectorPoolArgs {
  PoolElement element = PoolElement::kFloat;
  bool is_max = false;
  int32_t in_h = 1, in_w = 1, out_h = 1, out_w = 1, channels = 1;
  int32_t filter_h = 1, filter_w = 1, stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0;
  float float_lo = 0, float_hi = 0;
  int32_t lo = 0, hi = 0;
};

struct VectorPoolKernels {
  // Output rows [begin, end) of batch * out_h.
  void (*pool)(const VectorPoolArgs& args, const void* input, void* output, int64_t begin,
               int64_t end);
  // sums[c] = sum over p of input[p, c], pixels * 255 < 2^31.
  void (*column_sums)(const void* input, bool is_unsigned, int64_t pixels, int64_t channels,
                      int32_t* sums);
  // means[c] = (sum over p of input[p, c], in order) / pixels.
  void (*column_means)(const float* input, int64_t pixels, int64_t channels, float* means);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_POOLING_VECTOR_POOL_ARGS_H_
