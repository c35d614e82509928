// The integer depthwise convolution.
//
// Four filter rows of a column are interleaved so that each 32-bit lane holds the four input bytes
// of one channel; a column is interleaved once and serves every output of a tile that it touches.
#include "src/kernels/depthwise/depthwise_args.h"
#include "src/kernels/simd/dot_product.h"
#include "src/kernels/simd/requantize-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

// One filter row: x-th pixel at base + x * stride (stride 0: the pad, for a row outside).
struct InputRow {
  const uint8_t* base;
  int64_t stride;
};

// What is fixed while a row of outputs is made for one block of channels.
struct BlockRow {
  const DepthwiseInt8Args* args;
  const InputRow* rows;  // [row groups * 4], at the block's first channel
  const uint8_t* pad;    // likewise
  int32_t row_groups;
  int32_t first_channel;  // of the block, also the offset into per-channel arrays
  int32_t channels;       // valid ones
  const int8_t* weights;  // of the block
};

template <class D8>
EDGEML_INLINE hn::Vec<D8> LoadChannels(D8 d, const uint8_t* from, int n) {
  if (n == static_cast<int>(hn::MaxLanes(d))) return hn::LoadU(d, from);
  if constexpr (kByteMasks) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n)), d, from);
  } else {
    return LoadPart(d, from, n);
  }
}

// Requantizes and stores one pixel whose sums are in memory.
template <class D32B>
HWY_NOINLINE void StorePixelSlow(const BlockRow& block, D32B d32, const int32_t* sums,
                                 int64_t pixel) {
  const DepthwiseInt8Args& args = *block.args;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(D32B()));
  const int64_t at = pixel * args.geometry.channels + block.first_channel;
  for (int j = 0; j < 4; ++j) {
    const int64_t c = block.first_channel + j * kLanes;
    HWY_ALIGN int32_t y[hn::MaxLanes(D32B())];
    if (args.output == nullptr) {
      const hn::Rebind<float, D32B> df;
      const auto terms = hn::Mul(hn::Set(d32, args.row_term), hn::LoadU(d32, args.column_term + c));
      const auto x = hn::ConvertTo(df, hn::Add(hn::Load(d32, sums + j * kLanes), terms));
      const auto scale = hn::Mul(hn::Set(df, args.row_scale), hn::LoadU(df, args.column_scale + c));
      auto f = hn::MulAdd(x, scale, hn::LoadU(df, args.float_bias + c));
      f = hn::Min(hn::Max(f, hn::Set(df, args.float_min)), hn::Set(df, args.float_max));
      hn::Store(hn::BitCast(d32, f), d32, y);
    } else {
      hn::Store(RequantizeVector<RequantizeMode::kGeneral>(d32, args.requantize,
                                                           hn::Load(d32, sums + j * kLanes), c),
                d32, y);
    }
    for (int l = 0; l < kLanes; ++l) {
      const int32_t channel = DepthwiseChannelOf(j, l);
      if (channel >= block.channels) continue;
      if (args.output == nullptr) {
        CopyFixed<4>(args.float_output + at + channel, y + l);
      } else {
        const int32_t clamped = Min(Max(y[l], args.requantize.min), args.requantize.max);
        args.output[at + channel] =
            static_cast<uint8_t>(static_cast<uint8_t>(clamped) ^ args.requantize.flip);
      }
    }
  }
}

// kOutputs neighbouring outputs whose first window starts at column x0. kWidth 0: any filter width
// and dilation (kOutputs must be 1); 3: a height of at most 3 as well. kOneTerm: args.terms is 1.
template <class D8, int kWidth, int kStride, int kOutputs, bool kOneTerm>
EDGEML_INLINE void DepthwiseTile(D8 d8, const BlockRow& block, int32_t x0, int64_t pixel) {
  const DepthwiseInt8Args& args = *block.args;
  const hn::Repartition<uint16_t, D8> d16;
  const hn::Repartition<int32_t, D8> d32;
  using V = hn::Vec<decltype(d32)>;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(decltype(d32)()));
  constexpr int kGroupBytes = 4 * kLanes * kQuadBytes;
  constexpr bool kThreeRows = kWidth == 3;
  V sum[kOutputs][4];
#pragma GCC unroll 8
  for (int j = 0; j < 4; ++j) {
    const V b = hn::LoadU(d32, args.bias + block.first_channel + j * kLanes);
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) sum[o][j] = b;
  }
  const auto flip = hn::Set(d8, args.input_flip);
  const int64_t column_bytes =
      int64_t{block.row_groups} * (kOneTerm ? 1 : args.terms) * kGroupBytes;
  for (int32_t group = 0; group < block.row_groups; ++group) {
    const InputRow* rows = block.rows + 4 * group;
    const int8_t* w = block.weights + int64_t{group} * args.terms * kGroupBytes;
    const auto column = [&](int32_t x, bool inside, V quads[4]) HWY_ATTR {
      const auto load = [&](int r) HWY_ATTR {
        const uint8_t* from = inside ? rows[r].base + x * rows[r].stride : block.pad;
        return hn::Xor(LoadChannels(d8, from, block.channels), flip);
      };
      const auto r0 = load(0), r1 = load(1), r2 = load(2);
      // Weights of rows beyond the filter are zero.
      const auto r3 = kThreeRows ? r2 : load(3);
      const auto lo01 = hn::BitCast(d16, hn::InterleaveLower(d8, r0, r1));
      const auto hi01 = hn::BitCast(d16, hn::InterleaveUpper(d8, r0, r1));
      const auto lo23 = hn::BitCast(d16, hn::InterleaveLower(d8, r2, r3));
      const auto hi23 = hn::BitCast(d16, hn::InterleaveUpper(d8, r2, r3));
      quads[0] = hn::BitCast(d32, hn::InterleaveLower(d16, lo01, lo23));
      quads[1] = hn::BitCast(d32, hn::InterleaveUpper(d16, lo01, lo23));
      quads[2] = hn::BitCast(d32, hn::InterleaveLower(d16, hi01, hi23));
      quads[3] = hn::BitCast(d32, hn::InterleaveUpper(d16, hi01, hi23));
    };
    const auto accumulate = [&](V* sums, const V quads[4], const int8_t* weights) HWY_ATTR {
      const int32_t terms = kOneTerm ? 1 : args.terms;
      for (int32_t term = 0; term < terms; ++term, weights += kGroupBytes) {
#pragma GCC unroll 8
        for (int j = 0; j < 4; ++j) {
          sums[j] =
              Dot4(sums[j], SplitQuad(quads[j]), LoadQuad(d32, weights + j * kLanes * kQuadBytes));
        }
      }
    };
    if constexpr (kWidth == 0) {
      static_assert(kOutputs == 1);
      int32_t x = x0;
      for (int32_t kx = 0; kx < args.geometry.filter_w; ++kx, x += args.geometry.dilation_w) {
        V quads[4];
        column(x, x >= 0 && x < args.geometry.in_w, quads);
        accumulate(sum[0], quads, w + kx * column_bytes);
      }
    } else {
#pragma GCC unroll 16
      for (int col = 0; col < (kOutputs - 1) * kStride + kWidth; ++col) {
        V quads[4];
        column(x0 + col, x0 + col >= 0 && x0 + col < args.geometry.in_w, quads);
#pragma GCC unroll 8
        for (int o = 0; o < kOutputs; ++o) {
          const int kx = col - o * kStride;
          if (kx >= 0 && kx < kWidth) accumulate(sum[o], quads, w + kx * column_bytes);
        }
      }
    }
  }
  // Copies: a store of bytes could change what is behind a reference.
  const RequantizeArgs q = args.requantize;
  uint8_t* const output = args.output;
  const int64_t channels = args.geometry.channels, c = block.first_channel;
  const int valid = block.channels;
  const bool fast = output != nullptr && q.mode == RequantizeMode::kFloat;
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o) {
    if (fast) {
      const auto requantize = [&](int j) HWY_ATTR {
        return RequantizeVector<RequantizeMode::kFloat>(d32, q, sum[o][j], c + j * kLanes);
      };
      const auto bytes =
          ClampBytes(q, PackBlocks(requantize(0), requantize(1), requantize(2), requantize(3)));
      StorePart(hn::BitCast(d8, bytes), d8, output + (pixel + o) * channels + c, valid);
    } else {
      HWY_ALIGN int32_t sums[4 * kLanes];
      for (int j = 0; j < 4; ++j) hn::Store(sum[o][j], d32, sums + j * kLanes);
      StorePixelSlow(block, d32, sums, pixel + o);
    }
  }
}

// A row of outputs, kOutputs at a time; the last ones overlap those before where they do not fit.
// REQUIRES: out_w >= kOutputs.
template <class D8, int kWidth, int kStride, int kOutputs, bool kOneTerm>
HWY_NOINLINE void DepthwiseTiles(D8 d8, const BlockRow& block, int64_t pixel) {
  const DepthwiseGeometry& g = block.args->geometry;
  for (int32_t next = 0; next < g.out_w; next += kOutputs) {
    const int32_t x = Min(next, g.out_w - kOutputs);
    DepthwiseTile<D8, kWidth, kStride, kOutputs, kOneTerm>(d8, block, x * g.stride_w - g.pad_left,
                                                           pixel + x);
  }
}

template <bool kOneTerm, class D8>
void DepthwiseBlockRowOf(D8 d8, const BlockRow& block, int64_t pixel) {
  const DepthwiseGeometry& g = block.args->geometry;
  constexpr int kMany = kVectorBytes == 64 ? 4 : 2;
  const bool plain = g.dilation_w == 1;
  const bool three = plain && g.filter_w == 3 && g.filter_h <= 3;
  if (three && g.stride_w == 1 && g.out_w >= kMany) {
    DepthwiseTiles<D8, 3, 1, kMany, kOneTerm>(d8, block, pixel);
  } else if (three && g.stride_w == 2 && g.out_w >= 2) {
    DepthwiseTiles<D8, 3, 2, 2, kOneTerm>(d8, block, pixel);
  } else if (plain && g.filter_w == 5 && g.stride_w == 1 && g.out_w >= kMany) {
    DepthwiseTiles<D8, 5, 1, kMany, kOneTerm>(d8, block, pixel);
  } else {
    DepthwiseTiles<D8, 0, 0, 1, kOneTerm>(d8, block, pixel);
  }
}

template <class D8>
void DepthwiseBlockRow(D8 d8, const BlockRow& block, int64_t pixel) {
  if (kForSpeed && block.args->terms == 1) {
    DepthwiseBlockRowOf<kForSpeed>(d8, block, pixel);
  } else {
    DepthwiseBlockRowOf<false>(d8, block, pixel);
  }
}

// Output rows [begin, end) of batch * out_h.
void RunDepthwiseInt8(const DepthwiseInt8Args& args, int64_t begin, int64_t end) {
  const DepthwiseGeometry& g = args.geometry;
  const int32_t row_groups = (g.filter_h + 3) / 4;
  for (int64_t out_row = begin; out_row < end; ++out_row) {
    const int64_t image = out_row / g.out_h;
    const auto oy = static_cast<int32_t>(out_row - image * g.out_h);
    InputRow all[kMaxDepthwiseFilterHeight];
    for (int32_t r = 0; r < row_groups * 4; ++r) {
      const int32_t y = oy * g.stride_h - g.pad_top + r * g.dilation_h;
      if (r >= g.filter_h || y < 0 || y >= g.in_h) {
        all[r] = {args.pad, 0};
      } else {
        all[r] = {args.input + (image * g.in_h + y) * g.in_w * g.channels, g.channels};
      }
    }
    const int64_t pixel = out_row * g.out_w;
    for (int32_t c = 0; c < g.channels;) {
      const int32_t left = g.channels - c;
      const int32_t width = DepthwiseBlockWidth(kVectorBytes, left);
      InputRow rows[kMaxDepthwiseFilterHeight];
      for (int32_t r = 0; r < row_groups * 4; ++r) rows[r] = {all[r].base + c, all[r].stride};
      BlockRow block;
      block.args = &args;
      block.rows = rows;
      block.pad = args.pad + c;
      block.row_groups = row_groups;
      block.first_channel = c;
      block.channels = Min(left, width);
      block.weights = args.weights + int64_t{c} * kQuadBytes * g.filter_w * row_groups * args.terms;
      if (width == 16) {
        DepthwiseBlockRow(hn::FixedTag<uint8_t, 16>(), block, pixel);
      } else if (width == 32) {
        DepthwiseBlockRow(hn::FixedTag<uint8_t, 32>(), block, pixel);
      } else {
        DepthwiseBlockRow(hn::FixedTag<uint8_t, kVectorBytes>(), block, pixel);
      }
      c += width;
    }
  }
}

}  // namespace

extern const DepthwiseInt8Kernels kDepthwiseInt8;
const DepthwiseInt8Kernels kDepthwiseInt8 = {
    .vector_bytes = kVectorBytes,
    .quad_bytes = kQuadBytes,
    .run = RunDepthwiseInt8,
};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
