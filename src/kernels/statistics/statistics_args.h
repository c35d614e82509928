// The table of statistics kernels of one SIMD level; seen by level sources, so no inline functions.
#ifndef EDGEML_KERNELS_STATISTICS_STATISTICS_ARGS_H_
#define EDGEML_KERNELS_STATISTICS_STATISTICS_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

struct Extent {
  float min, max;   // of x [n]; +infinity and -infinity when n = 0. A zero is positive.
  bool all_finite;  // when false, min and max mean nothing
};

constexpr int kBinSlack = 16;

struct StatisticsKernels {
  void (*extent)(const float* x, int64_t n, Extent* out);

  // The bins of those among the finite x [n] that are not zero (activations often are), in order:
  // with m = trunc(|x| * scale), half + m, or half - 1 - m when x is negative. Returns how many
  // there are. REQUIRES: |x| * scale < half; out has n + kBinSlack elements.
  int64_t (*bins)(const float* x, int64_t n, float scale, int32_t half, int32_t* out);

  // Lowers min [channels], raises max [channels] and adds to sum [channels] by finite x [rows,
  // channels], row after row.
  void (*channels)(const float* x, int64_t rows, int32_t channels, float* min, float* max,
                   double* sum);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STATISTICS_STATISTICS_ARGS_H_
