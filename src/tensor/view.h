// TensorView: what a kernel sees of a tensor. It owns nothing.
#ifndef EDGEML_TENSOR_VIEW_H_
#define EDGEML_TENSOR_VIEW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "edgeml/dtype.h"
#include "src/tensor/quantization.h"
#include "src/tensor/shape.h"

namespace edgeml {

struct TensorView {
  void* data = nullptr;  // null when the tensor is absent (optional input) or has no elements yet
  DType type = DType::kInvalid;
  Shape shape;
  // Distance in elements between neighbours along each dimension. Kernels get dense views unless
  // their entry says that it takes strided ones.
  std::array<int64_t, kMaxRank> strides{};
  const Quantization* quantization = nullptr;  // null or empty = not quantized
  bool is_constant = false;                    // the bytes never change during the session
  bool is_sparse = false;                      // the model stores them sparse; here they are dense

  bool present() const { return type != DType::kInvalid; }
  int rank() const { return shape.rank(); }
  int32_t dim(int i) const { return shape[i]; }
  int64_t num_elements() const { return shape.num_elements(); }
  bool quantized() const { return quantization != nullptr && !quantization->empty(); }
  // Per-tensor parameters; scale 1 (0 when unquantized) and zero point of the first channel.
  float scale() const { return quantized() ? quantization->scale[0] : 0.0f; }
  int32_t zero_point() const { return quantized() ? quantization->zero_point_at(0) : 0; }

  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  template <typename T>
  T* as_mutable() const {
    return static_cast<T*>(data);
  }
  // REQUIRES: dense, not sub-byte.
  template <typename T>
  std::span<const T> elements() const {
    return {static_cast<const T*>(data), static_cast<size_t>(num_elements())};
  }
  template <typename T>
  std::span<T> mutable_elements() const {
    return {static_cast<T*>(data), static_cast<size_t>(num_elements())};
  }

  // Any shape: strides of one too large to exist wrap.
  void SetDenseStrides() {
    uint64_t stride = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      strides[static_cast<size_t>(i)] = static_cast<int64_t>(stride);
      stride *= static_cast<uint64_t>(int64_t{shape[i]});
    }
  }
};

}  // namespace edgeml

#endif  // EDGEML_TENSOR_VIEW_H_
