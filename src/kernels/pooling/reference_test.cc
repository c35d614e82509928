// Integer expectations printed by LiteRT 2.3.0 (OpResolverType.BUILTIN_REF), the others by hand.
#include <gtest/gtest.h>

#include <vector>

#include "src/kernels/pooling/pooling.h"
#include "src/kernels/testing/pattern.h"

namespace edgeml::kernels {
namespace {

using testing::Pattern;

constexpr PoolShape kShape{.in_h = 3,
                           .in_w = 3,
                           .out_h = 2,
                           .out_w = 2,
                           .channels = 2,
                           .filter_h = 2,
                           .filter_w = 2,
                           .stride_h = 2,
                           .stride_w = 2};

TEST(PoolReference, AverageInt8LeavesPaddingOut) {
  const auto input = Pattern<int8_t>(18, 37, 11, -128, 127);
  std::vector<int8_t> output(8);
  AveragePool(kShape, -128, 127, input.data(), output.data(), 0, 4);
  EXPECT_EQ(output, (std::vector<int8_t>{-33, -60, 14, 51, -20, 17, -37, 0}));
}

TEST(PoolReference, AverageRoundsTiesAwayFromZero) {
  const PoolShape s{.in_w = 2, .filter_w = 2};
  const std::vector<int8_t> low = {-2, -1};
  const std::vector<uint8_t> high = {1, 2};
  int8_t signed_mean = 0;
  uint8_t mean = 0;
  AveragePool(s, -128, 127, low.data(), &signed_mean, 0, 1);
  AveragePool(s, 0, 255, high.data(), &mean, 0, 1);
  EXPECT_EQ(signed_mean, -2);
  EXPECT_EQ(mean, 2);
}

TEST(PoolReference, MaxWithPaddingInFront) {
  const PoolShape s{.in_h = 2,
                    .in_w = 2,
                    .out_h = 2,
                    .out_w = 2,
                    .filter_h = 2,
                    .filter_w = 2,
                    .pad_top = 1,
                    .pad_left = 1};
  const std::vector<float> input = {-4, -3, -2, -1};
  std::vector<float> output(4);
  MaxPool(s, -3.5f, 0.0f, input.data(), output.data(), 0, 4);
  EXPECT_EQ(output, (std::vector<float>{-3.5f, -3, -2, -1}));
  const std::vector<int16_t> wide = {-400, -300, -200, -100};
  std::vector<int16_t> wide_output(4);
  MaxPool(s, -32768, -250, wide.data(), wide_output.data(), 0, 4);
  EXPECT_EQ(wide_output, (std::vector<int16_t>{-400, -300, -250, -250}));
}

TEST(LocalResponseReference, AnyRadius) {
  const std::vector<float> input = {1, 2, 3, 4};
  std::vector<float> output(4);
  const auto normalize = [&](int64_t radius) {
    LocalResponseNormalize(4, radius, 1.0, 1.0, 1.0, input.data(), output.data(), 0, 4);
    return output;
  };
  normalize(2147483647);  // all of the vector: 1 + 30
  for (size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(output[i], input[i] / 31.0f);
  EXPECT_EQ(normalize(-2147483648LL), input);
  EXPECT_EQ(normalize(0), input);
}

TEST(L2NormalizeReference, Float) {
  const std::vector<float> input = {3, 4, 0, 0};
  std::vector<float> output(4, 9.0f);
  L2Normalize(2, 2, input.data(), output.data());
  EXPECT_EQ(output, (std::vector<float>{0.6f, 0.8f, 0.0f, 0.0f}));
}

TEST(L2NormalizeReference, Int8AndUInt8) {
  const auto input = Pattern<int8_t>(8, 37, 11, -128, 127);
  std::vector<int8_t> output(8);
  L2Normalize(2, 4, 12, input.data(), output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{-98, -70, -42, -14, 15, 43, 71, -96}));
  const auto unsigned_input = Pattern<uint8_t>(8, 37, 11, 0, 255);
  std::vector<uint8_t> unsigned_output(8);
  L2Normalize(2, 4, 140, unsigned_input.data(), unsigned_output.data());
  EXPECT_EQ(unsigned_output, (std::vector<uint8_t>{30, 58, 86, 114, 143, 171, 199, 32}));
}

}  // namespace
}  // namespace edgeml::kernels
