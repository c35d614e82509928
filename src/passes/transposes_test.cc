#include "src/passes/min_cut.h"
#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using ir::Padding;

class TransposesTest : public PassTest {
 protected:
  int32_t ToLast(int32_t x) { return Transpose(x, {0, 2, 3, 1}); }
  int32_t ToFirst(int32_t x) { return Transpose(x, {0, 3, 1, 2}); }
  // Channels first.
  int32_t Conv(int32_t x, int32_t in, int32_t out, int32_t stride = 1) {
    ir::ConvAttrs attrs;
    attrs.window.stride_h = attrs.window.stride_w = stride;
    return ToFirst(
        Op(OpCode::kConv2D, {ToLast(x), Weights({out, 3, 3, in}), Weights({out})}, attrs));
  }
  int32_t Normalize(int32_t x, int32_t channels) {
    x = Op(OpCode::kMul, {x, Weights({1, channels, 1, 1}, 0.5f, 2)});
    return Op(OpCode::kAdd, {x, Weights({channels, 1, 1})});
  }
  int64_t Count(OpCode op) const { return std::ranges::count(Ops(), op); }
};

TEST_F(TransposesTest, MergeAndCancel) {
  const int32_t x = Input({2, 3, 4, 5});
  const int32_t y = Op(OpCode::kTanh, {ToLast(ToFirst(x))});
  const int32_t z = Op(OpCode::kExp, {Transpose(ToLast(x), {0, 1, 3, 2})});
  const int32_t w = Transpose(Op(OpCode::kAbs, {ToLast(x)}), {3, 2, 1, 0});
  Optimize({y, z, w});
  EXPECT_EQ(Count(OpCode::kTranspose), 2);
}

TEST_F(TransposesTest, AChannelsFirstModelHasThemAtItsEnds) {
  const int32_t x = Input({kUnknownDim, 3, 8, 8});
  int32_t y = Op(OpCode::kRelu, {Normalize(Conv(x, 3, 4), 4)});
  const int32_t shortcut = y;
  y = Op(OpCode::kRelu6, {Normalize(Conv(y, 4, 4), 4)});
  y = Op(OpCode::kAdd, {y, shortcut});
  y = Op(OpCode::kTanh, {Op(OpCode::kConcatenation, {y, shortcut}, ir::ConcatAttrs{1})});
  const std::vector<int32_t> paddings = {0, 0, 0, 0, 0, 1, 1, 0};
  y = Op(OpCode::kPad, {y, b.AddConstant("p", {4, 2}, std::span<const int32_t>(paddings))});
  y = Conv(y, 8, 4, 2);
  Optimize({y});
  EXPECT_EQ(Count(OpCode::kTranspose), 2) << ir::ToString(after());
  EXPECT_EQ(Count(OpCode::kMul), 0);
  EXPECT_EQ(after().nodes.front().op, OpCode::kTranspose);
  EXPECT_EQ(after().nodes.back().op, OpCode::kTranspose);
}

TEST_F(TransposesTest, GlobalPoolingEndsThem) {
  const int32_t x = Input({kUnknownDim, 8, 8, 3});
  int32_t y = Op(OpCode::kRelu, {Conv(ToFirst(x), 3, 4)});
  y = Op(OpCode::kMean, {y, b.AddInts({2, 3})}, ir::ReduceAttrs{false});
  Optimize({Op(OpCode::kFullyConnected, {y, Weights({5, 4})})});
  EXPECT_EQ(Count(OpCode::kTranspose), 0) << ir::ToString(after());
}

TEST_F(TransposesTest, KeptDimensionsAndFlatteningEndThem) {
  const int32_t x = Input({kUnknownDim, 8, 8, 3});
  int32_t y = Op(OpCode::kRelu, {Conv(ToFirst(x), 3, 4)});
  const int32_t mean = Op(OpCode::kMean, {y, b.AddInts({-1, -2})}, ir::ReduceAttrs{true});
  const int32_t gate = Op(OpCode::kLogistic, {Conv(mean, 4, 4)});
  y = Op(OpCode::kMul, {y, gate});
  Optimize({Op(OpCode::kFullyConnected, {Reshape(y, {-1, 256}), Weights({5, 256})})});
  EXPECT_EQ(Count(OpCode::kTranspose), 0) << ir::ToString(after());
}

TEST_F(TransposesTest, SlicesSplitsAndTilesChangeTheirOrder) {
  const int32_t x = Input({2, 4, 5, 6});
  const int32_t y = Op(OpCode::kTanh, {ToLast(x)});  // [2, 5, 6, 4]
  auto parts = b.Add(OpCode::kSplit, {b.AddInt(-1), y}, ir::SplitAttrs{2},
                     {{DType::kFloat32, "a", {}, {}}, {DType::kFloat32, "b", {}, {}}});
  ASSERT_TRUE(parts.ok());
  int32_t z = Op(OpCode::kSub, {(*parts)[0], (*parts)[1]});
  z = Op(OpCode::kSlice, {z, b.AddInts({0, 1, 2, 0}), b.AddInts({-1, 3, -1, 2})});
  z = Op(OpCode::kTile, {z, b.AddInts({1, 2, 1, 3})});
  ir::StridedSliceAttrs attrs;
  attrs.begin_mask = 2;
  attrs.end_mask = 8;
  z = Op(OpCode::kStridedSlice,
         {z, b.AddInts({1, 5, 0, 1}), b.AddInts({2, 4, 3, 0}), b.AddInts({1, 1, 2, 1})}, attrs);
  Optimize({ToFirst(z)});
  EXPECT_EQ(Count(OpCode::kTranspose), 0) << ir::ToString(after());
}

TEST_F(TransposesTest, WhereNothingIsSavedNothingMoves) {
  const int32_t x = Input({2, 4, 5, 6}), z = Input({2, 5, 6, 4});
  const int32_t y = ToLast(x);
  Optimize({Op(OpCode::kTanh, {y}), Op(OpCode::kAdd, {y, z}), Op(OpCode::kSoftmax, {y})});
  EXPECT_EQ(Count(OpCode::kTranspose), 1);
}

TEST_F(TransposesTest, OwnInverses) {
  const int32_t x = Input({2, 4, 6});
  int32_t y = Op(OpCode::kMul, {Transpose(x, {0, 2, 1}), Weights({4})});
  y = Op(OpCode::kRelu, {Transpose(y, {0, 2, 1})});
  const int32_t z = Transpose(Op(OpCode::kTanh, {Transpose(y, {0, 2, 1})}), {0, 2, 1});
  Optimize({Op(OpCode::kExp, {z})});
  EXPECT_EQ(Count(OpCode::kTranspose), 0) << ir::ToString(after());
}

TEST_F(TransposesTest, GraphOutputsKeepTheirPlaces) {
  const int32_t x = Input({2, 4, 5, 6});
  const int32_t y = Op(OpCode::kTanh, {ToLast(x)});
  const int32_t z = ToFirst(y);
  Optimize({z, Op(OpCode::kExp, {z}), ToFirst(Op(OpCode::kNeg, {y}))});
  EXPECT_EQ(Count(OpCode::kTranspose), 0) << ir::ToString(after());
}

TEST(MinCut, FindsTheSmallest) {
  MinCut cut;
  const size_t a = cut.AddVertex(), b = cut.AddVertex();
  cut.AddEdge(MinCut::kSource, a, 3);
  cut.AddEdge(MinCut::kSource, b, 1);
  cut.AddEdge(a, b, 1);
  cut.AddEdge(a, MinCut::kSink, 1);
  cut.AddEdge(b, MinCut::kSink, 5);
  EXPECT_EQ(cut.Solve(), 3);
  EXPECT_TRUE(cut.OnSourceSide(a));
  EXPECT_FALSE(cut.OnSourceSide(b));
}

}  // namespace
}  // namespace edgeml::passes
