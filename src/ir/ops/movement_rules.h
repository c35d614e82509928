// What the shape rules of the movement family share with the steps that run them: how index tensors
// and attributes resolve to concrete ranges. Everything is checked here, once.
#ifndef EDGEML_IR_OPS_MOVEMENT_RULES_H_
#define EDGEML_IR_OPS_MOVEMENT_RULES_H_

#include <array>
#include <cstdint>
#include <span>

#include "edgeml/status.h"
#include "src/ir/attributes.h"
#include "src/ir/op_def.h"
#include "src/tensor/shape.h"
#include "src/tensor/view.h"

namespace edgeml::ir {

// `value` as a dimension; kInvalidModel unless it lies in [0, 2^31).
Result<int32_t> CheckedDim(int64_t value);

// The value of a one-element integer tensor. kInvalidModel when `view` has another element count.
Result<int64_t> ScalarIndex(const TensorView& view, const char* what);

// Axis made non-negative; kInvalidModel outside of [-rank, rank).
Result<int> CheckedAxis(int64_t axis, int rank);

// The shape a one-dimensional integer tensor spells, each entry a valid dimension.
Result<Shape> ShapeFromValues(const TensorView& view);

// RESHAPE's target with its one -1, if any, worked out.
Result<Shape> ResolveReshape(const Shape& input, std::span<const int32_t> target);

// One range per input dimension.
struct SliceRange {
  std::array<int64_t, kMaxRank> begin{};
  std::array<int64_t, kMaxRank> size{};
};
// SLICE: size -1 means "to the end". Checks 0 <= begin <= begin + size <= dim.
Result<SliceRange> ResolveSlice(const Shape& input, const TensorView& begin,
                                const TensorView& size);

// PAD and MIRROR_PAD: amounts before and after each dimension, all >= 0.
struct PadAmounts {
  std::array<int64_t, kMaxRank> before{};
  std::array<int64_t, kMaxRank> after{};
};
Result<PadAmounts> ResolvePad(const Shape& input, const TensorView& paddings);

// STRIDED_SLICE as one strided range per input dimension; `dropped` ones do not appear in `output`,
// new axes of size 1 appear in `output` only.
struct StridedRanges {
  std::array<int64_t, kMaxRank> start{};
  std::array<int64_t, kMaxRank> stride{};
  std::array<int64_t, kMaxRank> count{};
  Shape output;
};
// With the `offset` attribute the counts do not depend on `begin`; pass null for it to learn the
// output shape alone.
Result<StridedRanges> ResolveStridedSlice(const StridedSliceAttrs& attrs, const Shape& input,
                                          const TensorView* begin, const TensorView& end,
                                          const TensorView& strides);

// SPLIT_V: sizes along the axis with the one -1 worked out, `sizes` holding one per output.
Status ResolveSplitSizes(const TensorView& size_splits, int32_t total, std::span<int64_t> sizes);

// GATHER: normalized attributes, checked against both shapes.
struct GatherAxes {
  int axis = 0, batch_dims = 0;
};
Result<GatherAxes> ResolveGather(const GatherAttrs& attrs, const Shape& input,
                                 const Shape& positions);

// Number of elements of RANGE(start, limit, delta), for int32, int64 and float32 scalars.
Result<int32_t> RangeSize(const TensorView& start, const TensorView& limit,
                          const TensorView& delta);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_OPS_MOVEMENT_RULES_H_
