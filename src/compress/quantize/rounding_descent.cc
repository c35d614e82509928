#include "src/compress/quantize/rounding_descent.h"

#include <algorithm>
#include <cmath>

namespace edgeml::quantize {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Where the rectified sigmoid is 0 and flat.
constexpr float kFlat = -30.0f;

size_t Size(int64_t n) { return static_cast<size_t>(n); }

}  // namespace

RoundingChoices ChoicesOf(const ScaledRows& rows) {
  const size_t size = Size(rows.rows * rows.k);
  RoundingChoices choices = {std::vector<float>(size), std::vector<uint8_t>(size),
                             std::vector<uint8_t>(size)};
  const auto lo = static_cast<float>(rows.qmin), hi = static_cast<float>(rows.qmax);
  for (int64_t r = 0; r < rows.rows; ++r) {
    for (int64_t i = 0; i < rows.k; ++i) {
      const size_t at = Size(r * rows.k + i);
      const float scale = rows.scale(r, i);
      const float real = scale > 0 ? rows.weights[at] / scale : 0.0f;
      const float below = std::clamp(std::floor(real), lo, hi);
      const float above = std::clamp(std::floor(real) + 1, lo, hi);
      choices.floor[at] = below;
      choices.free[at] = scale > 0 && below < above;
      choices.nearest_up[at] =
          choices.free[at] != 0 && std::clamp(std::nearbyint(real), lo, hi) == above;
    }
  }
  return choices;
}

std::vector<float> InitialVariables(const ScaledRows& rows, const RoundingChoices& choices) {
  std::vector<float> variables(choices.floor.size(), kFlat);
  for (int64_t r = 0; r < rows.rows; ++r) {
    for (int64_t i = 0; i < rows.k; ++i) {
      const size_t at = Size(r * rows.k + i);
      if (choices.free[at] == 0) continue;
      const float part = rows.weights[at] / rows.scale(r, i) - choices.floor[at];
      variables[at] = kernels::InverseRectifiedSigmoid(std::clamp(part, 0.0f, 1.0f));
    }
  }
  return variables;
}

bool AreSettled(std::span<const float> variables) {
  return std::all_of(variables.begin(), variables.end(),
                     [](float v) { return kernels::RectifiedSigmoidSlope(v) == 0.0f; });
}

RoundingClock::RoundingClock(const RoundingSchedule& schedule)
    : schedule_(schedule),
      warm_(static_cast<int>(schedule.warm_start * static_cast<float>(schedule.iterations))) {}

kernels::RoundingStep RoundingClock::Next() {
  kernels::RoundingStep step;
  step.learning_rate = schedule_.learning_rate;
  step.regularization = passed_ < warm_ ? 0.0f : schedule_.regularization;
  const double part = std::clamp(
      static_cast<double>(passed_ - warm_) / std::max(1, schedule_.iterations - warm_), 0.0, 1.0);
  step.beta = schedule_.beta_end + 0.5f * (schedule_.beta_start - schedule_.beta_end) *
                                       static_cast<float>(1 + std::cos(kPi * part));
  momentum_left_ *= step.momentum;
  rms_left_ *= step.rms_decay;
  step.momentum_gain = static_cast<float>(1 / (1 - momentum_left_));
  step.rms_gain = static_cast<float>(1 / (1 - rms_left_));
  ++passed_;
  return step;
}

}  // namespace edgeml::quantize
