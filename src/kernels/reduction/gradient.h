// Gradient of SUM and MEAN.
#ifndef EDGEML_KERNELS_REDUCTION_GRADIENT_H_
#define EDGEML_KERNELS_REDUCTION_GRADIENT_H_

#include "src/kernels/elementwise/broadcast.h"

namespace edgeml::kernels {

// ADDS output_gradient * factor to each element that was summed into it; factor is 1 for a sum, 1 /
// count for a mean. `plan` as in reduction.h. float32.
void SumGradient(const BroadcastPlan& plan, float factor, const float* output_gradient,
                 float* input_gradient);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_REDUCTION_GRADIENT_H_
