#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using ReshapesTest = PassTest;

TEST_F(ReshapesTest, MatMulByAConstant) {
  const int32_t x = Input({2, 5}), z = Input({kUnknownDim, 3, 5});
  const int32_t y = Op(OpCode::kBatchMatMul, {x, Weights({5, 4})});
  const int32_t biased = Op(OpCode::kRelu, {Op(OpCode::kAdd, {y, Weights({4})})});
  ir::BatchMatMulAttrs adjoint;
  adjoint.adj_y = true;
  const int32_t wide = Op(OpCode::kBatchMatMul, {z, Weights({1, 4, 5})}, adjoint);
  Optimize({biased, wide});
  ExpectOps({OpCode::kFullyConnected, OpCode::kFullyConnected});
  EXPECT_NE(after().nodes[0].inputs[2], ir::kNoValue);
  EXPECT_FALSE(after().nodes[0].attrs<ir::FullyConnectedAttrs>().keep_num_dims);
  EXPECT_TRUE(after().nodes[1].attrs<ir::FullyConnectedAttrs>().keep_num_dims);
}

TEST_F(ReshapesTest, OtherMatMulsStay) {
  const int32_t x = Input({2, 3, 5}), z = Input({2, 5, 3});
  Optimize({Op(OpCode::kBatchMatMul, {x, z}), Op(OpCode::kBatchMatMul, {x, Weights({2, 5, 4})}),
            Op(OpCode::kBatchMatMul, {Weights({3, 3}), x})});
  ExpectOps({OpCode::kBatchMatMul, OpCode::kBatchMatMul, OpCode::kBatchMatMul});
}

TEST_F(ReshapesTest, SlicesThatTakeEverything) {
  ir::StridedSliceAttrs first;
  first.shrink_axis_mask = 1;
  const auto last_of = [&](int32_t x) {
    return Op(OpCode::kStridedSlice, {x, b.AddInts({-1}), b.AddInts({0}), b.AddInts({1})}, first);
  };
  // The last of one is all of it, but for its shape; the last of two is not.
  Optimize({Op(OpCode::kTanh, {last_of(Input({1, 4, 3}))}), last_of(Input({2, 4, 3}))});
  ExpectOps({OpCode::kReshape, OpCode::kTanh, OpCode::kStridedSlice});
}

TEST_F(ReshapesTest, DenseOfSeveralDimensions) {
  // As TensorFlow writes a dense layer on sequences.
  const int32_t x = Input({kUnknownDim, 6, 5});
  int32_t y = Op(OpCode::kBatchMatMul, {Reshape(x, {-1, 5}), Weights({5, 4})});
  y = Op(OpCode::kAdd, {Reshape(y, {-1, 6, 4}), Weights({4})});
  Optimize({Op(OpCode::kRelu, {y})});
  ExpectOps({OpCode::kFullyConnected});
  EXPECT_TRUE(after().nodes[0].attrs<ir::FullyConnectedAttrs>().keep_num_dims);
}

TEST_F(ReshapesTest, ADenseThatJoinsDimensionsKeepsItsReshape) {
  // Rows of 12 from [batch, 3, 4], then three of them to one, for batches of threes.
  const int32_t x = Input({kUnknownDim, 3, 4});
  const int32_t y = Op(OpCode::kFullyConnected, {x, Weights({6, 12})});
  const auto z = b.Add(OpCode::kReshape, {y, b.AddInts({-1, 3, 6})}, {},
                       {{DType::kFloat32, "z", Shape{kUnknownDim, 3, 6}, {}}});
  ASSERT_TRUE(z.ok());
  before_.graphs.push_back(b.Finish({(*z)[0]}));
  ASSERT_TRUE(RunPasses(before_, {}, &evaluator_).ok());
  EXPECT_EQ(before_.graphs[0].nodes.size(), 2u);
}

TEST_F(ReshapesTest, FlattenBeforeDenseStays) {
  const int32_t x = Input({2, 6, 5});
  Optimize({Op(OpCode::kFullyConnected, {Reshape(x, {2, 30}), Weights({4, 30})})});
  ExpectOps({OpCode::kReshape, OpCode::kFullyConnected});
}

TEST_F(ReshapesTest, ChainsBecomeOne) {
  const int32_t x = Input({kUnknownDim, 4, 6});
  int32_t y = Op(OpCode::kExpandDims, {Reshape(x, {-1, 24}), b.AddInt(1)});
  y = Op(OpCode::kSqueeze, {y}, ir::SqueezeAttrs{{1}});
  y = Op(OpCode::kTanh, {y});
  y = Reshape(Reshape(y, {-1, 3, 8}), {-1, 2, 12});
  Optimize({y});
  ExpectOps({OpCode::kTanh, OpCode::kReshape});
}

TEST_F(ReshapesTest, ChainsThatComeBackGoAway) {
  const int32_t x = Op(OpCode::kTanh, {Input({2, 4, 6})});
  Optimize({Op(OpCode::kExp, {Reshape(Op(OpCode::kAbs, {Reshape(x, {8, 6})}), {2, 4, 6})})});
  ExpectOps({OpCode::kTanh, OpCode::kAbs, OpCode::kExp});
}

TEST_F(ReshapesTest, TransposesOfOnesAreReshapes) {
  const int32_t x = Input({kUnknownDim, 1, 5, 1});
  int32_t y = Transpose(x, {0, 2, 3, 1});
  y = Op(OpCode::kTanh, {Reshape(y, {-1, 5})});
  Optimize({y, Transpose(x, {2, 1, 0, 3})});
  ExpectOps({OpCode::kReshape, OpCode::kTanh, OpCode::kTranspose});
}

TEST_F(ReshapesTest, ReductionsKeepOrDropTheirDimensions) {
  const int32_t x = Input({kUnknownDim, 4, 5, 6});
  const auto mean = [&](bool keep) {
    return Op(OpCode::kMean, {x, b.AddInts({1, 2})}, ir::ReduceAttrs{keep});
  };
  Optimize({Op(OpCode::kTanh, {Reshape(mean(false), {-1, 1, 1, 6})}),
            Op(OpCode::kExp, {Op(OpCode::kSqueeze, {mean(true)}, ir::SqueezeAttrs{{1, 2}})}),
            Reshape(mean(false), {-1, 2, 3})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kReshape), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kSqueeze), 0);
}

TEST_F(ReshapesTest, MatMulReadsTransposedMatrices) {
  const int32_t x = Input({2, 3, 5}), z = Input({2, 4, 5}), w = Input({2, 3, 5});
  const auto swap = [&](int32_t v) { return Transpose(v, {0, 2, 1}); };
  ir::BatchMatMulAttrs adjoint;
  adjoint.adj_x = true;
  Optimize({Op(OpCode::kBatchMatMul, {x, swap(z)}),
            Op(OpCode::kTanh, {swap(Op(OpCode::kBatchMatMul, {swap(w), swap(z)}, adjoint))})});
  ExpectOps({OpCode::kBatchMatMul, OpCode::kBatchMatMul, OpCode::kTanh});
}

TEST_F(ReshapesTest, BroadcastingIsLeftToTheOperator) {
  const int32_t x = Input({2, 3, 4}), z = Input({3, 1}), w = Input({4});
  const int32_t spread = Op(OpCode::kBroadcastTo, {z, b.AddInts({3, 4})});
  const int32_t tiled = Op(OpCode::kTile, {z, b.AddInts({1, 4})});
  const int32_t repeated = Op(OpCode::kTile, {w, b.AddInts({2})});
  Optimize({Op(OpCode::kMul, {x, spread}), Op(OpCode::kSub, {tiled, x}),
            Op(OpCode::kAdd, {x, Reshape(w, {1, 1, 4})}),
            Op(OpCode::kAdd, {repeated, Input({8})})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kTile), 1);
  EXPECT_EQ(Ops().size(), 5u) << ir::ToString(after());
}

}  // namespace
}  // namespace edgeml::passes
