#include "src/compress/quantize/squant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "src/compress/quantize/weights.h"

namespace edgeml::quantize {
namespace {

std::vector<float> RandomWeights(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  std::vector<float> weights(static_cast<size_t>(shape.num_elements()));
  // A third is zero, as after pruning.
  for (float& w : weights) w = random() % 3 == 0 ? 0.0f : normal(random);
  return weights;
}

QuantizedWeights Rounded(const std::vector<float>& weights, const Shape& shape, WeightFormat format,
                         int outputs) {
  format.outputs = outputs;
  auto made = QuantizeWeights(weights, shape, format);
  EXPECT_TRUE(made.ok()) << made.status().message();
  return *std::move(made);
}

// In steps, of elements first, first + stride, …
double SumOfErrors(const std::vector<float>& weights, const Shape& shape,
                   const QuantizedWeights& rounded, size_t first, size_t count, size_t stride) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = first + i * stride;
    sum += rounded.values[at] - static_cast<double>(weights[at]) / rounded.scale_of(shape, at);
  }
  return sum;
}

void ExpectNeighbours(const std::vector<float>& weights, const Shape& shape,
                      const QuantizedWeights& rounded) {
  for (size_t i = 0; i < weights.size(); ++i) {
    const double exact = static_cast<double>(weights[i]) / rounded.scale_of(shape, i);
    EXPECT_LT(std::abs(rounded.values[i] - exact), 1 + 1e-6) << i;
    EXPECT_LE(std::abs(rounded.values[i]), LargestOf(rounded.format.bits)) << i;
    if (weights[i] == 0) {
      EXPECT_EQ(rounded.values[i], 0) << i;
    }
  }
}

TEST(SquantTest, KernelsAndOutputsKeepTheirSums) {
  const Shape shape{8, 3, 3, 16};
  for (const int bits : {4, 8}) {
    const std::vector<float> weights = RandomWeights(shape, 1);
    const QuantizedWeights nearest = Rounded(weights, shape, {.bits = bits, .axis = 0}, -1);
    const QuantizedWeights balanced = Rounded(weights, shape, {.bits = bits, .axis = 0}, 0);
    EXPECT_NE(nearest.values, balanced.values);
    ExpectNeighbours(weights, shape, balanced);
    double worst = 0;
    for (size_t o = 0; o < 8; ++o) {
      worst = std::max(worst, std::abs(SumOfErrors(weights, shape, nearest, o * 144, 144, 1)));
      EXPECT_LE(std::abs(SumOfErrors(weights, shape, balanced, o * 144, 144, 1)), 0.5 + 1e-6) << o;
      // Within a kernel to half a step; the outputs' turn may have moved it by one more.
      for (size_t i = 0; i < 16; ++i)
        EXPECT_LE(std::abs(SumOfErrors(weights, shape, balanced, o * 144 + i, 9, 16)), 1.5 + 1e-6);
    }
    EXPECT_GT(worst, 1.0);  // nearest rounding does not
  }
}

TEST(SquantTest, LastDimensionOfDepthwiseFilters) {
  const Shape shape{1, 5, 5, 7};
  const std::vector<float> weights = RandomWeights(shape, 2);
  const QuantizedWeights balanced = Rounded(weights, shape, {.bits = 4, .axis = 3}, 3);
  ExpectNeighbours(weights, shape, balanced);
  for (size_t o = 0; o < 7; ++o)
    EXPECT_LE(std::abs(SumOfErrors(weights, shape, balanced, o, 25, 7)), 0.5 + 1e-6) << o;
}

TEST(SquantTest, BlocksKeepTheirSums) {
  const Shape shape{4, 96};
  const std::vector<float> weights = RandomWeights(shape, 3);
  const QuantizedWeights balanced =
      Rounded(weights, shape, {.bits = 4, .axis = 0, .block_size = 32}, 0);
  for (size_t block = 0; block < 12; ++block)
    EXPECT_LE(std::abs(SumOfErrors(weights, shape, balanced, block * 32, 32, 1)), 0.5 + 1e-6);
}

TEST(SquantTest, PositiveInputsAreMultipliedBetter) {
  const Shape shape{32, 256};
  const std::vector<float> weights = RandomWeights(shape, 4);
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::vector<double> x(256);
  for (double& v : x) v = uniform(random);
  const auto error = [&](const QuantizedWeights& rounded) {
    double sum = 0;
    for (size_t o = 0; o < 32; ++o) {
      double apart = 0;
      for (size_t i = 0; i < 256; ++i)
        apart += (rounded.values[o * 256 + i] * static_cast<double>(rounded.scale[o]) -
                  weights[o * 256 + i]) *
                 x[i];
      sum += apart * apart;
    }
    return sum;
  };
  const WeightFormat format = {.bits = 4, .axis = 0};
  EXPECT_LT(error(Rounded(weights, shape, format, 0)),
            0.6 * error(Rounded(weights, shape, format, -1)));
}

TEST(SquantTest, SingleBitsStay) {
  const Shape shape{2, 64};
  const std::vector<float> weights = RandomWeights(shape, 6);
  const WeightFormat format = {.bits = 1, .axis = 0};
  EXPECT_EQ(Rounded(weights, shape, format, 0).values, Rounded(weights, shape, format, -1).values);
}

}  // namespace
}  // namespace edgeml::quantize
