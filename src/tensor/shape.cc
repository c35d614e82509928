#include "src/tensor/shape.h"

#include <limits>

namespace edgeml {

bool Shape::known() const {
  for (int32_t d : dims())
    if (d < 0) return false;
  return true;
}

int64_t Shape::num_elements() const { return num_elements(0, rank_); }

int64_t Shape::num_elements(int first, int last) const {
  int64_t n = 1;
  for (int i = first; i < last; ++i) n *= (*this)[i];
  return n;
}

Shape Shape::ExpandedTo(int rank) const {
  Shape out;
  for (int i = rank_; i < rank; ++i) out.push_back(1);
  for (int32_t d : dims()) out.push_back(d);
  return out;
}

std::string Shape::ToString() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) out += ", ";
    out += (*this)[i] < 0 ? "?" : std::to_string((*this)[i]);
  }
  return out + "]";
}

std::optional<size_t> CheckedByteSize(const Shape& shape, DType type) {
  // Zero-size tensors are legal, so the product of the other dimensions may still be huge: compute
  // it over the non-zero dimensions and let the zero win at the end.
  uint64_t elements = 1;
  bool empty = false;
  for (int32_t d : shape.dims()) {
    if (d < 0) return std::nullopt;
    if (d == 0) {
      empty = true;
      continue;
    }
    if (elements > std::numeric_limits<uint64_t>::max() / static_cast<uint64_t>(d) / 128)
      return std::nullopt;
    elements *= static_cast<uint64_t>(d);
  }
  const uint64_t bytes = (elements * static_cast<uint64_t>(BitsOf(type)) + 7) / 8;
  if (bytes > static_cast<uint64_t>(std::numeric_limits<ptrdiff_t>::max())) return std::nullopt;
  return empty ? 0 : static_cast<size_t>(bytes);
}

std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  const Shape ea = a.ExpandedTo(rank), eb = b.ExpandedTo(rank);
  Shape out;
  for (int i = 0; i < rank; ++i) {
    if (ea[i] == eb[i] || eb[i] == 1) {
      out.push_back(ea[i]);
    } else if (ea[i] == 1) {
      out.push_back(eb[i]);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace edgeml
