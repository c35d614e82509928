// Matrix products with packed constant weights, and convolutions as such without building the whole
// patch matrix: C[m, n] = sum_k A[m, k] * B[n, k] + bias[n], then requantization or clamping.
//
// A is either a plain row-major matrix, or the patch matrix of an NHWC image, whose rows are
// gathered a few at a time into workspace. B is packed once: columns in panels of up to 4 vectors,
// for each panel its whole depth.
#ifndef EDGEML_KERNELS_GEMM_GEMM_H_
#define EDGEML_KERNELS_GEMM_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "src/base/cpu_features.h"
#include "src/kernels/gemm/gemm_args.h"
#include "src/kernels/quantize/packed.h"

namespace edgeml::kernels {

// Null for SimdLevel::kNone.
const GemmKernels* GemmFor(SimdLevel level);

PanelLayout PanelsFor(const GemmKernels& kernels, int64_t columns);

// Columns padded to whole vectors: the length of every per-column array.
inline int64_t PaddedColumns(const PanelLayout& p) { return int64_t{p.vectors} * p.lanes; }

// A matrix of weights[n, k] stored with these strides, in elements, from element `first` on.
// `type`: of integers, int8, uint8 or int4.
struct WeightMatrix {
  const void* data = nullptr;
  int64_t n = 0, k = 0;
  int64_t n_stride = 0, k_stride = 1;
  DType type = DType::kInt8;
  int64_t first = 0;

  bool is_unsigned() const { return type == DType::kUInt8; }
  // Calls body(at), where at(column, depth) is an element as it is packed: uint8 less 128.
  template <typename Body>
  void WithElements(Body&& body) const {
    WithIntegers(type, data, [&](auto integer) {
      body([this, integer, offset = is_unsigned() ? 128 : 0](int64_t column, int64_t depth) {
        return integer(first + column * n_stride + depth * k_stride) - offset;
      });
    });
  }
};

size_t PackedBytesInt8(const GemmKernels& kernels, const PanelLayout& panels, int64_t k);
size_t PackedBytesFloat(const PanelLayout& panels, int64_t k);
// weights → packed, whatever type they are stored in. `packed` is zeroed.
void PackWeightsInt8(const GemmKernels& kernels, const PanelLayout& panels,
                     const WeightMatrix& weights, int8_t* packed);
void PackWeightsFloat(const PanelLayout& panels, const WeightMatrix& weights, float* packed);

size_t WorkspaceBytesInt8(const PatchGeometry& patch, int64_t k, int64_t rows);
size_t WorkspaceBytesFloat(const PatchGeometry& patch, int64_t k, int64_t rows);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_GEMM_GEMM_H_
