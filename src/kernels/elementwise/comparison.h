// Comparisons, logic and selection with broadcasting. Outputs of comparisons are bytes 0 or 1.
#ifndef EDGEML_KERNELS_ELEMENTWISE_COMPARISON_H_
#define EDGEML_KERNELS_ELEMENTWISE_COMPARISON_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/broadcast.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// "Greater" is less with the inputs exchanged.
enum class CompareOp : uint8_t { kEqual, kNotEqual, kLess, kLessEqual };

// [a], [b] → bool [broadcast]; float32, float16, bfloat16, int8, uint8, int16, int32, int64,
// bool. IEEE rules for NaN.
// Does nothing for another type.
void Compare(DType type, CompareOp op, const BroadcastPlan& plan, const void* a, const void* b,
             uint8_t* out);

// Both inputs are brought to a common scale, rounded to 1/256 of a step (8 bits of headroom).
struct QuantizedCompareParams {
  int32_t zero_point_a = 0, zero_point_b = 0;
  FixedPointMultiplier multiplier_a, multiplier_b;  // ToFixedPoint(scale)
};
// int8, uint8, int16 with zero points within the type. Exact.
void CompareQuantized(DType type, CompareOp op, const BroadcastPlan& plan, const void* a,
                      const void* b, const QuantizedCompareParams& params, uint8_t* out);

// bool [a], [b] → bool.
void LogicalAnd(const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* out);
void LogicalOr(const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* out);

// out = condition ? x : y over the plan's three inputs (condition, x, y); elements of 1, 2, 4 or 8
// bytes. Does nothing for another size.
void Select(const BroadcastPlan& plan, int element_bytes, const uint8_t* condition, const void* x,
            const void* y, void* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_COMPARISON_H_
