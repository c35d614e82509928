// Quantization of float activations at run time, for kernels with integer weights ("hybrid",
// "dynamic range").
#ifndef EDGEML_KERNELS_QUANTIZE_DYNAMIC_RANGE_H_
#define EDGEML_KERNELS_QUANTIZE_DYNAMIC_RANGE_H_

#include <cstddef>
#include <cstdint>

namespace edgeml::kernels {

// values [n] to stored [n] in [-127, 127] with scale = max |value| / 127; all zero gives zeros and
// scale 1. Ties away from zero, in float32. A NaN becomes -127. n >= 1.
//
// Both functions equal the vector forms of LiteRT's kernels bit for bit (they are what it runs on
// x86-64 and ARM; its portable forms take the range in double and round after adding the zero
// point).
void QuantizeSymmetric(const float* values, size_t n, int8_t* stored, float* scale);

// values [n] to stored [n] in [-128, 127] with real = (stored - zero_point) * scale, over the range
// of the values widened to contain 0; all zero gives zeros, scale 1 and zero point 0. Rounding as
// above, before the zero point is added; a NaN becomes -128. n >= 1.
void QuantizeAsymmetric(const float* values, size_t n, int8_t* stored, float* scale,
                        int32_t* zero_point);

// The scale and zero point of QuantizeAsymmetric for values between these; false (scale 1, zero
// point 0) when both are 0.
bool AsymmetricScale(float lowest, float highest, float* scale, int32_t* zero_point);

// What QuantizeAsymmetric multiplies by: 1 / scale, or 0 for the scale 0 of a range of subnormals.
float InverseScale(float scale);

// Each row of values [rows, n] by itself. `asymmetric` chooses between the two above; zero_points
// [rows] get 0 when symmetric. n may be 0: then scales are 1.
void QuantizeRows(const float* values, size_t rows, size_t n, bool asymmetric, int8_t* stored,
                  float* scales, int32_t* zero_points);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_QUANTIZE_DYNAMIC_RANGE_H_
