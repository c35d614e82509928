// Matrix products: FULLY_CONNECTED and BATCH_MATMUL. Contract and reference.
//
// The reference functions run without allocation and equal LiteRT's reference kernels: integers bit
// for bit (sums wrap as two's complement), floats in the same order of additions.
#ifndef EDGEML_KERNELS_MATMUL_MATMUL_H_
#define EDGEML_KERNELS_MATMUL_MATMUL_H_

#include <cstdint>

#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// FULLY_CONNECTED ----------------------------------------------------------------------------
// input [batch, depth], weights [units, depth], bias [units] or null, output [batch, units]; dense.
// Sizes are >= 0 and no element count overflows. Each function computes the rows
// [row_begin, row_end) of the batch.
struct FullyConnectedShape {
  int64_t batch = 0, depth = 0, units = 0;
  int64_t row_begin = 0, row_end = 0;
};

// A sum becomes clamp(zero_point_out + round(sum * scales[unit])) in double precision, ties away
// from zero: LiteRT's reference kernels requantize so, unlike its convolutions and unlike its
// optimized kernels (which use fixed-point multipliers). A product beyond 32 bits saturates.
// Zero points lie in the range of their type.
struct FullyConnectedQuantization {
  int32_t input_zero_point = 0;
  int32_t weights_zero_point = 0;
  int32_t output_zero_point = 0;
  const double* scales = nullptr;  // input * weights / output scale; [units] or, per tensor, [1]
  bool per_channel = false;
  int32_t output_min = 0, output_max = 0;  // fused activation and type range
};

void FullyConnectedFloat(const FullyConnectedShape& shape, float output_min, float output_max,
                         const float* input, const float* weights, const float* bias,
                         float* output);
void FullyConnectedInt8(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                        const int8_t* input, const int8_t* weights, const int32_t* bias,
                        int8_t* output);
void FullyConnectedUInt8(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const uint8_t* input, const uint8_t* weights, const int32_t* bias,
                         uint8_t* output);
void FullyConnectedUInt8Int16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                              const uint8_t* input, const uint8_t* weights, const int32_t* bias,
                              int16_t* output);
// The sum is as wide as the bias.
void FullyConnectedInt16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const int16_t* input, const int8_t* weights, const int64_t* bias,
                         int16_t* output);
void FullyConnectedInt16(const FullyConnectedShape& shape, const FullyConnectedQuantization& q,
                         const int16_t* input, const int8_t* weights, const int32_t* bias,
                         int16_t* output);
// int16 weights: 64-bit sums and, other than above, fixed-point multipliers ([units]). q.scales is
// not read.
void FullyConnectedInt16Weights(const FullyConnectedShape& shape,
                                const FullyConnectedQuantization& q,
                                const FixedPointMultiplier* multipliers, const int16_t* input,
                                const int16_t* weights, const int64_t* bias, int16_t* output);
void FullyConnectedInt16Weights(const FullyConnectedShape& shape,
                                const FullyConnectedQuantization& q,
                                const FixedPointMultiplier* multipliers, const int16_t* input,
                                const int16_t* weights, const int32_t* bias, int16_t* output);
// Weights that the model stores sparse: as FullyConnectedInt8, but with fixed-point multipliers
// ([units]), which is what LiteRT has for them. q.scales is not read.
void FullyConnectedInt8FixedPoint(const FullyConnectedShape& shape,
                                  const FullyConnectedQuantization& q,
                                  const FixedPointMultiplier* multipliers, const int8_t* input,
                                  const int8_t* weights, const int32_t* bias, int8_t* output);
// "Shuffled 4x16" weights: tiles of 4 units by 16 of the depth, row by row, tiles of the same units
// one after the other; input and weights have a zero point of 128, the weights' sign bit is
// flipped. The whole batch is computed. shape.depth is a multiple of 16, shape.units one of 4.
// `workspace` [batch * depth] receives the input with its sign bit flipped, in runs of 16 of all
// rows.
void FullyConnectedShuffled(const FullyConnectedShape& shape, FixedPointMultiplier multiplier,
                            int32_t output_min, int32_t output_max, const uint8_t* input,
                            const int8_t* weights, const int32_t* bias, uint8_t* workspace,
                            int16_t* output);
// Float activations times integer weights; each row of the input was quantized by itself:
//   clamp(bias[u] + float(sum x w - zero_points[b] * sum w) * (weights_scales[u] * scales[b]))
// input_zero_points [batch] may be null (zeros), weights_scales [units] null (ones).
void FullyConnectedHybrid(const FullyConnectedShape& shape, const float* input_scales,
                          const int32_t* input_zero_points, const float* weights_scales,
                          float output_min, float output_max, const int8_t* input,
                          const int8_t* weights, const float* bias, float* output);

// The same of weights that the model stores sparse, where LiteRT subtracts the zero points' share
// in floats:
//   bias[u] - scales[b] * zero_points[b] * weights_scales[u] * sum w + float(sum x w) * ...
void FullyConnectedHybridSparse(const FullyConnectedShape& shape, const float* input_scales,
                                const int32_t* input_zero_points, const float* weights_scales,
                                float output_min, float output_max, const int8_t* input,
                                const int8_t* weights, const float* bias, float* output);
// The same of weights with a scale per block of `block` elements of the depth, which is a multiple
// of it; block_scales [units, depth / block]:
//   clamp((sum over blocks s float(sum x w) - zero_points[b] * sum over blocks s sum w) * scales[b]
//         + bias[u])
void FullyConnectedHybridBlocks(const FullyConnectedShape& shape, int64_t block,
                                const float* block_scales, const float* input_scales,
                                const int32_t* input_zero_points, float output_min,
                                float output_max, const int8_t* input, const int8_t* weights,
                                const float* bias, float* output);

// BATCH_MATMUL -------------------------------------------------------------------------------
// x [b0, b1, b2, rows, depth], y [b0, b1, b2, depth, cols], output [b0, b1, b2, rows, cols], where
// either operand may be broadcast (batch stride 0) or have its last two dimensions swapped; the
// strides, in elements, say how.
struct BatchMatMulShape {
  int64_t batch[3] = {1, 1, 1};
  int64_t rows = 0, cols = 0, depth = 0;
  int64_t x_batch_stride[3] = {0, 0, 0}, y_batch_stride[3] = {0, 0, 0};
  int64_t x_row_stride = 0, x_depth_stride = 1;
  int64_t y_depth_stride = 1, y_col_stride = 0;
};

struct BatchMatMulQuantization {
  int32_t x_zero_point = 0, y_zero_point = 0, output_zero_point = 0;
  FixedPointMultiplier multiplier;
};

void BatchMatMulFloat(const BatchMatMulShape& shape, const float* x, const float* y, float* output);
void BatchMatMulInt8(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                     const int8_t* x, const int8_t* y, int8_t* output);
// Raw products of the stored integers, no zero points.
void BatchMatMulInt8Int32(const BatchMatMulShape& shape, const int8_t* x, const int8_t* y,
                          int32_t* output);
void BatchMatMulInt16(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                      const int16_t* x, const int16_t* y, int16_t* output);
void BatchMatMulInt16Int8(const BatchMatMulShape& shape, const BatchMatMulQuantization& q,
                          const int16_t* x, const int8_t* y, int16_t* output);
// Float x, quantized row by row by the caller, times int8 y:
//   (sum x y - row_zero_points[row] * col_sums[col]) * (row_scales[row] * col_scales[c])
// where x at batch (i, j, k), row r uses the entry
//   row = i * row_batch_stride[0] + j * row_batch_stride[1] + k * row_batch_stride[2] + r
// of its arrays, y at column c likewise the entry col of col_sums. (Strides, because LiteRT's are
// not always those of the matrices.)
struct BatchMatMulHybridScales {
  const float* row_scales = nullptr;
  const int32_t* row_zero_points = nullptr;
  const int32_t* col_sums = nullptr;  // sums of y along its depth
  const float* col_scales = nullptr;  // [cols] or null = ones
  int64_t row_batch_stride[3] = {0, 0, 0};
  int64_t col_batch_stride[3] = {0, 0, 0};
};
void BatchMatMulHybrid(const BatchMatMulShape& shape, const BatchMatMulHybridScales& scales,
                       const int8_t* x, const int8_t* y, float* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_MATMUL_MATMUL_H_
