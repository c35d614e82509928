// What the values of a float tensor look like: extent, bins of a histogram, per-channel sums. The
// results do not depend on the SIMD level.
#ifndef EDGEML_KERNELS_STATISTICS_STATISTICS_H_
#define EDGEML_KERNELS_STATISTICS_STATISTICS_H_

#include "src/base/cpu_features.h"
#include "src/kernels/statistics/statistics_args.h"

namespace edgeml::kernels {

// Plain versions; the contracts are in statistics_args.h.
extern const StatisticsKernels kPlainStatistics;

// The kernels of a level; the plain ones where it has none of its own.
const StatisticsKernels& StatisticsFor(SimdLevel level);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STATISTICS_STATISTICS_H_
