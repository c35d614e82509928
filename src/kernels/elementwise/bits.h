// Bitwise exclusive or, right shift and the angle of a point: what works on plain numbers only.
// Source of the semantics: LiteRT's reference kernels.
#ifndef EDGEML_KERNELS_ELEMENTWISE_BITS_H_
#define EDGEML_KERNELS_ELEMENTWISE_BITS_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/elementwise/broadcast.h"

namespace edgeml::kernels {

// [a], [b] → [broadcast]: a xor b of elements of 8, 16 or 32 `bits`. `out` may be the memory of an
// input that is not broadcast. Exact.
void BitwiseXor(int bits, const BroadcastPlan& plan, const void* a, const void* b, void* out);

// [a], [b] → [broadcast]: a shifted right by b bits, in int8 to int32 (the sign is repeated) and
// uint8 to uint32. Any b: below 0 it counts as 0, from the type's width on as the width less 1.
// Exact. Does nothing for another type.
void RightShift(DType type, const BroadcastPlan& plan, const void* a, const void* b, void* out);

// y [n], x [n] → [n]: the angle of the point (x, y) in (-pi, pi], in float64, float32, or float16
// and bfloat16, which are computed in float32 and rounded to nearest even. As std::atan2 for every
// value, zeros, infinities and NaN included; 1 ulp. Does nothing for another type.
void Atan2(DType type, int64_t n, const void* y, const void* x, void* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_BITS_H_
