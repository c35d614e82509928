// The vector kernels at every level against the plain ones.
#include "src/kernels/rounding/rounding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "src/kernels/simd/simd_test_util.h"

namespace edgeml::kernels {
namespace {

TEST(Rounding, InverseOfTheRectifiedSigmoid) {
  for (const float h : {0.0f, 0.01f, 0.3f, 0.5f, 0.99f, 1.0f})
    EXPECT_NEAR(RectifiedSigmoid(InverseRectifiedSigmoid(h)), h, 1e-6);
  EXPECT_EQ(RectifiedSigmoid(30.0f), 1.0f);
  EXPECT_EQ(RectifiedSigmoidSlope(30.0f), 0.0f);
  const double step = 1e-3;
  for (const float v : {-2.0f, 0.1f, 1.7f}) {
    const double slope = (RectifiedSigmoid(v + 1e-3f) - RectifiedSigmoid(v - 1e-3f)) / (2 * step);
    EXPECT_NEAR(RectifiedSigmoidSlope(v), slope, 1e-3);
  }
}

struct Variables {
  std::vector<float> v, momentum, square, delta;
};

TEST(Rounding, StepAtEveryLevel) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int64_t n = random.Int(1, 70);
    const auto gradient = random.Reals(n, -1, 1), linear = random.Reals(n, -1, 1);
    const auto weight = random.Reals(n, -3, 3);
    auto floor = weight;
    for (float& f : floor) f = std::floor(f / 0.1f);
    const Variables before = {random.Reals(n, -4, 4), random.Reals(n, -1, 1), random.Reals(n, 0, 1),
                              random.Reals(n, 0, 0)};
    RoundingStep step;
    step.scale = 0.1f;
    step.error_gain = random.Real(0.1f, 3);
    step.regularization = random.Int(0, 2) == 0 ? 0.0f : random.Real(0, 2);
    step.beta = random.Real(2, 20);
    step.momentum_gain = 2.0f;
    step.rms_gain = 3.0f;
    const bool has_linear = random.Int(0, 1) == 1;
    const auto run = [&](const RoundingKernels& kernels) {
      Variables after = before;
      const RoundingArrays arrays = {gradient.data(),     has_linear ? linear.data() : nullptr,
                                     floor.data(),        weight.data(),
                                     after.v.data(),      after.momentum.data(),
                                     after.square.data(), after.delta.data()};
      kernels.step(step, arrays, n);
      return after;
    };
    const Variables expected = run(RoundingFor(SimdLevel::kNone));
    for (const SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      const Variables found = run(RoundingFor(level));
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        EXPECT_NEAR(found.v[i], expected.v[i], 1e-5);
        EXPECT_NEAR(found.momentum[i], expected.momentum[i], 1e-5);
        EXPECT_NEAR(found.square[i], expected.square[i], 1e-5 * (1 + expected.square[i]));
        EXPECT_NEAR(found.delta[i], expected.delta[i], 1e-5);
      }
    }
  }
}

TEST(Rounding, ProductsAtEveryLevel) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int64_t rows = random.Int(1, 9), taps = random.Int(1, 9), channels = random.Int(1, 40);
    const int64_t begin = random.Int(0, static_cast<int>(channels) - 1);
    const auto a = random.Reals(rows * taps * channels, -1, 1);
    const auto b = random.Reals(rows * taps * channels, -1, 1);
    const bool lower = random.Int(0, 1) == 1;
    const auto run = [&](const RoundingKernels& kernels) {
      std::vector<float> out(static_cast<size_t>(taps * taps * channels), 7.0f);
      kernels.channel_products(a.data(), b.data(), rows, taps, channels, begin, channels, lower,
                               out.data());
      return out;
    };
    const auto expected = run(RoundingFor(SimdLevel::kNone));
    for (const SimdLevel level : LevelsToTest()) {
      const auto found = run(RoundingFor(level));
      for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
