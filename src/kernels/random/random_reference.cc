#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "src/kernels/random/random.h"

namespace edgeml::kernels {
namespace {

// The low bits as the fraction of a number in [1, 2), less 1.
float UnitFloat(uint32_t bits) {
  return std::bit_cast<float>((uint32_t{127} << 23) | (bits & 0x7FFFFF)) - 1.0f;
}
double UnitDouble(uint32_t high, uint32_t low) {
  const uint64_t fraction = (uint64_t{high & 0xFFFFF} << 32) | low;
  return std::bit_cast<double>((uint64_t{1023} << 52) | fraction) - 1.0;
}

struct NormalPair {
  float first, second;
};
NormalPair BoxMuller(uint32_t x0, uint32_t x1) {
  constexpr double kPi = 3.14159265358979323846;
  const float u = std::max(UnitFloat(x0), 1.0e-7f);  // far enough from the logarithm of 0
  const auto angle = static_cast<float>(2.0 * kPi * static_cast<double>(UnitFloat(x1)));
  const float radius = std::sqrt(-2.0f * std::log(u));
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

// Calls store(i, block) for each four numbers from i on.
template <typename Store>
void ForEachBlock(Philox& stream, int64_t n, Store store) {
  for (int64_t i = 0; i < n; i += 4) store(i, stream.Next());
}

}  // namespace

void RandomUniform(Philox& stream, int64_t n, float* out) {
  ForEachBlock(stream, n, [&](int64_t i, const Philox::Block& block) {
    for (int64_t k = 0; k < std::min<int64_t>(4, n - i); ++k)
      out[i + k] = UnitFloat(block[static_cast<size_t>(k)]);
  });
}

void RandomStandardNormal(Philox& stream, int64_t n, float* out) {
  ForEachBlock(stream, n, [&](int64_t i, const Philox::Block& block) {
    for (int64_t k = 0; k < std::min<int64_t>(4, n - i); k += 2) {
      const auto at = static_cast<size_t>(k);
      const NormalPair pair = BoxMuller(block[at], block[at + 1]);
      out[i + k] = pair.first;
      if (i + k + 1 < n) out[i + k + 1] = pair.second;
    }
  });
}

void CategoricalWeights(int64_t classes, const float* logits, double* cdf) {
  float greatest = std::numeric_limits<float>::lowest();
  for (int64_t i = 0; i < classes; ++i)
    if (std::isfinite(logits[i])) greatest = std::max(greatest, logits[i]);
  double total = 0.0;
  for (int64_t i = 0; i < classes; ++i) {
    if (std::isfinite(logits[i]))
      total += std::exp(static_cast<double>(logits[i]) - static_cast<double>(greatest));
    cdf[i] = total;
  }
}

int64_t CategoricalSampler::Draw(int64_t classes, const double* cdf) {
  if (!half_used_) block_ = stream_.Next();
  const size_t at = half_used_ ? 2 : 0;
  half_used_ = !half_used_;
  const double wanted = UnitDouble(block_[at], block_[at + 1]) * cdf[classes - 1];
  return std::upper_bound(cdf, cdf + classes, wanted) - cdf;
}

}  // namespace edgeml::kernels
