#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/pooling/pooling.h"

namespace edgeml::kernels {
namespace {

// The part of a window that lies inside the input: [begin, end).
struct Span {
  int64_t begin = 0, end = 0;
};
Span Inside(int64_t origin, int32_t filter, int32_t in) {
  return {std::max<int64_t>(origin, 0), std::min<int64_t>(origin + filter, in)};
}

// Reducer: `Sum start`, `Sum Step(Sum, value)`, `T Finish(Sum, count)`.
template <typename T, typename Reducer>
void Pool(const PoolShape& s, const Reducer& reducer, const T* input, T* output, int64_t begin,
          int64_t end) {
  const int64_t in_row = static_cast<int64_t>(s.in_w) * s.channels;
  T* out = output + begin * s.channels;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / s.out_w, out_x = i % s.out_w;
    const T* image = input + row / s.out_h * s.in_h * in_row;
    const Span ys = Inside((row % s.out_h) * s.stride_h - s.pad_top, s.filter_h, s.in_h);
    const Span xs = Inside(out_x * s.stride_w - s.pad_left, s.filter_w, s.in_w);
    const int64_t count = (ys.end - ys.begin) * (xs.end - xs.begin);
    for (int32_t channel = 0; channel < s.channels; ++channel) {
      auto sum = reducer.start;
      for (int64_t y = ys.begin; y < ys.end; ++y) {
        const T* pixel = image + y * in_row + channel;
        for (int64_t x = xs.begin; x < xs.end; ++x) sum = reducer.Step(sum, pixel[x * s.channels]);
      }
      *out++ = reducer.Finish(sum, count);
    }
  }
}

struct FloatMean {
  float lo, hi;
  float start = 0.0f;
  float Step(float sum, float value) const { return sum + value; }
  float Finish(float sum, int64_t count) const {
    return std::min(std::max(sum / static_cast<float>(count), lo), hi);
  }
};

struct RootMeanSquare {
  float lo, hi;
  float start = 0.0f;
  float Step(float sum, float value) const { return sum + value * value; }
  float Finish(float sum, int64_t count) const {
    return std::min(std::max(std::sqrt(sum / static_cast<float>(count)), lo), hi);
  }
};

template <typename T>
struct IntegerMean {
  int64_t lo, hi;
  int64_t start = 0;
  int64_t Step(int64_t sum, T value) const { return sum + value; }
  T Finish(int64_t sum, int64_t count) const {
    const int64_t half = count / 2;
    const int64_t mean = (sum > 0 ? sum + half : sum - half) / count;
    return static_cast<T>(std::min(std::max(mean, lo), hi));
  }
};

template <typename T, typename Bound>
struct Maximum {
  Bound lo, hi;
  T start = std::numeric_limits<T>::lowest();
  T Step(T best, T value) const { return std::max(best, value); }
  T Finish(T best, int64_t) const {
    return static_cast<T>(std::min(std::max(static_cast<Bound>(best), lo), hi));
  }
};

}  // namespace

void AveragePool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
                 int64_t begin, int64_t end) {
  Pool(shape, FloatMean{lo, hi}, input, output, begin, end);
}
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const int8_t* input,
                 int8_t* output, int64_t begin, int64_t end) {
  Pool(shape, IntegerMean<int8_t>{lo, hi}, input, output, begin, end);
}
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const uint8_t* input,
                 uint8_t* output, int64_t begin, int64_t end) {
  Pool(shape, IntegerMean<uint8_t>{lo, hi}, input, output, begin, end);
}
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const int16_t* input,
                 int16_t* output, int64_t begin, int64_t end) {
  Pool(shape, IntegerMean<int16_t>{lo, hi}, input, output, begin, end);
}
void L2Pool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
            int64_t begin, int64_t end) {
  Pool(shape, RootMeanSquare{lo, hi}, input, output, begin, end);
}
void MaxPool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
             int64_t begin, int64_t end) {
  Pool(shape, Maximum<float, float>{lo, hi}, input, output, begin, end);
}
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const int8_t* input, int8_t* output,
             int64_t begin, int64_t end) {
  Pool(shape, Maximum<int8_t, int32_t>{lo, hi}, input, output, begin, end);
}
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const uint8_t* input, uint8_t* output,
             int64_t begin, int64_t end) {
  Pool(shape, Maximum<uint8_t, int32_t>{lo, hi}, input, output, begin, end);
}
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const int16_t* input, int16_t* output,
             int64_t begin, int64_t end) {
  Pool(shape, Maximum<int16_t, int32_t>{lo, hi}, input, output, begin, end);
}

}  // namespace edgeml::kernels
