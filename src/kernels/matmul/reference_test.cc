// Expectations printed by LiteRT 2.3.0 (OpResolverType.BUILTIN_REF) where no other is named.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "src/kernels/matmul/matmul.h"
#include "src/kernels/quantize/dynamic_range.h"
#include "src/kernels/testing/pattern.h"

namespace edgeml::kernels {
namespace {

using testing::Pattern;

constexpr float kMax = std::numeric_limits<float>::max();
constexpr FullyConnectedShape kTwoRows{
    .batch = 2, .depth = 5, .units = 3, .row_begin = 0, .row_end = 2};

double Scale(float input, float weights, float output) {
  return static_cast<double>(input) * weights / output;
}

TEST(FullyConnectedReference, Int8PerChannel) {
  const std::vector<double> scales = {Scale(0.05f, 0.01f, 0.07f), Scale(0.05f, 0.02f, 0.07f),
                                      Scale(0.05f, 0.005f, 0.07f)};
  const FullyConnectedQuantization q{.input_zero_point = -3,
                                     .weights_zero_point = 99,  // not read per channel
                                     .output_zero_point = 4,
                                     .scales = scales.data(),
                                     .per_channel = true,
                                     .output_min = -128,
                                     .output_max = 127};
  const auto input = Pattern<int8_t>(10, 37, 11, -128, 127);
  const auto weights = Pattern<int8_t>(15, 29, 5, -127, 127);
  const auto bias = Pattern<int32_t>(3, 777, 100, -2000, 2000);
  std::vector<int8_t> output(6);
  FullyConnectedInt8(kTwoRows, q, input.data(), weights.data(), bias.data(), output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{127, -128, 62, -72, -92, -34}));
}

TEST(FullyConnectedReference, Hybrid) {
  const auto input = Pattern<float>(10, 37, 11, -50, 50, 0.125f);
  const auto weights = Pattern<int8_t>(15, 29, 5, -127, 127);
  const auto bias = Pattern<float>(3, 7, 1, -5, 5, 0.5f);
  const std::vector<float> weights_scales = {0.01f, 0.02f, 0.005f};
  std::vector<int8_t> stored(10);
  std::vector<float> scales(2), output(6);
  std::vector<int32_t> zero_points(2);
  QuantizeRows(input.data(), 2, 5, true, stored.data(), scales.data(), zero_points.data());
  FullyConnectedHybrid(kTwoRows, scales.data(), zero_points.data(), weights_scales.data(), -kMax,
                       kMax, stored.data(), weights.data(), bias.data(), output.data());
  const std::vector<float> expected = {2.5658726692199707f, -4.226294040679932f,
                                       1.1989166736602783f, -6.004891872406006f,
                                       -4.832529544830322f, -2.744443655014038f};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(output[i], expected[i]) << i;
}

// By hand: ties go away from zero, and sums beyond 32 bits saturate.
TEST(FullyConnectedReference, RoundsInDoubleAndSaturates) {
  const FullyConnectedShape one{.batch = 1, .depth = 1, .units = 1, .row_begin = 0, .row_end = 1};
  double scale = 0.5;
  FullyConnectedQuantization q{.scales = &scale, .output_min = -128, .output_max = 127};
  const int8_t weight = 1;
  int8_t input = 5, output = 0;
  FullyConnectedInt8(one, q, &input, &weight, nullptr, &output);
  EXPECT_EQ(output, 3);
  input = -5;
  FullyConnectedInt8(one, q, &input, &weight, nullptr, &output);
  EXPECT_EQ(output, -3);
  scale = 1e30;
  FullyConnectedInt8(one, q, &input, &weight, nullptr, &output);
  EXPECT_EQ(output, -128);
}

TEST(FullyConnectedReference, Int16WeightsUseFixedPoint) {
  const FullyConnectedShape one{.batch = 1, .depth = 2, .units = 1, .row_begin = 0, .row_end = 1};
  const FullyConnectedQuantization q{.output_min = -32768, .output_max = 32767};
  const FixedPointMultiplier multiplier = ToFixedPoint(1.0 / 65536);
  const std::vector<int16_t> input = {30000, 20000}, weights = {300, -100};
  const int64_t bias = 65536;
  int16_t output = 0;
  FullyConnectedInt16Weights(one, q, &multiplier, input.data(), weights.data(), &bias, &output);
  EXPECT_EQ(output, 108);  // (9,000,000 - 2,000,000 + 65,536) / 65,536 = 107.8
}

TEST(BatchMatMulReference, Int8BroadcastAndTransposed) {
  // x [2, 2, 3], y [1, 2, 3] taken as [1, 3, 2].
  const BatchMatMulShape s{.batch = {1, 1, 2},
                           .rows = 2,
                           .cols = 2,
                           .depth = 3,
                           .x_batch_stride = {0, 0, 6},
                           .x_row_stride = 3,
                           .x_depth_stride = 1,
                           .y_depth_stride = 1,
                           .y_col_stride = 3};
  const BatchMatMulQuantization q{
      .x_zero_point = -3,
      .y_zero_point = 7,
      .output_zero_point = 4,
      .multiplier = ToFixedPoint(static_cast<double>(0.05f * 0.02f) / 0.11f)};
  const auto x = Pattern<int8_t>(12, 37, 11, -128, 127);
  const auto y = Pattern<int8_t>(6, 29, 5, -128, 127);
  std::vector<int8_t> output(8);
  BatchMatMulInt8(s, q, x.data(), y.data(), output.data());
  EXPECT_EQ(output, (std::vector<int8_t>{127, 53, -70, 11, 27, -34, 24, 24}));
}

TEST(BatchMatMulReference, FloatByHand) {
  const BatchMatMulShape s{.rows = 2,
                           .cols = 1,
                           .depth = 2,
                           .x_row_stride = 1,
                           .x_depth_stride = 2,
                           .y_depth_stride = 1,
                           .y_col_stride = 2};
  const std::vector<float> x = {1, 2, 3, 4}, y = {10, 100};  // x transposed: rows {1, 3}, {2, 4}
  std::vector<float> output(2);
  BatchMatMulFloat(s, x.data(), y.data(), output.data());
  EXPECT_EQ(output, (std::vector<float>{310, 420}));
}

}  // namespace
}  // namespace edgeml::kernels
