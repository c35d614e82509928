#include "src/kernels/elementwise/gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/kernels/elementwise/accumulate.h"
#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;

double Apply(ArithmeticOp op, double x, double y) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return x + y;
    case ArithmeticOp::kSub:
      return x - y;
    case ArithmeticOp::kMul:
      return x * y;
    case ArithmeticOp::kDiv:
      return x / y;
    case ArithmeticOp::kMaximum:
      return std::max(x, y);
    case ArithmeticOp::kMinimum:
      return std::min(x, y);
    default:
      return (x - y) * (x - y);
  }
}

// Element `i` of an output of shape `out` reads this element of an operand of shape `in`.
size_t ElementOf(const Shape& out, const Shape& in, int64_t i) {
  int64_t at = 0, step = 1;
  for (int d = 0; d < out.rank(); ++d) {
    const int64_t index = i % out.back(d);
    i /= out.back(d);
    if (d >= in.rank()) continue;
    if (in.back(d) != 1) at += index * step;
    step *= in.back(d);
  }
  return static_cast<size_t>(at);
}

TEST(BinaryGradient, AgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 70; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    constexpr ArithmeticOp kOps[] = {ArithmeticOp::kAdd,
                                     ArithmeticOp::kSub,
                                     ArithmeticOp::kMul,
                                     ArithmeticOp::kDiv,
                                     ArithmeticOp::kMaximum,
                                     ArithmeticOp::kMinimum,
                                     ArithmeticOp::kSquaredDifference};
    const ArithmeticOp op = kOps[seed % 7];
    Shape a, b;
    const int rank = random.Int(0, 4), skipped = random.Int(0, rank);
    for (int d = 0; d < rank; ++d) {
      const int32_t size = random.Int(1, 4);
      a.push_back(random.Int(0, 2) == 0 ? 1 : size);
      if (d >= skipped) b.push_back(random.Int(0, 2) == 0 ? 1 : size);
    }
    if (random.Int(0, 1) == 1) std::swap(a, b);
    const Shape out = BroadcastShapes(a, b).value();
    const auto x = random.Reals(a.num_elements(), -2, 2);
    auto y = random.Reals(b.num_elements(), -2, 2);
    if (op == ArithmeticOp::kDiv)
      for (float& v : y) v = v < 0 ? v - 0.5f : v + 0.5f;
    const auto dz = random.Reals(out.num_elements(), -1, 1);
    std::vector<float> da(x.size()), db(y.size());
    const BroadcastPlan plan = MakeBroadcastPlan(out, {a, b});
    BinaryGradient(op, plan, x.data(), y.data(), dz.data(), da.data(), nullptr);
    BinaryGradient(op, plan, x.data(), y.data(), dz.data(), nullptr, db.data());
    const auto forward = [&](const Doubles& u, const Doubles& v) {
      Doubles z;
      for (int64_t i = 0; i < out.num_elements(); ++i)
        z.push_back(Apply(op, u[ElementOf(out, a, i)], v[ElementOf(out, b, i)]));
      return z;
    };
    const Doubles xs = testing::ToDoubles(x), ys = testing::ToDoubles(y);
    testing::CheckGradient([&](const Doubles& v) { return forward(v, ys); }, x, dz, da);
    testing::CheckGradient([&](const Doubles& v) { return forward(xs, v); }, y, dz, db);
  }
}

TEST(UnaryGradient, AgainstFiniteDifferences) {
  using Function = double (*)(double);
  const std::pair<UnaryOp, Function> cases[] = {
      {UnaryOp::kAbs, [](double x) { return std::abs(x); }},
      {UnaryOp::kCos, [](double x) { return std::cos(x); }},
      {UnaryOp::kExp, [](double x) { return std::exp(x); }},
      {UnaryOp::kLog, [](double x) { return std::log(x); }},
      {UnaryOp::kNeg, [](double x) { return -x; }},
      {UnaryOp::kRsqrt, [](double x) { return 1 / std::sqrt(x); }},
      {UnaryOp::kSin, [](double x) { return std::sin(x); }},
      {UnaryOp::kSqrt, [](double x) { return std::sqrt(x); }},
      {UnaryOp::kSquare, [](double x) { return x * x; }},
      {UnaryOp::kFloor, [](double x) { return std::floor(x); }}};
  uint32_t seed = 0;
  for (const auto& [op, function] : cases) {
    SCOPED_TRACE(static_cast<int>(op));
    TestRandom random(seed++);
    const bool positive = op == UnaryOp::kLog || op == UnaryOp::kRsqrt || op == UnaryOp::kSqrt ||
                          op == UnaryOp::kFloor;
    auto x = random.Reals(40, positive ? 0.2f : -3, 0.9f);
    const auto dy = random.Reals(40, -1, 1);
    const auto forward = [&](const Doubles& v) {
      Doubles out;
      for (const double e : v) out.push_back(function(e));
      return out;
    };
    const Doubles exact = forward(testing::ToDoubles(x));
    const std::vector<float> y(exact.begin(), exact.end());
    std::vector<float> dx(40);
    UnaryGradient(op, x.data(), y.data(), dy.data(), 40, dx.data());
    testing::CheckGradient(forward, x, dy, dx);
  }
}

TEST(Accumulate, EveryLevelAgainstThePlainSums) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int64_t n = random.Int(0, 70);
    const auto x = random.Reals(n, -1, 1), y = random.Reals(n, -1, 1), sum = random.Reals(n, -1, 1);
    const AccumulateKernels& plain = AccumulateFor(SimdLevel::kNone);
    for (const SimdLevel level : LevelsToTest()) {
      const AccumulateKernels& kernels = AccumulateFor(level);
      for (int i = 0; i < 3; ++i) {
        const auto run = [&](const AccumulateKernels& k) {
          auto out = sum;
          if (i == 0) k.add(x.data(), n, out.data());
          if (i == 1) k.add_scaled(0.7f, x.data(), n, out.data());
          if (i == 2) k.add_product(x.data(), y.data(), n, out.data());
          return out;
        };
        const auto expected = run(plain), found = run(kernels);
        for (size_t j = 0; j < expected.size(); ++j) ASSERT_NEAR(found[j], expected[j], 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
