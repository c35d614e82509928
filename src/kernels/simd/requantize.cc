#include "src/kernels/simd/requantize.h"

#include <algorithm>

namespace edgeml::kernels {
namespace {

// Beyond this the rounding term would not fit beside a 2^30 sum.
constexpr int kMaxVectorShift = 20;
constexpr int kMaxVectorLeft = 8;

}  // namespace

void Requantization::Settle(const std::vector<FixedPointMultiplier>& multipliers, int64_t max_sum,
                            int32_t zero_point, int32_t min, int32_t max, bool output_is_uint8) {
  const int32_t offset = output_is_uint8 ? 128 : 0;
  const size_t n = multipliers.size();
  for (auto* array : {&multiplier_, &left_, &right_, &rounding_, &sign_mask_}) array->assign(n, 0);
  args_ = RequantizeArgs();
  args_.zero_point = zero_point - offset;
  args_.min = std::clamp(min - offset, -128, 127);
  args_.max = std::clamp(max - offset, -128, 127);
  args_.min = std::min(args_.min, args_.max);
  args_.flip = output_is_uint8 ? 0x80 : 0;

  bool fast = true, general = args_.zero_point >= -128 && args_.zero_point <= 127;
  for (size_t c = 0; c < n; ++c) {
    const FixedPointMultiplier m = multipliers[c];
    const int shift = std::max(m.shift, -31);
    multiplier_[c] = m.mantissa;
    left_[c] = std::max(shift, 0);
    right_[c] = std::max(-shift, 0);
    sign_mask_[c] = shift < 0 ? -1 : 0;
    if (shift >= 0 && m.mantissa != 0) fast = false;
    if (shift < -kMaxVectorShift || shift > kMaxVectorLeft ||
        max_sum >= (int64_t{1} << (30 - left_[c]))) {
      general = false;
      continue;
    }
    const auto half = right_[c] > 0 ? int64_t{1} << (right_[c] - 1) : 0;
    rounding_[c] = static_cast<int32_t>(half + (int64_t{args_.zero_point} << right_[c]));
  }
  // A zero multiplier has shift 0: right is 0 and the result is the zero point, less one for
  // negative sums unless the sign is masked; give it a right shift of 1 instead.
  for (size_t c = 0; c < n; ++c) {
    if (multiplier_[c] != 0) continue;
    right_[c] = 1;
    rounding_[c] = 1 + 2 * args_.zero_point;
    sign_mask_[c] = -1;
  }
  args_.mode =
      general ? (fast ? RequantizeMode::kFast : RequantizeMode::kGeneral) : RequantizeMode::kScalar;
  args_.multiplier = multiplier_.data();
  args_.left = left_.data();
  args_.right = right_.data();
  args_.rounding = rounding_.data();
  args_.sign_mask = sign_mask_.data();
}

}  // namespace edgeml::kernels
