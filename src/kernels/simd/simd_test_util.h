// Shared by the tests of SIMD kernels: seeded random values, every level the machine can run.
#ifndef EDGEML_KERNELS_SIMD_SIMD_TEST_UTIL_H_
#define EDGEML_KERNELS_SIMD_SIMD_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "src/base/cpu_features.h"

namespace edgeml::kernels {

class TestRandom {
 public:
  explicit TestRandom(uint32_t seed) : engine_(seed) {}

  int Int(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(engine_); }
  float Real(float lo, float hi) { return std::uniform_real_distribution<float>(lo, hi)(engine_); }
  template <typename T>
  std::vector<T> Ints(int64_t n, int lo, int hi) {
    std::vector<T> out(static_cast<size_t>(n));
    for (T& x : out) x = static_cast<T>(Int(lo, hi));
    return out;
  }
  std::vector<float> Reals(int64_t n, float lo, float hi) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& x : out) x = Real(lo, hi);
    return out;
  }

 private:
  std::mt19937 engine_;
};

// Memory at 64 bytes, as the runtime gives to kernels.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t bytes) : storage_(bytes + 64) {}
  std::byte* data() {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    return storage_.data() + (64 - address % 64) % 64;
  }

 private:
  std::vector<std::byte> storage_;
};

// Whether integers are within one of each other; else where not.
template <typename T>
testing::AssertionResult WithinAQuantum(const std::vector<T>& actual,
                                        const std::vector<T>& expected) {
  if (actual.size() != expected.size()) return testing::AssertionFailure() << "other sizes";
  for (size_t i = 0; i < actual.size(); ++i) {
    const int apart = int{actual[i]} - int{expected[i]};
    if (apart < -1 || apart > 1)
      return testing::AssertionFailure()
             << "at " << i << " " << int{actual[i]} << ", not " << int{expected[i]};
  }
  return testing::AssertionSuccess();
}

inline std::vector<SimdLevel> LevelsToTest() {
  std::vector<SimdLevel> levels;
  for (SimdLevel level : SupportedSimdLevels()) {
    if (level != SimdLevel::kNone) levels.push_back(level);
  }
  return levels;
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SIMD_SIMD_TEST_UTIL_H_
