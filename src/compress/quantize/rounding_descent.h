// What AdaRound and block reconstruction share: the two integers that each weight may be rounded
// to, and how the descent on the variables between them goes over time.
#ifndef EDGEML_COMPRESS_QUANTIZE_ROUNDING_DESCENT_H_
#define EDGEML_COMPRESS_QUANTIZE_ROUNDING_DESCENT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "src/kernels/rounding/rounding.h"

namespace edgeml::quantize {

// Weights with their scales: rows of k, a scale for every `block` of a row.
struct ScaledRows {
  const float* weights = nullptr;  // [rows, k]
  const float* scales = nullptr;   // [rows, k / block], >= 0
  int64_t rows = 0, k = 0, block = 0;
  int32_t qmin = 0, qmax = 0;

  float scale(int64_t row, int64_t i) const { return scales[row * (k / block) + i / block]; }
};

struct RoundingChoices {
  std::vector<float> floor;         // the lower integer
  std::vector<uint8_t> free;        // 1 = it or the next one; 0 = it alone
  std::vector<uint8_t> nearest_up;  // 1 = the next one is the nearest; ties to even
};
RoundingChoices ChoicesOf(const ScaledRows& rows);

// The variables for which the weights come out as they are; of weights without a choice, where the
// sigmoid is flat, on their integer.
std::vector<float> InitialVariables(const ScaledRows& rows, const RoundingChoices& choices);
// Whether no variable moves any more.
bool AreSettled(std::span<const float> variables);

struct RoundingSchedule {
  int iterations = 0;
  float learning_rate = 0.1f;
  float regularization = 3.0f;
  float beta_start = 20.0f, beta_end = 2.0f;
  float warm_start = 0.2f;
};

// The constants of one step after the other; scale and error_gain are left to the caller.
class RoundingClock {
 public:
  explicit RoundingClock(const RoundingSchedule& schedule);
  kernels::RoundingStep Next();
  // Whether the term that drives variables to 0 or 1 is at work.
  bool regularized() const { return passed_ > warm_; }

 private:
  RoundingSchedule schedule_;
  int warm_, passed_ = 0;
  double momentum_left_ = 1, rms_left_ = 1;
};

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_ROUNDING_DESCENT_H_
