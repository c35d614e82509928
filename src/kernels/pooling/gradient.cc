#include "src/kernels/pooling/gradient.h"

#include <algorithm>

namespace edgeml::kernels {
namespace {

// Calls f(first element of the output pixel, window) for the output pixels of images [begin, end).
struct Pixels {
  int64_t image = 0;  // offset of its first element
  int64_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;
};
template <typename F>
void ForWindows(const PoolShape& s, int64_t begin, int64_t end, F f) {
  for (int64_t b = begin; b < end; ++b) {
    for (int64_t oy = 0; oy < s.out_h; ++oy) {
      const int64_t y = oy * s.stride_h - s.pad_top;
      for (int64_t ox = 0; ox < s.out_w; ++ox) {
        const int64_t x = ox * s.stride_w - s.pad_left;
        const Pixels window = {b * s.in_h * s.in_w * s.channels, std::max<int64_t>(y, 0),
                               std::min<int64_t>(y + s.filter_h, s.in_h), std::max<int64_t>(x, 0),
                               std::min<int64_t>(x + s.filter_w, s.in_w)};
        f(((b * s.out_h + oy) * s.out_w + ox) * s.channels, window);
      }
    }
  }
}

}  // namespace

void AveragePoolGradient(const PoolShape& s, const float* output_gradient, float* input_gradient,
                         int64_t begin, int64_t end) {
  ForWindows(s, begin, end, [&](int64_t out, const Pixels& w) {
    const float share = 1.0f / static_cast<float>((w.y1 - w.y0) * (w.x1 - w.x0));
    for (int64_t y = w.y0; y < w.y1; ++y) {
      for (int64_t x = w.x0; x < w.x1; ++x) {
        float* const to = input_gradient + w.image + (y * s.in_w + x) * s.channels;
        for (int64_t c = 0; c < s.channels; ++c) to[c] += share * output_gradient[out + c];
      }
    }
  });
}

void MaxPoolGradient(const PoolShape& s, const float* input, const float* output_gradient,
                     float* input_gradient, int64_t begin, int64_t end) {
  ForWindows(s, begin, end, [&](int64_t out, const Pixels& w) {
    for (int64_t c = 0; c < s.channels; ++c) {
      int64_t best = w.image + (w.y0 * s.in_w + w.x0) * s.channels + c;
      for (int64_t y = w.y0; y < w.y1; ++y) {
        for (int64_t x = w.x0; x < w.x1; ++x) {
          const int64_t at = w.image + (y * s.in_w + x) * s.channels + c;
          if (input[at] > input[best]) best = at;
        }
      }
      input_gradient[best] += output_gradient[out + c];
    }
  });
}

}  // namespace edgeml::kernels
