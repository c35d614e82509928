// Rounds the weights of a layer up or down so that its output changes least, instead of each to the
// nearest. Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization",
// 2020: a rectified sigmoid per weight is learned by Adam, with a term that drives it to 0 or 1.
//
// The layer-wise error is quadratic in the weights, so the Gram matrices of the layer's input are
// all that is needed (gram.h), and every step sees all samples. What the paper leaves at the end of
// the descent is then improved weight by weight while the error falls; so is nearest rounding, and
// for each output the better of the two is taken. Outputs of up to kMaxExhaustiveDepth weights
// (depthwise filters of 3 by 3) are rounded by trying all.
#ifndef EDGEML_COMPRESS_QUANTIZE_ADAROUND_H_
#define EDGEML_COMPRESS_QUANTIZE_ADAROUND_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/base/thread_pool.h"
#include "src/compress/quantize/gram.h"

namespace edgeml::quantize {

inline constexpr int64_t kMaxExhaustiveDepth = 12;

struct AdaRoundProblem {
  int64_t outputs = 0;             // a multiple of the Gram matrices' groups
  std::span<const float> weights;  // [outputs, k], k in the order [filter_h, filter_w, channels]
  // [outputs, k / block]: the weights are scale * integer.
  std::span<const float> scales;
  int64_t block = 0;                // weights that share a scale; divides k; 0 = k
  int32_t qmin = -127, qmax = 127;  // within int8
  // Integers to begin with, each one of the two next to its weight; empty = nearest rounding. With
  // no iterations and no polish they are the result.
  std::span<const int8_t> start;
};

struct AdaRoundOptions {
  int iterations = 400;  // of the descent; 0 = only what is done weight by weight
  float learning_rate = 0.1f;
  // Of the term lambda * sum 1 - |2 h - 1|^beta against an error that is 1 per weight when all are
  // rounded by chance.
  float regularization = 3.0f;
  float beta_start = 20.0f, beta_end = 2.0f;  // falls as half a cosine
  float warm_start = 0.2f;                    // share of the iterations without that term
  bool polish = true;                         // improve weight by weight
  const std::atomic<bool>* cancel = nullptr;
};

struct RoundedWeights {
  std::vector<int8_t> values;  // [outputs, k]
  // Per output, the mean squared error less a constant that no rounding changes (it is there when x
  // and xq differ, and the rest may be below 0): of nearest rounding, and of the result, which is
  // never larger.
  std::vector<double> nearest_error, error;
  // What the bias must grow by so that the output's mean stays: E[w x - w~ xq]. [outputs]
  std::vector<float> bias_shift;
};

// The integers of nearest rounding, ties to even, clamped; 0 where the scale is 0.
// REQUIRES: as AdaRound checks.
void RoundToNearest(const AdaRoundProblem& problem, int64_t k, int8_t* values);

// Errors: kInvalidArgument for sizes that do not fit, a range outside of int8, a scale that is
// negative or not finite, a weight that is not finite; kCancelled. The result does not depend on
// the number of threads.
Result<RoundedWeights> AdaRound(const AdaRoundProblem& problem, const GramMatrices& gram,
                                const AdaRoundOptions& options, ThreadPool& pool);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_ADAROUND_H_
