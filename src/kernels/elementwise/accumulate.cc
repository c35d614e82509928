#include "src/kernels/elementwise/accumulate.h"

#include "src/kernels/simd/level.h"

namespace edgeml::kernels {

EDGEML_DECLARE_WIDE_SIMD_TABLE(AccumulateKernels, kAccumulate)

namespace {

void Add(const float* x, int64_t n, float* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += x[i];
}
void AddScaled(float a, const float* x, int64_t n, float* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += a * x[i];
}
void AddProduct(const float* x, const float* y, int64_t n, float* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += x[i] * y[i];
}

constexpr AccumulateKernels kPlain = {
    .add = Add, .add_scaled = AddScaled, .add_product = AddProduct};

}  // namespace

const AccumulateKernels& AccumulateFor([[maybe_unused]] SimdLevel level) {
  const AccumulateKernels* const kernels = EDGEML_WIDE_SIMD_TABLE(kAccumulate, level);
  return kernels != nullptr ? *kernels : kPlain;
}

}  // namespace edgeml::kernels
