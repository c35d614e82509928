// Shapes: up to kMaxRank dimensions held in place, so that kernels and shape rules allocate
// nothing.
#ifndef EDGEML_TENSOR_SHAPE_H_
#define EDGEML_TENSOR_SHAPE_H_

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "edgeml/dtype.h"

namespace edgeml {

inline constexpr int kMaxRank = 8;
inline constexpr int32_t kUnknownDim = -1;

// Dimensions, outermost first. A dimension is >= 0, or kUnknownDim before shapes are settled.
// Rank 0 is a scalar (one element).
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int32_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  // REQUIRES: dims.size() <= kMaxRank; a reader checks this first.
  explicit Shape(std::span<const int32_t> dims) : rank_(static_cast<int8_t>(dims.size())) {
    assert(dims.size() <= kMaxRank);
    for (size_t i = 0; i < dims.size(); ++i) dims_[i] = dims[i];
  }

  int rank() const { return rank_; }
  int32_t operator[](int i) const {
    assert(i >= 0 && i < rank_);
    return dims_[static_cast<size_t>(i)];
  }
  int32_t& operator[](int i) {
    assert(i >= 0 && i < rank_);
    return dims_[static_cast<size_t>(i)];
  }
  // Dimension counted from the end: back(0) is the innermost.
  int32_t back(int i = 0) const { return (*this)[rank_ - 1 - i]; }
  std::span<const int32_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  // REQUIRES: rank() < kMaxRank.
  void push_back(int32_t dim) {
    assert(rank_ < kMaxRank);
    dims_[static_cast<size_t>(rank_++)] = dim;
  }

  // No unknown dimension.
  bool known() const;
  // Product of the dimensions; 1 for a scalar. REQUIRES: known() and CheckedByteSize succeeded.
  int64_t num_elements() const;
  // Product of dimensions [first, last).
  int64_t num_elements(int first, int last) const;

  // The shape with ones put in front up to `rank` (broadcasting). REQUIRES: rank() <= rank <=
  // kMaxRank.
  Shape ExpandedTo(int rank) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

  std::string ToString() const;  // "[1, 224, 224, 3]", unknown as "?"

 private:
  std::array<int32_t, kMaxRank> dims_{};
  int8_t rank_ = 0;
};

// Bytes of a dense tensor, sub-byte types rounded up to whole bytes; nullopt when the shape is not
// known, has a negative dimension, or the count overflows size_t (checked for 32-bit size_t too).
std::optional<size_t> CheckedByteSize(const Shape& shape, DType type);

// Result of NumPy broadcasting of two shapes; nullopt when they do not fit.
std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b);

// Axis in [-rank, rank) made non-negative; nullopt outside of it.
constexpr std::optional<int> NormalizedAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) return std::nullopt;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_SHAPE_H_
