#include "src/kernels/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/elementwise/integer_math.h"
#include "src/kernels/quantize/packed.h"
#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

// f(element, scale, zero point) for each element in memory order.
template <typename F>
void ForEachElement(const ChannelScales& s, F f) {
  int64_t i = 0;
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t c = 0; c < s.channels; ++c) {
      const float scale = s.scale[c];
      const int32_t zero_point = s.zero_point_of(c);
      for (int64_t k = 0; k < s.inner; ++k, ++i) f(i, scale, zero_point);
    }
  }
}

int32_t QuantizeOne(float x, float scale, int32_t zero_point, int32_t lo, int32_t hi) {
  return OffsetAndClamp(TruncateToInt32(std::round(x / scale)), zero_point, lo, hi);
}

template <typename T>
void QuantizeTyped(const float* in, const ChannelScales& s, T* out) {
  ForEachElement(s, [&](int64_t i, float scale, int32_t zero_point) {
    out[i] = static_cast<T>(QuantizeOne(in[i], scale, zero_point, std::numeric_limits<T>::min(),
                                        std::numeric_limits<T>::max()));
  });
}

template <typename Load>
void DequantizeTyped(const ChannelScales& s, float* out, Load load) {
  ForEachElement(s, [&](int64_t i, float scale, int32_t zero_point) {
    out[i] = static_cast<float>(static_cast<double>(scale) *
                                static_cast<double>(WrapSub(int32_t{load(i)}, zero_point)));
  });
}

template <typename In, typename Out>
void RequantizeTyped(const In* in, int64_t n, FixedPointMultiplier m, int32_t zero_point_in,
                     int32_t zero_point_out, void* out) {
  Out* to = static_cast<Out*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const int32_t x = WrapSub(int32_t{in[i]}, zero_point_in);
    to[i] = static_cast<Out>(OffsetAndClamp(MultiplyByFixedPoint(x, m), zero_point_out,
                                            std::numeric_limits<Out>::min(),
                                            std::numeric_limits<Out>::max()));
  }
}

template <typename In>
void RequantizeFrom(const void* in, int64_t n, FixedPointMultiplier m, int32_t zero_point_in,
                    int32_t zero_point_out, DType out_type, void* out) {
  const In* from = static_cast<const In*>(in);
  switch (out_type) {
    case DType::kInt8:
      return RequantizeTyped<In, int8_t>(from, n, m, zero_point_in, zero_point_out, out);
    case DType::kUInt8:
      return RequantizeTyped<In, uint8_t>(from, n, m, zero_point_in, zero_point_out, out);
    case DType::kInt16:
      return RequantizeTyped<In, int16_t>(from, n, m, zero_point_in, zero_point_out, out);
    case DType::kInt32:
      return RequantizeTyped<In, int32_t>(from, n, m, zero_point_in, zero_point_out, out);
    default:
      return;
  }
}

}  // namespace

void QuantizeFloat(const float* in, const ChannelScales& scales, DType out_type, void* out) {
  switch (out_type) {
    case DType::kInt8:
      return QuantizeTyped(in, scales, static_cast<int8_t*>(out));
    case DType::kUInt8:
      return QuantizeTyped(in, scales, static_cast<uint8_t*>(out));
    case DType::kInt16:
      return QuantizeTyped(in, scales, static_cast<int16_t*>(out));
    case DType::kInt4:
    case DType::kUInt4: {
      const int32_t lo = out_type == DType::kInt4 ? -8 : 0;
      return ForEachElement(scales, [&](int64_t i, float scale, int32_t zero_point) {
        StorePacked(static_cast<uint8_t*>(out), i, 4,
                    QuantizeOne(in[i], scale, zero_point, lo, lo + 15));
      });
    }
    default:
      return;
  }
}

void Requantize(DType in_type, const void* in, int64_t n, FixedPointMultiplier in_over_out_scale,
                int32_t zero_point_in, int32_t zero_point_out, DType out_type, void* out) {
  switch (in_type) {
    case DType::kInt8:
      return RequantizeFrom<int8_t>(in, n, in_over_out_scale, zero_point_in, zero_point_out,
                                    out_type, out);
    case DType::kUInt8:
      return RequantizeFrom<uint8_t>(in, n, in_over_out_scale, zero_point_in, zero_point_out,
                                     out_type, out);
    case DType::kInt16:
      return RequantizeFrom<int16_t>(in, n, in_over_out_scale, zero_point_in, zero_point_out,
                                     out_type, out);
    case DType::kInt32:
      return RequantizeFrom<int32_t>(in, n, in_over_out_scale, zero_point_in, zero_point_out,
                                     out_type, out);
    default:
      return;
  }
}

void Dequantize(DType in_type, const void* in, const ChannelScales& scales, float* out) {
  const uint8_t* bytes = static_cast<const uint8_t*>(in);
  switch (in_type) {
    case DType::kInt8:
      return DequantizeTyped(scales, out,
                             [&](int64_t i) { return static_cast<const int8_t*>(in)[i]; });
    case DType::kUInt8:
      return DequantizeTyped(scales, out, [&](int64_t i) { return bytes[i]; });
    case DType::kInt16:
      return DequantizeTyped(scales, out,
                             [&](int64_t i) { return static_cast<const int16_t*>(in)[i]; });
    case DType::kInt4:
      return DequantizeTyped(scales, out, [&](int64_t i) { return LoadInt4(bytes, i); });
    case DType::kUInt4:
      return DequantizeTyped(scales, out, [&](int64_t i) { return LoadUInt4(bytes, i); });
    case DType::kInt2:
      return DequantizeTyped(scales, out, [&](int64_t i) { return LoadInt2(bytes, i); });
    default:
      return;
  }
}

FakeQuantGrid MakeFakeQuantGrid(float min, float max, int bits) {
  const auto steps = static_cast<float>((1 << bits) - 1);
  FakeQuantGrid grid;
  grid.step = (max - min) / steps;
  const float zero = 0.0f - min / grid.step;
  // Also for a NaN, which a step that underflows to 0 can give.
  const float zero_point = zero > steps ? steps : zero > 0.0f ? std::round(zero) : 0.0f;
  grid.low = (0.0f - zero_point) * grid.step;
  grid.high = (steps - zero_point) * grid.step;
  return grid;
}

void FakeQuantize(const FakeQuantGrid& grid, int64_t n, const float* in, float* out) {
  const float per_step = 1.0f / grid.step;
  for (int64_t i = 0; i < n; ++i) {
    const float inside = std::min(grid.high, std::max(grid.low, in[i]));
    out[i] = std::round((inside - grid.low) * per_step) * grid.step + grid.low;
  }
}

void HalvesToFloats(const uint16_t* in, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = HalfToFloat(in[i]);
}

}  // namespace edgeml::kernels
