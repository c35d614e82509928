// Inner loops of learned rounding of weights (AdaRound: Nagel et al., "Up or Down? Adaptive
// Rounding for Post-Training Quantization", 2020) and of the statistics that it needs.
//
// The vector kernels are within 1e-5 relative of the plain ones in one step.
#ifndef EDGEML_KERNELS_ROUNDING_ROUNDING_H_
#define EDGEML_KERNELS_ROUNDING_ROUNDING_H_

#include "src/base/cpu_features.h"
#include "src/kernels/rounding/rounding_args.h"

namespace edgeml::kernels {

// The plain kernels for SimdLevel::kNone.
const RoundingKernels& RoundingFor(SimdLevel level);

// h(v) and its derivative.
float RectifiedSigmoid(float v);
float RectifiedSigmoidSlope(float v);
// The v with h(v) = h, for h in [0, 1].
float InverseRectifiedSigmoid(float h);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ROUNDING_ROUNDING_H_
