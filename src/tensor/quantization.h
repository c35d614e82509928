// Affine quantization parameters: real = (stored - zero_point) * scale.
#ifndef EDGEML_TENSOR_QUANTIZATION_H_
#define EDGEML_TENSOR_QUANTIZATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml {

// One scale and zero point per tensor, or one per index of dimension `axis` (per-axis, also called
// per-channel), or one per block of `block_size` elements along the innermost dimension.
struct Quantization {
  std::vector<float> scale;         // [1], [channels], or empty = not quantized
  std::vector<int64_t> zero_point;  // same length as `scale`
  int32_t axis = 0;                 // quantized dimension when per-axis
  int32_t block_size = 0;           // 0 = not block-wise
  // Block-wise only: the values of the same graph that hold the scales and zero points, -1 = none.
  int32_t scale_value = -1, zero_point_value = -1;
  std::vector<float> min, max;  // recorded ranges, informative

  bool empty() const { return scale.empty(); }
  bool per_axis() const { return scale.size() > 1; }
  // The parameters of channel c (of the tensor when there is one only). REQUIRES: !empty().
  float scale_at(size_t c) const { return scale[scale.size() > 1 ? c : 0]; }
  int32_t zero_point_at(size_t c) const {
    if (zero_point.empty()) return 0;
    return static_cast<int32_t>(zero_point[zero_point.size() > 1 ? c : 0]);
  }

  friend bool operator==(const Quantization&, const Quantization&) = default;
};

}  // namespace edgeml

#endif  // EDGEML_TENSOR_QUANTIZATION_H_
