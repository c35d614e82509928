#include "src/train/optimizer.h"

#include <cmath>

namespace edgeml::train {

void Sgd::Step(float learning_rate, std::span<const float> gradient, std::span<float> parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    float step = gradient[i];
    if (!velocity_.empty()) {
      velocity_[i] = momentum_ * velocity_[i] + gradient[i];
      step = nesterov_ ? gradient[i] + momentum_ * velocity_[i] : velocity_[i];
    }
    parameters[i] -= learning_rate * step;
  }
}

void Adam::Step(float learning_rate, std::span<const float> gradient, std::span<float> parameters) {
  const float b1 = options_.beta1, b2 = options_.beta2;
  left1_ *= b1;
  left2_ *= b2;
  const auto rate = static_cast<float>(learning_rate / (1 - left1_));
  const auto gain = static_cast<float>(1 / (1 - left2_));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const float g = gradient[i];
    mean_[i] = b1 * mean_[i] + (1 - b1) * g;
    square_[i] = b2 * square_[i] + (1 - b2) * g * g;
    parameters[i] -= rate * mean_[i] / (std::sqrt(square_[i] * gain) + options_.epsilon);
  }
}

}  // namespace edgeml::train
