#include "src/kernels/activation/gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;
using Function = double (*)(double);

Doubles Map(Function f, const Doubles& x) {
  Doubles y;
  for (const double v : x) y.push_back(f(v));
  return y;
}

// Away from the kinks by more than the step of the differences.
std::vector<float> Inputs(TestRandom& random) {
  auto x = random.Reals(60, -8, 8);
  for (float& v : x)
    for (const float kink : {-3.0f, -1.0f, 0.0f, 1.0f, 3.0f, 6.0f})
      if (std::abs(v - kink) < 0.001f) v = kink + 0.01f;
  return x;
}

TEST(ActivationGradient, FromTheOutput) {
  const std::pair<OutputSlope, Function> cases[] = {
      {OutputSlope::kRelu, [](double x) { return std::max(x, 0.0); }},
      {OutputSlope::kRelu6, [](double x) { return std::clamp(x, 0.0, 6.0); }},
      {OutputSlope::kReluN1To1, [](double x) { return std::clamp(x, -1.0, 1.0); }},
      {OutputSlope::kRelu0To1, [](double x) { return std::clamp(x, 0.0, 1.0); }},
      {OutputSlope::kLogistic, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {OutputSlope::kTanh, [](double x) { return std::tanh(x); }}};
  uint32_t seed = 0;
  for (const auto& [slope, function] : cases) {
    SCOPED_TRACE(static_cast<int>(slope));
    TestRandom random(seed++);
    const auto x = Inputs(random), dy = random.Reals(60, -1, 1);
    const Doubles exact = Map(function, testing::ToDoubles(x));
    const std::vector<float> y(exact.begin(), exact.end());
    std::vector<float> dx(60);
    ActivationGradient(slope, y.data(), dy.data(), 60, dx.data());
    testing::CheckGradient([&](const Doubles& v) { return Map(function, v); }, x, dy, dx);
    // Added to what is there.
    const auto once = dx;
    ActivationGradient(slope, y.data(), dy.data(), 60, dx.data());
    for (size_t i = 0; i < dx.size(); ++i) EXPECT_EQ(dx[i], 2 * once[i]);
  }
}

TEST(ActivationGradient, FromTheInput) {
  const std::pair<InputSlope, Function> cases[] = {
      {InputSlope::kHardSwish, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
      {InputSlope::kLeakyRelu, [](double x) { return x > 0 ? x : 0.25 * x; }},
      {InputSlope::kElu, [](double x) { return x < 0 ? std::expm1(x) : x; }},
      {InputSlope::kGelu, [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }},
      {InputSlope::kGeluApproximate, [](double x) {
         return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }}};
  uint32_t seed = 10;
  for (const auto& [slope, function] : cases) {
    SCOPED_TRACE(static_cast<int>(slope));
    TestRandom random(seed++);
    const auto x = Inputs(random), dy = random.Reals(60, -1, 1);
    std::vector<float> dx(60);
    ActivationGradient(slope, 0.25f, x.data(), dy.data(), 60, dx.data());
    testing::CheckGradient([&](const Doubles& v) { return Map(function, v); }, x, dy, dx);
  }
}

}  // namespace
}  // namespace edgeml::kernels
