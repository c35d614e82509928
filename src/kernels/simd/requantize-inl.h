// Requantization of vectors of 32-bit sums, for SIMD sources. Contract: requantize_args.h.
#ifndef EDGEML_KERNELS_SIMD_REQUANTIZE_INL_H_
#define EDGEML_KERNELS_SIMD_REQUANTIZE_INL_H_

#include <immintrin.h>

#include "src/kernels/simd/requantize_args.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

// round(x * m / 2^31) per lane. Rounding half up equals SaturatingRoundingDoublingHighMul, whose
// truncation of a nudged negative product rounds half up as well. REQUIRES: m >= 0.
template <class V>
EDGEML_INLINE V RoundingDoublingHighMul(V x, V m) {
  const hn::DFromV<V> d;
  const hn::Repartition<int64_t, decltype(d)> d64;
  const hn::Repartition<uint64_t, decltype(d)> du64;
  const auto nudge = hn::Set(d64, int64_t{1} << 30);
  const V x_odd = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(du64, x)));
  const V m_odd = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(du64, m)));
  const auto even = hn::Add(hn::MulEven(x, m), nudge);
  const auto odd = hn::Add(hn::MulEven(x_odd, m_odd), nudge);
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<1>(odd)),
                     hn::BitCast(d, hn::ShiftRight<31>(hn::BitCast(du64, even))));
}

// To the nearest, ties to even. REQUIRES: the result fits.
EDGEML_INLINE hn::Vec128<int32_t> RoundToInt(hn::Vec128<float> v) {
  return hn::Vec128<int32_t>{_mm_cvtps_epi32(v.raw)};
}
EDGEML_INLINE hn::Vec256<int32_t> RoundToInt(hn::Vec256<float> v) {
  return hn::Vec256<int32_t>{_mm256_cvtps_epi32(v.raw)};
}
#if HWY_TARGET <= HWY_AVX3
EDGEML_INLINE hn::Vec512<int32_t> RoundToInt(hn::Vec512<float> v) {
  // Not the unmasked form: GCC 12 takes its undefined source for a mistake of ours.
  return hn::Vec512<int32_t>{_mm512_maskz_cvtps_epi32(0xFFFF, v.raw)};
}
#endif

// One vector of columns starting at `c`; the result is not clamped to the output's range.
template <RequantizeMode kMode, class D>
EDGEML_INLINE hn::Vec<D> RequantizeVector(D d, const RequantizeArgs& q, hn::Vec<D> x, int64_t c) {
  if constexpr (kMode == RequantizeMode::kFloat) {
    const hn::Rebind<float, D> df;
    const auto zero_point = hn::Set(df, static_cast<float>(q.zero_point));
    return RoundToInt(hn::MulAdd(hn::ConvertTo(df, x), hn::LoadU(df, q.scale + c), zero_point));
  } else {
    x = hn::Shl(x, hn::LoadU(d, q.left + c));
    const auto y = RoundingDoublingHighMul(x, hn::LoadU(d, q.multiplier + c));
    const auto rounding = hn::LoadU(d, q.rounding + c);
    const auto right = hn::LoadU(d, q.right + c);
    const auto remainder = hn::And(y, rounding);
    const auto threshold = hn::Sub(hn::ShiftRight<1>(rounding), hn::ShiftRight<31>(y));
    const auto up = hn::IfThenElseZero(hn::Gt(remainder, threshold), hn::Set(d, 1));
    const auto z = hn::Add(hn::Shr(y, right), up);
    // Clamped first: the addition must not wrap.
    const auto limit = hn::Set(d, 1 << 20);
    return hn::Add(hn::Min(hn::Max(z, hn::Neg(limit)), limit), hn::Set(d, q.zero_point));
  }
}

// The 32-bit lanes of four vectors, saturated to int8, in one vector: 128-bit block b holds the
// four lanes of block b of v0, then of v1, v2 and v3.
EDGEML_INLINE hn::Vec128<int8_t> PackBlocks(hn::Vec128<int32_t> v0, hn::Vec128<int32_t> v1,
                                            hn::Vec128<int32_t> v2, hn::Vec128<int32_t> v3) {
  return hn::Vec128<int8_t>{
      _mm_packs_epi16(_mm_packs_epi32(v0.raw, v1.raw), _mm_packs_epi32(v2.raw, v3.raw))};
}
EDGEML_INLINE hn::Vec256<int8_t> PackBlocks(hn::Vec256<int32_t> v0, hn::Vec256<int32_t> v1,
                                            hn::Vec256<int32_t> v2, hn::Vec256<int32_t> v3) {
  return hn::Vec256<int8_t>{
      _mm256_packs_epi16(_mm256_packs_epi32(v0.raw, v1.raw), _mm256_packs_epi32(v2.raw, v3.raw))};
}
#if HWY_TARGET <= HWY_AVX3
EDGEML_INLINE hn::Vec512<int8_t> PackBlocks(hn::Vec512<int32_t> v0, hn::Vec512<int32_t> v1,
                                            hn::Vec512<int32_t> v2, hn::Vec512<int32_t> v3) {
  return hn::Vec512<int8_t>{
      _mm512_packs_epi16(_mm512_packs_epi32(v0.raw, v1.raw), _mm512_packs_epi32(v2.raw, v3.raw))};
}
#endif

// Clamps and flips packed bytes as q says.
template <class VB>
EDGEML_INLINE VB ClampBytes(const RequantizeArgs& q, VB v) {
  const hn::DFromV<VB> d;
  v = hn::Min(hn::Max(v, hn::Set(d, static_cast<int8_t>(q.min))),
              hn::Set(d, static_cast<int8_t>(q.max)));
  return hn::Xor(v, hn::Set(d, static_cast<int8_t>(q.flip)));
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_SIMD_REQUANTIZE_INL_H_
