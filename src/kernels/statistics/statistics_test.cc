#include "src/kernels/statistics/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace edgeml::kernels {
namespace {

std::vector<float> Draw(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> x(n);
  for (float& v : x) v = random() % 4 == 0 ? (random() % 2 == 0 ? 0.0f : -0.0f) : draw(random);
  return x;
}

TEST(Statistics, AllLevelsAgreeToTheBit) {
  for (const SimdLevel level : SupportedSimdLevels()) {
    SCOPED_TRACE(NameOf(level));
    const StatisticsKernels& kernels = StatisticsFor(level);
    for (const size_t n : {0u, 1u, 3u, 8u, 15u, 16u, 17u, 31u, 63u, 64u, 65u, 100u, 1000u, 4099u}) {
      const std::vector<float> x = Draw(n, static_cast<uint32_t>(n));
      const auto count = static_cast<int64_t>(n);
      Extent expected, found;
      kPlainStatistics.extent(x.data(), count, &expected);
      kernels.extent(x.data(), count, &found);
      EXPECT_EQ(expected.min, found.min);
      EXPECT_EQ(expected.max, found.max);
      EXPECT_EQ(std::signbit(expected.min), std::signbit(found.min));
      EXPECT_TRUE(found.all_finite);
      std::vector<int32_t> bins(n + kBinSlack), others(n + kBinSlack);
      bins.resize(
          static_cast<size_t>(kPlainStatistics.bins(x.data(), count, 128, 1024, bins.data())));
      others.resize(static_cast<size_t>(kernels.bins(x.data(), count, 128, 1024, others.data())));
      EXPECT_EQ(bins, others);
    }
    for (const int32_t channels : {1, 2, 7, 8, 16, 24, 33, 64}) {
      const std::vector<float> x = Draw(static_cast<size_t>(channels) * 50, 3);
      const auto width = static_cast<size_t>(channels);
      std::vector<float> min(width, 1e9f), max(width, -1e9f), min2 = min, max2 = max;
      std::vector<double> sum(width, 0.25), sum2 = sum;
      kPlainStatistics.channels(x.data(), 50, channels, min.data(), max.data(), sum.data());
      kernels.channels(x.data(), 50, channels, min2.data(), max2.data(), sum2.data());
      EXPECT_EQ(min, min2);
      EXPECT_EQ(max, max2);
      EXPECT_EQ(sum, sum2);
    }
  }
}

TEST(Statistics, FindsWhatIsNotFiniteAnywhere) {
  for (const SimdLevel level : SupportedSimdLevels()) {
    for (const float odd : {NAN, INFINITY, -INFINITY}) {
      for (size_t i = 0; i < 150; ++i) {
        std::vector<float> x(150, 1.0f);
        x[i] = odd;
        Extent extent;
        StatisticsFor(level).extent(x.data(), 150, &extent);
        EXPECT_FALSE(extent.all_finite) << NameOf(level) << " " << i;
      }
    }
  }
}

TEST(Statistics, BinsAreSymmetricAndLeaveOutZeros) {
  const std::vector<float> x = {0.0f, -0.0f, 0.99f, 1.0f, -0.99f, -1.0f, 3.5f, -3.5f, 1e-40f};
  for (const SimdLevel level : SupportedSimdLevels()) {
    std::vector<int32_t> bins(x.size() + kBinSlack);
    bins.resize(static_cast<size_t>(
        StatisticsFor(level).bins(x.data(), static_cast<int64_t>(x.size()), 1, 4, bins.data())));
    EXPECT_EQ(bins, (std::vector<int32_t>{4, 5, 3, 2, 7, 0, 4}));
  }
}

}  // namespace
}  // namespace edgeml::kernels
