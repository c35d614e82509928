#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "src/kernels/quantize/quantize.h"

namespace edgeml::kernels {
namespace {

TEST(FakeQuant, TheGridHoldsZero) {
  const FakeQuantGrid grid = MakeFakeQuantGrid(-0.82f, 2.18f, 4);
  const std::vector<float> in = {
      -5.0f, -0.9f, 0.0f, 0.09f, 0.11f, 2.5f, std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> out(in.size());
  FakeQuantize(grid, static_cast<int64_t>(in.size()), in.data(), out.data());
  const std::vector<float> expected = {-0.8f, -0.8f, 0.0f, 0.0f, 0.2f, 2.2f, -0.8f};
  for (size_t i = 0; i < in.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-6f) << i;
}

// Ranges whose step or its inverse leaves the floats have a grid all the same, and no undefined
// conversion on the way.
TEST(FakeQuant, AnyRange) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float huge = std::numeric_limits<float>::max();
  const float inf = std::numeric_limits<float>::infinity();
  for (const auto& [min, max] : std::vector<std::pair<float, float>>{
           {0.0f, tiny}, {-tiny, 0.0f}, {-huge, huge}, {-inf, inf}, {-inf, 0.0f}, {5.0f, 6.0f}}) {
    const float in = 0.25f;
    float out = 0.0f;
    FakeQuantize(MakeFakeQuantGrid(min, max, 16), 1, &in, &out);
  }
}

}  // namespace
}  // namespace edgeml::kernels
