#include <limits>

#include "src/base/strings.h"
#include "src/ir/ops/movement_rules.h"

namespace edgeml::ir {

Result<int32_t> CheckedDim(int64_t value) {
  if (value < 0 || value > std::numeric_limits<int32_t>::max())
    return Error(Code::kInvalidModel, "a dimension of ", value, " is out of range");
  return static_cast<int32_t>(value);
}

Result<int64_t> ScalarIndex(const TensorView& view, const char* what) {
  if (view.num_elements() != 1)
    return Error(Code::kInvalidModel, what, " has shape ", view.shape.ToString(),
                 ", expected one element");
  return IndexAt(view, 0);
}

Result<int> CheckedAxis(int64_t axis, int rank) {
  const auto normalized = NormalizedAxis(axis, rank);
  if (!normalized)
    return Error(Code::kInvalidModel, "axis ", axis, " is out of range for rank ", rank);
  return *normalized;
}

Result<Shape> ShapeFromValues(const TensorView& view) {
  if (view.rank() != 1)
    return Error(Code::kInvalidModel, "the shape input has rank ", view.rank(), ", expected 1");
  if (view.dim(0) > kMaxRank)
    return Error(Code::kUnsupported, "rank ", view.dim(0), " is above ", kMaxRank);
  Shape shape;
  for (int32_t i = 0; i < view.dim(0); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t dim, CheckedDim(IndexAt(view, i)));
    shape.push_back(dim);
  }
  return shape;
}

namespace {

// Product over the non-zero dimensions and whether there is a zero one. The caller's tensors exist,
// so an input's product fits; a target's is checked.
struct Count {
  uint64_t non_zero = 1;
  bool empty = false;
  bool Multiply(uint64_t dim) {
    if (dim == 0) {
      empty = true;
      return true;
    }
    if (non_zero > std::numeric_limits<uint64_t>::max() / dim) return false;
    non_zero *= dim;
    return true;
  }
};

}  // namespace

Result<Shape> ResolveReshape(const Shape& input, std::span<const int32_t> target) {
  if (target.size() > kMaxRank)
    return Error(Code::kUnsupported, "rank ", target.size(), " is above ", kMaxRank);
  Count have, want;
  for (int32_t d : input.dims()) {
    if (!have.Multiply(static_cast<uint64_t>(d)))
      return Error(Code::kInvalidModel, "the input's element count overflows");
  }
  Shape output(target);
  int stretch = -1;
  for (int i = 0; i < output.rank(); ++i) {
    if (output[i] == -1) {
      if (stretch >= 0) return Error(Code::kInvalidModel, "the new shape holds -1 twice");
      stretch = i;
    } else if (output[i] < 0) {
      return Error(Code::kInvalidModel, "the new shape holds ", output[i]);
    } else if (!want.Multiply(static_cast<uint64_t>(output[i]))) {
      return Error(Code::kInvalidModel, "the new shape's element count overflows");
    }
  }
  if (stretch >= 0) {
    const uint64_t rest = have.empty && !want.empty ? 0 : have.non_zero / want.non_zero;
    EDGEML_ASSIGN_OR_RETURN(output[stretch],
                            CheckedDim(rest > uint64_t{1} << 40 ? -1 : static_cast<int64_t>(rest)));
    if (!want.Multiply(rest))
      return Error(Code::kInvalidModel, "the new shape's element count overflows");
  }
  if (have.empty != want.empty || (!have.empty && have.non_zero != want.non_zero))
    return Error(Code::kInvalidModel, "cannot reshape ", input.ToString(), " to ",
                 Shape(target).ToString());
  return output;
}

}  // namespace edgeml::ir
