#include "src/kernels/convolution/patches.h"

#include <algorithm>
#include <cstddef>

#include "src/kernels/convolution/reference.h"

namespace edgeml::kernels {
namespace {

// Calls inside(offset in the input, offset in the row, length) for every run of elements of a
// pixel's patch that lies in the image, in order.
template <typename F>
void ForRuns(const ConvShape& s, ChannelRange channels, int64_t pixel, F inside) {
  const int64_t line = pixel / s.out_w;
  const int64_t image = line / s.out_h;
  const int64_t y0 = line % s.out_h * s.stride_h - s.pad_top;
  const int64_t x0 = pixel % s.out_w * s.stride_w - s.pad_left;
  const reference::Taps ys = reference::TapsInside(y0, s.dilation_h, s.filter_h, s.in_h);
  const reference::Taps xs = reference::TapsInside(x0, s.dilation_w, s.filter_w, s.in_w);
  if (xs.begin >= xs.end) return;
  // Neighbouring taps are one run when all channels are meant.
  const bool joined = channels.count == s.in_c && s.dilation_w == 1;
  for (int64_t fy = ys.begin; fy < ys.end; ++fy) {
    const int64_t y = y0 + fy * s.dilation_h;
    const int64_t in_line = (image * s.in_h + y) * s.in_w;
    const int64_t row_line = fy * s.filter_w;
    if (joined) {
      inside((in_line + x0 + xs.begin) * s.in_c, (row_line + xs.begin) * s.in_c,
             int64_t{xs.end - xs.begin} * s.in_c);
      continue;
    }
    for (int64_t fx = xs.begin; fx < xs.end; ++fx) {
      inside((in_line + x0 + fx * s.dilation_w) * s.in_c + channels.first,
             (row_line + fx) * channels.count, channels.count);
    }
  }
}

void GatherPatch(const ConvShape& s, ChannelRange channels, const float* input, int64_t pixel,
                 int64_t length, float* row) {
  int64_t filled = 0;
  ForRuns(s, channels, pixel, [&](int64_t from, int64_t to, int64_t n) {
    std::fill(row + filled, row + to, 0.0f);
    std::copy_n(input + from, n, row + to);
    filled = to + n;
  });
  std::fill(row + filled, row + length, 0.0f);
}

int64_t LengthOf(const ConvShape& s, ChannelRange channels) {
  return int64_t{s.filter_h} * s.filter_w * channels.count;
}

}  // namespace

void GatherPatches(const ConvShape& shape, ChannelRange channels, const float* input,
                   std::span<const int64_t> pixels, float* rows) {
  const int64_t length = LengthOf(shape, channels);
  for (const int64_t pixel : pixels) {
    GatherPatch(shape, channels, input, pixel, length, rows);
    rows += length;
  }
}

void GatherPatches(const ConvShape& shape, ChannelRange channels, const float* input, int64_t first,
                   int64_t count, float* rows) {
  const int64_t length = LengthOf(shape, channels);
  for (int64_t i = 0; i < count; ++i)
    GatherPatch(shape, channels, input, first + i, length, rows + i * length);
}

void ScatterPatches(const ConvShape& shape, ChannelRange channels, const float* rows, int64_t first,
                    int64_t count, float* input) {
  const int64_t length = LengthOf(shape, channels);
  for (int64_t i = 0; i < count; ++i, rows += length) {
    ForRuns(shape, channels, first + i, [&](int64_t to, int64_t from, int64_t n) {
      for (int64_t j = 0; j < n; ++j) input[to + j] += rows[from + j];
    });
  }
}

}  // namespace edgeml::kernels
