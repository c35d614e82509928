#include "src/kernels/convolution/gradient.h"
#include "src/kernels/convolution/reference.h"

namespace edgeml::kernels {
namespace {

using reference::Taps;
using reference::TapsInside;

// Calls f(output pixel, input pixel, filter tap) for every tap of every window that lies in the
// image, in the order of the output.
template <typename F>
void ForTaps(const ConvShape& s, F f) {
  for (int64_t row = 0; row < s.output_rows(); ++row) {
    const int64_t image = row / s.out_h;
    const int64_t y0 = row % s.out_h * s.stride_h - s.pad_top;
    const Taps ys = TapsInside(y0, s.dilation_h, s.filter_h, s.in_h);
    for (int64_t ox = 0; ox < s.out_w; ++ox) {
      const int64_t x0 = ox * s.stride_w - s.pad_left;
      const Taps xs = TapsInside(x0, s.dilation_w, s.filter_w, s.in_w);
      for (int64_t fy = ys.begin; fy < ys.end; ++fy) {
        const int64_t line = (image * s.in_h + y0 + fy * s.dilation_h) * s.in_w;
        for (int64_t fx = xs.begin; fx < xs.end; ++fx)
          f(row * s.out_w + ox, line + x0 + fx * s.dilation_w, fy * s.filter_w + fx);
      }
    }
  }
}

// Calls f(output element, input element, filter element) for every product of a convolution.
template <typename F>
void ForConvProducts(const ConvShape& s, F f) {
  const int64_t depth = s.in_c / s.groups, per_group = s.out_c / s.groups;
  const int64_t taps = int64_t{s.filter_h} * s.filter_w;
  ForTaps(s, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < s.out_c; ++o) {
      const int64_t x = in * s.in_c + o / per_group * depth, w = (o * taps + tap) * depth;
      for (int64_t c = 0; c < depth; ++c) f(out * s.out_c + o, x + c, w + c);
    }
  });
}

template <typename F>
void ForDepthwiseProducts(const ConvShape& s, F f) {
  ForTaps(s, [&](int64_t out, int64_t in, int64_t tap) {
    for (int64_t o = 0; o < s.out_c; ++o)
      f(out * s.out_c + o, in * s.in_c + o / s.depth_multiplier, tap * s.out_c + o);
  });
}

}  // namespace

void ConvInputGradient(const ConvShape& shape, const float* filter, const float* output_gradient,
                       float* input_gradient) {
  ForConvProducts(shape, [&](int64_t y, int64_t x, int64_t w) {
    input_gradient[x] += output_gradient[y] * filter[w];
  });
}

void ConvFilterGradient(const ConvShape& shape, const float* input, const float* output_gradient,
                        float* filter_gradient) {
  ForConvProducts(shape, [&](int64_t y, int64_t x, int64_t w) {
    filter_gradient[w] += output_gradient[y] * input[x];
  });
}

void DepthwiseInputGradient(const ConvShape& shape, const float* filter,
                            const float* output_gradient, float* input_gradient) {
  ForDepthwiseProducts(shape, [&](int64_t y, int64_t x, int64_t w) {
    input_gradient[x] += output_gradient[y] * filter[w];
  });
}

void DepthwiseFilterGradient(const ConvShape& shape, const float* input,
                             const float* output_gradient, float* filter_gradient) {
  ForDepthwiseProducts(shape, [&](int64_t y, int64_t x, int64_t w) {
    filter_gradient[w] += output_gradient[y] * input[x];
  });
}

void BiasGradient(int64_t rows, int64_t channels, const float* output_gradient,
                  float* bias_gradient) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c) bias_gradient[c] += *output_gradient++;
}

}  // namespace edgeml::kernels
