#include "src/kernels/statistics/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/simd/level.h"

namespace edgeml::kernels {
namespace {

void PlainExtent(const float* x, int64_t n, Extent* out) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  *out = {kInfinity, -kInfinity, true};
  for (int64_t i = 0; i < n; ++i) {
    out->all_finite &= std::isfinite(x[i]);
    out->min = std::min(out->min, x[i]);
    out->max = std::max(out->max, x[i]);
  }
  out->min += 0.0f;
  out->max += 0.0f;
}

int64_t PlainBins(const float* x, int64_t n, float scale, int32_t half, int32_t* out) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == 0) continue;
    const auto m = static_cast<int32_t>(std::fabs(x[i]) * scale);
    out[count++] = x[i] < 0 ? half - 1 - m : half + m;
  }
  return count;
}

void PlainChannels(const float* x, int64_t rows, int32_t channels, float* min, float* max,
                   double* sum) {
  for (int64_t r = 0; r < rows; ++r, x += channels) {
    for (int32_t c = 0; c < channels; ++c) {
      min[c] = std::min(min[c], x[c] + 0.0f);
      max[c] = std::max(max[c], x[c] + 0.0f);
      sum[c] += static_cast<double>(x[c]);
    }
  }
}

}  // namespace

const StatisticsKernels kPlainStatistics = {PlainExtent, PlainBins, PlainChannels};

EDGEML_DECLARE_WIDE_SIMD_TABLE(StatisticsKernels, kStatistics)

const StatisticsKernels& StatisticsFor([[maybe_unused]] SimdLevel level) {
  const StatisticsKernels* const own = EDGEML_WIDE_SIMD_TABLE(kStatistics, level);
  return own != nullptr ? *own : kPlainStatistics;
}

}  // namespace edgeml::kernels
