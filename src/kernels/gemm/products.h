// Float matrix products whose operands both change from call to call, as training needs them:
// C = A B, and C = A^T B (sums of outer products: Gram matrices, gradients of weights). On the
// kernels of gemm.h; plain loops where the machine has none of their levels.
//
// Both are set up once for given sizes. Then, for each pair of operands: the packing calls, and
// when those are done Run, on any parts of the rows, from several threads if wanted. All matrices
// are row-major; sums run over the depth in order.
#ifndef EDGEML_KERNELS_GEMM_PRODUCTS_H_
#define EDGEML_KERNELS_GEMM_PRODUCTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/kernels/gemm/gemm.h"

namespace edgeml::kernels {

// C[m, n] = A[m, k] B, any m. Sizes are at least 1, their products below 2^31.
class MatrixProduct {
 public:
  // `kernels`: GemmFor(level), may be null.
  MatrixProduct(const GemmKernels* kernels, int64_t n, int64_t k);

  size_t packed_floats() const;
  // Element (i, j) of B [k, n] is b[i * k_stride + j * n_stride]. packed: packed_floats(), at 64
  // bytes.
  void Pack(const float* b, int64_t k_stride, int64_t n_stride, float* packed) const;
  // Rows [begin, end). lda and ldc: elements between the rows of A and C.
  void Run(const float* a, int64_t lda, const float* packed, int64_t begin, int64_t end, float* c,
           int64_t ldc) const {
    RunRight(a, lda, packed, begin, end, 0, c, ldc);
  }
  // The same, of columns from `first_column` on; those to the left may be left as they were. For
  // symmetric results, of which one half is enough.
  void RunRight(const float* a, int64_t lda, const float* packed, int64_t begin, int64_t end,
                int64_t first_column, float* c, int64_t ldc) const;

 private:
  const GemmKernels* kernels_;
  int64_t n_, k_;
  PanelLayout panels_;
  std::vector<float> zeros_;  // the bias
};

// C[m, n] = A^T B for A [rows, m] and B [rows, n].
class TransposedProduct {
 public:
  TransposedProduct(const GemmKernels* kernels, int64_t rows, int64_t m, int64_t n)
      : product_(kernels, n, rows), rows_(rows), m_(m) {}

  size_t packed_floats() const { return product_.packed_floats(); }
  size_t transposed_floats() const { return static_cast<size_t>(rows_ * m_); }

  // `stride`: elements between the rows of B, of A.
  void PackB(const float* b, int64_t stride, float* packed) const {
    product_.Pack(b, stride, 1, packed);
  }
  // A^T [m, rows], columns [begin, end) of A.
  void TransposeA(const float* a, int64_t stride, int64_t begin, int64_t end,
                  float* transposed) const;

  // Rows [begin, end) of C, of columns from `first_column` on.
  void Run(const float* transposed, const float* packed, int64_t begin, int64_t end,
           int64_t first_column, float* c, int64_t ldc) const {
    product_.RunRight(transposed, rows_, packed, begin, end, first_column, c, ldc);
  }

 private:
  MatrixProduct product_;
  int64_t rows_, m_;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_GEMM_PRODUCTS_H_
