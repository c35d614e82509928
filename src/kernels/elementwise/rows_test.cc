// The vector kernels over rows at every SIMD level against the reference kernels.
#include "src/kernels/elementwise/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/activation/activation.h"
#include "src/kernels/quantize/dynamic_range.h"
#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/softmax/softmax.h"

namespace edgeml::kernels {
namespace {

ArithmeticOp ReferenceOf(RowOp op) {
  switch (op) {
    case RowOp::kAdd:
      return ArithmeticOp::kAdd;
    case RowOp::kSub:
      return ArithmeticOp::kSub;
    case RowOp::kMul:
      return ArithmeticOp::kMul;
    case RowOp::kMaximum:
      return ArithmeticOp::kMaximum;
    case RowOp::kMinimum:
      return ArithmeticOp::kMinimum;
    default:
      return ArithmeticOp::kSquaredDifference;
  }
}

// n elements, or one that is repeated.
Shape ShapeOf(int step, int n) { return step != 0 ? Shape{n} : Shape{1}; }

template <typename T>
void CheckQuantized(uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  TestRandom random(seed);
  constexpr int kLo = std::is_same_v<T, uint8_t> ? 0 : -128;
  const DType type = kLo == 0 ? DType::kUInt8 : DType::kInt8;
  const RowOp op = static_cast<RowOp>(random.Int(0, 2));
  const int n = random.Int(1, 100), a_step = random.Int(0, 3) != 0, b_step = random.Int(0, 3) != 0;
  const int size = a_step || b_step ? n : 1;
  const auto a = random.Ints<T>(a_step ? n : 1, kLo, kLo + 255);
  const auto b = random.Ints<T>(b_step ? n : 1, kLo, kLo + 255);
  QuantizedArithmeticParams params;
  SetQuantizedScales(ReferenceOf(op), type, std::exp2(random.Real(-8, 0)),
                     std::exp2(random.Real(-8, 0)), std::exp2(random.Real(-8, 0)), &params);
  params.zero_point_a = random.Int(kLo, kLo + 255);
  params.zero_point_b = random.Int(kLo, kLo + 255);
  params.zero_point_out = random.Int(kLo, kLo + 255);
  params.lo = random.Int(kLo, kLo + 20);
  params.hi = random.Int(kLo + 200, kLo + 255);
  std::vector<T> expected(static_cast<size_t>(size)), actual(expected.size() + 1, T{7});
  BinaryOperands operands;
  operands.plan = MakeBroadcastPlan(Shape{size}, {ShapeOf(a_step, n), ShapeOf(b_step, n)});
  operands.a = a.data();
  operands.b = b.data();
  operands.out = expected.data();
  ArithmeticQuantized(type, ReferenceOf(op), operands, params);
  QuantizedRowArgs args;
  if (!SettleQuantizedRows(op, kLo == 0, params, &args)) return;
  for (SimdLevel level : LevelsToTest()) {
    SCOPED_TRACE(NameOf(level));
    RowsFor(level)->binary_quantized(args, a.data(), a_step, b.data(), b_step, size, actual.data());
    ASSERT_EQ(actual.back(), T{7});
    actual.pop_back();
    ASSERT_TRUE(WithinAQuantum(actual, expected));
    actual.push_back(T{7});
  }
}

TEST(Rows, QuantizedMatchesReference) {
  for (uint32_t seed = 0; seed < 400; ++seed) CheckQuantized<int8_t>(seed);
  for (uint32_t seed = 400; seed < 800; ++seed) CheckQuantized<uint8_t>(seed);
}

TEST(Rows, FloatEqualsReference) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const RowOp op = static_cast<RowOp>(random.Int(0, 5));
    const int n = random.Int(1, 100), a_step = random.Int(0, 3) != 0;
    const int b_step = random.Int(0, 3) != 0, size = a_step || b_step ? n : 1;
    const auto a = random.Reals(a_step ? n : 1, -4, 4), b = random.Reals(b_step ? n : 1, -4, 4);
    std::vector<float> expected(static_cast<size_t>(size)), actual(expected.size() + 1, 7.0f);
    BinaryOperands operands;
    operands.plan = MakeBroadcastPlan(Shape{size}, {ShapeOf(a_step, n), ShapeOf(b_step, n)});
    operands.a = a.data();
    operands.b = b.data();
    operands.out = expected.data();
    ArithmeticFloat(ReferenceOf(op), operands, 0.0f, 6.0f);
    for (SimdLevel level : LevelsToTest()) {
      RowsFor(level)->binary_float(op, a.data(), a_step, b.data(), b_step, size, 0.0f, 6.0f,
                                   actual.data());
      ASSERT_EQ(actual.back(), 7.0f);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), actual.begin())) << NameOf(level);
    }
  }
}

TEST(Rows, FunctionsAreWithinTheirBound) {
  std::vector<float> in;
  for (float x = -100.0f; x < 100.0f; x += 0.013f) in.push_back(x);
  for (float x = 1e-30f; x < 1.0f; x *= 1.7f) in.insert(in.end(), {x, -x});
  const float infinity = std::numeric_limits<float>::infinity();
  in.insert(in.end(), {0.0f, infinity, -infinity});
  const auto n = static_cast<int64_t>(in.size());
  std::vector<float> out(in.size());
  for (SimdLevel level : LevelsToTest()) {
    SCOPED_TRACE(NameOf(level));
    const auto check = [&](RowFunction function, float (*reference)(float), float relative) {
      RowsFor(level)->function(function, in.data(), n, out.data());
      for (size_t i = 0; i < in.size(); ++i) {
        const float expected = reference(in[i]);
        if (!std::isfinite(expected)) continue;
        ASSERT_NEAR(out[i], expected, relative * std::abs(expected) + 1e-36f) << in[i];
      }
    };
    check(
        RowFunction::kLogistic, [](float x) { return x < -87 ? 0.0f : LogisticReal(x); }, 5e-7f);
    check(
        RowFunction::kTanh, [](float x) { return std::tanh(x); }, 5e-7f);
    check(RowFunction::kHardSwish, HardSwishReal, 2e-7f);
    float nan = std::nanf("");
    RowsFor(level)->function(RowFunction::kTanh, &nan, 1, &nan);
    EXPECT_TRUE(std::isnan(nan));
  }
}

TEST(Rows, SoftmaxMatchesReference) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    TestRandom random(seed);
    const int n = random.Int(1, 200);
    const auto in = random.Reals(n, -30, 30);
    std::vector<float> expected(in.size()), actual(in.size());
    const float beta = random.Real(0.1f, 2.0f);
    SoftmaxFloat(in.data(), 1, n, beta, expected.data());
    for (SimdLevel level : LevelsToTest()) {
      RowsFor(level)->softmax(in.data(), n, beta, actual.data());
      for (size_t i = 0; i < in.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 2e-6f);
    }
  }
}

TEST(Rows, QuantizationEqualsReference) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const auto rows = static_cast<size_t>(random.Int(1, 3));
    const auto n = static_cast<size_t>(random.Int(1, 130));
    const bool asymmetric = random.Int(0, 1) != 0;
    auto in = random.Reals(static_cast<int64_t>(rows * n), random.Real(-5, 1), random.Real(1, 5));
    if (random.Int(0, 5) == 0) std::fill(in.begin(), in.end(), 0.0f);
    // Halves are where roundings part.
    if (random.Int(0, 2) == 0) {
      for (float& x : in) x = std::round(x * 2) / 2;
      in[0] = 127.0f;
    }
    std::vector<int8_t> expected(rows * n), actual(rows * n);
    std::vector<float> expected_scales(rows), scales(rows);
    std::vector<int32_t> expected_zeros(rows), zeros(rows);
    QuantizeRows(in.data(), rows, n, asymmetric, expected.data(), expected_scales.data(),
                 expected_zeros.data());
    for (SimdLevel level : LevelsToTest()) {
      QuantizeRowsWith(*RowsFor(level), in.data(), rows, n, asymmetric, actual.data(),
                       scales.data(), zeros.data());
      ASSERT_EQ(actual, expected) << NameOf(level);
      ASSERT_EQ(scales, expected_scales);
      ASSERT_EQ(zeros, expected_zeros);
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
