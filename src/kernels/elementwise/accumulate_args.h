// The table of accumulate.h, which crosses into sources compiled per SIMD level.
#ifndef EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_ARGS_H_
#define EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

struct AccumulateKernels {
  // sum[i] += x[i].
  void (*add)(const float* x, int64_t n, float* sum);
  // sum[i] += a * x[i].
  void (*add_scaled)(float a, const float* x, int64_t n, float* sum);
  // sum[i] += x[i] * y[i].
  void (*add_product)(const float* x, const float* y, int64_t n, float* sum);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_ACCUMULATE_ARGS_H_
