#include "src/tensor/activation_range.h"

#include <gtest/gtest.h>

namespace edgeml {
namespace {

TEST(ActivationRange, Float) {
  float lo = 0, hi = 0;
  FloatActivationRange(kActivationNone, &lo, &hi);
  EXPECT_EQ(lo, std::numeric_limits<float>::lowest());
  EXPECT_EQ(hi, std::numeric_limits<float>::max());
  FloatActivationRange(kActivationRelu, &lo, &hi);
  EXPECT_EQ(lo, 0.0f);
  EXPECT_EQ(hi, std::numeric_limits<float>::max());
  FloatActivationRange(kActivationReluN1To1, &lo, &hi);
  EXPECT_EQ(lo, -1.0f);
  EXPECT_EQ(hi, 1.0f);
  FloatActivationRange(kActivationRelu6, &lo, &hi);
  EXPECT_EQ(lo, 0.0f);
  EXPECT_EQ(hi, 6.0f);
}

TEST(ActivationRange, Quantized) {
  int32_t lo = 0, hi = 0;
  ASSERT_TRUE(QuantizedActivationRange(kActivationNone, DType::kInt16, 0.5f, 0, &lo, &hi));
  EXPECT_EQ(lo, -32768);
  EXPECT_EQ(hi, 32767);
  ASSERT_TRUE(QuantizedActivationRange(kActivationRelu, DType::kInt8, 0.1f, -3, &lo, &hi));
  EXPECT_EQ(lo, -3);
  EXPECT_EQ(hi, 127);
  ASSERT_TRUE(QuantizedActivationRange(kActivationRelu6, DType::kUInt8, 0.05f, 10, &lo, &hi));
  EXPECT_EQ(lo, 10);
  EXPECT_EQ(hi, 130);
  // 1 / 0.4 = 2.5 rounds away from zero on both sides.
  ASSERT_TRUE(QuantizedActivationRange(kActivationReluN1To1, DType::kInt8, 0.4f, 5, &lo, &hi));
  EXPECT_EQ(lo, 2);
  EXPECT_EQ(hi, 8);
}

TEST(ActivationRange, QuantizedRefusesWhatItCannotExpress) {
  int32_t lo = 0, hi = 0;
  EXPECT_FALSE(QuantizedActivationRange(kActivationNone, DType::kFloat32, 1.0f, 0, &lo, &hi));
  EXPECT_FALSE(QuantizedActivationRange(kActivationRelu6, DType::kInt8, 1e-10f, 0, &lo, &hi));
  EXPECT_FALSE(QuantizedActivationRange(kActivationRelu, DType::kInt8, 0.0f, 0, &lo, &hi));
}

}  // namespace
}  // namespace edgeml
