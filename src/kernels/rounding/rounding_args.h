// Arguments of the kernels of learned rounding: PODs that cross into sources compiled per SIMD
// level. See rounding.h.
#ifndef EDGEML_KERNELS_ROUNDING_ROUNDING_ARGS_H_
#define EDGEML_KERNELS_ROUNDING_ROUNDING_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

// The stretched sigmoid of AdaRound: h(v) = clamp(sigmoid(v) (zeta - gamma) + gamma, 0, 1).
inline constexpr float kRoundingZeta = 1.1f, kRoundingGamma = -0.1f;

// One step of Adam on the rounding variables v of a run of weights that have one scale.
struct RoundingStep {
  float scale = 1.0f;           // of the weights
  float error_gain = 1.0f;      // d error / d w is error_gain * (gradient + linear)
  float regularization = 0.0f;  // lambda of the term sum 1 - |2 h - 1|^beta; 0 = without it
  float beta = 20.0f;           // at least 1
  float learning_rate = 0.01f;
  float momentum = 0.9f, rms_decay = 0.999f;    // of Adam
  float momentum_gain = 1.0f, rms_gain = 1.0f;  // 1 / (1 - decay^t)
  float epsilon = 1e-8f;
};

struct RoundingArrays {
  const float* gradient = nullptr;  // d error / d w, the part that the caller has computed
  const float* linear = nullptr;    // the constant part; null = 0
  const float* floor = nullptr;     // lower of the two integers
  const float* weight = nullptr;
  float* v = nullptr;
  float* momentum = nullptr;
  float* square = nullptr;
  float* delta = nullptr;  // out: scale * (floor + h(v)) - weight
};

struct RoundingKernels {
  void (*step)(const RoundingStep& step, const RoundingArrays& arrays, int64_t n);
  // out[i, j, c] = sum over r of a[r, i, c] * b[r, j, c]; a and b [rows, taps, channels], channels
  // [begin, end). `lower`: of j <= i only, the rest is left as it is.
  void (*channel_products)(const float* a, const float* b, int64_t rows, int64_t taps,
                           int64_t channels, int64_t begin, int64_t end, bool lower, float* out);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ROUNDING_ROUNDING_ARGS_H_
