// Set-up of RequantizeArgs from real multipliers.
#ifndef EDGEML_KERNELS_SIMD_REQUANTIZE_H_
#define EDGEML_KERNELS_SIMD_REQUANTIZE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/kernels/simd/requantize_args.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// Owns the arrays that RequantizeArgs points to.
class Requantization {
 public:
  // Column c uses multipliers[c]; `columns` entries, in the order the kernel wants them, padding
  // included (zero multipliers); |sum| of column c is at most max_sums[c]. zero_point, min and max
  // are the output's own; `output_is_uint8` moves them to the int8 domain. min > max gives max, as
  // in std::min(std::max(x, min), max). REQUIRES: zero_point within the output's type.
  void Settle(const std::vector<FixedPointMultiplier>& multipliers,
              const std::vector<int64_t>& max_sums, int32_t zero_point, int32_t min, int32_t max,
              bool output_is_uint8);

  const RequantizeArgs& args() const { return args_; }

 private:
  std::vector<float> scale_;
  std::vector<int32_t> multiplier_, left_, right_, rounding_;
  RequantizeArgs args_;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SIMD_REQUANTIZE_H_
