#include "src/kernels/quantize/dynamic_range.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace edgeml::kernels {
namespace {

TEST(DynamicRange, Symmetric) {
  const std::vector<float> values = {-1.27f, 0.0f, 0.635f, 1.0f};
  std::vector<int8_t> stored(4);
  float scale = 0;
  QuantizeSymmetric(values.data(), 4, stored.data(), &scale);
  EXPECT_FLOAT_EQ(scale, 0.01f);
  EXPECT_EQ(stored, (std::vector<int8_t>{-127, 0, 64, 100}));
}

TEST(DynamicRange, AsymmetricContainsZero) {
  const std::vector<float> values = {1.0f, 2.55f};
  std::vector<int8_t> stored(2);
  float scale = 0;
  int32_t zero_point = 0;
  QuantizeAsymmetric(values.data(), 2, stored.data(), &scale, &zero_point);
  EXPECT_FLOAT_EQ(scale, 0.01f);
  EXPECT_EQ(zero_point, -128);
  EXPECT_EQ(stored, (std::vector<int8_t>{-28, 127}));
}

// The range is a difference of floats and the zero point is added after rounding, which other
// orders of the same arithmetic tell apart.
TEST(DynamicRange, AsymmetricRoundsTheRangeAndBeforeTheZeroPoint) {
  float scale = 0;
  int32_t zero_point = 0;
  ASSERT_TRUE(AsymmetricScale(-8.214417f, 10.625454f, &scale, &zero_point));
  EXPECT_EQ(scale, 0.0738818421959877f);  // from the exact range: 0.0738818496465683
  EXPECT_EQ(zero_point, -17);
  const std::vector<float> values = {-2.0f, 253.0f, 2.5f, -0.5f, 1.5f};  // scale 1, zero point -126
  std::vector<int8_t> stored(5);
  QuantizeAsymmetric(values.data(), 5, stored.data(), &scale, &zero_point);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(zero_point, -126);
  EXPECT_EQ(stored, (std::vector<int8_t>{-128, 127, -123, -127, -124}));
}

TEST(DynamicRange, ARangeOfSubnormalsIsTreatedAsZero) {
  const std::vector<float> values = {0.0f, std::numeric_limits<float>::denorm_min()};
  std::vector<int8_t> stored(2);
  float scale = 1;
  int32_t zero_point = 0;
  QuantizeAsymmetric(values.data(), 2, stored.data(), &scale, &zero_point);
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(stored, (std::vector<int8_t>{-128, -128}));
}

TEST(DynamicRange, ZerosAndNans) {
  std::vector<float> values = {0.0f, 0.0f, 1.0f, std::numeric_limits<float>::quiet_NaN()};
  std::vector<int8_t> stored(4, 9);
  std::vector<float> scales(2);
  std::vector<int32_t> zero_points(2, 9);
  QuantizeRows(values.data(), 2, 2, /*asymmetric=*/false, stored.data(), scales.data(),
               zero_points.data());
  EXPECT_EQ(scales[0], 1.0f);
  EXPECT_EQ(zero_points, (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(stored[0], 0);
  EXPECT_EQ(stored[3], -127);  // no undefined conversion
}

}  // namespace
}  // namespace edgeml::kernels
