// The float32 product. Included by gemm.simd.cc only. Sums run over k in order with fused
// multiply-adds, starting from the bias.
#ifndef EDGEML_KERNELS_GEMM_GEMM_FLOAT_INL_H_
#define EDGEML_KERNELS_GEMM_GEMM_FLOAT_INL_H_

#include "src/kernels/gemm/gather-inl.h"
#include "src/kernels/gemm/gemm_args.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

template <int kRows, int kVectors>
void ProductFloat(const GemmFloatArgs& args, const float* a, int64_t a_stride, const float* w,
                  int64_t column, int columns, float* out) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const V b = hn::LoadU(d, args.bias + column + v * kLanes32);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r][v] = b;
  }
  for (int64_t k = 0; k < args.k; ++k) {
    V weights[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) weights[v] = hn::LoadU(d, w + v * kLanes32);
    w += kVectors * kLanes32;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, a[r * a_stride]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, weights[v], sum[r][v]);
    }
    ++a;
  }
  const V lo = hn::Set(d, args.min);
  const V hi = hn::Set(d, args.max);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const V y = hn::Min(hn::Max(sum[r][v], lo), hi);
      StorePart(y, d, out + r * args.ldc + v * kLanes32, Max(columns - v * kLanes32, 0));
    }
  }
}

using ProductFloatFn = void (*)(const GemmFloatArgs&, const float*, int64_t, const float*, int64_t,
                                int, float*);

template <int kVectors>
constexpr int FloatRowsFor() {
  constexpr int kRegisters = kVectorBytes == 64 ? 32 : 16;
  constexpr int kRows = (kRegisters - kVectors - 1) / kVectors;
  return kRows >= 12 ? 12 : kRows >= 8 ? 8 : kRows >= 6 ? 6 : 4;
}

struct FloatStep {
  int rows;
  ProductFloatFn product;
};

template <int kVectors>
FloatStep NextFloatRowsOf(int64_t left) {
  constexpr int kMost = FloatRowsFor<kVectors>();
  if (left >= kMost) return {kMost, ProductFloat<kMost, kVectors>};
  if constexpr (kMost > 8) {
    if (left >= 8) return {8, ProductFloat<8, kVectors>};
  }
  if constexpr (kMost > 4) {
    if (left >= 4) return {4, ProductFloat<4, kVectors>};
  }
  if (left == 3) return {3, ProductFloat<3, kVectors>};
  if (left == 2) return {2, ProductFloat<2, kVectors>};
  return {1, ProductFloat<1, kVectors>};
}

EDGEML_INLINE FloatStep NextFloatRows(int vectors, int64_t left) {
  if constexpr (kVectorBytes == 64) {
    if (vectors == 4) return NextFloatRowsOf<4>(left);
    if (vectors == 3) return NextFloatRowsOf<3>(left);
  }
  if (vectors == 2) return NextFloatRowsOf<2>(left);
  return NextFloatRowsOf<1>(left);
}

inline void RunFloat(const GemmFloatArgs& args, const GemmTile& tile, void* workspace) {
  const int64_t rows = tile.row_end - tile.row_begin;
  const float* a = args.input + tile.row_begin * (args.patch.row_bytes / 4);
  int64_t a_stride = args.patch.row_bytes / 4;
  if (!args.patch.plain) {
    GatherRows(args.patch, reinterpret_cast<const uint8_t*>(args.input), tile.row_begin,
               tile.row_end, 0, nullptr, 0, args.k * 4, args.k * 4,
               static_cast<uint8_t*>(workspace));
    a = static_cast<const float*>(workspace);
    a_stride = args.k;
  }
  for (int32_t panel = tile.panel_begin; panel < tile.panel_end; ++panel) {
    const int32_t first = FirstVector(args.panels, panel);
    const int vectors = FirstVector(args.panels, panel + 1) - first;
    const int64_t column = int64_t{first} * kLanes32;
    const int columns = Min(static_cast<int32_t>(args.n - column), vectors * kLanes32);
    const float* w = args.weights + column * args.k;
    for (int64_t r = 0; r < rows;) {
      const FloatStep step = NextFloatRows(vectors, rows - r);
      step.product(args, a + r * a_stride, a_stride, w, column, columns,
                   args.output + (tile.row_begin + r) * args.ldc + column);
      r += step.rows;
    }
  }
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_GEMM_GEMM_FLOAT_INL_H_
