#include "src/compress/quantize/smoothing.h"

#include "src/compress/quantize/channel_factors.h"
#include "src/compress/quantize/quantize_test.h"
#include "src/compress/quantize/samples_test.h"

namespace edgeml::quantize {
namespace {

constexpr int32_t kSteps = 6, kWidth = 16, kHeads = 4;

class SmoothingTest : public QuantizeTest {
 protected:
  SmoothingTest() { low_ = -1, high_ = 1; }

  int32_t Constant(const Shape& shape, std::span<const float> values) {
    return b.AddConstant("constant", shape, values);
  }
  int32_t Dense(int32_t x, int32_t in, int32_t out,
                ir::Activation activation = ir::Activation::kNone) {
    ir::FullyConnectedAttrs attributes;
    attributes.activation = activation;
    attributes.keep_num_dims = true;
    const float size = 1 / std::sqrt(static_cast<float>(in));
    return Op(OpCode::kFullyConnected, {x, Weights({out, in}, -size, size), Weights({out})},
              attributes);
  }
  // Layer normalization without its statistics: the scale and the offsets, two of which are
  // far out.
  int32_t Scaled(int32_t x) {
    std::vector<float> gamma = Draw({kWidth}, 0.7f, 1.3f), beta = Draw({kWidth}, -0.2f, 0.2f);
    gamma[3] = 80;
    gamma[11] = -50;
    const int32_t scaled = Op(OpCode::kMul, {x, Constant({kWidth}, gamma)}, ir::BinaryAttrs{});
    return Op(OpCode::kAdd, {scaled, Constant({1, 1, kWidth}, beta)}, ir::BinaryAttrs{});
  }
  int32_t Split(int32_t x) {  // [1, steps, width] to [1, heads, steps, width / heads]
    const int32_t parts = Op(OpCode::kReshape, {x, b.AddInts({1, kSteps, kHeads, kWidth / kHeads})},
                             ir::ReshapeAttrs{});
    return Op(OpCode::kTranspose, {parts, b.AddInts({0, 2, 1, 3})});
  }
  int32_t Attention(int32_t x) {
    const int32_t q = Split(Dense(x, kWidth, kWidth)), k = Split(Dense(x, kWidth, kWidth));
    const int32_t v = Split(Dense(x, kWidth, kWidth));
    int32_t y = Op(OpCode::kBatchMatMul, {q, k}, ir::BatchMatMulAttrs{false, true});
    y = Op(OpCode::kSoftmax, {y}, ir::SoftmaxAttrs{0.01f});
    y = Op(OpCode::kBatchMatMul, {y, v}, ir::BatchMatMulAttrs{});
    y = Op(OpCode::kTranspose, {y, b.AddInts({0, 2, 1, 3})});
    y = Op(OpCode::kReshape, {y, b.AddInts({1, kSteps, kWidth})}, ir::ReshapeAttrs{});
    return Dense(y, kWidth, kWidth);
  }

  // On the inputs that Run() draws, and others.
  CalibrationResult Observe() {
    std::vector<std::vector<data::Array>> samples;
    for (uint32_t seed = 8; seed < 24; ++seed) {
      std::mt19937 random(seed);
      std::uniform_real_distribution<float> draw(low_, high_);
      const Shape& shape =
          module.graphs[0].values[static_cast<size_t>(module.graphs[0].inputs[0])].shape;
      std::vector<float> values(static_cast<size_t>(shape.num_elements()));
      for (float& value : values) value = draw(random);
      samples.push_back({FloatArray(shape, values)});
    }
    CalibrationOptions options;
    options.values = options.channel_values = SmoothedInputs(module);
    const auto seen = edgeml::quantize::Calibrate(module, *MakeArraySamples(std::move(samples)),
                                                  options, TestBackends());
    EXPECT_TRUE(seen.ok()) << seen.status().message();
    return *seen;
  }
  double Int8Sqnr(const std::vector<double>& wanted) {
    const auto quantized = QuantizeToIntegers(module, Calibrate(), {}, nullptr);
    EXPECT_TRUE(quantized.ok()) << quantized.status().message();
    return Sqnr(wanted, Run(*quantized)[0]);
  }
};

// Attention and a feed-forward part, each behind a scale with outliers.
TEST_F(SmoothingTest, FloatStaysAndIntegersGain) {
  const int32_t x = Input({1, kSteps, kWidth});
  int32_t y = Op(OpCode::kAdd, {x, Attention(Scaled(x))}, ir::BinaryAttrs{});
  int32_t z = Dense(Scaled(y), kWidth, 2 * kWidth, ir::Activation::kRelu);
  z = Dense(z, 2 * kWidth, kWidth);
  Finish({Op(OpCode::kAdd, {y, z}, ir::BinaryAttrs{})});
  const auto wanted = Run(module);
  const double before = Int8Sqnr(wanted[0]);
  const SmoothReport report = SmoothLayers(module, Observe(), {});
  // Two scales, the values of attention, and the hidden layer.
  EXPECT_EQ(report.sources, 4);
  EXPECT_EQ(report.layers, 6);
  EXPECT_TRUE(report.left.empty());
  EXPECT_GT(report.largest_scale, 5);
  ASSERT_TRUE(ir::Verify(module).ok());
  const auto smooth = Run(module);
  for (size_t i = 0; i < wanted[0].size(); ++i)
    EXPECT_NEAR(smooth[0][i], wanted[0][i], 1e-5 * std::max(1.0, std::abs(wanted[0][i])));
  const double after = Int8Sqnr(wanted[0]);
  EXPECT_GE(after, before + 6) << before;
}

// With alpha 1 each channel of what the layer reads reaches 1.
TEST_F(SmoothingTest, AlphaOfOneLevelsTheActivations) {
  const int32_t x = Input({1, kSteps, kWidth});
  const int32_t scaled = Scaled(x);
  Finish({Dense(scaled, kWidth, 4)});
  SmoothLayers(module, Observe(), {1.0});
  const CalibrationResult seen = Observe();
  const auto extents = seen.Find(0, scaled)->channel_statistics();
  ASSERT_TRUE(extents);
  for (size_t c = 0; c < kWidth; ++c)
    EXPECT_NEAR(std::max(-extents->min[c], extents->max[c]), 1, 1e-5) << c;
}

// Weights of a constant operand, stored as [inputs, outputs] or the other way, with one number for
// all channels in front; 1 by 1 convolutions.
TEST_F(SmoothingTest, ProductsAndConvolutions) {
  const int32_t x = Input({1, 4, 4, kWidth});
  const float two[] = {2};
  const int32_t scaled = Op(OpCode::kMul, {Constant({1}, two), x}, ir::BinaryAttrs{});
  const int32_t conv =
      Op(OpCode::kConv2D, {scaled, Weights({8, 1, 1, kWidth}), Weights({8})}, ir::ConvAttrs{});
  const int32_t columns =
      Op(OpCode::kBatchMatMul, {scaled, Weights({kWidth, 8})}, ir::BatchMatMulAttrs{});
  const int32_t rows =
      Op(OpCode::kBatchMatMul, {scaled, Weights({8, kWidth})}, ir::BatchMatMulAttrs{false, true});
  Finish({conv, columns, rows});
  const auto wanted = Run(module);
  const SmoothReport report = SmoothLayers(module, Observe(), {});
  EXPECT_EQ(report.sources, 1);
  EXPECT_EQ(report.layers, 3);
  EXPECT_GT(report.largest_scale, 1.1);
  const auto smooth = Run(module);
  for (size_t o = 0; o < 3; ++o) EXPECT_GE(Sqnr(wanted[o], smooth[o]), 100);
}

TEST_F(SmoothingTest, LayersAreLeftWithTheReason) {
  const int32_t x = Input({1, kSteps, kWidth});
  const int32_t first = Dense(x, kWidth, kWidth);
  const int32_t other = Op(OpCode::kTanh, {first});
  const int32_t second = Dense(first, kWidth, 4);
  const int32_t third = Dense(other, kWidth, 4);
  Finish({second, third});
  const auto wanted = Run(module);
  const SmoothReport report = SmoothLayers(module, Observe(), {});
  EXPECT_EQ(report.sources, 0);
  ASSERT_EQ(report.left.size(), 3u);
  EXPECT_NE(report.left[0].find("nothing in front"), std::string::npos) << report.left[0];
  EXPECT_NE(report.left[1].find("also goes to TANH"), std::string::npos) << report.left[1];
  EXPECT_NE(report.left[2].find("nothing in front"), std::string::npos) << report.left[2];
  EXPECT_EQ(Run(module), wanted);
}

// Where factors on channels get to when elements move.
class FactorsTest : public QuantizeTest {
 protected:
  FactorPath Follow(int32_t from) {
    return FollowFactors(ir::Rewriter(module.graphs[0]), from, false);
  }
  int32_t Layer(int32_t x, int32_t in) {
    return Op(OpCode::kFullyConnected, {x, Weights({3, in}), Weights({3})},
              ir::FullyConnectedAttrs{});
  }
};

TEST_F(FactorsTest, PadsOfChannelsShiftThem) {
  const int32_t x = Input({1, 2, 2, 2});
  const int32_t relu = Op(OpCode::kRelu, {x});
  const int32_t pads[] = {0, 0, 0, 0, 0, 0, 1, 2};
  const int32_t padded =
      Op(OpCode::kPad, {relu, b.AddConstant("pads", Shape{4, 2}, std::span<const int32_t>(pads))});
  Finish({Layer(padded, 5)});
  const FactorPath path = Follow(relu);
  EXPECT_EQ(path.blocker, "");
  ASSERT_EQ(path.layers.size(), 1u);
  EXPECT_EQ(path.layers[0].channels,
            (std::vector<int32_t>{kNoChannel, 0, 1, kNoChannel, kNoChannel}));
}

TEST_F(FactorsTest, TransposedBeforeFlattening) {
  const int32_t x = Input({1, 2, 2, 2});
  const int32_t relu = Op(OpCode::kRelu, {x});
  const int32_t turned = Op(OpCode::kTranspose, {relu, b.AddInts({0, 3, 1, 2})});
  const int32_t flat = Op(OpCode::kReshape, {turned, b.AddInts({1, 8})}, ir::ReshapeAttrs{});
  Finish({Layer(flat, 8)});
  const FactorPath path = Follow(relu);
  EXPECT_EQ(path.blocker, "");
  ASSERT_EQ(path.layers.size(), 1u);
  EXPECT_EQ(path.layers[0].channels, (std::vector<int32_t>{0, 0, 0, 0, 1, 1, 1, 1}));
}

TEST_F(FactorsTest, SumsOverChannelsBlock) {
  const int32_t x = Input({1, 4, 8});
  const int32_t relu = Op(OpCode::kRelu, {x});
  const int32_t mean = Op(OpCode::kMean, {relu, b.AddInts({2})}, ir::ReduceAttrs{true});
  const int32_t product = Op(OpCode::kBatchMatMul, {relu, relu}, ir::BatchMatMulAttrs{false, true});
  Finish({Layer(mean, 4), product});
  EXPECT_NE(Follow(relu).blocker, "");
}

// Rows of 4 read of rows of 8 channels: no channel has an input of its own.
TEST_F(FactorsTest, LayersThatReadPartsOfRowsBlock) {
  const int32_t x = Input({2, 8});
  const int32_t relu = Op(OpCode::kRelu, {x});
  Finish({Layer(relu, 4)});
  EXPECT_NE(Follow(relu).blocker, "");
}

}  // namespace
}  // namespace edgeml::quantize
