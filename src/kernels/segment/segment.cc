#include "src/kernels/segment/segment.h"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace edgeml::kernels {
namespace {

// What a segment starts with.
template <typename T>
T Neutral(SegmentReduction reduction) {
  switch (reduction) {
    case SegmentReduction::kProd:
      return T{1};
    case SegmentReduction::kMax:
      return std::numeric_limits<T>::lowest();
    case SegmentReduction::kMin:
      return std::numeric_limits<T>::max();
    default:
      return T{0};
  }
}

template <typename T>
T Combine(SegmentReduction reduction, T a, T b) {
  // Unsigned integers wrap.
  using W = std::conditional_t<std::is_integral_v<T>, uint32_t, T>;
  switch (reduction) {
    case SegmentReduction::kProd:
      return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
    case SegmentReduction::kMax:
      return std::max(a, b);
    case SegmentReduction::kMin:
      return std::min(a, b);
    default:
      return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
  }
}

template <typename T>
IndexFault Reduce(SegmentReduction reduction, const SegmentShape& s, const T* data,
                  const int32_t* ids, T* output) {
  std::fill_n(output, s.segments * s.inner, Neutral<T>(reduction));
  for (int64_t i = 0; i < s.count; ++i) {
    if (ids[i] < 0) continue;
    if (ids[i] >= s.segments) return {i, ids[i]};
    const T* from = data + i * s.inner;
    T* to = output + ids[i] * s.inner;
    for (int64_t j = 0; j < s.inner; ++j) to[j] = Combine(reduction, to[j], from[j]);
  }
  return {};
}

}  // namespace

IndexFault ReduceSegments(SegmentReduction reduction, const SegmentShape& shape, DType type,
                          const void* data, const int32_t* ids, void* output) {
  if (type == DType::kFloat32)
    return Reduce(reduction, shape, static_cast<const float*>(data), ids,
                  static_cast<float*>(output));
  return Reduce(reduction, shape, static_cast<const int32_t*>(data), ids,
                static_cast<int32_t*>(output));
}

}  // namespace edgeml::kernels
