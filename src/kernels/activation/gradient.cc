#include "src/kernels/activation/gradient.h"

#include <cmath>

namespace edgeml::kernels {
namespace {

template <typename Slope>
void AddSlopes(const float* at, const float* dy, int64_t n, float* dx, Slope slope) {
  for (int64_t i = 0; i < n; ++i) dx[i] += slope(at[i]) * dy[i];
}

// Strictly inside of the bounds.
void AddClampSlopes(float lo, float hi, const float* y, const float* dy, int64_t n, float* dx) {
  for (int64_t i = 0; i < n; ++i) dx[i] += y[i] > lo && y[i] < hi ? dy[i] : 0.0f;
}

float GeluSlope(float x) {
  constexpr float kRootHalf = 0.70710678f, kRootOf2Pi = 2.50662827f;
  return 0.5f * std::erfc(-x * kRootHalf) + x * std::exp(-0.5f * x * x) / kRootOf2Pi;
}

float GeluApproximateSlope(float x) {
  constexpr float kRoot = 0.79788456f, kCubic = 0.044715f;  // sqrt(2/pi)
  const float t = std::tanh(kRoot * (x + kCubic * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kRoot * (1 + 3 * kCubic * x * x);
}

}  // namespace

void ActivationGradient(OutputSlope function, const float* output, const float* output_gradient,
                        int64_t n, float* input_gradient) {
  switch (function) {
    case OutputSlope::kRelu:
      return AddClampSlopes(0, INFINITY, output, output_gradient, n, input_gradient);
    case OutputSlope::kRelu6:
      return AddClampSlopes(0, 6, output, output_gradient, n, input_gradient);
    case OutputSlope::kReluN1To1:
      return AddClampSlopes(-1, 1, output, output_gradient, n, input_gradient);
    case OutputSlope::kRelu0To1:
      return AddClampSlopes(0, 1, output, output_gradient, n, input_gradient);
    case OutputSlope::kLogistic:
      return AddSlopes(output, output_gradient, n, input_gradient,
                       [](float y) { return y * (1 - y); });
    case OutputSlope::kTanh:
      return AddSlopes(output, output_gradient, n, input_gradient,
                       [](float y) { return 1 - y * y; });
  }
}

void ActivationGradient(InputSlope function, float alpha, const float* input,
                        const float* output_gradient, int64_t n, float* input_gradient) {
  switch (function) {
    case InputSlope::kHardSwish:
      return AddSlopes(input, output_gradient, n, input_gradient, [](float x) {
        return x <= -3 ? 0.0f : x >= 3 ? 1.0f : (2 * x + 3) / 6;
      });
    case InputSlope::kLeakyRelu:
      return AddSlopes(input, output_gradient, n, input_gradient,
                       [=](float x) { return x > 0 ? 1.0f : alpha; });
    case InputSlope::kElu:
      return AddSlopes(input, output_gradient, n, input_gradient,
                       [](float x) { return x < 0 ? std::exp(x) : 1.0f; });
    case InputSlope::kGelu:
      return AddSlopes(input, output_gradient, n, input_gradient, GeluSlope);
    case InputSlope::kGeluApproximate:
      return AddSlopes(input, output_gradient, n, input_gradient, GeluApproximateSlope);
  }
}

}  // namespace edgeml::kernels
