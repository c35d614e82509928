// Convolutions over volumes: CONV_3D, CONV_3D_TRANSPOSE. Contract and reference.
//
// Layouts, all dense: input [batch, in_d, in_h, in_w, in_c], output [batch, out_d, out_h, out_w,
// out_c];
//   convolution           filter [filter_d, filter_h, filter_w, in_c, out_c]
//   transpose convolution filter [filter_d, filter_h, filter_w, out_c, in_c]
//   bias [out_c] or null.
// Every size is at least 1 but batch and the output's, which may be 0; the caller has checked that
// the sizes agree and that no element count overflows. Coordinates outside of the input contribute
// nothing.
#ifndef EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_3D_H_
#define EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_3D_H_

#include <cstdint>

#include "src/kernels/convolution/convolution.h"

namespace edgeml::kernels {

// One of the three dimensions: depth, height or width.
struct ConvAxis {
  int32_t in = 1, out = 1, filter = 1;
  int32_t stride = 1, dilation = 1;
  int32_t pad = 0;  // in front, >= 0; the transpose convolution crops by it
};

struct Conv3DShape {
  int32_t batch = 1;
  int32_t in_c = 1, out_c = 1;
  ConvAxis d, h, w;

  int64_t output_pixels() const {
    return static_cast<int64_t>(batch) * d.out * int64_t{h.out} * w.out;
  }
};

// Both compute the output pixels [begin, end) of output_pixels(); no two depend on each other.
// float32, clamped to `range`; equal to LiteRT's reference kernels, products being added in the
// order filter depth, height, width, input channel (transposed: input depth, height, width,
// channel), the bias last.
void Conv3D(const Conv3DShape& shape, const FloatRange& range, const float* input,
            const float* filter, const float* bias, float* output, int64_t begin, int64_t end);
// Output position o gathers every input position i and tap f with o = i * stride - pad + f *
// dilation, in each dimension.
void Conv3DTranspose(const Conv3DShape& shape, const FloatRange& range, const float* input,
                     const float* filter, const float* bias, float* output, int64_t begin,
                     int64_t end);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_CONVOLUTION_CONVOLUTION_3D_H_
