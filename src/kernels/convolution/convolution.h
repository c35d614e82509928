// Convolutions over images: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV. Contract and reference.
//
// Layouts, all dense: input [batch, in_h, in_w, in_c], output [batch, out_h, out_w, out_c];
//   convolution           filter [out_c, filter_h, filter_w, in_c / groups]
//   depthwise convolution filter [filter_h, filter_w, out_c], out_c = in_c * depth_multiplier
//   transpose convolution filter [out_c, filter_h, filter_w, in_c]
//   bias [out_c] or null.
// Every size is at least 1 but batch, out_h and out_w, which may be 0; the caller has checked that
// the sizes agree and that no element count overflows. Coordinates outside of the input contribute
// nothing (real zero padding).
//
// The reference functions compute the output rows [rows.begin, rows.end) of the batch * out_h rows
// that the output has; no two rows depend on each other. They run without allocation, and equal
// LiteRT's reference kernels: integers bit for bit (sums wrap as 32-bit two's complement), floats
// in the same order of additions.
#ifndef EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_H_
#define EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_H_

#include <cstdint>

#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

struct ConvShape {
  int32_t batch = 1;
  int32_t in_h = 1, in_w = 1, in_c = 1;
  int32_t out_h = 1, out_w = 1, out_c = 1;
  int32_t filter_h = 1, filter_w = 1;
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;  // not read by the transpose convolution
  int32_t pad_top = 0, pad_left = 0;       // >= 0; the transpose convolution crops by them
  int32_t groups = 1;                      // convolution: divides in_c and out_c
  int32_t depth_multiplier = 1;            // depthwise: out_c / in_c

  int64_t output_rows() const { return static_cast<int64_t>(batch) * out_h; }
};

// A half-open range of output rows, counted over batch * out_h.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// What turns an integer sum into a stored output:
//   clamp(zero_point_out + multipliers[c] * (bias[c] + sum (x - zero_point_in)(w - zero_point_w)))
// Zero points lie in the range of their type; int16 takes zero ones only (they are not read).
struct ConvQuantization {
  int32_t input_zero_point = 0;
  int32_t filter_zero_point = 0;  // read by the uint8 functions only; signed filters are symmetric
  int32_t output_zero_point = 0;
  const FixedPointMultiplier* multipliers = nullptr;  // [out_c], also when all are the same
  int32_t output_min = 0, output_max = 0;             // fused activation and type range
};

struct FloatRange {
  float min = 0.0f, max = 0.0f;  // fused activation; see FloatActivationRange
};

// Float activations times integer weights ("hybrid", "dynamic range"): the caller has quantized
// each image of the batch by itself. The result is
//   clamp(bias[c] + float(sum (x - zero_points[b]) w) * filter_scales[c] * scales[b])
// in this order of multiplications (transpose convolution: each product is scaled and then added).
struct HybridScales {
  const float* input_scales = nullptr;         // [batch]
  const int32_t* input_zero_points = nullptr;  // [batch], or null = zeros
  const float* filter_scales = nullptr;        // [out_c], or null = ones
};

// CONV_2D ------------------------------------------------------------------------------------
void ConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
               const float* filter, const float* bias, float* output, RowRange rows);
void ConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
              const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows);
void ConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
               const uint8_t* filter, const int32_t* bias, uint8_t* output, RowRange rows);
// The sum is as wide as the bias: 64 bits, or 32 bits for models quantized that way.
void ConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
               const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows);
void ConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
               const int8_t* filter, const int32_t* bias, int16_t* output, RowRange rows);
void ConvHybrid(const ConvShape& shape, const HybridScales& scales, const FloatRange& range,
                const int8_t* input, const int8_t* filter, const float* bias, float* output,
                RowRange rows);

// DEPTHWISE_CONV_2D --------------------------------------------------------------------------
void DepthwiseConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
                        const float* filter, const float* bias, float* output, RowRange rows);
void DepthwiseConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
                       const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows);
void DepthwiseConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
                        const uint8_t* filter, const int32_t* bias, uint8_t* output, RowRange rows);
void DepthwiseConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows);
// Here the two scales are multiplied with each other first.
void DepthwiseConvHybrid(const ConvShape& shape, const HybridScales& scales,
                         const FloatRange& range, const int8_t* input, const int8_t* filter,
                         const float* bias, float* output, RowRange rows);

// TRANSPOSE_CONV -----------------------------------------------------------------------------
// Output pixel (y, x) gathers every input pixel (i, j) and tap (f, g) with
// y = i * stride_h - pad_top + f and x = j * stride_w - pad_left + g.
void TransposeConvFloat(const ConvShape& shape, const FloatRange& range, const float* input,
                        const float* filter, const float* bias, float* output, RowRange rows);
void TransposeConvInt8(const ConvShape& shape, const ConvQuantization& q, const int8_t* input,
                       const int8_t* filter, const int32_t* bias, int8_t* output, RowRange rows);
void TransposeConvUInt8(const ConvShape& shape, const ConvQuantization& q, const uint8_t* input,
                        const uint8_t* filter, const int32_t* bias, uint8_t* output, RowRange rows);
void TransposeConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int64_t* bias, int16_t* output, RowRange rows);
void TransposeConvInt16(const ConvShape& shape, const ConvQuantization& q, const int16_t* input,
                        const int8_t* filter, const int32_t* bias, int16_t* output, RowRange rows);
void TransposeConvHybrid(const ConvShape& shape, const HybridScales& scales,
                         const FloatRange& range, const int8_t* input, const int8_t* filter,
                         const float* bias, float* output, RowRange rows);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_H_
