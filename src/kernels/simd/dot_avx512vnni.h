// Dot products of bytes with AVX-512 VNNI's vpdpbusd. See dot_product.h.
#ifndef EDGEML_KERNELS_SIMD_DOT_AVX512VNNI_H_
#define EDGEML_KERNELS_SIMD_DOT_AVX512VNNI_H_

#include <immintrin.h>

#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

inline constexpr int kQuadBytes = 4;  // w[0], w[1], w[2], w[3] as int8

template <class V>
struct WeightQuad {
  V bytes;
};
template <class V>
struct ActivationQuad {
  V bytes;
};

template <class D>
EDGEML_INLINE WeightQuad<hn::Vec<D>> LoadQuad(D d, const int8_t* w) {
  return {hn::LoadU(d, reinterpret_cast<const int32_t*>(w))};
}
template <class V>
EDGEML_INLINE ActivationQuad<V> SplitQuad(V a) {
  return {a};
}

EDGEML_INLINE hn::Vec512<int32_t> Dot4(hn::Vec512<int32_t> sum,
                                       ActivationQuad<hn::Vec512<int32_t>> a,
                                       WeightQuad<hn::Vec512<int32_t>> w) {
  return hn::Vec512<int32_t>{_mm512_dpbusd_epi32(sum.raw, a.bytes.raw, w.bytes.raw)};
}
EDGEML_INLINE hn::Vec256<int32_t> Dot4(hn::Vec256<int32_t> sum,
                                       ActivationQuad<hn::Vec256<int32_t>> a,
                                       WeightQuad<hn::Vec256<int32_t>> w) {
  return hn::Vec256<int32_t>{_mm256_dpbusd_epi32(sum.raw, a.bytes.raw, w.bytes.raw)};
}
EDGEML_INLINE hn::Vec128<int32_t> Dot4(hn::Vec128<int32_t> sum,
                                       ActivationQuad<hn::Vec128<int32_t>> a,
                                       WeightQuad<hn::Vec128<int32_t>> w) {
  return hn::Vec128<int32_t>{_mm_dpbusd_epi32(sum.raw, a.bytes.raw, w.bytes.raw)};
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_SIMD_DOT_AVX512VNNI_H_
