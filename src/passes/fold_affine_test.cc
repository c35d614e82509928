#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using ir::Activation;

class FoldAffineTest : public PassTest {
 protected:
  // As converters write batch normalization: x * scale + offset.
  int32_t Normalize(int32_t x, int32_t channels, int rank = 1) {
    Shape shape;
    for (int i = 1; i < rank; ++i) shape.push_back(1);
    shape.push_back(channels);
    const int32_t scaled = Op(OpCode::kMul, {x, Weights(shape, 0.5f, 2)});
    return Op(OpCode::kAdd, {scaled, Weights(shape)});
  }
  int32_t Conv(int32_t x, int32_t in, int32_t out, ir::Padding padding = ir::Padding::kSame) {
    ir::ConvAttrs attrs;
    attrs.window.padding = padding;
    return Op(OpCode::kConv2D, {x, Weights({out, 3, 3, in}), Weights({out})}, attrs);
  }
};

TEST_F(FoldAffineTest, BatchNormalizationIntoConv) {
  const int32_t x = Input({kUnknownDim, 5, 5, 3});
  Optimize({Op(OpCode::kRelu, {Normalize(Conv(x, 3, 4), 4)})});
  ExpectOps({OpCode::kConv2D});
  EXPECT_EQ(after().nodes[0].attrs<ir::ConvAttrs>().activation, Activation::kRelu);
}

TEST_F(FoldAffineTest, IntoDepthwiseConvWithMultiplierAndWithoutBias) {
  const int32_t x = Input({1, 5, 5, 3});
  ir::DepthwiseConvAttrs attrs;
  attrs.depth_multiplier = 2;
  Optimize({Normalize(Op(OpCode::kDepthwiseConv2D, {x, Weights({1, 3, 3, 6})}, attrs), 6, 4)});
  ExpectOps({OpCode::kDepthwiseConv2D});
}

TEST_F(FoldAffineTest, IntoTransposeConv) {
  const int32_t x = Input({1, 4, 4, 3});
  ir::ConvAttrs attrs;
  attrs.window.stride_h = attrs.window.stride_w = 2;
  Optimize({Op(OpCode::kRelu6, {Normalize(Op(OpCode::kTransposeConv,
                                             {b.AddInts({1, 8, 8, 2}), Weights({2, 3, 3, 3}), x},
                                             attrs, DType::kFloat32),
                                          2)})});
  ExpectOps({OpCode::kTransposeConv});
  EXPECT_EQ(after().nodes[0].inputs.size(), 4u);
}

TEST_F(FoldAffineTest, IntoConv3D) {
  const int32_t x = Input({1, 4, 4, 4, 2});
  Optimize({Normalize(Op(OpCode::kConv3D, {x, Weights({2, 2, 2, 2, 3})}, ir::Conv3DAttrs{}), 3)});
  ExpectOps({OpCode::kConv3D});
}

TEST_F(FoldAffineTest, IntoFullyConnectedPastReshape) {
  const int32_t x = Input({2, 6, 5});
  int32_t y = Op(OpCode::kFullyConnected, {Reshape(x, {12, 5}), Weights({4, 5})});
  y = Op(OpCode::kSub, {Weights({4}), Reshape(y, {2, 6, 4})});
  y = Op(OpCode::kDiv, {y, Weights({4}, 1, 2)});
  Optimize({y});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kFullyConnected), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kSub), 0);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kDiv), 0);
}

TEST_F(FoldAffineTest, PastBatchToSpace) {
  const int32_t x = Input({4, 4, 4, 2});
  ir::ConvAttrs attrs;
  attrs.window.padding = ir::Padding::kValid;
  int32_t y = Op(OpCode::kConv2D, {x, Weights({3, 1, 1, 2})}, attrs);
  y = Op(OpCode::kBatchToSpaceNd,
         {y, b.AddInts({2, 2}),
          b.AddConstant("crops", {2, 2}, std::span<const int32_t>(std::vector<int32_t>(4)))});
  Optimize({Op(OpCode::kRelu, {Op(OpCode::kAdd, {y, Weights({3})})})});
  ExpectOps({OpCode::kConv2D, OpCode::kBatchToSpaceNd});
}

TEST_F(FoldAffineTest, StaysWhereOthersNeedTheResultOrAnActivationStandsBetween) {
  const int32_t x = Input({1, 5, 5, 3});
  const int32_t shared = Conv(x, 3, 4);
  const int32_t activated = Op(OpCode::kTanh, {Conv(x, 3, 4)});
  Optimize({shared, Op(OpCode::kMul, {shared, Weights({4})}),
            Op(OpCode::kMul, {activated, Weights({4})})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kMul), 2);
}

TEST_F(FoldAffineTest, SharedWeightsAreNotCopied) {
  const int32_t x = Input({1, 6, 6, 16}), y = Input({1, 6, 6, 16});
  const int32_t weights = Weights({16, 3, 3, 16});
  const auto conv = [&](int32_t in) {
    return Op(OpCode::kMul, {Op(OpCode::kConv2D, {in, weights}, ir::ConvAttrs{}), Weights({16})});
  };
  Optimize({conv(x), conv(y)});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kMul), 2);
}

TEST_F(FoldAffineTest, NotAlongAnotherDimensionThanTheChannels) {
  const int32_t x = Input({1, 4, 4, 4});
  Optimize({Op(OpCode::kAdd, {Conv(x, 4, 4), Weights({1, 4, 1})})});
  ExpectOps({OpCode::kConv2D, OpCode::kAdd});
}

TEST_F(FoldAffineTest, IntoTheOperatorAfter) {
  const int32_t x = Input({1, 6, 6, 3});
  int32_t y = Conv(Normalize(x, 3), 3, 4, ir::Padding::kValid);
  y = Op(OpCode::kTanh, {y});
  ir::DepthwiseConvAttrs attrs;  // SAME: a scale passes, a shift would not
  attrs.depth_multiplier = 2;
  y = Op(OpCode::kMul, {y, Weights({4}, 0.5f, 2)});
  y = Op(OpCode::kDepthwiseConv2D, {y, Weights({1, 3, 3, 8}), Weights({8})}, attrs);
  y = Op(OpCode::kTanh, {y});
  ir::FullyConnectedAttrs dense;
  dense.keep_num_dims = true;
  y = Op(OpCode::kFullyConnected, {Normalize(y, 8), Weights({3, 8}), Weights({3})}, dense);
  Optimize({y});
  ExpectOps({OpCode::kConv2D, OpCode::kTanh, OpCode::kDepthwiseConv2D, OpCode::kTanh,
             OpCode::kFullyConnected});
}

TEST_F(FoldAffineTest, AGroupedConvTakesAScaleOfItsInput) {
  const int32_t x = Input({1, 6, 6, 4});
  const int32_t y = Op(OpCode::kMul, {x, Weights({4}, 0.5f, 2)});
  Optimize({Op(OpCode::kConv2D, {y, Weights({6, 3, 3, 2}), Weights({6})}, ir::ConvAttrs{})});
  ExpectOps({OpCode::kConv2D});
}

TEST_F(FoldAffineTest, AShiftBeforeZeroPaddingStays) {
  const int32_t x = Input({1, 6, 6, 3});
  Optimize({Conv(Op(OpCode::kAdd, {x, Weights({3})}), 3, 4)});
  ExpectOps({OpCode::kAdd, OpCode::kConv2D});
}

TEST_F(FoldAffineTest, PixelScalesStay) {
  const int32_t x = Input({1, 6, 6, 3});
  Optimize({Conv(Op(OpCode::kMul, {x, b.AddFloat(1.0f / 255)}), 3, 4, ir::Padding::kValid)});
  ExpectOps({OpCode::kMul, OpCode::kConv2D});
}

TEST_F(FoldAffineTest, LargeMeansAreSubtractedFirst) {
  low_ = 1999, high_ = 2001;
  const int32_t x = Input({4, 3});
  const int32_t y = Op(OpCode::kSub, {x, Weights({3}, 1999, 2001)});
  Optimize({Op(OpCode::kFullyConnected, {y, Weights({2, 3}), Weights({2})})});
  ExpectOps({OpCode::kSub, OpCode::kFullyConnected});
}

TEST_F(FoldAffineTest, ChainsBecomeOneMulAndOneAdd) {
  int32_t x = Input({2, 3, 4});
  x = Op(OpCode::kSub, {x, Weights({4})});
  x = Op(OpCode::kDiv, {x, Weights({4}, 1, 2)});
  x = Op(OpCode::kMul, {Weights({3, 1}), x});
  x = Op(OpCode::kAdd, {x, b.AddFloat(0.5f)});
  x = Op(OpCode::kNeg, {x});
  Optimize({Op(OpCode::kRelu, {x})});
  ExpectOps({OpCode::kMul, OpCode::kAdd});
  EXPECT_EQ(after().nodes[1].attrs<ir::BinaryAttrs>().activation, Activation::kRelu);
}

TEST_F(FoldAffineTest, ChainsThatDoNothingGoAway) {
  int32_t x = Op(OpCode::kTanh, {Input({2, 4})});
  x = Op(OpCode::kMul, {x, b.AddFloat(4)});
  x = Op(OpCode::kDiv, {x, b.AddFloat(4)});
  Optimize({x});
  ExpectOps({OpCode::kTanh});
}

TEST_F(FoldAffineTest, ActivationsBetweenTwoStepsStay) {
  int32_t x = Input({2, 4});
  x = Op(OpCode::kAdd, {x, b.AddFloat(1)}, ir::BinaryAttrs{Activation::kRelu, true});
  x = Op(OpCode::kAdd, {x, b.AddFloat(1)});
  Optimize({x});
  ExpectOps({OpCode::kAdd, OpCode::kAdd});
}

}  // namespace
}  // namespace edgeml::passes
