#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/kernels/resize/resize.h"

namespace edgeml::kernels {
namespace {

// Conversion that a coordinate rounded up beyond 32 bits cannot make undefined.
int32_t ToIndex(float whole, int32_t in) {
  constexpr float kLargestBelow2To31 = 2147483520.0f;
  return std::clamp(static_cast<int32_t>(std::min(whole, kLargestBelow2To31)), 0, in - 1);
}

// Two neighbours and how far the coordinate lies beyond the first.
struct FloatPosition {
  int32_t lower = 0, upper = 0;
  float beyond = 0.0f;
};

class FloatAxis {
 public:
  FloatAxis(int32_t in, int32_t out, const ResizeShape& shape)
      : in_(in), half_pixel_(shape.half_pixel_centers) {
    scale_ = static_cast<float>(in) / static_cast<float>(out);
    if (shape.align_corners && out > 1)
      scale_ = static_cast<float>(in - 1) / static_cast<float>(out - 1);
  }
  FloatPosition At(int32_t i) const {
    const auto index = static_cast<float>(i);
    const float position = half_pixel_ ? (index + 0.5f) * scale_ - 0.5f : index * scale_;
    FloatPosition p;
    p.lower = ToIndex(std::floor(position), in_);
    p.upper = ToIndex(std::ceil(position), in_);
    p.beyond = position - static_cast<float>(p.lower);
    return p;
  }

 private:
  int32_t in_;
  bool half_pixel_;
  float scale_ = 1.0f;
};

// The same in 1/1024 pixels.
struct IntegerPosition {
  int64_t lower = 0, upper = 0;
  int64_t beyond = 0;
};

class IntegerAxis {
 public:
  IntegerAxis(int32_t in, int32_t out, const ResizeShape& shape)
      : in_(in), half_pixel_(shape.half_pixel_centers) {
    scale_ = (int64_t{1024} * in + out / 2) / out;
    if (shape.align_corners && out > 1)
      scale_ = (int64_t{1024} * (in - 1) + (out - 1) / 2) / (out - 1);
  }
  IntegerPosition At(int64_t i) const {
    const int64_t position = half_pixel_ ? i * scale_ + scale_ / 2 - 512 : i * scale_;
    IntegerPosition p;
    p.lower = std::clamp<int64_t>(position / 1024, 0, in_ - 1);
    p.upper = std::clamp<int64_t>((position + 1023) / 1024, 0, in_ - 1);
    p.beyond = position - 1024 * p.lower;
    return p;
  }

 private:
  int32_t in_;
  bool half_pixel_;
  int64_t scale_ = 1024;
};

// The order of the float operations is LiteRT's, so that rounding to uint8 agrees.
template <typename T>
T Blend(const FloatPosition& y, const FloatPosition& x, T top_left, T bottom_left, T top_right,
        T bottom_right) {
  const float half = std::numeric_limits<T>::is_integer ? 0.5f : 0.0f;
  const float value = static_cast<float>(top_left) * (1 - y.beyond) * (1 - x.beyond) +
                      static_cast<float>(bottom_left) * y.beyond * (1 - x.beyond) +
                      static_cast<float>(top_right) * (1 - y.beyond) * x.beyond +
                      static_cast<float>(bottom_right) * y.beyond * x.beyond + half;
  return static_cast<T>(value);
}

template <typename T>
T Blend(const IntegerPosition& y, const IntegerPosition& x, T top_left, T bottom_left, T top_right,
        T bottom_right) {
  const int64_t sum = top_left * (1024 - y.beyond) * (1024 - x.beyond) +
                      bottom_left * y.beyond * (1024 - x.beyond) +
                      top_right * (1024 - y.beyond) * x.beyond + bottom_right * y.beyond * x.beyond;
  constexpr int64_t kOne = 1 << 20;
  return static_cast<T>((sum + (sum > 0 ? kOne / 2 : -kOne / 2)) / kOne);
}

template <typename Axis, typename T>
void Bilinear(const ResizeShape& s, const T* input, T* output) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.channels;
  const Axis y_axis(s.in_h, std::max(s.out_h, 1), s);
  const Axis x_axis(s.in_w, std::max(s.out_w, 1), s);
  for (int32_t b = 0; b < s.batch; ++b) {
    const T* image = input + b * s.in_h * in_row;
    for (int32_t out_y = 0; out_y < s.out_h; ++out_y) {
      const auto y = y_axis.At(out_y);
      const T* top = image + y.lower * in_row;
      const T* bottom = image + y.upper * in_row;
      for (int32_t out_x = 0; out_x < s.out_w; ++out_x) {
        const auto x = x_axis.At(out_x);
        const int64_t left = static_cast<int64_t>(x.lower) * s.channels;
        const int64_t right = static_cast<int64_t>(x.upper) * s.channels;
        for (int32_t c = 0; c < s.channels; ++c) {
          *output++ =
              Blend(y, x, top[left + c], bottom[left + c], top[right + c], bottom[right + c]);
        }
      }
    }
  }
}

int32_t Nearest(int32_t i, int32_t in, int32_t out, const ResizeShape& s) {
  const float scale = s.align_corners && out > 1
                          ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                          : static_cast<float>(in) / static_cast<float>(out);
  const float position = (static_cast<float>(i) + (s.half_pixel_centers ? 0.5f : 0.0f)) * scale;
  const float whole = s.align_corners ? std::round(position) : std::floor(position);
  return ToIndex(whole, in);
}

}  // namespace

void ResizeBilinear(const ResizeShape& shape, const float* input, float* output) {
  Bilinear<FloatAxis>(shape, input, output);
}
void ResizeBilinear(const ResizeShape& shape, const uint8_t* input, uint8_t* output) {
  Bilinear<FloatAxis>(shape, input, output);
}
void ResizeBilinear(const ResizeShape& shape, const int8_t* input, int8_t* output) {
  Bilinear<IntegerAxis>(shape, input, output);
}
void ResizeBilinear(const ResizeShape& shape, const int16_t* input, int16_t* output) {
  Bilinear<IntegerAxis>(shape, input, output);
}

void ResizeNearest(const ResizeShape& s, size_t element_size, const void* input, void* output) {
  const size_t pixel = element_size * static_cast<size_t>(s.channels);
  const size_t in_row = pixel * static_cast<size_t>(s.in_w);
  const auto* image = static_cast<const std::byte*>(input);
  auto* out = static_cast<std::byte*>(output);
  for (int32_t b = 0; b < s.batch; ++b, image += in_row * static_cast<size_t>(s.in_h)) {
    for (int32_t y = 0; y < s.out_h; ++y) {
      const std::byte* row = image + in_row * static_cast<size_t>(Nearest(y, s.in_h, s.out_h, s));
      for (int32_t x = 0; x < s.out_w; ++x, out += pixel)
        std::memcpy(out, row + pixel * static_cast<size_t>(Nearest(x, s.in_w, s.out_w, s)), pixel);
    }
  }
}

void ResizeBilinearGradient(const ResizeShape& s, const float* output_gradient,
                            float* input_gradient, int32_t begin, int32_t end) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.channels;
  const FloatAxis y_axis(s.in_h, std::max(s.out_h, 1), s), x_axis(s.in_w, std::max(s.out_w, 1), s);
  for (int64_t row = int64_t{begin} * s.out_h; row < int64_t{end} * s.out_h; ++row) {
    float* const image = input_gradient + row / s.out_h * s.in_h * in_row;
    const FloatPosition y = y_axis.At(static_cast<int32_t>(row % s.out_h));
    for (int32_t out_x = 0; out_x < s.out_w; ++out_x) {
      const FloatPosition x = x_axis.At(out_x);
      const float* const dy = output_gradient + (row * s.out_w + out_x) * s.channels;
      const auto add = [&](int64_t at_y, int64_t at_x, float share) {
        float* const to = image + at_y * in_row + at_x * s.channels;
        for (int32_t c = 0; c < s.channels; ++c) to[c] += share * dy[c];
      };
      add(y.lower, x.lower, (1 - y.beyond) * (1 - x.beyond));
      add(y.upper, x.lower, y.beyond * (1 - x.beyond));
      add(y.lower, x.upper, (1 - y.beyond) * x.beyond);
      add(y.upper, x.upper, y.beyond * x.beyond);
    }
  }
}

void ResizeNearestGradient(const ResizeShape& s, const float* output_gradient,
                           float* input_gradient, int32_t begin, int32_t end) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.channels;
  for (int64_t row = int64_t{begin} * s.out_h; row < int64_t{end} * s.out_h; ++row) {
    const int32_t y = Nearest(static_cast<int32_t>(row % s.out_h), s.in_h, s.out_h, s);
    float* const line = input_gradient + (row / s.out_h * s.in_h + y) * in_row;
    for (int32_t out_x = 0; out_x < s.out_w; ++out_x) {
      const float* const dy = output_gradient + (row * s.out_w + out_x) * s.channels;
      float* const to = line + int64_t{Nearest(out_x, s.in_w, s.out_w, s)} * s.channels;
      for (int32_t c = 0; c < s.channels; ++c) to[c] += dy[c];
    }
  }
}

}  // namespace edgeml::kernels
