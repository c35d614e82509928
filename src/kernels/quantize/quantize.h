// Conversions between element types: quantize, requantize, dequantize, cast.
#ifndef EDGEML_KERNELS_QUANTIZE_QUANTIZE_H_
#define EDGEML_KERNELS_QUANTIZE_QUANTIZE_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// Affine parameters per index of the middle dimension of [outer, channels, inner]; per tensor:
// outer = channels = 1.
struct ChannelScales {
  int64_t outer = 1, channels = 1, inner = 0;
  const float* scale = nullptr;         // [channels]
  const int64_t* zero_point = nullptr;  // [channels], or one value for all
  bool one_zero_point = true;
  int32_t zero_point_of(int64_t c) const {
    return zero_point == nullptr ? 0 : static_cast<int32_t>(zero_point[one_zero_point ? 0 : c]);
  }
};

// float32 → int8, uint8, int16 (any channels), int4, uint4 (one channel): round(x / scale) half
// away from zero, + zero point, clamped. NaN and what leaves int32 counts as INT32_MIN before the
// zero point is added, wrapping. Exact.
void QuantizeFloat(const float* in, const ChannelScales& scales, DType out_type, void* out);

// int8, uint8 → int8, uint8, int16; int16 → int8, int16, int32; int32 → int8, int16. [n]. Exact.
void Requantize(DType in_type, const void* in, int64_t n, FixedPointMultiplier in_over_out_scale,
                int32_t zero_point_in, int32_t zero_point_out, DType out_type, void* out);

// int8, uint8, int16, int4, uint4, int2 → float32: scale * (x - zero point), rounded once.
void Dequantize(DType in_type, const void* in, const ChannelScales& scales, float* out);
// float16 → float32, exact.
void HalvesToFloats(const uint16_t* in, int64_t n, float* out);

// The numbers that a range of floats is rounded to: step apart from low to high, 0 among them.
struct FakeQuantGrid {
  float low = 0.0f, high = 0.0f, step = 1.0f;
};
// The grid of 2^bits numbers that covers about [min, max], moved so that it holds 0. bits in
// [1, 16], min < max. Source: TensorFlow's fake quantization.
FakeQuantGrid MakeFakeQuantGrid(float min, float max, int bits);
// [n] → [n], float32: the nearest number of the grid, ties upwards. NaN gives `low`. `out` may be
// `in`. Equal to LiteRT's reference kernel.
void FakeQuantize(const FakeQuantGrid& grid, int64_t n, const float* in, float* out);

// Whether Cast takes the pair: float16, bfloat16, float32, float64, int8 … int32, uint8 … uint32,
// int64, bool, complex64 to each other; int4, uint4, int2 to and from float32.
bool CanCast(DType from, DType to);
// [n] → [n]. Float to integer truncates and saturates, NaN gives the maximum; integer to narrower
// integer wraps; anything but zero is true; complex64 gives its real part. REQUIRES: CanCast.
void Cast(DType from, const void* in, int64_t n, DType to, void* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_QUANTIZE_QUANTIZE_H_
