// Paddings, dilation, common subexpressions and float16 weights.
#include "src/passes/float16.h"
#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using ir::Padding;

class PadsTest : public PassTest {
 protected:
  int32_t Rows(std::initializer_list<int32_t> rows) {
    return b.AddConstant("rows", {static_cast<int32_t>(rows.size()) / 2, 2},
                         std::span<const int32_t>(rows.begin(), rows.size()));
  }
  int32_t Pad(int32_t x, std::initializer_list<int32_t> rows) {
    return Op(OpCode::kPad, {x, Rows(rows)});
  }
  int32_t Conv(int32_t x, int32_t filter, int32_t stride, int32_t channels = 2) {
    ir::ConvAttrs attrs;
    attrs.window.padding = Padding::kValid;
    attrs.window.stride_h = attrs.window.stride_w = stride;
    return Op(OpCode::kConv2D, {x, Weights({3, filter, filter, channels}), Weights({3})}, attrs);
  }
  Padding PaddingOf(size_t n) const {
    return after().nodes[n].attrs<ir::ConvAttrs>().window.padding;
  }
};

TEST_F(PadsTest, SamePaddingIsLeftToTheConvolution) {
  const int32_t x = Input({1, 8, 8, 2});
  Optimize({Conv(Pad(x, {0, 0, 1, 1, 1, 1, 0, 0}), 3, 1),
            Conv(Pad(x, {0, 0, 0, 1, 0, 1, 0, 0}), 3, 2),
            Conv(Pad(x, {0, 0, 0, 2, 0, 1, 0, 0}), 3, 2)});  // a row too many is never read
  ExpectOps({OpCode::kConv2D, OpCode::kConv2D, OpCode::kConv2D});
  EXPECT_EQ(PaddingOf(0), Padding::kSame);
}

TEST_F(PadsTest, OpenSizesNeedAStrideOfOne) {
  const int32_t x = Input({1, kUnknownDim, kUnknownDim, 2});
  Optimize(
      {Conv(Pad(Op(OpCode::kTile, {x, b.AddInts({1, 4, 4, 1})}), {0, 0, 1, 1, 1, 1, 0, 0}), 3, 1),
       Conv(Pad(Op(OpCode::kTile, {x, b.AddInts({1, 4, 4, 1})}), {0, 0, 0, 1, 0, 1, 0, 0}), 3, 2)});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kPad), 1);
}

TEST_F(PadsTest, OtherPaddingStays) {
  const int32_t x = Input({1, 8, 8, 2});
  Optimize({Conv(Pad(x, {0, 0, 1, 1, 1, 1, 0, 0}), 3, 2),
            Conv(Pad(x, {0, 0, 2, 0, 2, 0, 0, 0}), 3, 1),
            Conv(Op(OpCode::kPadV2, {x, Rows({0, 0, 1, 1, 1, 1, 0, 0}), b.AddFloat(1)}), 3, 1)});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kPad), 2);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kPadV2), 1);
}

TEST_F(PadsTest, MaximaOverZerosNeedNumbersAboveThem) {
  const int32_t x = Input({1, 8, 8, 2});
  const auto pool = [&](int32_t y) {
    ir::PoolAttrs attrs;
    attrs.window.padding = Padding::kValid;
    attrs.window.stride_h = attrs.window.stride_w = 2;
    attrs.filter_h = attrs.filter_w = 3;
    return Op(OpCode::kMaxPool2D, {y}, attrs);
  };
  const auto pad = [&](int32_t y) { return Pad(y, {0, 0, 0, 1, 0, 1, 0, 0}); };
  Optimize({pool(pad(Op(OpCode::kRelu, {x}))), pool(pad(x))});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kPad), 1);
}

TEST_F(PadsTest, Merge) {
  const int32_t x = Input({1, 4, 5});
  Optimize({Pad(Pad(x, {0, 0, 1, 0, 0, 2}), {1, 0, 0, 1, 0, 1})});
  ExpectOps({OpCode::kPad});
}

class DilationTest : public PadsTest {
 protected:
  int32_t Around(int32_t x, std::initializer_list<int32_t> pads, int32_t filter,
                 std::initializer_list<int32_t> crops) {
    const int32_t block = b.AddInts({2, 2});
    x = Op(OpCode::kSpaceToBatchNd, {x, block, Rows(pads)});
    x = Op(OpCode::kBatchToSpaceNd, {Conv(x, filter, 1), block, Rows(crops)});
    return Op(OpCode::kRelu, {Op(OpCode::kAdd, {x, Weights({3})})});
  }
};

TEST_F(DilationTest, BecomesAnAttribute) {
  const int32_t x = Input({kUnknownDim, 8, 8, 2}), odd = Input({1, 7, 9, 2});
  Optimize({Around(x, {0, 0, 0, 0}, 3, {0, 0, 0, 0}), Around(x, {2, 2, 2, 2}, 3, {0, 0, 0, 0}),
            Around(odd, {2, 3, 2, 3}, 3, {0, 1, 0, 1})});
  ExpectOps({OpCode::kConv2D, OpCode::kConv2D, OpCode::kConv2D});
  EXPECT_EQ(PaddingOf(0), Padding::kValid);
  EXPECT_EQ(PaddingOf(1), Padding::kSame);
  EXPECT_EQ(PaddingOf(2), Padding::kSame);
  EXPECT_EQ(after().nodes[0].attrs<ir::ConvAttrs>().window.dilation_w, 2);
  EXPECT_EQ(after().nodes[0].attrs<ir::ConvAttrs>().activation, ir::Activation::kRelu);
}

TEST_F(DilationTest, OfSequences) {
  // As TensorFlow writes Conv1D: causal, then SAME.
  const auto conv = [&](int32_t x, std::initializer_list<int32_t> pads) {
    const int32_t block = b.AddInts({2});
    x = Op(OpCode::kSpaceToBatchNd, {x, block, Rows(pads)});
    x = Op(OpCode::kExpandDims, {x, b.AddInt(1)});
    ir::ConvAttrs attrs;
    attrs.window.padding = Padding::kValid;
    x = Op(OpCode::kConv2D, {x, Weights({3, 1, 3, 3})}, attrs);
    x = Op(OpCode::kSqueeze, {x}, ir::SqueezeAttrs{{1}});
    return Op(OpCode::kBatchToSpaceNd, {x, block, Rows({0, 0})});
  };
  int32_t x = Input({kUnknownDim, 8, 3});
  x = conv(conv(x, {4, 0}), {2, 2});
  Optimize({Op(OpCode::kRelu, {Op(OpCode::kAdd, {x, Weights({3})})})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kSpaceToBatchNd), 0);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kPad), 1);
  EXPECT_LE(Ops().size(), 5u) << ir::ToString(after());
}

TEST_F(DilationTest, StaysWithStridesOrDifferentBlocks) {
  const int32_t x = Input({1, 8, 8, 2});
  const int32_t split = Op(OpCode::kSpaceToBatchNd, {x, b.AddInts({2, 2}), Rows({0, 0, 0, 0})});
  const int32_t joined =
      Op(OpCode::kBatchToSpaceNd, {Conv(split, 1, 2), b.AddInts({2, 2}), Rows({0, 0, 0, 0})});
  Optimize({joined});
  ExpectOps({OpCode::kSpaceToBatchNd, OpCode::kConv2D, OpCode::kBatchToSpaceNd});
}

using SubexpressionsTest = PassTest;

TEST_F(SubexpressionsTest, AreComputedOnce) {
  const int32_t x = Input({2, 3, 4});
  const auto tanh = [&] { return Op(OpCode::kTanh, {Reshape(x, {6, 4})}); };
  const int32_t a = tanh(), c = tanh();
  Optimize({Op(OpCode::kSub, {Op(OpCode::kMul, {a, Weights({4})}), c})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kTanh), 1);
}

TEST_F(SubexpressionsTest, DifferInAttributesConstantsOrOutputs) {
  const int32_t x = Input({2, 4});
  const int32_t a = Op(OpCode::kTanh, {x}), c = Op(OpCode::kTanh, {x});
  Optimize({a, c, Op(OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{0.1f}),
            Op(OpCode::kLeakyRelu, {x}, ir::LeakyReluAttrs{0.2f}),
            Op(OpCode::kMaximum, {x, b.AddFloat(1)}), Op(OpCode::kMaximum, {x, b.AddFloat(2)})});
  EXPECT_EQ(Ops().size(), 6u);
}

TEST_F(SubexpressionsTest, RandomNumbersAreDrawnTwice) {
  const int32_t shape = b.AddInts({4});
  const auto draw = [&] {
    return Op(OpCode::kRandomUniform, {shape}, ir::RandomAttrs{1, 2}, DType::kFloat32);
  };
  const int32_t a = draw(), c = draw();
  before_.graphs.push_back(b.Finish({*b.Add(OpCode::kAdd, {a, c})}));
  ASSERT_TRUE(RunPasses(before_, {}, &evaluator_).ok());
  EXPECT_EQ(before_.graphs[0].nodes.size(), 3u);
}

TEST(Float16, WeightsAreStoredInHalfTheSize) {
  ir::GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kFloat32, {1, 32});
  std::vector<float> numbers(32, 0.1f), large(32, 1e6f);
  const int32_t weights = b.AddConstant("w", {32}, std::span<const float>(numbers));
  const int32_t y = *b.Add(OpCode::kMul, {x, weights});
  const int32_t z = *b.Add(OpCode::kAdd, {y, weights});
  const int32_t w =
      *b.Add(OpCode::kMul, {z, b.AddConstant("l", {32}, std::span<const float>(large))});
  ir::Module module;
  module.graphs.push_back(b.Finish({*b.Add(OpCode::kAdd, {w, b.AddFloat(1)})}));
  const auto report = StoreFloat16(module);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->constants, 1);
  EXPECT_EQ(report->too_large, 1);
  const ir::Graph& graph = module.graphs[0];
  ASSERT_EQ(graph.nodes.size(), 5u);
  EXPECT_EQ(graph.nodes[0].op, OpCode::kDequantize);
  EXPECT_EQ(graph.nodes[0].outputs[0], weights);
  const ir::Value& half = graph.values[static_cast<size_t>(graph.nodes[0].inputs[0])];
  EXPECT_EQ(half.type, DType::kFloat16);
  EXPECT_EQ(half.data.bytes.size(), 64u);
  // They stay what they are when the passes run again.
  const auto again = RunPasses(module, {}, nullptr);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(module.graphs[0].nodes[0].op, OpCode::kDequantize);
}

}  // namespace
}  // namespace edgeml::passes
