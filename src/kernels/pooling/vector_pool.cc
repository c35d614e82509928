#include "src/kernels/pooling/vector_pool.h"

#include "src/kernels/simd/level.h"

namespace edgeml::kernels {

EDGEML_DECLARE_WIDE_SIMD_TABLE(VectorPoolKernels, kVectorPool)

const VectorPoolKernels* VectorPoolFor([[maybe_unused]] SimdLevel level) {
  return EDGEML_WIDE_SIMD_TABLE(kVectorPool, level);
}

VectorPoolArgs PoolArgsOf(const PoolShape& s) {
  VectorPoolArgs a;
  a.in_h = s.in_h;
  a.in_w = s.in_w;
  a.out_h = s.out_h;
  a.out_w = s.out_w;
  a.channels = s.channels;
  a.filter_h = s.filter_h;
  a.filter_w = s.filter_w;
  a.stride_h = s.stride_h;
  a.stride_w = s.stride_w;
  a.pad_top = s.pad_top;
  a.pad_left = s.pad_left;
  return a;
}

}  // namespace edgeml::kernels
