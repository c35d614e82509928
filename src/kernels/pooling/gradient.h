// Gradients of the pools of pooling.h, without their fused activation. float32, plain; each is
// ADDED to input_gradient.
#ifndef EDGEML_KERNELS_POOLING_GRADIENT_H_
#define EDGEML_KERNELS_POOLING_GRADIENT_H_

#include "src/kernels/pooling/pooling.h"

namespace edgeml::kernels {

// Images [begin, end) of the batch. Every pixel inside of a window gets an equal share.
void AveragePoolGradient(const PoolShape& shape, const float* output_gradient,
                         float* input_gradient, int64_t begin, int64_t end);
// The first of the largest elements of a window, in memory order, gets all.
void MaxPoolGradient(const PoolShape& shape, const float* input, const float* output_gradient,
                     float* input_gradient, int64_t begin, int64_t end);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_POOLING_GRADIENT_H_
