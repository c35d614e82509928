// The one loop behind every operator that only moves elements: slices, transpositions, paddings,
// tiles, concatenations are all a walk over nested extents with a source and a target stride each.
#ifndef EDGEML_KERNELS_MOVEMENT_STRIDED_COPY_H_
#define EDGEML_KERNELS_MOVEMENT_STRIDED_COPY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "src/tensor/shape.h"

namespace edgeml::kernels {

// Enough for a tile, which splits every dimension in two.
inline constexpr int kMaxCopyRank = 2 * kMaxRank;

// A nest of loops. Strides and offsets are in elements; strides may be negative or zero. Loops are
// added outermost first; those of extent 1 vanish and neighbours that continue each other merge.
class StridedCopy {
 public:
  // REQUIRES: extent >= 0; at most kMaxCopyRank loops of extent other than 1.
  void AddLoop(int64_t extent, int64_t source_stride, int64_t target_stride);
  void set_offsets(int64_t source, int64_t target) {
    source_offset_ = source;
    target_offset_ = target;
  }

  bool empty() const { return empty_; }
  // The copied elements are one run in source and target both.
  bool contiguous() const;

  struct Loop {
    int64_t extent, source_stride, target_stride;
  };
  const Loop& loop(int i) const { return loops_[static_cast<size_t>(i)]; }
  int num_loops() const { return num_loops_; }
  int64_t source_offset() const { return source_offset_; }
  int64_t target_offset() const { return target_offset_; }

 private:
  std::array<Loop, kMaxCopyRank> loops_{};
  int num_loops_ = 0;
  bool empty_ = false;
  int64_t source_offset_ = 0, target_offset_ = 0;
};

// Dense row-major strides of a shape, in elements.
std::array<int64_t, kMaxRank> DenseStrides(const Shape& shape);

// Copies what `copy` describes. `bits` is the width of an element: 1 ≤ bits < 8 for packed types
// (low bits first), else a multiple of 8 up to 128. Source and target must not overlap, except that
// a contiguous copy may. Exact.
void CopyStrided(const StridedCopy& copy, const void* source, void* target, int bits);

// The gradient of a copy of float32, whatever operator made it: ADDS the gradient of each element
// of the target to that of the element of the source that it was copied from. REQUIRES: each
// element of the target is written once.
void CopyStridedGradient(const StridedCopy& copy, const float* target_gradient,
                         float* source_gradient);

// `count` elements of `bits` width from element `source_index` to element `target_index`; packed
// types included. The runs must not overlap.
void CopyRun(const void* source, int64_t source_index, void* target, int64_t target_index,
             int64_t count, int bits);

// Writes the element at `value` `count` times from the start of `target`. Exact.
void FillElements(void* target, int64_t count, const void* value, int bits);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_MOVEMENT_STRIDED_COPY_H_
