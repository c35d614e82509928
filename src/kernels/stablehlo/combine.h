// Combining elements two by two: what the elementwise operators of StableHLO do everywhere, SCATTER
// where an update lands, and REDUCE_WINDOW over a window.
#ifndef EDGEML_KERNELS_STABLEHLO_COMBINE_H_
#define EDGEML_KERNELS_STABLEHLO_COMBINE_H_

#include <cstddef>
#include <cstdint>

#include "edgeml/dtype.h"

namespace edgeml::kernels {

enum class Combination : uint8_t {
  kSecond,   // b
  kAdd,      // integers wrap
  kMul,      // integers wrap
  kMaximum,  // a unless a < b: a NaN stays when it comes first
  kMinimum,  // a unless b < a
  kBitAnd,
  kAll,  // 1 when neither is 0, else 0
  kAny,  // 1 unless both are 0
  // In a window, whose a is what was reduced so far: a unless it is not >= (<=) b. A NaN is
  // dropped by the next element.
  kWindowMaximum,
  kWindowMinimum,
};

// For i in [0, n), in this order: out[i * out_step] = a[i * a_step] combined with b[i * b_step].
// Steps are in elements and may be 0; out may be a. `context` is the Combiner's own.
using CombineFn = void (*)(void* context, const void* a, ptrdiff_t a_step, const void* b,
                           ptrdiff_t b_step, void* out, ptrdiff_t out_step, int64_t n);

// How to combine, and the size of an element. run == nullptr: cannot.
struct Combiner {
  CombineFn run = nullptr;
  void* context = nullptr;
  size_t element_bytes = 0;

  void operator()(const void* a, ptrdiff_t a_step, const void* b, ptrdiff_t b_step, void* out,
                  ptrdiff_t out_step, int64_t n) const {
    run(context, a, a_step, b, b_step, out, out_step, n);
  }
};

// The combiner of a type: float16 (computed in float32, rounded once), float32, float64, the
// integers of 8 to 64 bits, bool (add and maximum are OR, mul, minimum and bit-and are AND; results
// are 0 or 1). kBitAnd exists for integers and bool only. Exact. Source of the semantics: LiteRT's
// kernels.
Combiner FindCombiner(Combination combination, DType type);

// out[i] = a[i] << b[i] for i in [0, n), in a signed integer of `bits` (8, 16 or 32); 0 when b[i]
// is negative or not below `bits`, as StableHLO has it.
void ShiftLeft(int bits, const void* a, const void* b, void* out, int64_t n);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STABLEHLO_COMBINE_H_
