// What the integer kernels need to bring 32-bit sums back to 8 bits.
#ifndef EDGEML_KERNELS_SIMD_REQUANTIZE_ARGS_H_
#define EDGEML_KERNELS_SIMD_REQUANTIZE_ARGS_H_

#include <cstdint>

namespace edgeml::kernels {

// Per column c: y = MultiplyByFixedPoint(sum, {multiplier, shift}) + zero_point, clamped. All
// arrays are padded to whole vectors.
//
// kFloat multiplies in float32 and rounds once, ties to even: at most one quantum from the double
// rounding of src/tensor/fixed_point.h, in a quarter of its instructions. It needs |sum| < 2^31 and
// results within int32. kGeneral takes anything, bit for bit. Requantization::Settle in
// requantize.h decides.
enum class RequantizeMode : int32_t { kFloat, kGeneral };

struct RequantizeArgs {
  RequantizeMode mode = RequantizeMode::kGeneral;
  const float* scale = nullptr;  // kFloat alone, as are the others to kGeneral
  const int32_t* multiplier = nullptr;
  const int32_t* left = nullptr;      // max(shift, 0)
  const int32_t* right = nullptr;     // max(-shift, 0)
  const int32_t* rounding = nullptr;  // 2^right - 1
  // In the int8 domain: a uint8 output has 128 subtracted here and added again by `flip`.
  int32_t zero_point = 0;
  int32_t min = -128, max = 127;
  uint8_t flip = 0;  // 0x80 for a uint8 output
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SIMD_REQUANTIZE_ARGS_H_
