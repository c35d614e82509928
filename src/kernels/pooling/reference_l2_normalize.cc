#include <algorithm>
#include <cmath>

#include "src/kernels/pooling/pooling.h"
#include "src/tensor/fixed_point.h"
#include "src/tensor/inverse_sqrt.h"

namespace edgeml::kernels {
namespace {

template <typename T>
FixedPointMultiplier InverseLength(const T* vector, int64_t depth, int32_t zero_point) {
  uint32_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t value = vector[i] - zero_point;
    sum += static_cast<uint32_t>(value * value);
  }
  return InverseSqrt(static_cast<int32_t>(sum));
}

}  // namespace

void L2Normalize(int64_t outer, int64_t depth, const float* input, float* output) {
  for (int64_t row = 0; row < outer; ++row, input += depth, output += depth) {
    float sum = 0.0f;
    for (int64_t i = 0; i < depth; ++i) sum += input[i] * input[i];
    const float length = std::max(std::sqrt(sum), 1e-6f);
    for (int64_t i = 0; i < depth; ++i) output[i] = input[i] / length;
  }
}

void L2Normalize(int64_t outer, int64_t depth, int32_t input_zero_point, const int8_t* input,
                 int8_t* output) {
  for (int64_t row = 0; row < outer; ++row, input += depth, output += depth) {
    FixedPointMultiplier inverse = InverseLength(input, depth, input_zero_point);
    inverse.shift += 7;  // the output's scale, 1/128
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t value = MultiplyByFixedPoint(input[i] - input_zero_point, inverse);
      output[i] = static_cast<int8_t>(std::clamp(value, -128, 127));
    }
  }
}

void L2Normalize(int64_t outer, int64_t depth, int32_t input_zero_point, const uint8_t* input,
                 uint8_t* output) {
  for (int64_t row = 0; row < outer; ++row, input += depth, output += depth) {
    const FixedPointMultiplier inverse = InverseLength(input, depth, input_zero_point);
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t value = MultiplyByFixedPoint(128 * (input[i] - input_zero_point), inverse);
      output[i] = static_cast<uint8_t>(std::clamp(128 + value, 0, 255));
    }
  }
}

}  // namespace edgeml::kernels
