#include "src/kernels/rounding/rounding.h"

#include <algorithm>
#include <cmath>

#include "src/kernels/simd/level.h"

namespace edgeml::kernels {

EDGEML_DECLARE_WIDE_SIMD_TABLE(RoundingKernels, kRounding)

namespace {

float Sigmoid(float v) { return 1.0f / (1.0f + std::exp(-v)); }

void Step(const RoundingStep& s, const RoundingArrays& a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float h = RectifiedSigmoid(a.v[i]);
    const float error = a.gradient[i] + (a.linear != nullptr ? a.linear[i] : 0.0f);
    float slope = s.error_gain * error * s.scale;
    if (s.regularization != 0.0f) {
      const float centred = 2.0f * h - 1.0f;
      slope -= 2.0f * s.regularization * s.beta * std::pow(std::abs(centred), s.beta - 1.0f) *
               (centred < 0.0f ? -1.0f : 1.0f);
    }
    const float g = slope * RectifiedSigmoidSlope(a.v[i]);
    a.momentum[i] = s.momentum * a.momentum[i] + (1.0f - s.momentum) * g;
    a.square[i] = s.rms_decay * a.square[i] + (1.0f - s.rms_decay) * g * g;
    a.v[i] -= s.learning_rate * a.momentum[i] * s.momentum_gain /
              (std::sqrt(a.square[i] * s.rms_gain) + s.epsilon);
    a.delta[i] = s.scale * (a.floor[i] + RectifiedSigmoid(a.v[i])) - a.weight[i];
  }
}

void ChannelProducts(const float* a, const float* b, int64_t rows, int64_t taps, int64_t channels,
                     int64_t begin, int64_t end, bool lower, float* out) {
  const int64_t row = taps * channels;
  for (int64_t i = 0; i < taps; ++i) {
    for (int64_t j = 0; j < (lower ? i + 1 : taps); ++j) {
      for (int64_t c = begin; c < end; ++c) {
        float sum = 0.0f;
        for (int64_t r = 0; r < rows; ++r)
          sum += a[r * row + i * channels + c] * b[r * row + j * channels + c];
        out[(i * taps + j) * channels + c] = sum;
      }
    }
  }
}

constexpr RoundingKernels kPlain = {.step = Step, .channel_products = ChannelProducts};

}  // namespace

const RoundingKernels& RoundingFor([[maybe_unused]] SimdLevel level) {
  const RoundingKernels* const kernels = EDGEML_WIDE_SIMD_TABLE(kRounding, level);
  return kernels != nullptr ? *kernels : kPlain;
}

float RectifiedSigmoid(float v) {
  return std::clamp(Sigmoid(v) * (kRoundingZeta - kRoundingGamma) + kRoundingGamma, 0.0f, 1.0f);
}

float RectifiedSigmoidSlope(float v) {
  const float s = Sigmoid(v);
  const float h = s * (kRoundingZeta - kRoundingGamma) + kRoundingGamma;
  return h > 0.0f && h < 1.0f ? s * (1.0f - s) * (kRoundingZeta - kRoundingGamma) : 0.0f;
}

float InverseRectifiedSigmoid(float h) {
  const float s = (h - kRoundingGamma) / (kRoundingZeta - kRoundingGamma);
  return std::log(s / (1.0f - s));
}

}  // namespace edgeml::kernels
