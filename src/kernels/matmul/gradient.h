// Gradients of FULLY_CONNECTED and BATCH_MATMUL. Layouts as in matmul.h. float32, plain; each is
// ADDED to the gradient that it computes. The fast ones of FULLY_CONNECTED are those of a
// convolution of 1 by 1 pixels (src/kernels/convolution/gradient.h).
#ifndef EDGEML_KERNELS_MATMUL_GRADIENT_H_
#define EDGEML_KERNELS_MATMUL_GRADIENT_H_

#include "src/kernels/matmul/matmul.h"

namespace edgeml::kernels {

// The whole batch; the row range is not read. The bias: BiasGradient.
void FullyConnectedInputGradient(const FullyConnectedShape& shape, const float* weights,
                                 const float* output_gradient, float* input_gradient);
void FullyConnectedWeightsGradient(const FullyConnectedShape& shape, const float* input,
                                   const float* output_gradient, float* weights_gradient);

// x_gradient or y_gradient may be null. Operands that are broadcast over batches (stride 0) get the
// sum over them.
void BatchMatMulGradient(const BatchMatMulShape& shape, const float* x, const float* y,
                         const float* output_gradient, float* x_gradient, float* y_gradient);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_MATMUL_GRADIENT_H_
