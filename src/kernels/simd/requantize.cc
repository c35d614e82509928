#include "src/kernels/simd/requantize.h"

#include <algorithm>
#include <cmath>

namespace edgeml::kernels {
void Requantization::Settle(const std::vector<FixedPointMultiplier>& multipliers,
                            const std::vector<int64_t>& max_sums, int32_t zero_point, int32_t min,
                            int32_t max, bool output_is_uint8) {
  const int32_t offset = output_is_uint8 ? 128 : 0;
  const size_t n = multipliers.size();
  args_ = RequantizeArgs();
  args_.zero_point = zero_point - offset;
  args_.min = std::clamp(min - offset, -128, 127);
  args_.max = std::clamp(max - offset, -128, 127);
  args_.min = std::min(args_.min, args_.max);
  args_.flip = output_is_uint8 ? 0x80 : 0;

  // What a float is off when it is converted does not matter beyond this.
  constexpr double kMostResult = (1u << 31) - 1024.0;
  scale_.assign(n, 0.0f);
  bool in_float = true;
  for (size_t c = 0; c < n; ++c) {
    scale_[c] = std::ldexp(static_cast<float>(multipliers[c].mantissa), multipliers[c].shift - 31);
    const double most = static_cast<double>(max_sums[c]) * scale_[c];
    if (max_sums[c] >= (int64_t{1} << 31) || !(most < kMostResult)) in_float = false;
  }
  if (in_float) {
    args_.mode = RequantizeMode::kFloat;
    args_.scale = scale_.data();
    return;
  }
  for (auto* array : {&multiplier_, &left_, &right_, &rounding_}) array->assign(n, 0);
  for (size_t c = 0; c < n; ++c) {
    const int shift = std::max(multipliers[c].shift, -31);
    multiplier_[c] = multipliers[c].mantissa;
    left_[c] = std::max(shift, 0);
    right_[c] = std::max(-shift, 0);
    rounding_[c] = static_cast<int32_t>((int64_t{1} << right_[c]) - 1);
  }
  args_.mode = RequantizeMode::kGeneral;
  args_.multiplier = multiplier_.data();
  args_.left = left_.data();
  args_.right = right_.data();
  args_.rounding = rounding_.data();
}

}  // namespace edgeml::kernels
