#include "src/kernels/simd/requantize.h"

#include <algorithm>

namespace edgeml::kernels {
namespace {

// Beyond this the rounding term with the zero point in it would not fit beside a 2^30 sum.
constexpr int kMaxFastShift = 20;

// Whether every sum of at most that magnitude becomes 0: as of a channel that is all but dead,
// whose tiny scale would otherwise cost the whole layer the fast path.
bool AlwaysZero(FixedPointMultiplier m, int64_t max_sum) {
  if (m.mantissa == 0) return true;
  if (m.shift > -2 || max_sum >= (int64_t{1} << 30)) return false;
  // After the first rounding |y| <= max_sum / 2 + 1; the second gives 0 below half of 2^-shift.
  const int64_t largest = ((max_sum * m.mantissa) >> 31) + 1;
  return largest < (int64_t{1} << (-m.shift - 1));
}

}  // namespace

void Requantization::Settle(const std::vector<FixedPointMultiplier>& multipliers,
                            const std::vector<int64_t>& max_sums, int32_t zero_point, int32_t min,
                            int32_t max, bool output_is_uint8) {
  const int32_t offset = output_is_uint8 ? 128 : 0;
  const size_t n = multipliers.size();
  for (auto* array : {&multiplier_, &left_, &right_, &rounding_}) array->assign(n, 0);
  args_ = RequantizeArgs();
  args_.zero_point = zero_point - offset;
  args_.min = std::clamp(min - offset, -128, 127);
  args_.max = std::clamp(max - offset, -128, 127);
  args_.min = std::min(args_.min, args_.max);
  args_.flip = output_is_uint8 ? 0x80 : 0;

  bool fast = true;
  for (size_t c = 0; c < n; ++c) {
    FixedPointMultiplier m = multipliers[c];
    if (AlwaysZero(m, max_sums[c])) m = {0, -1};
    const int shift = std::max(m.shift, -31);
    multiplier_[c] = m.mantissa;
    left_[c] = std::max(shift, 0);
    right_[c] = std::max(-shift, 0);
    if (shift >= 0 || shift < -kMaxFastShift) fast = false;
    if (m.mantissa != 0 && max_sums[c] >= (int64_t{1} << 30)) fast = false;
  }
  for (size_t c = 0; c < n; ++c) {
    const int64_t step = int64_t{1} << right_[c];
    rounding_[c] = static_cast<int32_t>(fast ? step / 2 + args_.zero_point * step : step - 1);
  }
  args_.mode = fast ? RequantizeMode::kFast : RequantizeMode::kGeneral;
  args_.multiplier = multiplier_.data();
  args_.left = left_.data();
  args_.right = right_.data();
  args_.rounding = rounding_.data();
}

}  // namespace edgeml::kernels
