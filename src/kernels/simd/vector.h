// What every SIMD source includes: Highway for the level it is compiled for, and loads and stores
// of a part of a vector that touch no byte outside of it.
#ifndef EDGEML_KERNELS_SIMD_VECTOR_H_
#define EDGEML_KERNELS_SIMD_VECTOR_H_

#ifndef EDGEML_SIMD_LEVEL
#error "only for sources compiled once per SIMD level"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"

#define EDGEML_INLINE static HWY_INLINE HWY_MAYBE_UNUSED

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

namespace hn = hwy::HWY_NAMESPACE;

// Whether the level's masked loads and stores of bytes leave the other bytes alone.
inline constexpr bool kByteMasks = HWY_TARGET <= HWY_AVX3;
// Widest vector in bytes.
inline constexpr int kVectorBytes = HWY_TARGET <= HWY_AVX3 ? 64 : 32;
inline constexpr int kLanes32 = kVectorBytes / 4;
// Whether special cases may be compiled apart; not in builds for size.
#ifdef __OPTIMIZE_SIZE__
inline constexpr bool kForSpeed = false;
#else
inline constexpr bool kForSpeed = true;
#endif

EDGEML_INLINE int32_t Min(int32_t a, int32_t b) { return a < b ? a : b; }
EDGEML_INLINE int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }

// Fixed-size copies that compile to one or two moves.
template <int kBytes>
EDGEML_INLINE void CopyFixed(void* to, const void* from) {
  __builtin_memcpy(to, from, kBytes);
}

// The first n of a vector's elements, the rest zero; n in [0, lanes].
template <class D, typename T = hn::TFromD<D>>
EDGEML_INLINE hn::Vec<D> LoadPart(D d, const T* from, int n) {
  if (n >= static_cast<int>(hn::MaxLanes(d))) return hn::LoadU(d, from);
  if constexpr (kByteMasks) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n)), d, from);
  } else {
    HWY_ALIGN T buffer[hn::MaxLanes(D())] = {};
    std::memcpy(buffer, from,
                static_cast<size_t>(n) * sizeof(T));  // a call: it keeps callers small
    return hn::Load(d, buffer);
  }
}

// Writes the first n elements of v only; n in [0, lanes].
template <class D, typename T = hn::TFromD<D>>
EDGEML_INLINE void StorePart(hn::Vec<D> v, D d, T* to, int n) {
  if (n >= static_cast<int>(hn::MaxLanes(d))) {
    hn::StoreU(v, d, to);
    return;
  }
  if constexpr (kByteMasks) {
    hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, to);
  } else {
    HWY_ALIGN T buffer[hn::MaxLanes(D())];
    hn::Store(v, d, buffer);
    std::memcpy(to, buffer, static_cast<size_t>(n) * sizeof(T));
  }
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_SIMD_VECTOR_H_
