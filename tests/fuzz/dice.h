// Random choices of a mutator, and the numbers that break programs.
#ifndef EDGEML_TESTS_FUZZ_DICE_H_
#define EDGEML_TESTS_FUZZ_DICE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace edgeml::fuzz {

inline constexpr std::array<int64_t, 32> kIntegers = {
    0,     1,      -1,    2,     -2,      3,       4,         5,         7,         8,        9,
    15,    16,     17,    32,    64,      100,     127,       128,       -128,      255,      256,
    32767, -32768, 65535, 65536, 1 << 20, 1 << 30, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

inline constexpr std::array<float, 16> kFloats = {0.0f,
                                                  -0.0f,
                                                  1.0f,
                                                  -1.0f,
                                                  0.5f,
                                                  1e-3f,
                                                  1e-10f,
                                                  1e-38f,
                                                  1e-44f,
                                                  3e38f,
                                                  -3e38f,
                                                  1e10f,
                                                  128.0f,
                                                  0.00392157f,
                                                  std::numeric_limits<float>::infinity(),
                                                  std::numeric_limits<float>::quiet_NaN()};

class Dice {
 public:
  explicit Dice(unsigned int seed) : random_(seed) {}

  // In [0, n); 0 when n is 0.
  size_t Below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(random_()) % n; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <typename T, size_t N>
  T Pick(const std::array<T, N>& from) {
    return from[Below(N)];
  }
  // REQUIRES: not empty.
  template <typename T>
  T& Pick(std::vector<T>& from) {
    return from[Below(from.size())];
  }
  uint64_t Bits() {
    return uint64_t{random_()} << 33 ^ uint64_t { random_() } << 16 ^ random_();
  }

 private:
  std::minstd_rand random_;
};

}  // namespace edgeml::fuzz

#endif  // EDGEML_TESTS_FUZZ_DICE_H_
