// Folding, identities, dead code and the list of passes itself.
#include "src/passes/matching.h"
#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using IdentitiesTest = PassTest;

TEST_F(IdentitiesTest, GoAway) {
  int32_t x = Input({2, 3, 4});
  x = Reshape(x, {2, 3, -1});
  x = Transpose(x, {0, 1, 2});
  x = Op(OpCode::kAdd, {x, b.AddFloat(0)});
  x = Op(OpCode::kMul, {b.AddFloat(1), x});
  x = Op(OpCode::kSub, {x, b.AddFloat(0)});
  x = Op(OpCode::kPad,
         {x, b.AddConstant("p", {3, 2}, std::span<const int32_t>(std::vector<int32_t>(6)))});
  x = Op(OpCode::kSlice, {x, b.AddInts({0, 0, 0}), b.AddInts({-1, 3, -1})});
  x = Op(OpCode::kTanh, {x});
  x = Op(OpCode::kNeg, {Op(OpCode::kNeg, {x})});
  x = Op(OpCode::kDiv, {x, b.AddFloat(1)});
  Optimize({x});
  ExpectOps({OpCode::kTanh});
}

TEST_F(IdentitiesTest, StayWhereTheyChangeTheShapeOrJoinInputAndOutput) {
  const int32_t x = Input({1, 4});
  const int32_t wider = Op(
      OpCode::kAdd, {x, b.AddConstant("z", {3, 1}, std::span<const float>(std::vector<float>(3)))});
  const int32_t same = Op(OpCode::kMul, {x, b.AddFloat(1)});
  Optimize({wider, same});
  ExpectOps({OpCode::kAdd, OpCode::kMul});
}

TEST_F(IdentitiesTest, OneOpenDimensionFollowsFromTheRest) {
  const int32_t y = Input({kUnknownDim, 4});
  Optimize({Op(OpCode::kTanh, {Reshape(y, {-1, 4})})});
  ExpectOps({OpCode::kTanh});
  EXPECT_TRUE(SameShapeForSameSize({2, 3}, {2, 3}));
  EXPECT_FALSE(SameShapeForSameSize({2, 3}, {3, 2}));
  EXPECT_FALSE(SameShapeForSameSize({kUnknownDim, kUnknownDim}, {kUnknownDim, kUnknownDim}));
  EXPECT_FALSE(SameShapeForSameSize({kUnknownDim, 0}, {kUnknownDim, 0}));
}

TEST_F(IdentitiesTest, ConstantsAreFolded) {
  const int32_t x = Input({2, 4});
  const int32_t table = Op(OpCode::kExp, {Op(OpCode::kMul, {Weights({4}), b.AddFloat(2)})});
  const int32_t parts = Op(OpCode::kAdd, {x, Op(OpCode::kSqrt, {table})});
  Optimize({parts});
  ExpectOps({OpCode::kAdd});
  EXPECT_GE(report_.passes[0].changes, 3);
}

TEST_F(IdentitiesTest, LargeFillsStay) {
  const int32_t x = Input({1, 64, 64, 4});
  const int32_t one = b.AddFloat(1.5f);
  const int32_t all = Op(OpCode::kFill, {b.AddInts({1, 64, 64, 4}), one}, {}, DType::kFloat32);
  Optimize({Op(OpCode::kMaximum, {x, all})});
  ExpectOps({OpCode::kFill, OpCode::kMaximum});
}

TEST_F(IdentitiesTest, ShapesAreFoldedWhenSettled) {
  const auto shape_of = [&](int32_t x) {
    const int32_t shape =
        Op(OpCode::kShape, {x}, ir::TypeAttrs{DType::kInvalid, DType::kInt32}, DType::kInt32);
    return Op(OpCode::kCast, {shape}, {}, DType::kFloat32);
  };
  const int32_t x = Input({5, 2});
  const int32_t open = Input({kUnknownDim, 2});
  Optimize({Op(OpCode::kMul, {x, shape_of(x)}), Op(OpCode::kMul, {open, shape_of(open)})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kShape), 1);
}

TEST_F(IdentitiesTest, UnusedNodesAreRemovedAndTheirConstantsDropped) {
  const int32_t x = Input({2, 4});
  const int32_t weights = Weights({4});
  Op(OpCode::kTanh, {Op(OpCode::kMul, {x, weights})});
  Optimize({Op(OpCode::kExp, {x})});
  ExpectOps({OpCode::kExp});
  EXPECT_EQ(after().values.size(), before_.graphs[0].values.size());
  EXPECT_FALSE(after().values[static_cast<size_t>(weights)].is_constant());

  ir::Module compact = before_;
  Options options;
  options.renumber_values = true;
  ASSERT_TRUE(RunPasses(compact, options, nullptr).ok());
  EXPECT_EQ(compact.graphs[0].values.size(), 2u);
}

TEST(Passes, CanBeSwitchedOff) {
  ir::GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kFloat32, {4});
  const auto y = b.Add(OpCode::kAdd, {x, b.AddFloat(0)});
  const auto z = b.Add(OpCode::kExp, {*y});
  ir::Module module;
  module.graphs.push_back(b.Finish({*z}));
  Options options;
  options.disabled = {"identities"};
  const auto report = RunPasses(module, options, nullptr);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(module.graphs[0].nodes.size(), 2u);
  EXPECT_EQ(report->passes.size() + 1, PassNames().size());
  options.disabled = {"identity"};
  EXPECT_EQ(RunPasses(module, options, nullptr).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace edgeml::passes
