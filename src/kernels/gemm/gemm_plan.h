// Set-up of a convolution or matrix product: packing, folding of zero points, and the split into
// pieces of work. Used by the steps of the cpu backend and by tests.
#ifndef EDGEML_KERNELS_GEMM_GEMM_PLAN_H_
#define EDGEML_KERNELS_GEMM_GEMM_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/kernels/convolution/convolution.h"
#include "src/kernels/gemm/gemm.h"
#include "src/kernels/simd/requantize.h"

namespace edgeml::kernels {

// The rows of a convolution (batch * out_h * out_w) as rows of a patch matrix. element_bytes is
// that of the input. A 1x1 window with stride 1 and no padding gives a plain matrix.
PatchGeometry PatchOf(const ConvShape& shape, int element_bytes);

// Independent pieces of work: blocks of rows times groups of panels. What a piece computes does not
// depend on how many there are.
class GemmSplit {
 public:
  GemmSplit() = default;
  // row_bytes: what a row of A costs in cache.
  GemmSplit(int64_t rows, int64_t row_bytes, int32_t panels, int num_threads);

  int64_t pieces() const { return row_blocks_ * panel_groups_; }
  int64_t rows_per_block() const { return rows_per_block_; }
  GemmTile tile(int64_t piece) const;

 private:
  int64_t rows_ = 0, rows_per_block_ = 0, row_blocks_ = 0;
  int32_t panels_ = 0, panels_per_group_ = 0, panel_groups_ = 0;
};

// int8 and uint8 products. After Settle, Run may be called from several threads, each with its own
// workspace of workspace_bytes().
class GemmInt8Plan {
 public:
  // Packed weights: panels, then per column the sum of its weights and of their absolute values.
  static size_t PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k);
  static void Pack(const GemmKernels& kernels, const WeightMatrix& weights, std::byte* packed);

  // Integer output; q as in convolution.h, bias [n] or null. is_unsigned: all of input, weights and
  // output are uint8. The filter's zero point counts when is_unsigned only. Bit-exact with the
  // double rounding of MultiplyByFixedPoint.
  void SettleInteger(const GemmKernels& kernels, const PatchGeometry& patch, int64_t rows,
                     int64_t n, int64_t k, const ConvQuantization& q, bool is_unsigned,
                     const int32_t* bias, const std::byte* packed, int num_threads);
  // int8 input quantized per image (rows_per_image rows each) and float output. filter_scales [n]
  // or null (ones), bias [n] or null.
  void SettleHybrid(const GemmKernels& kernels, const PatchGeometry& patch, int64_t rows,
                    int64_t rows_per_image, int64_t n, int64_t k, const float* filter_scales,
                    const FloatRange& range, const float* bias, const std::byte* packed,
                    int num_threads);

  const GemmSplit& split() const { return split_; }
  size_t workspace_bytes() const { return workspace_bytes_; }

  // One piece of an integer product.
  void Run(int64_t piece, const void* input, void* output, void* workspace) const;
  // One piece of a hybrid product. Per image: scale, row term -(zero point + 128), pad byte = zero
  // point.
  void RunHybrid(int64_t piece, const int8_t* input, const float* scales, const int32_t* row_terms,
                 const int8_t* pad_bytes, float* output, void* workspace) const;

 private:
  void SettleCommon(const GemmKernels& kernels, const PatchGeometry& patch, int64_t rows, int64_t n,
                    int64_t k, const std::byte* packed, int num_threads);

  const GemmKernels* kernels_ = nullptr;
  GemmInt8Args args_;
  GemmSplit split_;
  size_t workspace_bytes_ = 0;
  Requantization requantization_;
  std::vector<int32_t> bias_, column_term_;
  std::vector<float> column_scale_, float_bias_;
};

// int8 rows, each quantized by itself, times weights with a scale per block of `block` elements of
// the depth (a multiple of it); float output. As FullyConnectedHybridBlocks (matmul.h), but the sum
// over the blocks is of products with both scales. Used like GemmInt8Plan.
class GemmBlocksPlan {
 public:
  // Packed weights: the panels of each block, then the sums of each block's columns.
  static size_t PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k, int64_t block);
  static void Pack(const GemmKernels& kernels, const WeightMatrix& weights, int64_t block,
                   std::byte* packed);

  // block_scales [n, k / block], bias [n] or null.
  void Settle(const GemmKernels& kernels, int64_t rows, int64_t n, int64_t k, int64_t block,
              const float* block_scales, const FloatRange& range, const float* bias,
              const std::byte* packed, int num_threads);

  const GemmSplit& split() const { return split_; }
  size_t workspace_bytes() const { return workspace_bytes_; }
  // input [rows, k]; per row: scale, row term -(zero point + 128). output [rows, n].
  void Run(int64_t piece, const int8_t* input, const float* scales, const int32_t* row_terms,
           float* output, void* workspace) const;

 private:
  const GemmKernels* kernels_ = nullptr;
  GemmInt8Args args_;  // of the first block
  int64_t blocks_ = 0;
  FloatRange range_;
  GemmSplit split_;
  size_t workspace_bytes_ = 0;
  std::vector<int32_t> zeros_;
  std::vector<float> scales_, bias_;
};

class GemmFloatPlan {
 public:
  static size_t PackedBytes(const GemmKernels& kernels, int64_t n, int64_t k);
  static void Pack(const GemmKernels& kernels, const WeightMatrix& weights, std::byte* packed);

  void Settle(const GemmKernels& kernels, const PatchGeometry& patch, int64_t rows, int64_t n,
              int64_t k, const FloatRange& range, const float* bias, const std::byte* packed,
              int num_threads);

  // Other weights and bias for the runs to come; not while one is under way.
  void SetWeights(const std::byte* packed, const float* bias);

  const GemmSplit& split() const { return split_; }
  size_t workspace_bytes() const { return workspace_bytes_; }
  void Run(int64_t piece, const float* input, float* output, void* workspace) const;

 private:
  const GemmKernels* kernels_ = nullptr;
  GemmFloatArgs args_;
  GemmSplit split_;
  size_t workspace_bytes_ = 0;
  std::vector<float> bias_;
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_GEMM_GEMM_PLAN_H_
