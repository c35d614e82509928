// Dot products of bytes for levels without vpdpbusd. See dot_product.h.
//
// vpmaddubsw would saturate (255 * 127 * 2 > 32767), so bytes are widened to 16 bits: the even and
// the odd activations of a quad by mask and shift, the weights when they are packed.
#ifndef EDGEML_KERNELS_SIMD_DOT_PAIRS_H_
#define EDGEML_KERNELS_SIMD_DOT_PAIRS_H_

#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

// One vector of (w[0], w[2]) as int16 per lane, then one of (w[1], w[3]).
inline constexpr int kQuadBytes = 8;

template <class V>
struct WeightQuad {
  V even, odd;
};
template <class V>
struct ActivationQuad {
  V even, odd;
};

template <class D>
EDGEML_INLINE WeightQuad<hn::Vec<D>> LoadQuad(D d, const int8_t* w) {
  const auto* pairs = reinterpret_cast<const int32_t*>(w);
  return {hn::LoadU(d, pairs), hn::LoadU(d, pairs + hn::MaxLanes(d))};
}
template <class V>
EDGEML_INLINE ActivationQuad<V> SplitQuad(V a) {
  const hn::DFromV<V> d;
  const hn::Repartition<uint16_t, decltype(d)> d16;
  return {hn::And(a, hn::Set(d, 0x00FF00FF)),
          hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(d16, a)))};
}
template <class V>
EDGEML_INLINE V Dot4(V sum, ActivationQuad<V> a, WeightQuad<V> w) {
  const hn::DFromV<V> d;
  const hn::Repartition<int16_t, decltype(d)> d16;
  V unused = hn::Zero(d);  // x86: the whole sum of each pair goes to the first accumulator
  sum = hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, a.even), hn::BitCast(d16, w.even), sum,
                                      unused);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, a.odd), hn::BitCast(d16, w.odd), sum,
                                       unused);
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_SIMD_DOT_PAIRS_H_
