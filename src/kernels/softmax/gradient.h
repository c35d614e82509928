// Gradients of softmax and log-softmax over [rows, depth], from their outputs. float32, plain;
// ADDED to input_gradient.
#ifndef EDGEML_KERNELS_SOFTMAX_GRADIENT_H_
#define EDGEML_KERNELS_SOFTMAX_GRADIENT_H_

#include <cstdint>

namespace edgeml::kernels {

// beta * y * (dy - sum of y dy over the row).
void SoftmaxGradient(const float* output, const float* output_gradient, int64_t rows, int64_t depth,
                     float beta, float* input_gradient);
// dy - e^y * sum of dy over the row.
void LogSoftmaxGradient(const float* output, const float* output_gradient, int64_t rows,
                        int64_t depth, float* input_gradient);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SOFTMAX_GRADIENT_H_
