#include "src/kernels/elementwise/rows.h"

#include <algorithm>
#include <cmath>

#include "src/kernels/quantize/dynamic_range.h"
#include "src/kernels/simd/level.h"

namespace edgeml::kernels {

EDGEML_DECLARE_WIDE_SIMD_TABLE(RowKernels, kRows)

const RowKernels* RowsFor([[maybe_unused]] SimdLevel level) {
  return EDGEML_WIDE_SIMD_TABLE(kRows, level);
}

namespace {

double RealOf(FixedPointMultiplier m) { return std::ldexp(m.mantissa, m.shift - 31); }

}  // namespace

bool SettleQuantizedRows(RowOp op, bool is_unsigned, const QuantizedArithmeticParams& params,
                         QuantizedRowArgs* args) {
  *args = QuantizedRowArgs();
  args->op = op == RowOp::kSub ? RowOp::kAdd : op;
  args->is_unsigned = is_unsigned;
  args->min = static_cast<float>(params.lo);
  args->max = static_cast<float>(params.hi);
  if (params.power_of_two) return false;
  const double out = RealOf(params.multiplier_out);
  if (op == RowOp::kMul) {
    args->scale_a = static_cast<float>(out);
    args->zero_a = static_cast<float>(params.zero_point_a);
    args->zero_b = static_cast<float>(params.zero_point_b);
    args->offset = static_cast<float>(params.zero_point_out);
    return params.multiplier_out.shift <= 8;
  }
  const double shifted = std::ldexp(out, params.left_shift);
  const double a = RealOf(params.multiplier_a) * shifted;
  const double b = RealOf(params.multiplier_b) * (op == RowOp::kSub ? -shifted : shifted);
  args->scale_a = static_cast<float>(a);
  args->scale_b = static_cast<float>(b);
  args->offset =
      static_cast<float>(params.zero_point_out - a * params.zero_point_a - b * params.zero_point_b);
  return params.left_shift == 20 && params.multiplier_a.shift <= 0 &&
         params.multiplier_b.shift <= 0 && params.multiplier_out.shift <= 0;
}

void QuantizeRowsWith(const RowKernels& kernels, const float* values, size_t rows, size_t n,
                      bool asymmetric, int8_t* stored, float* scales, int32_t* zero_points) {
  const auto count = static_cast<int64_t>(n);
  for (size_t row = 0; row < rows; ++row, values += n, stored += n) {
    zero_points[row] = 0;
    scales[row] = 1.0f;
    if (n == 0) continue;
    float lowest = 0.0f, highest = 0.0f;
    kernels.min_max(values, count, &lowest, &highest);
    if (asymmetric) {
      if (!AsymmetricScale(lowest, highest, &scales[row], &zero_points[row])) {
        std::fill_n(stored, n, int8_t{0});
        continue;
      }
      kernels.quantize(values, count, InverseScale(scales[row]), zero_points[row], -128, 127,
                       stored);
    } else {
      const float range = std::max(std::abs(lowest), std::abs(highest));
      if (range == 0.0f) {
        std::fill_n(stored, n, int8_t{0});
        continue;
      }
      scales[row] = range / 127.0f;
      kernels.quantize(values, count, 127.0f / range, 0, -127, 127, stored);
    }
  }
}

}  // namespace edgeml::kernels
