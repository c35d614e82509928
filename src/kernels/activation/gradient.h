// Gradients of activation functions, on their own or fused. [n]; each is ADDED to input_gradient.
#ifndef EDGEML_KERNELS_ACTIVATION_GRADIENT_H_
#define EDGEML_KERNELS_ACTIVATION_GRADIENT_H_

#include <cstdint>

namespace edgeml::kernels {

// Functions whose slope follows from their output alone.
enum class OutputSlope : uint8_t {
  kRelu,   // 0 where the output is 0, and so below
  kRelu6,  // 0 at either bound
  kReluN1To1,
  kRelu0To1,
  kLogistic,  // y (1 - y)
  kTanh,      // 1 - y^2
};
// input_gradient[i] += slope(output[i]) * output_gradient[i]. float32.
void ActivationGradient(OutputSlope function, const float* output, const float* output_gradient,
                        int64_t n, float* input_gradient);

// Functions whose slope follows from their input.
enum class InputSlope : uint8_t {
  kHardSwish,        // x clamp(x + 3, 0, 6) / 6; (2x + 3) / 6 within (-3, 3)
  kLeakyRelu,        // alpha for x <= 0
  kElu,              // e^x for x < 0
  kGelu,             // x times the normal distribution function
  kGeluApproximate,  // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
};
// The same with slope(input[i]); `alpha` is read by kLeakyRelu only.
void ActivationGradient(InputSlope function, float alpha, const float* input,
                        const float* output_gradient, int64_t n, float* input_gradient);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ACTIVATION_GRADIENT_H_
