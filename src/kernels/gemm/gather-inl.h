// Gathers rows of the patch matrix of an NHWC image, for SIMD sources.
#ifndef EDGEML_KERNELS_GEMM_GATHER_INL_H_
#define EDGEML_KERNELS_GEMM_GATHER_INL_H_

#include "src/kernels/gemm/gemm_args.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

// What CopyFlipped may write beyond the bytes asked for.
inline constexpr int kCopySlack = 64;

template <typename Word>
EDGEML_INLINE void CopyFlippedWord(uint8_t* to, const uint8_t* from, uint8_t flip) {
  Word word;
  CopyFixed<sizeof(Word)>(&word, from);
  word ^= static_cast<Word>(static_cast<Word>(0x0101010101010101ull) * flip);
  CopyFixed<sizeof(Word)>(to, &word);
}

// to[i] = from[i] ^ flip for i in [0, n). Reads nothing else; may write up to kCopySlack - 1 bytes
// more.
EDGEML_INLINE void CopyFlipped(uint8_t* to, const uint8_t* from, int64_t n, uint8_t flip) {
  const hn::ScalableTag<uint8_t> d;
  constexpr int64_t kStep = kVectorBytes;
  int64_t i = 0;
  const auto flips = hn::Set(d, flip);
  for (; i + kStep <= n; i += kStep) hn::StoreU(hn::Xor(hn::LoadU(d, from + i), flips), d, to + i);
  if (i == n) return;
  if constexpr (kByteMasks) {
    const auto v = hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n - i)), d, from + i);
    hn::StoreU(hn::Xor(v, flips), d, to + i);
  } else if (n >= kStep) {  // overlaps what is written already
    hn::StoreU(hn::Xor(hn::LoadU(d, from + n - kStep), flips), d, to + n - kStep);
  } else if (n >= 16) {
    const hn::FixedTag<uint8_t, 16> d16;
    const auto flips16 = hn::Set(d16, flip);
    hn::StoreU(hn::Xor(hn::LoadU(d16, from), flips16), d16, to);
    hn::StoreU(hn::Xor(hn::LoadU(d16, from + n - 16), flips16), d16, to + n - 16);
  } else if (n >= 8) {
    CopyFlippedWord<uint64_t>(to, from, flip);
    CopyFlippedWord<uint64_t>(to + n - 8, from + n - 8, flip);
  } else if (n >= 4) {
    CopyFlippedWord<uint32_t>(to, from, flip);
    CopyFlippedWord<uint32_t>(to + n - 4, from + n - 4, flip);
  } else {
    for (; i < n; ++i) to[i] = static_cast<uint8_t>(from[i] ^ flip);
  }
}

EDGEML_INLINE void FillBytes(uint8_t* to, int64_t n, uint8_t value) {
  __builtin_memset(to, value, static_cast<size_t>(n));
}

// Walks output pixels in row-major order.
struct PixelCursor {
  int64_t image;
  int32_t y, x;

  static PixelCursor At(const PatchGeometry& g, int64_t row) {
    const int64_t pixels = int64_t{g.out_h} * g.out_w;
    const int64_t image = row / pixels;
    const auto rest = static_cast<int32_t>(row - image * pixels);
    return {image, rest / g.out_w, rest % g.out_w};
  }
  void Advance(const PatchGeometry& g) {
    if (++x == g.out_w) {
      x = 0;
      if (++y == g.out_h) {
        y = 0;
        ++image;
      }
    }
  }
};

// Writes one patch, [kernel_h, kernel_w, pixel_bytes], to `to`; may write up to kCopySlack - 1
// bytes more.
EDGEML_INLINE void GatherPatch(const PatchGeometry& g, const uint8_t* input, const PixelCursor& at,
                               uint8_t pad_byte, uint8_t flip, uint8_t* to) {
  const int64_t pixel = g.pixel_bytes;
  const int64_t line = pixel * g.in_w;
  const uint8_t* image = input + at.image * g.in_h * line;
  const int32_t x0 = at.x * g.stride_w - g.pad_left;
  const auto pad = static_cast<uint8_t>(pad_byte ^ flip);
  int32_t y = at.y * g.stride_h - g.pad_top;
  // Columns of the window that lie inside of the image (dilation 1).
  const int32_t inside_begin = Min(Max(-x0, 0), g.kernel_w);
  const int32_t inside_end = Max(Min(g.in_w - x0, g.kernel_w), inside_begin);
  if (inside_begin == 0 && inside_end == g.kernel_w && g.dilation_w == 1 && y >= 0 &&
      y + (g.kernel_h - 1) * g.dilation_h < g.in_h) {
    const int64_t segment = g.kernel_w * pixel;
    const uint8_t* from = image + y * line + x0 * pixel;
    for (int32_t ky = 0; ky < g.kernel_h; ++ky, from += g.dilation_h * line, to += segment) {
      CopyFlipped(to, from, segment, flip);
    }
    return;
  }
  for (int32_t ky = 0; ky < g.kernel_h; ++ky, y += g.dilation_h) {
    if (y < 0 || y >= g.in_h) {
      FillBytes(to, g.kernel_w * pixel, pad);
      to += g.kernel_w * pixel;
      continue;
    }
    const uint8_t* row = image + y * line;
    if (g.dilation_w == 1) {
      if (inside_begin > 0) FillBytes(to, inside_begin * pixel, pad);
      if (inside_end > inside_begin) {
        CopyFlipped(to + inside_begin * pixel, row + (x0 + inside_begin) * pixel,
                    (inside_end - inside_begin) * pixel, flip);
      }
      if (inside_end < g.kernel_w) {
        FillBytes(to + inside_end * pixel, (g.kernel_w - inside_end) * pixel, pad);
      }
      to += g.kernel_w * pixel;
      continue;
    }
    for (int32_t kx = 0; kx < g.kernel_w; ++kx, to += pixel) {
      const int32_t x = x0 + kx * g.dilation_w;
      if (x < 0 || x >= g.in_w) {
        FillBytes(to, pixel, pad);
      } else {
        CopyFlipped(to, row + x * pixel, pixel, flip);
      }
    }
  }
}

// Gathers rows [begin, end) to `to`, `stride` bytes apart; the bytes of a row beyond its depth are
// zero. `pad_bytes`, when not null, has one pad byte per image. `to` needs kCopySlack bytes after
// the last row.
EDGEML_INLINE void GatherRows(const PatchGeometry& g, const uint8_t* input, int64_t begin,
                              int64_t end, uint8_t pad_byte, const uint8_t* pad_bytes, uint8_t flip,
                              int64_t depth, int64_t stride, uint8_t* to) {
  if (g.plain) {
    if (depth == stride && depth == g.row_bytes) {
      CopyFlipped(to, input + begin * g.row_bytes, (end - begin) * depth, flip);
      return;
    }
    for (int64_t row = begin; row < end; ++row, to += stride) {
      CopyFlipped(to, input + row * g.row_bytes, depth, flip);
      for (int64_t i = depth; i < stride; ++i) to[i] = 0;
    }
    return;
  }
  PixelCursor at = PixelCursor::At(g, begin);
  for (int64_t row = begin; row < end; ++row, to += stride) {
    GatherPatch(g, input, at, pad_bytes != nullptr ? pad_bytes[at.image] : pad_byte, flip, to);
    for (int64_t i = depth; i < stride; ++i) to[i] = 0;
    at.Advance(g);
  }
}

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL

#endif  // EDGEML_KERNELS_GEMM_GATHER_INL_H_
