// Set-up arithmetic of quantized kernels that is not hot: float in, integers out.
#ifndef EDGEML_KERNELS_ELEMENTWISE_QUANTIZATION_MATH_H_
#define EDGEML_KERNELS_ELEMENTWISE_QUANTIZATION_MATH_H_

#include <cmath>

namespace edgeml::kernels {

// Whether a scale > 0 is 2^*log2 within a relative tolerance of 2^0.001, in float32 arithmetic.
inline bool IsPowerOfTwo(float scale, int* log2) {
  const float exponent = std::log(scale) * (1.0f / std::log(2.0f));
  const float rounded = std::round(exponent);
  *log2 = static_cast<int>(rounded);
  return std::abs(exponent - rounded) < 1e-3f;
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_QUANTIZATION_MATH_H_
