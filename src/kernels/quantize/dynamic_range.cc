#include "src/kernels/quantize/dynamic_range.h"

#include <algorithm>
#include <cmath>

namespace edgeml::kernels {
namespace {

// Nearest integer, clamped before the conversion so that no value makes it undefined.
int32_t RoundTo(float value, int32_t lo, int32_t hi) {
  const float rounded = std::round(value);
  if (!(rounded > static_cast<float>(lo))) return lo;
  return static_cast<int32_t>(std::min(rounded, static_cast<float>(hi)));
}

}  // namespace

void QuantizeSymmetric(const float* values, size_t n, int8_t* stored, float* scale) {
  const auto [lowest, highest] = std::minmax_element(values, values + n);
  const float range = std::max(std::abs(*lowest), std::abs(*highest));
  if (range == 0.0f) {
    std::fill_n(stored, n, int8_t{0});
    *scale = 1.0f;
    return;
  }
  *scale = range / 127.0f;
  const float inverse = 127.0f / range;
  for (size_t i = 0; i < n; ++i)
    stored[i] = static_cast<int8_t>(RoundTo(values[i] * inverse, -127, 127));
}

bool AsymmetricScale(float lowest, float highest, float* scale, int32_t* zero_point) {
  const float lo = std::min(0.0f, lowest);
  const float hi = std::max(0.0f, highest);
  *scale = 1.0f;
  *zero_point = 0;
  if (lo == hi) return false;
  // The zero point that maps one end of the range exactly: the end that loses less by rounding.
  const float span = hi - lo;
  const double step = double{span} / 255.0;
  const double from_lo = -128.0 - lo / step;
  const double from_hi = 127.0 - hi / step;
  const double exact =
      128.0 + std::abs(lo / step) < 127.0 + std::abs(hi / step) ? from_lo : from_hi;
  int32_t zero = -128;
  if (exact >= 127.0) {
    zero = 127;
  } else if (exact > -128.0) {
    zero = static_cast<int32_t>(std::round(exact));
  }
  *scale = static_cast<float>(step);
  *zero_point = zero;
  return true;
}

float InverseScale(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

void QuantizeAsymmetric(const float* values, size_t n, int8_t* stored, float* scale,
                        int32_t* zero_point) {
  const auto [lowest, highest] = std::minmax_element(values, values + n);
  if (!AsymmetricScale(*lowest, *highest, scale, zero_point)) {
    std::fill_n(stored, n, int8_t{0});
    return;
  }
  const float inverse = InverseScale(*scale);
  const int32_t zero = *zero_point;
  for (size_t i = 0; i < n; ++i)
    stored[i] = static_cast<int8_t>(zero + RoundTo(values[i] * inverse, -128 - zero, 127 - zero));
}

void QuantizeRows(const float* values, size_t rows, size_t n, bool asymmetric, int8_t* stored,
                  float* scales, int32_t* zero_points) {
  for (size_t row = 0; row < rows; ++row) {
    zero_points[row] = 0;
    scales[row] = 1.0f;
    if (n == 0) continue;
    if (asymmetric) {
      QuantizeAsymmetric(values + row * n, n, stored + row * n, &scales[row], &zero_points[row]);
    } else {
      QuantizeSymmetric(values + row * n, n, stored + row * n, &scales[row]);
    }
  }
}

}  // namespace edgeml::kernels
