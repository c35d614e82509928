// Pools over images and the normalization of vectors. Contract and reference.
#ifndef EDGEML_KERNELS_POOLING_POOLING_H_
#define EDGEML_KERNELS_POOLING_POOLING_H_

#include <cstdint>

namespace edgeml::kernels {

// input [batch, in_h, in_w, channels], output [batch, out_h, out_w, channels], dense. The caller
// has checked that every window covers at least one pixel: strides and filter >= 1, pads in [0,
// filter), and no window beyond the bottom or right padding.
struct PoolShape {
  int32_t batch = 1;
  int32_t in_h = 1, in_w = 1;
  int32_t out_h = 1, out_w = 1;
  int32_t channels = 1;
  int32_t filter_h = 1, filter_w = 1;
  int32_t stride_h = 1, stride_w = 1;
  int32_t pad_top = 0, pad_left = 0;

  int64_t output_rows() const { return static_cast<int64_t>(batch) * out_h; }
  int64_t output_pixels() const { return output_rows() * out_w; }
};

// The functions below compute the output pixels [begin, end) of batch * out_h * out_w, each in at
// most filter_h * filter_w * channels steps. Padding takes no part: a mean divides by the pixels
// inside. Results are clamped to [lo, hi], the fused activation (in stored integers for the
// quantized ones, whose input and output have the same scale and zero point). Equal to LiteRT's
// reference kernels; integers bit for bit, means rounded to nearest with ties away from zero,
// floats added in memory order of the window.
void AveragePool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
                 int64_t begin, int64_t end);
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const int8_t* input,
                 int8_t* output, int64_t begin, int64_t end);
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const uint8_t* input,
                 uint8_t* output, int64_t begin, int64_t end);
void AveragePool(const PoolShape& shape, int32_t lo, int32_t hi, const int16_t* input,
                 int16_t* output, int64_t begin, int64_t end);
// The root of the mean of squares.
void L2Pool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
            int64_t begin, int64_t end);
void MaxPool(const PoolShape& shape, float lo, float hi, const float* input, float* output,
             int64_t begin, int64_t end);
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const int8_t* input, int8_t* output,
             int64_t begin, int64_t end);
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const uint8_t* input, uint8_t* output,
             int64_t begin, int64_t end);
void MaxPool(const PoolShape& shape, int32_t lo, int32_t hi, const int16_t* input, int16_t* output,
             int64_t begin, int64_t end);

// Vectors [vectors, depth]: each element x[c] times (bias + alpha * s)^-beta, where s sums the
// squares of x[c - radius] … x[c + radius - 1] that the vector has, in this order. The element
// after the centre that a symmetric window would end with is left out, as in LiteRT's reference
// kernel (its optimized one and TensorFlow take it in). Any radius; computes the elements [begin,
// end) of vectors * depth. Sums in float32, the power in float64: 1 ulp. A power of a negative
// number is NaN.
void LocalResponseNormalize(int64_t depth, int64_t radius, double bias, double alpha, double beta,
                            const float* input, float* output, int64_t begin, int64_t end);

// Each vector of input [outer, depth] divided by its Euclidean length (at least 1e-6).
void L2Normalize(int64_t outer, int64_t depth, const float* input, float* output);
// Output scale 1/128; zero point 0 for int8 and 128 for uint8. The input's zero point lies in its
// type's range. The two types round differently, as LiteRT's kernels do. Sums of squares wrap at 32
// bits (depth over 33,000).
void L2Normalize(int64_t outer, int64_t depth, int32_t input_zero_point, const int8_t* input,
                 int8_t* output);
void L2Normalize(int64_t outer, int64_t depth, int32_t input_zero_point, const uint8_t* input,
                 uint8_t* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_POOLING_POOLING_H_
