#include "src/kernels/gemm/products.h"

#include <algorithm>
#include <limits>

namespace edgeml::kernels {

MatrixProduct::MatrixProduct(const GemmKernels* kernels, int64_t n, int64_t k)
    : kernels_(kernels), n_(n), k_(k) {
  if (kernels == nullptr) return;
  panels_ = PanelsFor(*kernels, n);
  zeros_.assign(static_cast<size_t>(PaddedColumns(panels_)), 0.0f);
}

size_t MatrixProduct::packed_floats() const {
  return static_cast<size_t>(k_ * (kernels_ == nullptr ? n_ : PaddedColumns(panels_)));
}

void MatrixProduct::Pack(const float* b, int64_t k_stride, int64_t n_stride, float* packed) const {
  if (kernels_ == nullptr) {
    for (int64_t i = 0; i < k_; ++i)
      for (int64_t j = 0; j < n_; ++j) *packed++ = b[i * k_stride + j * n_stride];
    return;
  }
  for (int32_t panel = 0; panel < panels_.panels; ++panel) {
    const int64_t first = int64_t{FirstVector(panels_, panel)} * panels_.lanes;
    const int64_t width = int64_t{FirstVector(panels_, panel + 1)} * panels_.lanes - first;
    const int64_t used = std::min(first + width, n_) - first;
    if (n_stride == 1) {
      for (int64_t i = 0; i < k_; ++i, packed += width) {
        std::copy_n(b + i * k_stride + first, used, packed);
        std::fill(packed + used, packed + width, 0.0f);
      }
      continue;
    }
    // A row of B^T at a time is read in order.
    for (int64_t j = 0; j < width; ++j) {
      const float* from = b + (first + j) * n_stride;
      if (j < used) {
        for (int64_t i = 0; i < k_; ++i) packed[i * width + j] = from[i * k_stride];
      } else {
        for (int64_t i = 0; i < k_; ++i) packed[i * width + j] = 0.0f;
      }
    }
    packed += k_ * width;
  }
}

void MatrixProduct::RunRight(const float* a, int64_t lda, const float* packed, int64_t begin,
                             int64_t end, int64_t first_column, float* c, int64_t ldc) const {
  if (kernels_ == nullptr) {
    for (int64_t r = begin; r < end; ++r) {
      float* out = c + r * ldc;
      std::fill(out + first_column, out + n_, 0.0f);
      for (int64_t i = 0; i < k_; ++i) {
        const float x = a[r * lda + i];
        for (int64_t j = first_column; j < n_; ++j) out[j] += x * packed[i * n_ + j];
      }
    }
    return;
  }
  GemmFloatArgs args;
  args.patch.row_bytes = lda * static_cast<int64_t>(sizeof(float));
  args.input = a;
  args.k = k_;
  args.n = n_;
  args.ldc = ldc;
  args.panels = panels_;
  args.weights = packed;
  args.bias = zeros_.data();
  args.output = c;
  args.min = -std::numeric_limits<float>::infinity();
  args.max = std::numeric_limits<float>::infinity();
  GemmTile tile{begin, end, 0, panels_.panels};
  while (tile.panel_begin + 1 < panels_.panels &&
         int64_t{FirstVector(panels_, tile.panel_begin + 1)} * panels_.lanes <= first_column)
    ++tile.panel_begin;
  kernels_->run_float(args, tile, nullptr);
}

void TransposedProduct::TransposeA(const float* a, int64_t stride, int64_t begin, int64_t end,
                                   float* transposed) const {
  // Tiles that stay in the first-level cache.
  constexpr int64_t kTile = 16;
  for (int64_t r0 = 0; r0 < rows_; r0 += kTile) {
    const int64_t r1 = std::min(rows_, r0 + kTile);
    for (int64_t i0 = begin; i0 < end; i0 += kTile) {
      const int64_t i1 = std::min(end, i0 + kTile);
      for (int64_t i = i0; i < i1; ++i)
        for (int64_t r = r0; r < r1; ++r) transposed[i * rows_ + r] = a[r * stride + i];
    }
  }
}

}  // namespace edgeml::kernels
