#include "src/kernels/reduction/gradient.h"

namespace edgeml::kernels {

void SumGradient(const BroadcastPlan& plan, float factor, const float* output_gradient,
                 float* input_gradient) {
  const int64_t n = plan.inner(), step = plan.inner_stride(0);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t to) {
    const float* from = output_gradient + offset[0];
    float* const sum = input_gradient + to;
    for (int64_t i = 0; i < n; ++i) sum[i] += factor * from[i * step];
  });
}

}  // namespace edgeml::kernels
