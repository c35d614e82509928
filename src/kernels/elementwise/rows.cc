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

RowMultiplier Split(FixedPointMultiplier m) {
  return {m.mantissa, std::max(m.shift, 0), std::max(-m.shift, 0)};
}

}  // namespace

bool SettleQuantizedRows(RowOp op, bool is_unsigned, const QuantizedArithmeticParams& params,
                         QuantizedRowArgs* args) {
  *args = QuantizedRowArgs();
  args->op = op;
  args->is_unsigned = is_unsigned;
  args->zero_a = params.zero_point_a;
  args->zero_b = params.zero_point_b;
  args->zero_out = params.zero_point_out;
  args->a = Split(params.multiplier_a);
  args->b = Split(params.multiplier_b);
  args->out = Split(params.multiplier_out);
  args->min = params.lo;
  args->max = params.hi;
  if (params.power_of_two) return false;
  // Inputs and sums keep two bits of headroom for the rounding.
  if (op == RowOp::kMul) return args->out.left <= 8;
  return params.left_shift == 20 && args->a.left == 0 && args->b.left == 0 && args->out.left == 0;
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
