// Inputs of tests whose expected values were printed by LiteRT: a script can make the same ones.
#ifndef EDGEML_KERNELS_TESTING_PATTERN_H_
#define EDGEML_KERNELS_TESTING_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml::kernels::testing {

// Element i is lo + (i * step + start) mod (hi - lo + 1), times `scale` for float.
template <typename T>
std::vector<T> Pattern(size_t count, int64_t step, int64_t start, int64_t lo, int64_t hi,
                       T scale = T{1}) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = lo + (static_cast<int64_t>(i) * step + start) % (hi - lo + 1);
    values[i] = static_cast<T>(static_cast<T>(value) * scale);
  }
  return values;
}

}  // namespace edgeml::kernels::testing

#endif  // EDGEML_KERNELS_TESTING_PATTERN_H_
