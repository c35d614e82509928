// Reductions, positions of extremes, running sums and the largest elements of rows.
//
// A reduction walks its input in memory order and adds each element to its place in the output; the
// plan is MakeBroadcastPlan(input shape, {output shape with reduced dimensions kept as 1}).
#ifndef EDGEML_KERNELS_REDUCTION_REDUCTION_H_
#define EDGEML_KERNELS_REDUCTION_REDUCTION_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/broadcast.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

enum class ReduceOp : uint8_t { kSum, kProd, kMax, kMin, kAny, kAll };

// float32, int8, uint8, int16, int32, int64; bool for kAny and kAll (only). Integers wrap. Floats
// are combined in memory order. Nothing to combine gives the neutral element (lowest/highest finite
// value for max/min). `whole` = every dimension is reduced: max and min then start from the first
// element, so that infinities and NaN count.
void Reduce(DType type, ReduceOp op, const BroadcastPlan& plan, const void* in, int64_t out_size,
            bool whole, void* out);

// Mean over `count` elements each; float32 in place in `out`, integers truncated. int32 sums in
// int64: `sums` is [out_size] of it, else it may be null. With count 0 outputs are NaN or 0.
void Mean(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size, int64_t count,
          int64_t* sums, void* out);

struct QuantizedReduceParams {
  int32_t zero_point_in = 0, zero_point_out = 0;
  FixedPointMultiplier multiplier;
  int64_t count = 1;  // input elements per output element
};
// The multiplier of a mean over count ≥ 1 elements: in/out scale divided by the count.
FixedPointMultiplier MeanMultiplier(double in_over_out_scale, int64_t count);

// Sum, or mean with MeanMultiplier: int8, uint8, int16. `sums` is int32 [out_size]. An input
// without elements gives stored zeros. Exact; sums wrap in 32 bits.
void SumQuantized(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size,
                  const QuantizedReduceParams& params, int32_t* sums, void* out);
// Product, int8 or int16; rescaled after each factor. multiplier = in scale / out scale^(1/count).
// `products` is int32 [out_size]. REQUIRES: the input has elements.
void ProdQuantized(DType type, const BroadcastPlan& plan, const void* in, int64_t out_size,
                   const QuantizedReduceParams& params, int32_t* products, void* out);

// [outer, axis, inner] → [outer, inner]: the first position of the largest (smallest) element.
// float32, int8, uint8, int32, bool; `out` int32 or int64. axis ≥ 1.
void ArgExtreme(DType type, bool largest, const void* in, int64_t outer, int64_t axis,
                int64_t inner, DType out_type, void* out);

// [outer, axis, inner]: running sum along the axis; float32, int32, int64 (wrapping). In place
// allowed.
void CumulativeSum(DType type, const void* in, int64_t outer, int64_t axis, int64_t inner,
                   bool exclusive, bool reverse, void* out);

// [rows, depth] → values [rows, k] in descending order and their positions; equal elements by
// position, NaN last. 0 ≤ k ≤ depth. float32, int8, uint8, int16, int32, int64; positions int32 or
// int16. `order` is int32 [depth].
void TopK(DType type, const void* in, int64_t rows, int32_t depth, int32_t k, DType index_type,
          int32_t* order, void* values, void* indices);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_REDUCTION_REDUCTION_H_
