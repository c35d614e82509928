// Integer and hybrid expectations were printed by LiteRT 2.3.0 (OpResolverType.BUILTIN_REF) for
// models of one operator with these tensors; the others are computed by hand.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "src/kernels/convolution/convolution.h"
#include "src/kernels/quantize/dynamic_range.h"
#include "src/kernels/testing/pattern.h"

namespace edgeml::kernels {
namespace {

using testing::Pattern;

constexpr FloatRange kAll{std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};

std::vector<FixedPointMultiplier> Multipliers(float input, std::vector<float> filter,
                                              float output) {
  std::vector<FixedPointMultiplier> multipliers;
  for (float scale : filter)
    multipliers.push_back(ToFixedPoint(static_cast<double>(input) * scale / output));
  return multipliers;
}

template <typename T>
std::vector<T> Outputs(const ConvShape& s) {
  return std::vector<T>(static_cast<size_t>(s.output_rows() * s.out_w * s.out_c));
}

TEST(ConvReference, FloatWithPaddingAndBias) {
  // A 3 x 3 box over a 2 x 2 image of ones, padding 1: four taps inside everywhere.
  const ConvShape s{.in_h = 2,
                    .in_w = 2,
                    .out_h = 2,
                    .out_w = 2,
                    .filter_h = 3,
                    .filter_w = 3,
                    .pad_top = 1,
                    .pad_left = 1};
  const std::vector<float> input(4, 1.0f), filter(9, 0.5f);
  const float bias = 1.0f;
  std::vector<float> output(4);
  ConvFloat(s, {0.0f, 2.5f}, input.data(), filter.data(), &bias, output.data(), {0, 2});
  EXPECT_EQ(output, std::vector<float>(4, 2.5f));
  ConvFloat(s, kAll, input.data(), filter.data(), nullptr, output.data(), {0, 1});
  EXPECT_EQ(output,
            (std::vector<float>{2.0f, 2.0f, 2.5f, 2.5f}));  // the second row was not asked for
}

TEST(ConvReference, Int8PerChannelDilatedWithRelu) {
  const ConvShape s{.in_h = 4,
                    .in_w = 5,
                    .in_c = 2,
                    .out_h = 2,
                    .out_w = 5,
                    .out_c = 3,
                    .filter_h = 2,
                    .filter_w = 2,
                    .stride_h = 2,
                    .dilation_w = 2,
                    .pad_left = 1};
  const auto multipliers = Multipliers(0.05f, {0.01f, 0.02f, 0.005f}, 0.07f);
  const ConvQuantization q{.input_zero_point = -3,
                           .output_zero_point = 4,
                           .multipliers = multipliers.data(),
                           .output_min = 4,
                           .output_max = 127};
  const auto input = Pattern<int8_t>(40, 37, 11, -128, 127);
  const auto filter = Pattern<int8_t>(24, 29, 5, -127, 127);
  const auto bias = Pattern<int32_t>(3, 777, 100, -2000, 2000);
  auto output = Outputs<int8_t>(s);
  ConvInt8(s, q, input.data(), filter.data(), bias.data(), output.data(), {0, s.output_rows()});
  EXPECT_EQ(output,
            (std::vector<int8_t>{101, 127, 35, 33, 4,   4, 10, 4, 4, 9,  127, 119, 4, 127, 4,
                                 94,  127, 50, 4,  127, 4, 4,  4, 4, 31, 103, 74,  4, 4,   90}));
}

TEST(ConvReference, UInt8Grouped) {
  const ConvShape s{.in_h = 3,
                    .in_w = 3,
                    .in_c = 4,
                    .out_h = 2,
                    .out_w = 2,
                    .out_c = 2,
                    .filter_h = 2,
                    .filter_w = 2,
                    .groups = 2};
  const auto multipliers = Multipliers(0.05f, {0.01f, 0.01f}, 0.07f);
  const ConvQuantization q{.input_zero_point = 120,
                           .filter_zero_point = 131,
                           .output_zero_point = 99,
                           .multipliers = multipliers.data(),
                           .output_min = 0,
                           .output_max = 255};
  const auto input = Pattern<uint8_t>(36, 37, 11, 0, 255);
  const auto filter = Pattern<uint8_t>(16, 29, 5, 0, 255);
  const auto bias = Pattern<int32_t>(2, 777, 100, -2000, 2000);
  auto output = Outputs<uint8_t>(s);
  ConvUInt8(s, q, input.data(), filter.data(), bias.data(), output.data(), {0, 2});
  EXPECT_EQ(output, (std::vector<uint8_t>{198, 102, 29, 211, 0, 0, 141, 98}));
}

TEST(ConvReference, Int16SumsIn64Bits) {
  const ConvShape s{.in_h = 3,
                    .in_w = 3,
                    .in_c = 2,
                    .out_h = 2,
                    .out_w = 2,
                    .out_c = 2,
                    .filter_h = 2,
                    .filter_w = 2};
  const auto multipliers = Multipliers(0.001f, {0.01f, 0.02f}, 0.003f);
  const ConvQuantization q{
      .multipliers = multipliers.data(), .output_min = -32768, .output_max = 32767};
  const auto input = Pattern<int16_t>(18, 7919, 11, -32768, 32767);
  const auto filter = Pattern<int8_t>(16, 29, 5, -127, 127);
  const auto bias = Pattern<int64_t>(2, 777777, 100, -200000, 200000);
  auto output = Outputs<int16_t>(s);
  ConvInt16(s, q, input.data(), filter.data(), bias.data(), output.data(), {0, 2});
  EXPECT_EQ(output, (std::vector<int16_t>{24465, 2279, -578, -20211, -8937, -1839, -993, 32767}));
}

TEST(ConvReference, HybridQuantizesEachImage) {
  const ConvShape s{.batch = 2,
                    .in_h = 2,
                    .in_w = 3,
                    .in_c = 2,
                    .out_h = 1,
                    .out_w = 2,
                    .out_c = 2,
                    .filter_h = 2,
                    .filter_w = 2};
  const auto input = Pattern<float>(24, 37, 11, -50, 50, 0.125f);
  const auto filter = Pattern<int8_t>(16, 29, 5, -127, 127);
  const auto bias = Pattern<float>(2, 7, 1, -5, 5, 0.5f);
  const std::vector<float> filter_scales = {0.01f, 0.02f};
  std::vector<int8_t> stored(24);
  std::vector<float> input_scales(2);
  std::vector<int32_t> zero_points(2);
  QuantizeRows(input.data(), 2, 12, /*asymmetric=*/true, stored.data(), input_scales.data(),
               zero_points.data());
  auto output = Outputs<float>(s);
  ConvHybrid(s, {input_scales.data(), zero_points.data(), filter_scales.data()}, kAll,
             stored.data(), filter.data(), bias.data(), output.data(), {0, 2});
  const std::vector<float> expected = {
      -0.5930685997009277f, -15.251136779785156f, -8.31959342956543f,  11.40204906463623f,
      -3.600529670715332f,  -2.5780491828918457f, -3.263294219970703f, -18.393314361572266f};
  EXPECT_EQ(output, expected);
}

TEST(DepthwiseConvReference, Int8WithMultiplier) {
  const ConvShape s{.in_h = 3,
                    .in_w = 4,
                    .in_c = 2,
                    .out_h = 3,
                    .out_w = 2,
                    .out_c = 4,
                    .filter_h = 3,
                    .filter_w = 2,
                    .stride_w = 2,
                    .pad_top = 1,
                    .depth_multiplier = 2};
  const auto multipliers = Multipliers(0.05f, {0.01f, 0.02f, 0.005f, 0.03f}, 0.09f);
  const ConvQuantization q{.input_zero_point = -3,
                           .output_zero_point = 4,
                           .multipliers = multipliers.data(),
                           .output_min = -128,
                           .output_max = 127};
  const auto input = Pattern<int8_t>(24, 37, 11, -128, 127);
  const auto filter = Pattern<int8_t>(24, 29, 5, -127, 127);
  const auto bias = Pattern<int32_t>(4, 777, 100, -2000, 2000);
  auto output = Outputs<int8_t>(s);
  DepthwiseConvInt8(s, q, input.data(), filter.data(), bias.data(), output.data(), {0, 3});
  EXPECT_EQ(output,
            (std::vector<int8_t>{-106, 43, 33,  127,  64, 71,  -58, -128, -1, 127,  29, 127,
                                 104,  53, -27, -128, 16, 112, 20,  127,  28, -128, -4, -78}));
}

TEST(TransposeConvReference, Int8) {
  const ConvShape s{.in_h = 2,
                    .in_w = 2,
                    .in_c = 2,
                    .out_h = 3,
                    .out_w = 4,
                    .out_c = 2,
                    .filter_h = 3,
                    .filter_w = 2,
                    .stride_h = 2,
                    .stride_w = 2,
                    .pad_top = 1};
  const auto multipliers = Multipliers(0.05f, {0.01f, 0.02f}, 0.09f);
  const ConvQuantization q{.input_zero_point = -3,
                           .output_zero_point = 4,
                           .multipliers = multipliers.data(),
                           .output_min = -128,
                           .output_max = 127};
  const auto input = Pattern<int8_t>(8, 37, 11, -128, 127);
  const auto filter = Pattern<int8_t>(24, 29, 5, -127, 127);
  const auto bias = Pattern<int32_t>(2, 777, 100, -2000, 2000);
  auto output = Outputs<int8_t>(s);
  TransposeConvInt8(s, q, input.data(), filter.data(), bias.data(), output.data(), {0, 3});
  EXPECT_EQ(output,
            (std::vector<int8_t>{-13, -128, -74, 127, -6, -51, -19, 43,   -86, 66,  47,  11,
                                 -45, -19,  -3,  -49, 1,  116, 35,  -114, -24, -47, -25, -41}));
}

TEST(TransposeConvReference, FloatSpreadsOnePixel) {
  // One pixel of 2 with stride 2: its taps land where the filter says, the rest stays empty.
  const ConvShape s{
      .out_h = 3, .out_w = 3, .filter_h = 2, .filter_w = 2, .stride_h = 2, .stride_w = 2};
  const float input = 2.0f;
  const std::vector<float> filter = {1, 2, 3, 4};
  std::vector<float> output(9, -1.0f);
  TransposeConvFloat(s, kAll, &input, filter.data(), nullptr, output.data(), {0, 3});
  EXPECT_EQ(output, (std::vector<float>{2, 4, 0, 6, 8, 0, 0, 0, 0}));
}

TEST(ConvReference, SumsWrapInsteadOfOverflowing) {
  const ConvShape s{};
  const FixedPointMultiplier half = ToFixedPoint(0.5);
  const ConvQuantization q{
      .input_zero_point = -128, .multipliers = &half, .output_min = -128, .output_max = 127};
  const int8_t input = 127, filter = 127;
  const int32_t bias = std::numeric_limits<int32_t>::max();
  int8_t output = 0;
  ConvInt8(s, q, &input, &filter, &bias, &output, {0, 1});
  EXPECT_EQ(output, -128);
}

}  // namespace
}  // namespace edgeml::kernels
