// Softmax, and the reductions, against finite differences.
#include "src/kernels/softmax/gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/kernels/reduction/gradient.h"
#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;

TEST(SoftmaxGradient, AgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int64_t rows = random.Int(1, 4), depth = random.Int(1, 9);
    const bool logarithm = seed % 2 == 1;
    const double beta = logarithm ? 1.0 : double{random.Real(0.5f, 2)};
    const auto forward = [&](const Doubles& x) {
      Doubles y;
      for (int64_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (int64_t i = 0; i < depth; ++i)
          sum += std::exp(beta * x[static_cast<size_t>(r * depth + i)]);
        for (int64_t i = 0; i < depth; ++i) {
          const double e = beta * x[static_cast<size_t>(r * depth + i)];
          y.push_back(logarithm ? e - std::log(sum) : std::exp(e) / sum);
        }
      }
      return y;
    };
    const auto x = random.Reals(rows * depth, -3, 3), dy = random.Reals(rows * depth, -1, 1);
    const Doubles exact = forward(testing::ToDoubles(x));
    const std::vector<float> y(exact.begin(), exact.end());
    std::vector<float> dx(x.size());
    if (logarithm) {
      LogSoftmaxGradient(y.data(), dy.data(), rows, depth, dx.data());
    } else {
      SoftmaxGradient(y.data(), dy.data(), rows, depth, static_cast<float>(beta), dx.data());
    }
    testing::CheckGradient(forward, x, dy, dx);
  }
}

TEST(SumGradient, GivesEachElementItsShare) {
  // Means over the middle dimension of [2, 3, 2].
  const BroadcastPlan plan = MakeBroadcastPlan(Shape{2, 3, 2}, {Shape{2, 1, 2}});
  const std::vector<float> dy = {3, 6, 9, 12};
  std::vector<float> dx(12, 1.0f);
  SumGradient(plan, 1.0f / 3, dy.data(), dx.data());
  const std::vector<float> expected = {2, 3, 2, 3, 2, 3, 4, 5, 4, 5, 4, 5};
  for (size_t i = 0; i < dx.size(); ++i) EXPECT_NEAR(dx[i], expected[i], 1e-6);
}

}  // namespace
}  // namespace edgeml::kernels
