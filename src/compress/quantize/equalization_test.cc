#include "src/compress/quantize/equalization.h"

#include <functional>

#include "src/compress/quantize/quantize_test.h"

namespace edgeml::quantize {
namespace {

class EqualizationTest : public QuantizeTest {
 protected:
  // 0.01, 0.1, 1, 10, 0.01 …
  static float Factor(int64_t channel) {
    return std::pow(10.0f, static_cast<float>(channel % 4) - 2);
  }
  int32_t Scaled(const Shape& shape, const std::function<float(int64_t)>& factor) {
    std::vector<float> values = Draw(shape, -1, 1);
    for (size_t i = 0; i < values.size(); ++i) values[i] *= factor(static_cast<int64_t>(i));
    return b.AddConstant("uneven", shape, std::span<const float>(values));
  }
  // Output channels that differ by up to 1000.
  int32_t Uneven(const Shape& shape) {
    const int64_t inner = shape.num_elements() / shape[0];
    return Scaled(shape, [=](int64_t i) { return Factor(i / inner); });
  }
};

TEST_F(EqualizationTest, FloatStaysAndIntegersGain) {
  const int32_t x = Input({1, 8, 8, 4});
  const ir::Activation relu = ir::Activation::kRelu;
  int32_t y =
      Op(OpCode::kConv2D, {x, Uneven({8, 3, 3, 4}), Scaled({8}, Factor)}, ir::ConvAttrs{{}, relu});
  y = Op(OpCode::kDepthwiseConv2D, {y, Scaled({1, 3, 3, 8}, Factor), Scaled({8}, Factor)},
         ir::DepthwiseConvAttrs{{}, 1, relu});
  ir::PoolAttrs pool;
  pool.filter_h = pool.filter_w = pool.window.stride_h = pool.window.stride_w = 2;
  y = Op(OpCode::kMaxPool2D, {y}, pool);
  y = Op(OpCode::kReshape, {y, b.AddInts({1, 128})}, ir::ReshapeAttrs{});
  y = Op(OpCode::kFullyConnected,
         {y, Scaled({5, 128}, [](int64_t i) { return 1 / (Factor(i % 8) * Factor(i % 8)); }),
          Weights({5})},
         ir::FullyConnectedAttrs{});
  Finish({y});
  const auto wanted = Run(module);
  IntegerOptions options;
  options.per_channel = false;
  auto plain = QuantizeToIntegers(module, Calibrate(), options, nullptr);
  ASSERT_TRUE(plain.ok());
  const double before = Sqnr(wanted[0], Run(*plain)[0]);
  const EqualizationReport report = EqualizeLayers(module, {});
  EXPECT_EQ(report.pairs, 2);
  EXPECT_GT(report.largest_scale, 3);
  EXPECT_GE(Sqnr(wanted[0], Run(module)[0]), 100);
  auto equalized = QuantizeToIntegers(module, Calibrate(), options, nullptr);
  ASSERT_TRUE(equalized.ok());
  EXPECT_GE(Sqnr(wanted[0], Run(*equalized)[0]), before + 20);
}

TEST_F(EqualizationTest, Relu6OnlyWhenAsked) {
  low_ = -0.2f, high_ = 0.2f;
  const int32_t x = Input({1, 4});
  const int32_t y = Op(OpCode::kFullyConnected, {x, Uneven({8, 4}), Weights({8})},
                       ir::FullyConnectedAttrs{ir::Activation::kRelu6});
  Finish(
      {Op(OpCode::kFullyConnected, {y, Weights({3, 8}), Weights({3})}, ir::FullyConnectedAttrs{})});
  const auto wanted = Run(module);
  EXPECT_EQ(EqualizeLayers(module, {}).pairs, 0);
  const EqualizationReport report = EqualizeLayers(module, {40, true});
  EXPECT_EQ(report.pairs, 1);
  EXPECT_EQ(report.relu6, 1);
  EXPECT_GE(Sqnr(wanted[0], Run(module)[0]), 100);  // nothing gets to 6
}

// The sum after a layer reads both: nothing may be scaled.
TEST_F(EqualizationTest, ValuesWithTwoReadersStay) {
  const int32_t x = Input({1, 4});
  const int32_t y =
      Op(OpCode::kFullyConnected, {x, Uneven({4, 4}), Weights({4})}, ir::FullyConnectedAttrs{});
  const int32_t z =
      Op(OpCode::kFullyConnected, {y, Weights({4, 4}), Weights({4})}, ir::FullyConnectedAttrs{});
  Finish({Op(OpCode::kAdd, {y, z}, ir::BinaryAttrs{})});
  EXPECT_EQ(EqualizeLayers(module, {}).pairs, 0);
}

}  // namespace
}  // namespace edgeml::quantize
