// Kernels that put elements to places found by index, and that number values. Contract and
// reference.
//
// Integers are exact and wrap; nothing allocates. Indices come from the model or from its inputs:
// one that does not fit stops a kernel before it writes, and is returned.
#ifndef EDGEML_KERNELS_MOVEMENT_SCATTER_H_
#define EDGEML_KERNELS_MOVEMENT_SCATTER_H_

#include <cstddef>
#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/movement/indexing.h"
#include "src/tensor/shape.h"

namespace edgeml::kernels {

// SCATTER_ND: output [output_shape] starts as zeros; then, in order of the slices i,
//   output[indices[i, 0], …, indices[i, depth - 1], ...] += updates[i, ...]
// with indices [slices, depth], depth <= rank of the output. Integers wrap, booleans are or-ed.
// Source: LiteRT's reference ScatterNd.
// REQUIRES: CanAdd(type).
bool CanAdd(DType type);  // bool, int8, uint8, int32, uint32, int64, uint64, float32
IndexFault ScatterNd(const Shape& output_shape, int64_t slices, int depth, DType type,
                     const int32_t* indices, const void* updates, void* output);

// SPARSE_TO_DENSE: every element of output [output_shape] is the one at `default_value`; then, in
// order, output[indices[i, :]] = values[i], or values[0] when there is one for all. indices
// [count, depth] of int32 or int64, depth = rank of the output. `bits`: element width, at least 8.
IndexFault SparseToDense(const Shape& output_shape, int64_t count, int depth, int bits,
                         DType index_type, const void* indices, const void* values, bool one_value,
                         const void* default_value, void* output);

// REVERSE_SEQUENCE over input [outer, first, middle, second, inner]. The first lengths[b] elements
// of the sequence of batch b are reversed, the rest stays; the sequence runs along `first` and the
// batch along `second`, or the other way around. lengths: int32 or int64, at most the extent of the
// sequence; below 2, also below 0, nothing is reversed. Input and output must not overlap.
struct ReverseSequenceShape {
  int64_t outer = 1, first = 0, middle = 1, second = 0, inner = 1;
  bool sequence_first = true;
};
IndexFault ReverseSequence(const ReverseSequenceShape& shape, int bits, DType length_type,
                           const void* input, const void* lengths, void* output);

// UNIQUE: ids[i] (int32 or int64) becomes the number of values[i] among the distinct ones, counted
// in order of first appearance; returns how many there are and leaves in slots[k].at where the k-th
// appeared first. -0 equals 0; every NaN is a value of its own, as in TensorFlow (LiteRT compares
// them in a way that depends on what came before). O(n log n).
// REQUIRES: CanNumber(type); n < 2^31; `slots` has room for n.
struct UniqueSlot {
  int64_t key;
  int32_t at;
};
bool CanNumber(DType type);  // bool, (u)int8, (u)int16, (u)int32, (u)int64, float32
int64_t Unique(DType type, int64_t n, const void* values, UniqueSlot* slots, DType id_type,
               void* ids);

// BUCKETIZE: output[i] is the number of boundaries that are not above input[i], so that
//   boundaries[output[i] - 1] <= input[i] < boundaries[output[i]]
// boundaries: [count], ascending. Input: int32, int64, float32 or float64; integers are rounded to
// float32 first, as LiteRT does. A NaN is above all.
void Bucketize(DType type, int64_t n, const void* input, const float* boundaries, size_t count,
               int32_t* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_MOVEMENT_SCATTER_H_
