// Pools and means over pixels, vectors along the channels. The contract of pooling.h; results are
// equal to it, floats too. Averages of integers need windows of at most 65536 pixels.
#ifndef EDGEML_KERNELS_POOLING_VECTOR_POOL_H_
#define EDGEML_KERNELS_POOLING_VECTOR_POOL_H_

#include "src/base/cpu_features.h"
#include "src/kernels/pooling/pooling.h"
#include "src/kernels/pooling/vector_pool_args.h"

namespace edgeml::kernels {

inline constexpr int64_t kMaxAveragedPixels = 65536;

// Null for SimdLevel::kNone.
const VectorPoolKernels* VectorPoolFor(SimdLevel level);

// The geometry part of the arguments.
VectorPoolArgs PoolArgsOf(const PoolShape& shape);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_POOLING_VECTOR_POOL_H_
