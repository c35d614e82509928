#include "src/kernels/softmax/gradient.h"

#include <cmath>

namespace edgeml::kernels {

void SoftmaxGradient(const float* output, const float* output_gradient, int64_t rows, int64_t depth,
                     float beta, float* input_gradient) {
  for (int64_t r = 0; r < rows; ++r) {
    float sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += output[i] * output_gradient[i];
    for (int64_t i = 0; i < depth; ++i)
      input_gradient[i] += beta * output[i] * (output_gradient[i] - sum);
    output += depth;
    output_gradient += depth;
    input_gradient += depth;
  }
}

void LogSoftmaxGradient(const float* output, const float* output_gradient, int64_t rows,
                        int64_t depth, float* input_gradient) {
  for (int64_t r = 0; r < rows; ++r) {
    float sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += output_gradient[i];
    for (int64_t i = 0; i < depth; ++i)
      input_gradient[i] += output_gradient[i] - std::exp(output[i]) * sum;
    output += depth;
    output_gradient += depth;
    input_gradient += depth;
  }
}

}  // namespace edgeml::kernels
