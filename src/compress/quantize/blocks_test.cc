#include "src/compress/quantize/blocks.h"

#include "src/compress/quantize/layers.h"
#include "src/compress/quantize/quantize_test.h"

namespace edgeml::quantize {
namespace {

class BlocksTest : public QuantizeTest {
 protected:
  int32_t Conv(int32_t x, int32_t in, int32_t out, int32_t size = 3) {
    const int32_t y =
        Op(OpCode::kConv2D, {x, Weights({out, size, size, in}), Weights({out})}, ir::ConvAttrs{});
    layers_.push_back(static_cast<int32_t>(nodes_++));
    return y;
  }
  int32_t Other(OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {}) {
    ++nodes_;
    return Op(op, std::move(inputs), std::move(attributes));
  }
  std::vector<Block> Cut(size_t most = 8) { return CutBlocks(module.graphs[0], layers_, most); }
  std::vector<size_t> Sizes(size_t most = 8) {
    std::vector<size_t> sizes;
    for (const Block& block : Cut(most)) sizes.push_back(block.layers.size());
    return sizes;
  }

  std::vector<int32_t> layers_;
  int64_t nodes_ = 0;
};

// Like ResNet-8: a first layer, two residual blocks, the second with a layer of its own beside it,
// a dense layer behind a mean, softmax.
TEST_F(BlocksTest, ResidualNetwork) {
  const int32_t x = Input({1, 6, 6, 2});
  const int32_t scaled = Other(OpCode::kRelu, {x});
  const int32_t stem = Other(OpCode::kRelu, {Conv(scaled, 2, 4)});
  int32_t y = Conv(Conv(stem, 4, 4), 4, 4);
  y = Other(OpCode::kAdd, {stem, y}, ir::BinaryAttrs{});
  const int32_t first = Other(OpCode::kRelu, {y});
  const int32_t beside = Conv(first, 4, 6, 1);
  y = Conv(Conv(first, 4, 6), 6, 6);
  y = Other(OpCode::kAdd, {beside, y}, ir::BinaryAttrs{});
  y = Other(OpCode::kMean, {y, b.AddInts({1, 2})}, ir::ReduceAttrs{});
  layers_.push_back(static_cast<int32_t>(nodes_));
  const int32_t logits =
      Other(OpCode::kFullyConnected, {y, Weights({3, 6}), Weights({3})}, ir::FullyConnectedAttrs{});
  Finish({Other(OpCode::kSoftmax, {logits}, ir::SoftmaxAttrs{1})});

  const std::vector<Block> blocks = Cut();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_TRUE(blocks[0].layers.empty());
  EXPECT_EQ(blocks[0].inputs, (std::vector<int32_t>{x}));
  EXPECT_EQ(blocks[0].outputs, (std::vector<int32_t>{scaled}));
  EXPECT_EQ(blocks[1].layers.size(), 3u);  // the first layer is not left alone
  EXPECT_EQ(blocks[1].inputs, blocks[0].outputs);
  EXPECT_EQ(blocks[1].outputs, (std::vector<int32_t>{first}));
  EXPECT_EQ(blocks[2].layers.size(), 4u);
  EXPECT_EQ(blocks[2].outputs, (std::vector<int32_t>{logits}));  // not the softmax
  EXPECT_EQ(Sizes(3), (std::vector<size_t>{0, 3, 3, 1}));
  EXPECT_EQ(Sizes(1), (std::vector<size_t>{0, 1, 2, 3, 1}));  // as the cuts are
}

TEST_F(BlocksTest, EarlyOutputsAreTargetsToo) {
  const int32_t x = Input({1, 6, 6, 2});
  const int32_t y = Conv(x, 2, 4), early = Conv(y, 4, 2), last = Conv(Conv(y, 4, 4), 4, 2);
  Finish({early, last});
  const std::vector<Block> blocks = Cut();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].outputs.size(), 2u);
  EXPECT_EQ(blocks[0].outputs[1], early);
  EXPECT_EQ(blocks[1].inputs[0], blocks[0].outputs[0]);
  EXPECT_EQ(blocks[1].outputs, (std::vector<int32_t>{last}));
}

// Parts in a row make what the whole makes, in float and in integers.
TEST_F(BlocksTest, PartsMakeTheWhole) {
  const int32_t x = Input({1, 6, 6, 2});
  int32_t y = Conv(Conv(x, 2, 4), 4, 4);
  y = Other(OpCode::kTanh, {y});
  y = Conv(Conv(y, 4, 4), 4, 2);
  Finish({y});
  const std::vector<Block> blocks = Cut();
  ASSERT_EQ(blocks.size(), 2u);
  IntegerOptions options;
  auto integers = QuantizeToIntegers(module, Calibrate(), options, nullptr);
  ASSERT_TRUE(integers.ok()) << integers.status().message();
  for (const ir::Module* which : {&std::as_const(module), &std::as_const(*integers)}) {
    const auto whole = ModuleBetween(*which, blocks[0].inputs, blocks[1].outputs);
    const auto front = ModuleBetween(*which, blocks[0].inputs, blocks[0].outputs);
    const auto back = ModuleBetween(*which, blocks[1].inputs, blocks[1].outputs);
    ASSERT_TRUE(whole.ok() && front.ok() && back.ok()) << back.status().message();
    EXPECT_EQ(front->graphs[0].nodes.size() + back->graphs[0].nodes.size(),
              which->graphs[0].nodes.size());
    const auto middle = Run(*front)[0];
    EXPECT_EQ(Run(*whole)[0].size(), 6u * 6 * 2);
    EXPECT_EQ(middle.size(), 6u * 6 * 4);
  }
  // The back needs what the front gets when it is not told of the middle.
  const auto wrong = ModuleBetween(module, {}, blocks[1].outputs);
  EXPECT_EQ(wrong.status().code(), Code::kInvalidArgument);
}

class SimulationTest : public BlocksTest {
 protected:
  // Two convolutions, one with this behind it, joined and flattened for a dense layer.
  void Make(OpCode op) {
    const int32_t x = Input({1, 6, 6, 2});
    const int32_t left = Conv(x, 2, 4), right = Other(op, {Conv(x, 2, 4)});
    int32_t y = Other(OpCode::kConcatenation, {left, right}, ir::ConcatAttrs{3});
    y = Other(OpCode::kReshape, {y, b.AddInts({1, 288})}, ir::ReshapeAttrs{});
    layers_.push_back(static_cast<int32_t>(nodes_));
    Finish({Other(OpCode::kFullyConnected, {y, Weights({5, 288}), Weights({5})},
                  ir::FullyConnectedAttrs{})});
    ranges_ = Calibrate();
    std::vector<LayerReport> reports;
    const IntegerPlan plan = MakeIntegerPlan(module.graphs[0], ranges_, {}, reports);
    const std::vector<Block> blocks = Cut();
    ASSERT_EQ(blocks.size(), 1u);
    auto simulated = SimulateBlock(module.graphs[0], blocks[0], plan);
    ASSERT_TRUE(simulated.ok()) << simulated.status().message();
    simulated_ = *std::move(simulated);
    ASSERT_EQ(simulated_.layers.size(), 3u);
    block_.graphs.push_back(simulated_.graph);
    output_ = *plan.affine_of(module.graphs[0].outputs[0]);
  }

  Ranges ranges_;
  SimulatedBlock simulated_;
  ir::Module block_;
  Affine output_;
};

TEST_F(SimulationTest, ActivationsAreRoundedAsTheIntegersAre) {
  Make(OpCode::kRelu);
  for (const SimulatedBlock::Layer& layer : simulated_.layers) {
    const ir::Node& node = module.graphs[0].nodes[static_cast<size_t>(layer.node)];
    EXPECT_NE(layer.weights, node.inputs[1]);
    ir::Value& weights = block_.graphs[0].values[static_cast<size_t>(layer.weights)];
    const WeightFormat format = *WeightFormatOf(module.graphs[0], layer.node, {});
    const auto rounded = QuantizeWeights(FloatsOf(weights), weights.shape, format);
    ASSERT_TRUE(rounded.ok());
    SetFloats(weights, Dequantize(*rounded, weights.shape));
  }
  // But for the outputs, which stay float.
  std::vector<double> outputs = Run(block_)[0];
  for (double& output : outputs)
    output = std::round(output / output_.scale) * static_cast<double>(output_.scale);
  const auto integers = QuantizeToIntegers(module, ranges_, {}, nullptr);
  ASSERT_TRUE(integers.ok());
  const std::vector<double> found = Run(*integers)[0];
  EXPECT_LT(Sqnr(Run(module)[0], found), 60);
  EXPECT_GE(Sqnr(found, outputs), 100);
}

// TANH has a scale of its own, and is rounded again for what it is joined with.
TEST_F(SimulationTest, OtherScalesAreRoundedTo) {
  Make(OpCode::kTanh);
  // The input, two convolutions, TANH twice; joining and flattening change nothing.
  EXPECT_EQ(Count(block_, OpCode::kFakeQuant), 5u);
}

TEST_F(SimulationTest, TakesAnyBatch) {
  Make(OpCode::kRelu);
  runtime::ModuleRunner runner(block_, {&backends::ReferenceBackend()});
  ASSERT_TRUE(runner.executor().SetInputShape(0, {7, 6, 6, 2}).ok());
  ASSERT_TRUE(runner.executor().Prepare().ok());
  EXPECT_EQ(runner.executor().output(0).shape, (Shape{7, 5}));
}

}  // namespace
}  // namespace edgeml::quantize
