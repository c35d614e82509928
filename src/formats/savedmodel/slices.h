// Parts of tensors: variables that were saved in pieces, or restored from a piece of what was
// saved.
#ifndef EDGEML_FORMATS_SAVEDMODEL_SLICES_H_
#define EDGEML_FORMATS_SAVEDMODEL_SLICES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/tensor/shape.h"

namespace edgeml::savedmodel {

// [start, start + length) along one dimension.
struct Extent {
  int32_t start = 0, length = 0;
};
using Box = std::vector<Extent>;  // one extent for each dimension

Box WholeOf(const Shape& shape);
Shape ShapeOf(const Box& box);

// The part that a RestoreV2 operator asks for: "" for all of it, else sizes and extents as in
// "10 4 0,5:-", where "-" stands for a whole dimension. kInvalidModel unless it fits `shape`.
Result<Box> ParseSliceSpec(std::string_view spec, const Shape& shape);

// The key in a tensor bundle under which part `box` of tensor `name` is stored; `whole` says which
// extents were saved without a length. Source: the ordered code of
// tensorflow/core/util/saved_tensor_slice_util.cc.
std::string SliceKey(std::string_view name, const Box& box, const std::vector<bool>& whole);

// Whether some element is in both. REQUIRES: same rank.
bool HaveCommon(const Box& a, const Box& b);

// Copies what `from` and `to` have in common, elements of `width` bytes, both dense. Returns the
// number of elements. REQUIRES: same rank; the spans have the sizes of their boxes.
int64_t CopyCommon(size_t width, const Box& from, std::span<const std::byte> source, const Box& to,
                   std::span<std::byte> target);

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_SLICES_H_
