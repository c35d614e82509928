// The float32 depthwise convolution. Taps are added in
// row-major order with fused multiply-adds, starting from the bias.
#include "src/kernels/depthwise/depthwise_args.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

struct FloatRow {
  const float* base;
  int64_t stride;
};

struct FloatBlock {
  const DepthwiseFloatArgs* args;
  const FloatRow* rows;  // [filter_h], at channel 0
  int32_t first_channel, channels;
};

// kOutputs neighbouring outputs whose first window starts at column x0; a block is one vector of
// channels. kWidth 0: any filter width and dilation (kOutputs must be 1). kInside: no window leaves
// the image sideways.
template <int kWidth, int kStride, int kOutputs, bool kInside>
EDGEML_INLINE void DepthwiseFloatTile(const FloatBlock& block, int32_t x0, int64_t pixel) {
  const DepthwiseFloatArgs& args = *block.args;
  const DepthwiseGeometry& g = args.geometry;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto load = [&](const float* from) HWY_ATTR {
    if (block.channels == kLanes32) return hn::LoadU(d, from);
    if constexpr (kByteMasks) {
      return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(block.channels)), d, from);
    } else {
      return LoadPart(d, from, block.channels);
    }
  };
  V sum[kOutputs];
  const V bias = load(args.bias + block.first_channel);
#pragma GCC unroll 16
  for (int o = 0; o < kOutputs; ++o) sum[o] = bias;
  const float* w = args.weights + block.first_channel;
  for (int32_t r = 0; r < g.filter_h; ++r, w += int64_t{g.filter_w} * g.channels) {
    const FloatRow row = {block.rows[r].base + block.first_channel, block.rows[r].stride};
    if constexpr (kWidth == 0) {
      static_assert(kOutputs == 1);
      int32_t x = x0;
      for (int32_t kx = 0; kx < g.filter_w; ++kx, x += g.dilation_w) {
        if (x < 0 || x >= g.in_w) continue;
        sum[0] = hn::MulAdd(load(row.base + x * row.stride), load(w + kx * g.channels), sum[0]);
      }
    } else {
      V weights[kWidth];
#pragma GCC unroll 16
      for (int kx = 0; kx < kWidth; ++kx) weights[kx] = load(w + kx * g.channels);
#pragma GCC unroll 32
      for (int col = 0; col < (kOutputs - 1) * kStride + kWidth; ++col) {
        const bool inside = kInside || (x0 + col >= 0 && x0 + col < g.in_w);
        const V x =
            load(inside ? row.base + (x0 + col) * row.stride : args.pad + block.first_channel);
#pragma GCC unroll 16
        for (int o = 0; o < kOutputs; ++o) {
          const int kx = col - o * kStride;
          if (kx >= 0 && kx < kWidth) sum[o] = hn::MulAdd(x, weights[kx], sum[o]);
        }
      }
    }
  }
  const V lo = hn::Set(d, args.min);
  const V hi = hn::Set(d, args.max);
#pragma GCC unroll 16
  for (int o = 0; o < kOutputs; ++o) {
    StorePart(hn::Min(hn::Max(sum[o], lo), hi), d,
              args.output + (pixel + o) * g.channels + block.first_channel, block.channels);
  }
}

// A row of outputs, kOutputs at a time; the last ones overlap those before where they do not fit.
// Channels are the inner loop: what is read then lies side by side. `rows` at channel 0.
// REQUIRES: out_w >= kOutputs.
template <int kWidth, int kStride, int kOutputs>
HWY_NOINLINE void DepthwiseFloatTiles(const DepthwiseFloatArgs& args, const FloatRow* rows,
                                      int64_t pixel) {
  const DepthwiseGeometry& g = args.geometry;
  for (int32_t next = 0; next < g.out_w; next += kOutputs) {
    const int32_t x = Min(next, g.out_w - kOutputs);
    const int32_t x0 = x * g.stride_w - g.pad_left;
    constexpr int kColumns = (kOutputs - 1) * kStride + kWidth;
    const bool inside = kForSpeed && kWidth > 0 && x0 >= 0 && x0 + kColumns <= g.in_w;
    for (int32_t c = 0; c < g.channels; c += kLanes32) {
      const FloatBlock block = {&args, rows, c, Min(g.channels - c, kLanes32)};
      if (inside) {
        DepthwiseFloatTile<kWidth, kStride, kOutputs, kForSpeed>(block, x0, pixel + x);
      } else {
        DepthwiseFloatTile<kWidth, kStride, kOutputs, false>(block, x0, pixel + x);
      }
    }
  }
}

template <int kWidth, int kStride>
void DepthwiseFloatRow(const DepthwiseFloatArgs& args, const FloatRow* rows, int64_t pixel) {
  const int32_t out_w = args.geometry.out_w;
  constexpr int kMany = 4;
  if (out_w >= kMany) {
    DepthwiseFloatTiles<kWidth, kStride, kMany>(args, rows, pixel);
  } else if (out_w >= 2) {
    DepthwiseFloatTiles<kWidth, kStride, 2>(args, rows, pixel);
  } else {
    DepthwiseFloatTiles<0, 0, 1>(args, rows, pixel);
  }
}

void RunDepthwiseFloat(const DepthwiseFloatArgs& args, int64_t begin, int64_t end) {
  const DepthwiseGeometry& g = args.geometry;
  for (int64_t out_row = begin; out_row < end; ++out_row) {
    const int64_t image = out_row / g.out_h;
    const auto oy = static_cast<int32_t>(out_row - image * g.out_h);
    const int64_t pixel = out_row * g.out_w;
    FloatRow rows[kMaxDepthwiseFilterHeight];
    for (int32_t r = 0; r < g.filter_h; ++r) {
      const int32_t y = oy * g.stride_h - g.pad_top + r * g.dilation_h;
      rows[r] = {args.pad, 0};
      if (y >= 0 && y < g.in_h)
        rows[r] = {args.input + (image * g.in_h + y) * g.in_w * g.channels, g.channels};
    }
    const bool plain = g.dilation_w == 1;
    if (plain && g.filter_w == 3 && g.stride_w == 1) {
      DepthwiseFloatRow<3, 1>(args, rows, pixel);
    } else if (plain && g.filter_w == 3 && g.stride_w == 2) {
      DepthwiseFloatRow<3, 2>(args, rows, pixel);
    } else if (plain && g.filter_w == 5 && g.stride_w == 1) {
      DepthwiseFloatRow<5, 1>(args, rows, pixel);
    } else if (plain && g.filter_w == 5 && g.stride_w == 2) {
      DepthwiseFloatRow<5, 2>(args, rows, pixel);
    } else {
      DepthwiseFloatTiles<0, 0, 1>(args, rows, pixel);
    }
  }
}

}  // namespace

extern const DepthwiseFloatKernels kDepthwiseFloat;
const DepthwiseFloatKernels kDepthwiseFloat = {.run = RunDepthwiseFloat};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
