// Gradients of CONV_2D, DEPTHWISE_CONV_2D and, as one of 1 by 1 pixels, FULLY_CONNECTED. Layouts as
// in convolution.h; a fused activation is not theirs (src/kernels/activation/gradient.h).
//
// `output_gradient` is that of the convolution's sums with respect to some scalar. Every function
// ADDS to the gradient that it computes, so that the gradients of several uses of a tensor add up;
// the caller zeroes it first. float32.
#ifndef EDGEML_KERNELS_CONVOLUTION_GRADIENT_H_
#define EDGEML_KERNELS_CONVOLUTION_GRADIENT_H_

#include <cstddef>
#include <cstdint>

#include "src/base/cpu_features.h"
#include "src/kernels/convolution/convolution.h"
#include "src/kernels/gemm/products.h"

namespace edgeml::kernels {

// Plain loops, the definition. Filter gradients are summed over the pixels in order, input
// gradients over the pixels that read an element, and for each over the output channels.
void ConvInputGradient(const ConvShape& shape, const float* filter, const float* output_gradient,
                       float* input_gradient);
void ConvFilterGradient(const ConvShape& shape, const float* input, const float* output_gradient,
                        float* filter_gradient);
void DepthwiseInputGradient(const ConvShape& shape, const float* filter,
                            const float* output_gradient, float* input_gradient);
void DepthwiseFilterGradient(const ConvShape& shape, const float* input,
                             const float* output_gradient, float* filter_gradient);
// output_gradient [rows, channels] summed over the rows.
void BiasGradient(int64_t rows, int64_t channels, const float* output_gradient,
                  float* bias_gradient);

// The gradients of a convolution with any groups (not depthwise) as matrix products of blocks of
// patches. Within 1e-5 of the largest element of the plain functions' results. Pieces are
// independent of each other and may run on several threads, each with a workspace of its own; what
// they compute does not depend on how many there are.
class ConvGradient {
 public:
  ConvGradient(SimdLevel level, const ConvShape& shape);

  size_t workspace_floats() const { return workspace_floats_; }  // at 64 bytes

  // Of the input. The filter is packed once for each of its values.
  size_t packed_floats() const;  // at 64 bytes
  void PackFilter(const float* filter, float* packed) const;
  int64_t input_pieces() const;
  void RunInput(int64_t piece, const float* packed, const float* output_gradient, float* workspace,
                float* input_gradient) const;

  // Of the filter: each piece overwrites its own partial[filter_pieces(), out_c, k], whose sum in
  // order is then added.
  int64_t filter_pieces() const;
  size_t filter_floats() const { return static_cast<size_t>(shape_.out_c * k_); }
  void RunFilter(int64_t piece, const float* input, const float* output_gradient, float* workspace,
                 float* partial) const;

 private:
  ConvShape shape_;
  SimdLevel level_;
  const GemmKernels* kernels_;
  int64_t channels_, outputs_;  // of a group
  int64_t k_, pixels_, images_per_piece_, rows_;
  MatrixProduct to_patches_;
  TransposedProduct block_, last_block_;
  size_t workspace_floats_;
};

// The same for depthwise convolutions with one output per input channel, by vectors of channels.
class DepthwiseGradient {
 public:
  // REQUIRES: shape.depth_multiplier == 1.
  DepthwiseGradient(SimdLevel level, const ConvShape& shape);

  int64_t input_pieces() const { return shape_.batch; }
  void RunInput(int64_t piece, const float* filter, const float* output_gradient,
                float* input_gradient) const;
  int64_t filter_pieces() const;
  void RunFilter(int64_t piece, const float* input, const float* output_gradient,
                 float* filter_gradient) const;

 private:
  ConvShape shape_;
  SimdLevel level_;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_CONVOLUTION_GRADIENT_H_
