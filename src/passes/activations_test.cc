#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

using ir::Activation;

class ActivationsTest : public PassTest {
 protected:
  int32_t Clamp(int32_t x, float low, float high) {
    x = Op(OpCode::kMaximum, {x, b.AddFloat(low)});
    return Op(OpCode::kMinimum, {b.AddFloat(high), x});
  }
};

TEST_F(ActivationsTest, ClampsHaveNames) {
  low_ = -8, high_ = 8;
  const int32_t x = Input({2, 8});
  const int32_t relu = Op(OpCode::kMaximum, {x, b.AddFloat(0)});
  const int32_t six = Op(OpCode::kMinimum, {Op(OpCode::kRelu, {x}), b.AddFloat(6)});
  const int32_t z = Input({2, 8});
  const int32_t other =
      Op(OpCode::kMaximum, {Op(OpCode::kMinimum, {z, b.AddFloat(6)}), b.AddFloat(0)});
  Optimize({Op(OpCode::kExp, {relu}), six, Clamp(x, -1, 1), Clamp(x, 0, 1), Clamp(x, 0, 5),
            Op(OpCode::kNeg, {other})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kRelu6), 2);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kReluN1To1), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kRelu0To1), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kMaximum), 0);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kMinimum), 1);  // of 5
}

TEST_F(ActivationsTest, AreFusedIntoWhatAppliesThem) {
  const int32_t x = Input({1, 6, 6, 4});
  int32_t y =
      Op(OpCode::kRelu6, {Op(OpCode::kConv2D, {x, Weights({4, 3, 3, 4})}, ir::ConvAttrs{})});
  y = Op(OpCode::kReluN1To1, {Op(OpCode::kMul, {y, x})});
  ir::PoolAttrs pool;
  pool.filter_h = pool.filter_w = 2;
  y = Op(OpCode::kRelu, {Op(OpCode::kAveragePool2D, {y}, pool)});
  y = Op(OpCode::kRelu, {Reshape(Op(OpCode::kSub, {y, x}), {-1, 4})});
  Optimize({y});
  ExpectOps(
      {OpCode::kConv2D, OpCode::kMul, OpCode::kAveragePool2D, OpCode::kSub, OpCode::kReshape});
  EXPECT_EQ(after().nodes[0].attrs<ir::ConvAttrs>().activation, Activation::kRelu6);
  EXPECT_EQ(after().nodes[1].attrs<ir::BinaryAttrs>().activation, Activation::kReluN1To1);
  EXPECT_EQ(after().nodes[3].attrs<ir::BinaryAttrs>().activation, Activation::kRelu);
}

TEST_F(ActivationsTest, StayElsewhere) {
  const int32_t x = Input({1, 4}), z = Input({1, 4});
  const int32_t sum = Op(OpCode::kAdd, {x, z});
  const int32_t joined = Op(OpCode::kConcatenation, {x, z}, ir::ConcatAttrs{1});
  Optimize({sum, Op(OpCode::kRelu, {sum}), Op(OpCode::kTanh, {Op(OpCode::kAdd, {x, x})}),
            Op(OpCode::kRelu, {joined}), Op(OpCode::kRelu, {Op(OpCode::kMaximum, {x, z})})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kRelu), 3);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kTanh), 1);
}

TEST_F(ActivationsTest, OneAfterAnother) {
  low_ = -8, high_ = 8;
  const int32_t x = Input({2, 4});
  const int32_t sum = Op(OpCode::kAdd, {x, x}, ir::BinaryAttrs{Activation::kRelu, true});
  const int32_t narrow = Op(OpCode::kMul, {x, x}, ir::BinaryAttrs{Activation::kRelu6, true});
  Optimize({Op(OpCode::kRelu6, {sum}), Op(OpCode::kRelu, {narrow})});
  EXPECT_EQ(after().nodes[0].attrs<ir::BinaryAttrs>().activation, Activation::kRelu6);
  EXPECT_EQ(after().nodes[1].attrs<ir::BinaryAttrs>().activation, Activation::kRelu6);
  EXPECT_EQ(after().nodes.size(), 2u);
}

}  // namespace
}  // namespace edgeml::passes
