#include "src/passes/pass_test.h"

namespace edgeml::passes {
namespace {

class PatternsTest : public PassTest {
 protected:
  int32_t Mul(int32_t a, int32_t c) { return Op(OpCode::kMul, {a, c}); }
  int32_t Add(int32_t a, int32_t c) { return Op(OpCode::kAdd, {a, c}); }
  int32_t Float(double value) { return b.AddFloat(static_cast<float>(value)); }
  int32_t Relu6(int32_t x) { return Op(OpCode::kRelu6, {x}); }
  int32_t Minimum(int32_t x, double c) { return Op(OpCode::kMinimum, {x, Float(c)}); }
  int32_t Maximum(int32_t x, double c) { return Op(OpCode::kMaximum, {x, Float(c)}); }
};

TEST_F(PatternsTest, HardSwishInAllItsForms) {
  low_ = -5, high_ = 5;
  const int32_t x = Input({2, 8});
  const auto gate = [&] { return Relu6(Add(x, Float(3))); };
  const auto sigmoid = [&] {  // as Keras 3 writes it
    return Minimum(Maximum(Add(Op(OpCode::kDiv, {x, Float(6)}), Float(0.5)), 0), 1);
  };
  const std::vector<int32_t> outputs = {
      Mul(x, Mul(gate(), Float(1.0 / 6))),
      Mul(Mul(x, gate()), Float(1.0 / 6)),
      Op(OpCode::kDiv, {Mul(gate(), x), Float(6)}),
      Mul(Mul(x, Float(1.0 / 6)), gate()),
      Mul(x, Op(OpCode::kDiv, {gate(), Float(6)})),
      Mul(x, sigmoid()),
      Mul(x, Mul(Minimum(Maximum(Add(x, Float(3)), 0), 6), Float(0.16666667))),
  };
  Optimize(outputs);
  EXPECT_EQ(Ops(), std::vector<OpCode>(outputs.size(), OpCode::kHardSwish))
      << ir::ToString(after());
}

TEST_F(PatternsTest, ComparisonsInPlaceOfTheirNegation) {
  const int32_t x = Input({2, 8});
  const auto negated = [&](OpCode op) {
    const int32_t v = Op(op, {x, Float(0.25)}, {}, DType::kBool);
    return Op(OpCode::kLogicalNot, {v}, {}, DType::kBool);
  };
  Optimize({negated(OpCode::kGreater), negated(OpCode::kLess), negated(OpCode::kEqual)});
  EXPECT_EQ(Ops(),
            (std::vector<OpCode>{OpCode::kLessEqual, OpCode::kGreaterEqual, OpCode::kNotEqual}))
      << ir::ToString(after());
}

TEST_F(PatternsTest, HardSwishOfAScaledValueAndAfterABias) {
  low_ = -5, high_ = 5;
  const int32_t x = Add(Mul(Input({2, 8}), Weights({8}, 0.5f, 2)), Float(0.25));
  Optimize({Mul(x, Mul(Relu6(Add(x, Float(3))), Float(1.0 / 6)))});
  ExpectOps({OpCode::kMul, OpCode::kAdd, OpCode::kHardSwish});
}

TEST_F(PatternsTest, WhatIsNotHardSwishStays) {
  low_ = -5, high_ = 5;
  const int32_t x = Input({2, 8}), z = Input({2, 8});
  Optimize({Mul(x, Mul(Relu6(Add(x, Float(2.5))), Float(1.0 / 6))),
            Mul(x, Mul(Relu6(Add(x, Float(3))), Float(1.0 / 5))),
            Mul(z, Mul(Relu6(Add(x, Float(3))), Float(1.0 / 6)))});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kHardSwish), 0);
}

TEST_F(PatternsTest, HardSigmoidTakesTwoNodes) {
  low_ = -5, high_ = 5;
  const int32_t x = Input({2, 8});
  Optimize({Minimum(Maximum(Add(Mul(x, Float(1.0 / 6)), Float(0.5)), 0), 1)});
  ExpectOps({OpCode::kAdd, OpCode::kMul});
}

TEST_F(PatternsTest, GeluByTanh) {
  const int32_t x = Input({2, 8});
  const double slope = 0.7978845608028654, cube = 0.044715;
  const auto tanh = [&](int32_t u) { return Op(OpCode::kTanh, {u}); };
  const int32_t u1 = Mul(Float(slope), Add(x, Mul(Float(cube), Op(OpCode::kPow, {x, Float(3)}))));
  const int32_t u2 = Mul(Mul(x, Float(slope)), Add(Float(1), Mul(Float(cube), Mul(x, x))));
  const std::vector<int32_t> outputs = {Mul(Mul(Float(0.5), x), Add(Float(1), tanh(u1))),
                                        Mul(x, Mul(Add(tanh(u2), Float(1)), Float(0.5)))};
  Optimize(outputs, 1e-5);
  ExpectOps({OpCode::kGelu, OpCode::kGelu});
  EXPECT_TRUE(after().nodes[0].attrs<ir::GeluAttrs>().approximate);
}

TEST_F(PatternsTest, SwishStays) {
  const int32_t x = Input({2, 8});
  Optimize({Mul(x, Op(OpCode::kLogistic, {x}))});
  ExpectOps({OpCode::kLogistic, OpCode::kMul});
}

TEST(Patterns, GeluByErf) {
  ir::GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kFloat32, {2, 8});
  const int32_t u = *b.Add(OpCode::kDiv, {x, b.AddFloat(1.41421356f)});
  const auto erf = b.Add(OpCode::kCustom, {u}, ir::OpaqueAttrs{"Erf", true, {}, nullptr, 0},
                         {{DType::kFloat32, "erf", Shape{2, 8}, {}}});
  const int32_t sum = *b.Add(OpCode::kAdd, {b.AddFloat(1), (*erf)[0]});
  const int32_t y = *b.Add(OpCode::kMul, {*b.Add(OpCode::kMul, {b.AddFloat(0.5f), x}), sum});
  ir::Module module;
  module.graphs.push_back(b.Finish({y}));
  const auto report = RunPasses(module, {}, nullptr);
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_EQ(module.graphs[0].nodes.size(), 1u) << ir::ToString(module.graphs[0]);
  EXPECT_EQ(module.graphs[0].nodes[0].op, OpCode::kGelu);
  EXPECT_FALSE(module.graphs[0].nodes[0].attrs<ir::GeluAttrs>().approximate);
}

TEST_F(PatternsTest, LeakyRelu) {
  const int32_t x = Input({2, 8});
  Optimize({Op(OpCode::kMaximum, {x, Mul(x, Float(0.2))}),
            Op(OpCode::kMinimum, {Mul(Float(1.5), x), x}),
            Op(OpCode::kMaximum, {x, Mul(x, Float(1.5))})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kLeakyRelu), 2);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kMaximum), 1);
}

TEST_F(PatternsTest, Prelu) {
  const int32_t x = Input({2, 3, 8});
  const int32_t relu = Op(OpCode::kRelu, {x});
  const auto negative = [&] { return Op(OpCode::kRelu, {Op(OpCode::kNeg, {x})}); };
  Optimize({Add(relu, Mul(Weights({1, 8}), negative())),
            Op(OpCode::kSub, {relu, Mul(Weights({3, 8}), negative())}),
            Add(relu, Mul(Minimum(x, 0), Weights({8})))});
  ExpectOps({OpCode::kPrelu, OpCode::kPrelu, OpCode::kPrelu});
}

TEST_F(PatternsTest, SquaresAndRoots) {
  low_ = 0.5f, high_ = 3;
  const int32_t x = Input({2, 8}), z = Input({2, 8});
  const int32_t d = Op(OpCode::kSub, {x, z}), e = Op(OpCode::kSub, {z, Weights({8})});
  Optimize({Mul(d, d), Op(OpCode::kPow, {e, Float(2)}),
            Op(OpCode::kDiv, {Float(1), Op(OpCode::kSqrt, {x})}),
            Op(OpCode::kPow, {z, Float(-0.5)})});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kSquaredDifference) +
                std::ranges::count(Ops(), OpCode::kRsqrt),
            static_cast<std::ptrdiff_t>(Ops().size()))
      << ir::ToString(after());
}

TEST_F(PatternsTest, SoftmaxAndSigmoid) {
  const int32_t x = Input({2, 3, 8});
  const auto shifted = [&](int32_t axis) {
    return Op(OpCode::kSub,
              {x, Op(OpCode::kReduceMax, {x, b.AddInts({axis})}, ir::ReduceAttrs{true})});
  };
  const auto sum = [&](int32_t v, int32_t axis) {
    return Op(OpCode::kSum, {v, b.AddInts({axis})}, ir::ReduceAttrs{true});
  };
  const auto softmax = [&](int32_t axis) {
    const int32_t power = Op(OpCode::kExp, {shifted(axis)});
    return Op(OpCode::kDiv, {power, sum(power, axis)});
  };
  const int32_t u = shifted(2);
  const int32_t log = Op(OpCode::kLog, {sum(Op(OpCode::kExp, {u}), 2)});
  const int32_t gate =
      Op(OpCode::kDiv, {Float(1), Add(Op(OpCode::kExp, {Op(OpCode::kNeg, {x})}), Float(1))});
  Optimize({softmax(-1), softmax(1), Op(OpCode::kSub, {u, log}), gate});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kSoftmax), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kLogSoftmax), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kLogistic), 1);
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kDiv), 1);
}

TEST_F(PatternsTest, L2Normalization) {
  const int32_t x = Input({2, 3, 8});
  const auto norm = [&](int32_t axis) {
    const int32_t sum =
        Op(OpCode::kSum, {Op(OpCode::kSquare, {x}), b.AddInts({axis})}, ir::ReduceAttrs{true});
    return Maximum(sum, 1e-12);
  };
  Optimize({Mul(x, Op(OpCode::kRsqrt, {norm(-1)})),
            Op(OpCode::kDiv, {x, Op(OpCode::kSqrt, {norm(2)})}),
            Mul(x, Op(OpCode::kRsqrt, {norm(1)}))});
  EXPECT_EQ(std::ranges::count(Ops(), OpCode::kL2Normalization), 2);
}

}  // namespace
}  // namespace edgeml::passes
