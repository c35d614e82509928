#include "src/kernels/pooling/vector_pool_args.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

using DF = hn::ScalableTag<float>;
using DI = hn::ScalableTag<int32_t>;
using VI = hn::Vec<DI>;

// Pixels [y0, y1) x [x0, x1) of an image whose rows are in_w pixels long.
struct PoolWindow {
  int32_t y0, y1, x0, x1, in_w, channels;
};

// f(pointer to the pixel's channel c) for every pixel of the window in memory order.
template <typename T, typename F>
HWY_INLINE void ForPixels(const PoolWindow& w, const T* image, int32_t c, F f) {
  for (int32_t y = w.y0; y < w.y1; ++y) {
    const T* pixel = image + (int64_t{y} * w.in_w + w.x0) * w.channels + c;
    for (int32_t x = w.x0; x < w.x1; ++x, pixel += w.channels) f(pixel);
  }
}

void PoolFloatPixel(const VectorPoolArgs& args, const PoolWindow& w, const float* image,
                    float* out) {
  const DF d;
  const auto lo = hn::Set(d, args.float_lo), hi = hn::Set(d, args.float_hi);
  const auto count = hn::Set(d, static_cast<float>((w.y1 - w.y0) * (w.x1 - w.x0)));
  for (int32_t c = 0; c < w.channels; c += kLanes32) {
    const int n = Min(w.channels - c, kLanes32);
    auto v = hn::Set(d, args.is_max ? hwy::LowestValue<float>() : 0.0f);
    if (args.is_max) {
      ForPixels(w, image, c, [&](const float* p) HWY_ATTR { v = hn::Max(LoadPart(d, p, n), v); });
    } else {
      ForPixels(w, image, c, [&](const float* p) HWY_ATTR { v = hn::Add(v, LoadPart(d, p, n)); });
      v = hn::Div(v, count);
    }
    StorePart(hn::Min(hn::Max(v, lo), hi), d, out + c, n);
  }
}

// sum / count rounded to nearest, ties away from zero. Exact for |sum| < 2^24 and count <= 65536:
// the quotient is below 2^8, and what keeps it from the next integer is more than its rounding.
HWY_INLINE VI DivideRounded(VI sum, int32_t count) {
  const DF df;
  const DI d;
  const VI half = hn::Set(d, count / 2);
  const VI sign = hn::ShiftRight<31>(sum);
  const VI nudged = hn::Add(sum, hn::Sub(hn::Xor(half, sign), sign));
  const auto quotient = hn::Div(hn::ConvertTo(df, nudged), hn::Set(df, static_cast<float>(count)));
  return hn::ConvertTo(d, quotient);  // truncates
}

template <typename T>
void PoolIntegerPixel(const VectorPoolArgs& args, const PoolWindow& w, const T* image, T* out) {
  const DI d;
  if (args.is_max) {
    const hn::ScalableTag<T> d8;
    const auto lo = hn::Set(d8, static_cast<T>(args.lo)), hi = hn::Set(d8, static_cast<T>(args.hi));
    for (int32_t c = 0; c < w.channels; c += kVectorBytes) {
      const int n = Min(w.channels - c, kVectorBytes);
      auto v = hn::Set(d8, hwy::LowestValue<T>());
      ForPixels(w, image, c, [&](const T* p) HWY_ATTR { v = hn::Max(LoadPart(d8, p, n), v); });
      StorePart(hn::Min(hn::Max(v, lo), hi), d8, out + c, n);
    }
    return;
  }
  const hn::Rebind<T, DI> d8;
  const VI lo = hn::Set(d, args.lo), hi = hn::Set(d, args.hi);
  const int32_t count = (w.y1 - w.y0) * (w.x1 - w.x0);
  for (int32_t c = 0; c < w.channels; c += kLanes32) {
    const int n = Min(w.channels - c, kLanes32);
    VI sum = hn::Zero(d);
    ForPixels(w, image, c, [&](const T* p) HWY_ATTR {
      sum = hn::Add(sum, hn::PromoteTo(d, LoadPart(d8, p, n)));
    });
    const VI mean = hn::Min(hn::Max(DivideRounded(sum, count), lo), hi);
    StorePart(hn::DemoteTo(d8, mean), d8, out + c, n);
  }
}

template <typename T, typename Pixel>
HWY_INLINE void PoolRows(const VectorPoolArgs& a, const void* input, void* output, int64_t begin,
                         int64_t end, Pixel pixel) {
  const int64_t image_size = int64_t{a.in_h} * a.in_w * a.channels;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / a.out_h;
    const auto oy = static_cast<int32_t>(row - image * a.out_h);
    const T* from = static_cast<const T*>(input) + image * image_size;
    T* to = static_cast<T*>(output) + row * a.out_w * a.channels;
    const int32_t y = oy * a.stride_h - a.pad_top;
    for (int32_t ox = 0; ox < a.out_w; ++ox, to += a.channels) {
      const int32_t x = ox * a.stride_w - a.pad_left;
      const PoolWindow window = {Max(y, 0), Min(y + a.filter_h, a.in_h),
                                 Max(x, 0), Min(x + a.filter_w, a.in_w),
                                 a.in_w,    a.channels};
      pixel(a, window, from, to);
    }
  }
}

void Pool(const VectorPoolArgs& args, const void* input, void* output, int64_t begin, int64_t end) {
  switch (args.element) {
    case PoolElement::kFloat:
      return PoolRows<float>(args, input, output, begin, end, PoolFloatPixel);
    case PoolElement::kInt8:
      return PoolRows<int8_t>(args, input, output, begin, end, PoolIntegerPixel<int8_t>);
    case PoolElement::kUInt8:
      return PoolRows<uint8_t>(args, input, output, begin, end, PoolIntegerPixel<uint8_t>);
  }
}

template <typename T>
void ColumnSumsTyped(const T* input, int64_t pixels, int64_t channels, int32_t* sums) {
  const DI d;
  const hn::Rebind<T, DI> d8;
  for (int64_t c = 0; c < channels; c += kLanes32) {
    const int n = channels - c < kLanes32 ? static_cast<int>(channels - c) : kLanes32;
    VI sum = hn::Zero(d);
    for (int64_t p = 0; p < pixels; ++p) {
      sum = hn::Add(sum, hn::PromoteTo(d, LoadPart(d8, input + p * channels + c, n)));
    }
    StorePart(sum, d, sums + c, n);
  }
}

void ColumnSums(const void* input, bool is_unsigned, int64_t pixels, int64_t channels,
                int32_t* sums) {
  if (is_unsigned) {
    ColumnSumsTyped(static_cast<const uint8_t*>(input), pixels, channels, sums);
  } else {
    ColumnSumsTyped(static_cast<const int8_t*>(input), pixels, channels, sums);
  }
}

void ColumnMeans(const float* input, int64_t pixels, int64_t channels, float* means) {
  const DF d;
  const auto count = hn::Set(d, static_cast<float>(pixels));
  for (int64_t c = 0; c < channels; c += kLanes32) {
    const int n = channels - c < kLanes32 ? static_cast<int>(channels - c) : kLanes32;
    auto sum = hn::Zero(d);
    for (int64_t p = 0; p < pixels; ++p) {
      sum = hn::Add(sum, LoadPart(d, input + p * channels + c, n));
    }
    StorePart(hn::Div(sum, count), d, means + c, n);
  }
}

}  // namespace

extern const VectorPoolKernels kVectorPool;
const VectorPoolKernels kVectorPool = {
    .pool = Pool, .column_sums = ColumnSums, .column_means = ColumnMeans};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
