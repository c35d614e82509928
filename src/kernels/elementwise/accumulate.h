// Sums into rows of floats: what gradients are made of. The vector kernels fuse multiply and add,
// the plain ones do not.
#ifndef EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_H_
#define EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_H_

#include "src/base/cpu_features.h"
#include "src/kernels/elementwise/accumulate_args.h"

namespace edgeml::kernels {

// The plain kernels for SimdLevel::kNone.
const AccumulateKernels& AccumulateFor(SimdLevel level);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_H_
