// The integer product. Included by gemm.simd.cc only.
#ifndef EDGEML_KERNELS_GEMM_GEMM_INT8_INL_H_
#define EDGEML_KERNELS_GEMM_GEMM_INT8_INL_H_

#include "src/kernels/gemm/gather-inl.h"
#include "src/kernels/gemm/gemm_args.h"
#include "src/kernels/simd/dot_product.h"
#include "src/kernels/simd/requantize-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

inline constexpr int kMaxPanelVectors = kVectorBytes == 64 ? 4 : 2;
inline constexpr int kMaxRows = 12;

using D32 = hn::ScalableTag<int32_t>;
using V32 = hn::Vec<D32>;

// sums[r][v] = bias + A[r] * B for kRows rows and kVectors vectors of columns. Rows of `sums` are
// kMaxPanelVectors vectors apart.
template <int kRows, int kVectors>
void SumsInt8(const uint8_t* a, int64_t a_stride, const int8_t* w, int64_t quads,
              const int32_t* bias, int32_t* sums) {
  const D32 d;
  V32 sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const V32 b = hn::LoadU(d, bias + v * kLanes32);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r][v] = b;
  }
  for (int64_t q = 0; q < quads; ++q) {
    WeightQuad<V32> weights[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = LoadQuad(d, w + v * kLanes32 * kQuadBytes);
    }
    w += kVectors * kLanes32 * kQuadBytes;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int32_t bytes;
      CopyFixed<4>(&bytes, a + r * a_stride);
      const auto quad = SplitQuad(hn::Set(d, bytes));
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Dot4(sum[r][v], quad, weights[v]);
    }
    a += 4;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[r][v], d, sums + (r * kMaxPanelVectors + v) * kLanes32);
    }
  }
}

using SumsInt8Fn = void (*)(const uint8_t*, int64_t, const int8_t*, int64_t, const int32_t*,
                            int32_t*);

// The most rows that a panel of that many vectors is worked on at a time: as many accumulators as
// the registers hold.
template <int kVectors>
constexpr int RowsFor() {
  constexpr int kRegisters = kVectorBytes == 64 ? 32 : 16;
  constexpr int kPerWeight = kQuadBytes / 4;  // registers of a quad
  // Two more for the split activations, one for the product.
  constexpr int kFree = kRegisters - kVectors * kPerWeight - kPerWeight - (kPerWeight - 1);
  constexpr int kRows = kFree / kVectors;
  return kRows >= 12 ? 12 : kRows >= 8 ? 8 : kRows >= 6 ? 6 : kRows >= 4 ? 4 : 2;
}

struct RowStep {
  int rows;
  SumsInt8Fn sums;
};

// The kernel for the next rows when `left` remain.
template <int kVectors>
RowStep NextRowsOf(int64_t left) {
  constexpr int kMost = RowsFor<kVectors>();
  if (left >= kMost) return {kMost, SumsInt8<kMost, kVectors>};
  if constexpr (kMost > 8) {
    if (left >= 8) return {8, SumsInt8<8, kVectors>};
  }
  if constexpr (kMost > 4) {
    if (left >= 4) return {4, SumsInt8<4, kVectors>};
  }
  if constexpr (kMost > 2) {
    if (left == 3) return {3, SumsInt8<3, kVectors>};
    if (left >= 2) return {2, SumsInt8<2, kVectors>};
  }
  return {1, SumsInt8<1, kVectors>};
}

EDGEML_INLINE RowStep NextRows(int vectors, int64_t left) {
  if constexpr (kMaxPanelVectors == 4) {
    if (vectors == 4) return NextRowsOf<4>(left);
    if (vectors == 3) return NextRowsOf<3>(left);
  }
  if (vectors == 2) return NextRowsOf<2>(left);
  return NextRowsOf<1>(left);
}

// Adds row_term[r] * column_term to the sums of a tile.
EDGEML_INLINE void AddZeroPointTerms(const GemmInt8Args& args, const int32_t* row_terms, int rows,
                                     int vectors, int64_t column, int32_t* sums) {
  const D32 d;
  for (int r = 0; r < rows; ++r) {
    const V32 row_term = hn::Set(d, row_terms[r]);
    int32_t* row = sums + r * kMaxPanelVectors * kLanes32;
    for (int v = 0; v < vectors; ++v) {
      const V32 terms = hn::Mul(row_term, hn::LoadU(d, args.column_term + column + v * kLanes32));
      hn::Store(hn::Add(hn::Load(d, row + v * kLanes32), terms), d, row + v * kLanes32);
    }
  }
}

// sums → bytes of `columns` columns from `column`. `q` by value: stores of bytes could change it
// else, and it would be read again after each.
template <RequantizeMode kMode>
void StoreQuantized(const RequantizeArgs q, const int32_t* sums, int rows, int vectors,
                    int64_t column, int columns, int64_t ldc, uint8_t* out) {
  const D32 d;
  if constexpr (kMaxPanelVectors == 4) {
    const hn::ScalableTag<int8_t> d8;
    if (vectors >= 3) {
      // PackBlocks leaves 4-byte groups in [block][vector] order.
      HWY_ALIGN static constexpr int32_t kOrder[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                       2, 6, 10, 14, 3, 7, 11, 15};
      const auto order = hn::SetTableIndices(d, kOrder);
      for (int r = 0; r < rows; ++r) {
        const int32_t* row = sums + r * kMaxPanelVectors * kLanes32;
        const V32 v0 = RequantizeVector<kMode>(d, q, hn::Load(d, row), column);
        const V32 v1 =
            RequantizeVector<kMode>(d, q, hn::Load(d, row + kLanes32), column + kLanes32);
        const V32 v2 =
            RequantizeVector<kMode>(d, q, hn::Load(d, row + 2 * kLanes32), column + 2 * kLanes32);
        V32 v3 = v2;
        if (vectors == 4) {
          v3 =
              RequantizeVector<kMode>(d, q, hn::Load(d, row + 3 * kLanes32), column + 3 * kLanes32);
        }
        const auto blocks = ClampBytes(q, PackBlocks(v0, v1, v2, v3));
        const auto bytes = hn::TableLookupLanes(hn::BitCast(d, blocks), order);
        StorePart(hn::BitCast(d8, bytes), d8, reinterpret_cast<int8_t*>(out + r * ldc), columns);
      }
      return;
    }
  }
  const hn::FixedTag<int8_t, kLanes32> d8;
  for (int v = 0; v < vectors; ++v) {
    for (int r = 0; r < rows; ++r) {
      const V32 x = hn::Load(d, sums + (r * kMaxPanelVectors + v) * kLanes32);
      const V32 y = RequantizeVector<kMode>(d, q, x, column + v * kLanes32);
      const auto bytes = ClampBytes(q, hn::DemoteTo(d8, y));
      StorePart(bytes, d8, reinterpret_cast<int8_t*>(out + r * ldc + v * kLanes32),
                columns - v * kLanes32);
    }
  }
}

// sums → floats.
EDGEML_INLINE void StoreFloats(const GemmInt8Args& args, const int32_t* sums, int64_t row, int rows,
                               int vectors, int64_t column, int columns) {
  const D32 d;
  const hn::ScalableTag<float> df;
  const auto lo = hn::Set(df, args.float_min);
  const auto hi = hn::Set(df, args.float_max);
  for (int r = 0; r < rows; ++r) {
    const auto row_scale = hn::Set(df, args.row_scale[(row + r) / args.rows_per_image]);
    for (int v = 0; v < vectors; ++v) {
      const int64_t c = column + v * kLanes32;
      const auto x = hn::ConvertTo(df, hn::Load(d, sums + (r * kMaxPanelVectors + v) * kLanes32));
      const auto scale = hn::Mul(row_scale, hn::LoadU(df, args.column_scale + c));
      const int part = columns - v * kLanes32;
      float* const out = args.float_output + (row + r) * args.ldc + c;
      const auto addend =
          args.accumulate ? LoadPart(df, out, part) : hn::LoadU(df, args.float_bias + c);
      const auto y = hn::MulAdd(x, scale, addend);
      StorePart(hn::Min(hn::Max(y, lo), hi), df, out, part);
    }
  }
}

// terms[r] = -(sum of the depth bytes of row r).
EDGEML_INLINE void NegatedRowSums(const uint8_t* a, int64_t a_stride, int64_t rows, int64_t depth,
                                  int32_t* terms) {
  const hn::ScalableTag<uint8_t> d8;
  const hn::ScalableTag<uint64_t> d64;
  for (int64_t r = 0; r < rows; ++r) {
    const uint8_t* row = a + r * a_stride;
    auto sums = hn::Zero(d64);
    int64_t i = 0;
    for (; i + kVectorBytes <= depth; i += kVectorBytes) {
      sums = hn::Add(sums, hn::SumsOf8(hn::LoadU(d8, row + i)));
    }
    if (i < depth) {
      sums = hn::Add(sums, hn::SumsOf8(LoadPart(d8, row + i, static_cast<int>(depth - i))));
    }
    terms[r] = -static_cast<int32_t>(hn::GetLane(hn::SumOfLanes(d64, sums)));
  }
}

inline void RunInt8(const GemmInt8Args& args, const GemmTile& tile, void* workspace) {
  const int64_t rows = tile.row_end - tile.row_begin;
  const int64_t depth = PaddedDepth(args.k);
  auto* row_sums = static_cast<int32_t*>(workspace);
  const uint8_t* a = args.input + tile.row_begin * args.patch.row_bytes;
  int64_t a_stride = args.patch.row_bytes;
  if (!args.patch.plain || args.input_flip != 0 || depth != args.k) {
    auto* gathered = static_cast<uint8_t*>(workspace) + (rows * 4 + 63) / 64 * 64;
    GatherRows(args.patch, args.input, tile.row_begin, tile.row_end, args.pad_byte,
               reinterpret_cast<const uint8_t*>(args.pad_bytes), args.input_flip, args.k, depth,
               gathered);
    a = gathered;
    a_stride = depth;
  }
  if (args.column_term != nullptr) {
    if (args.row_term != nullptr) {
      for (int64_t r = 0; r < rows; ++r) {
        row_sums[r] = args.row_term[(tile.row_begin + r) / args.rows_per_image];
      }
    } else {
      NegatedRowSums(a, a_stride, rows, args.k, row_sums);
    }
  }
  const int64_t quads = depth / 4;
  HWY_ALIGN int32_t sums[kMaxRows * kMaxPanelVectors * kLanes32];
  for (int32_t panel = tile.panel_begin; panel < tile.panel_end; ++panel) {
    const int32_t first = FirstVector(args.panels, panel);
    const int vectors = FirstVector(args.panels, panel + 1) - first;
    const int64_t column = int64_t{first} * kLanes32;
    const int columns = Min(static_cast<int32_t>(args.n - column), vectors * kLanes32);
    const int8_t* w = args.weights + column * quads * kQuadBytes;
    for (int64_t r = 0; r < rows;) {
      const RowStep step = NextRows(vectors, rows - r);
      step.sums(a + r * a_stride, a_stride, w, quads, args.bias + column, sums);
      if (args.column_term != nullptr) {
        AddZeroPointTerms(args, row_sums + r, step.rows, vectors, column, sums);
      }
      const int64_t row = tile.row_begin + r;
      if (args.output == nullptr) {
        StoreFloats(args, sums, row, step.rows, vectors, column, columns);
      } else {
        uint8_t* out = args.output + row * args.ldc + column;
        switch (args.requantize.mode) {
          case RequantizeMode::kFloat:
            StoreQuantized<RequantizeMode::kFloat>(args.requantize, sums, step.rows, vectors,
                                                   column, columns, args.ldc, out);
            break;
          case RequantizeMode::kGeneral:
            StoreQuantized<RequantizeMode::kGeneral>(args.requantize, sums, step.rows, vectors,
                                                     column, columns, args.ldc, out);
            break;
        }
      }
      r += step.rows;
    }
  }
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_GEMM_GEMM_INT8_INL_H_
