// Reductions over the segments of a tensor. Contract and reference.
#ifndef EDGEML_KERNELS_SEGMENT_SEGMENT_H_
#define EDGEML_KERNELS_SEGMENT_SEGMENT_H_

#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/movement/indexing.h"

namespace edgeml::kernels {

enum class SegmentReduction : uint8_t { kSum, kProd, kMax, kMin };

// data [count, inner], ids [count] → output [segments, inner]:
//   output[s, :] = reduction over all i with ids[i] == s of data[i, :], in order of i
// from 0 for a sum, 1 for a product, the type's lowest finite number for a maximum and its highest
// for a minimum: also what an empty segment holds. Negative ids belong to no segment. float32 or
// int32; integers wrap. Exact: a float sum is taken in the order of i. A NaN spoils sums and
// products but never replaces a maximum or a minimum, as in LiteRT. An id of `segments` or more
// stops the kernel, which writes nothing outside, and is returned.
// Source: LiteRT's reference SegmentSum and UnsortedSegmentRef.
struct SegmentShape {
  int64_t count = 0, inner = 1, segments = 0;
};
IndexFault ReduceSegments(SegmentReduction reduction, const SegmentShape& shape, DType type,
                          const void* data, const int32_t* ids, void* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_SEGMENT_SEGMENT_H_
