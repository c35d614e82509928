#include "src/kernels/matmul/gradient.h"

namespace edgeml::kernels {

void FullyConnectedInputGradient(const FullyConnectedShape& shape, const float* weights,
                                 const float* output_gradient, float* input_gradient) {
  for (int64_t b = 0; b < shape.batch; ++b) {
    float* const dx = input_gradient + b * shape.depth;
    for (int64_t u = 0; u < shape.units; ++u) {
      const float dy = output_gradient[b * shape.units + u];
      for (int64_t i = 0; i < shape.depth; ++i) dx[i] += dy * weights[u * shape.depth + i];
    }
  }
}

void FullyConnectedWeightsGradient(const FullyConnectedShape& shape, const float* input,
                                   const float* output_gradient, float* weights_gradient) {
  for (int64_t b = 0; b < shape.batch; ++b) {
    const float* const x = input + b * shape.depth;
    for (int64_t u = 0; u < shape.units; ++u) {
      const float dy = output_gradient[b * shape.units + u];
      for (int64_t i = 0; i < shape.depth; ++i) weights_gradient[u * shape.depth + i] += dy * x[i];
    }
  }
}

void BatchMatMulGradient(const BatchMatMulShape& s, const float* x, const float* y,
                         const float* output_gradient, float* x_gradient, float* y_gradient) {
  const float* dz = output_gradient;
  for (int64_t i = 0; i < s.batch[0]; ++i)
    for (int64_t j = 0; j < s.batch[1]; ++j)
      for (int64_t k = 0; k < s.batch[2]; ++k) {
        const int64_t x0 =
            i * s.x_batch_stride[0] + j * s.x_batch_stride[1] + k * s.x_batch_stride[2];
        const int64_t y0 =
            i * s.y_batch_stride[0] + j * s.y_batch_stride[1] + k * s.y_batch_stride[2];
        for (int64_t r = 0; r < s.rows; ++r)
          for (int64_t c = 0; c < s.cols; ++c, ++dz)
            for (int64_t d = 0; d < s.depth; ++d) {
              const int64_t at_x = x0 + r * s.x_row_stride + d * s.x_depth_stride;
              const int64_t at_y = y0 + d * s.y_depth_stride + c * s.y_col_stride;
              if (x_gradient != nullptr) x_gradient[at_x] += *dz * y[at_y];
              if (y_gradient != nullptr) y_gradient[at_y] += *dz * x[at_x];
            }
      }
}

}  // namespace edgeml::kernels
