#include "src/kernels/elementwise/gradient.h"

#include <cmath>

namespace edgeml::kernels {
namespace {

// slope_a(x, y) and slope_b(x, y): how the result of one pair of elements changes with each.
template <typename SlopeA, typename SlopeB>
void AddSlopes(const BroadcastPlan& plan, const float* a, const float* b, const float* dz,
               float* da, float* db, SlopeA slope_a, SlopeB slope_b) {
  const int64_t n = plan.inner(), step_a = plan.inner_stride(0), step_b = plan.inner_stride(1);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t to) {
    const float* x = a + offset[0];
    const float* y = b + offset[1];
    const float* z = dz + to;
    if (da != nullptr) {
      float* const sum = da + offset[0];
      for (int64_t i = 0; i < n; ++i)
        sum[i * step_a] += slope_a(x[i * step_a], y[i * step_b]) * z[i];
    }
    if (db != nullptr) {
      float* const sum = db + offset[1];
      for (int64_t i = 0; i < n; ++i)
        sum[i * step_b] += slope_b(x[i * step_a], y[i * step_b]) * z[i];
    }
  });
}

template <typename F>
void Map(int64_t n, const float* dy, float* dx, F slope) {
  for (int64_t i = 0; i < n; ++i) dx[i] += slope(i) * dy[i];
}

}  // namespace

void BinaryGradient(ArithmeticOp op, const BroadcastPlan& plan, const float* a, const float* b,
                    const float* output_gradient, float* a_gradient, float* b_gradient) {
  const auto add = [&](auto slope_a, auto slope_b) {
    AddSlopes(plan, a, b, output_gradient, a_gradient, b_gradient, slope_a, slope_b);
  };
  const auto one = [](float, float) { return 1.0f; };
  switch (op) {
    case ArithmeticOp::kAdd:
      return add(one, one);
    case ArithmeticOp::kSub:
      return add(one, [](float, float) { return -1.0f; });
    case ArithmeticOp::kMul:
      return add([](float, float y) { return y; }, [](float x, float) { return x; });
    case ArithmeticOp::kDiv:
      return add([](float, float y) { return 1 / y; },
                 [](float x, float y) { return -x / (y * y); });
    case ArithmeticOp::kMaximum:
      return add([](float x, float y) { return x >= y ? 1.0f : 0.0f; },
                 [](float x, float y) { return x >= y ? 0.0f : 1.0f; });
    case ArithmeticOp::kMinimum:
      return add([](float x, float y) { return x <= y ? 1.0f : 0.0f; },
                 [](float x, float y) { return x <= y ? 0.0f : 1.0f; });
    case ArithmeticOp::kSquaredDifference:
      return add([](float x, float y) { return 2 * (x - y); },
                 [](float x, float y) { return 2 * (y - x); });
    case ArithmeticOp::kFloorDiv:
    case ArithmeticOp::kFloorMod:
    case ArithmeticOp::kPow:
      return;
  }
}

void UnaryGradient(UnaryOp op, const float* input, const float* output,
                   const float* output_gradient, int64_t n, float* input_gradient) {
  const auto map = [&](auto slope) { Map(n, output_gradient, input_gradient, slope); };
  switch (op) {
    case UnaryOp::kAbs:
      return map([=](int64_t i) { return input[i] > 0 ? 1.0f : input[i] < 0 ? -1.0f : 0.0f; });
    case UnaryOp::kCos:
      return map([=](int64_t i) { return -std::sin(input[i]); });
    case UnaryOp::kExp:
      return map([=](int64_t i) { return output[i]; });
    case UnaryOp::kLog:
      return map([=](int64_t i) { return 1 / input[i]; });
    case UnaryOp::kNeg:
      return map([](int64_t) { return -1.0f; });
    case UnaryOp::kRsqrt:
      return map([=](int64_t i) { return -0.5f * output[i] / input[i]; });
    case UnaryOp::kSin:
      return map([=](int64_t i) { return std::cos(input[i]); });
    case UnaryOp::kSqrt:
      return map([=](int64_t i) { return 0.5f / output[i]; });
    case UnaryOp::kSquare:
      return map([=](int64_t i) { return 2 * input[i]; });
    case UnaryOp::kCeil:
    case UnaryOp::kFloor:
    case UnaryOp::kRound:
    case UnaryOp::kSign:
      return;
  }
}

}  // namespace edgeml::kernels
