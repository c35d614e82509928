// Checks a gradient against central finite differences in double.
#ifndef EDGEML_KERNELS_TESTING_FINITE_DIFFERENCES_H_
#define EDGEML_KERNELS_TESTING_FINITE_DIFFERENCES_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

namespace edgeml::kernels::testing {

using Doubles = std::vector<double>;

inline Doubles ToDoubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// sum over i of a[i] * b[i].
template <typename A, typename B>
double Inner(const A& a, const B& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// `forward`: the outputs for an input. `cotangent`: the gradient with respect to the outputs, from
// which `gradient`, with respect to the input, was computed. Each element must agree to `tolerance`
// of the largest one (at least of 1).
inline void CheckGradient(const std::function<Doubles(const Doubles&)>& forward,
                          const std::vector<float>& input, const std::vector<float>& cotangent,
                          const std::vector<float>& gradient, double tolerance = 1e-5,
                          double step = 1e-4) {
  ASSERT_EQ(input.size(), gradient.size());
  Doubles x = ToDoubles(input);
  Doubles expected(x.size());
  double largest = 1;
  for (size_t i = 0; i < x.size(); ++i) {
    const double before = x[i];
    x[i] = before + step;
    const double above = Inner(forward(x), cotangent);
    x[i] = before - step;
    const double below = Inner(forward(x), cotangent);
    x[i] = before;
    expected[i] = (above - below) / (2 * step);
    largest = std::max(largest, std::abs(expected[i]));
  }
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(gradient[i], expected[i], tolerance * largest) << "element " << i;
}

}  // namespace edgeml::kernels::testing

#endif  // EDGEML_KERNELS_TESTING_FINITE_DIFFERENCES_H_
