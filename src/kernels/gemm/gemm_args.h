// Arguments of the matrix products: PODs that cross into sources compiled per SIMD level. See
// gemm.h.
#ifndef EDGEML_KERNELS_GEMM_GEMM_ARGS_H_
#define EDGEML_KERNELS_GEMM_GEMM_ARGS_H_

#include <cstdint>

#include "src/kernels/simd/requantize_args.h"

namespace edgeml::kernels {

// Where row r of A comes from. plain: it starts at row * row_bytes. Otherwise the
// [kernel_h, kernel_w, pixel_bytes] patch of output pixel r of images [out_h, out_w], counted over
// the batch, with pixels outside of the image filled with the pad byte.
struct PatchGeometry {
  bool plain = true;
  int64_t row_bytes = 0;
  int64_t pixel_bytes = 0;
  int32_t in_h = 0, in_w = 0, out_h = 0, out_w = 0;
  int32_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_left = 0;
};

// Columns in panels, made by PanelsFor.
struct PanelLayout {
  int32_t lanes = 0;    // columns per vector
  int32_t vectors = 0;  // vectors that hold all columns
  int32_t panels = 0;
  int32_t wide_vectors = 0;  // vectors of the first `num_wide` panels; one less in the others
  int32_t num_wide = 0;
};

// First vector of a panel; of panel `panels`, the number of vectors.
static inline int32_t FirstVector(const PanelLayout& p, int32_t panel) {
  return panel * p.wide_vectors - (panel > p.num_wide ? panel - p.num_wide : 0);
}

// Depth padded to what a row of gathered int8 input occupies.
static inline int64_t PaddedDepth(int64_t k) { return (k + 3) / 4 * 4; }

struct GemmInt8Args {
  PatchGeometry patch;  // pixel = channels bytes
  const uint8_t* input = nullptr;
  uint8_t input_flip = 0;  // 0x80 for int8 input, which is then taken as uint8
  uint8_t pad_byte = 0;    // before the flip
  // Float output of images that were quantized one by one: the pad byte, the row term and the row
  // scale of row m are those of index m / rows_per_image. pad_bytes null = pad_byte for all.
  const int8_t* pad_bytes = nullptr;
  int64_t rows_per_image = 1;
  int64_t k = 0;  // depth, without padding
  int64_t n = 0;
  int64_t ldc = 0;  // elements between rows of the output
  PanelLayout panels;
  const int8_t* weights = nullptr;  // PackWeightsInt8
  const int32_t* bias = nullptr;    // [padded columns], zero-point terms folded in
  // sum[m, n] += row_term[image of m] * column_term[n] when column_term is set. row_term null:
  // minus the sum of row m of A (as uint8), for weights with a zero point.
  const int32_t* column_term = nullptr;
  const int32_t* row_term = nullptr;
  // Integer output.
  uint8_t* output = nullptr;
  RequantizeArgs requantize;
  // Float output when `output` is null: sum * row_scale[image of m] * column_scale[n] +
  // float_bias[n], or + what the output holds if `accumulate`.
  float* float_output = nullptr;
  const float* row_scale = nullptr;     // [images]
  const float* column_scale = nullptr;  // [padded columns]
  const float* float_bias = nullptr;    // [padded columns]
  float float_min = 0, float_max = 0;
  bool accumulate = false;
};

struct GemmFloatArgs {
  PatchGeometry patch;  // pixel = channels * 4 bytes
  const float* input = nullptr;
  int64_t k = 0;
  int64_t n = 0;
  int64_t ldc = 0;
  PanelLayout panels;
  const float* weights = nullptr;  // PackWeightsFloat
  const float* bias = nullptr;     // [padded columns]
  float* output = nullptr;
  float min = 0, max = 0;
};

// A part of the product: rows [row_begin, row_end), panels [panel_begin, panel_end).
struct GemmTile {
  int64_t row_begin = 0, row_end = 0;
  int32_t panel_begin = 0, panel_end = 0;
};

struct GemmKernels {
  int32_t lanes;              // 32-bit lanes of a vector
  int32_t max_panel_vectors;  // int8 and float alike
  int32_t quad_bytes;         // see quad_layout.h
  // `workspace`: WorkspaceBytesInt8/Float for as many rows as the tile has, 64-byte aligned.
  void (*run_int8)(const GemmInt8Args& args, const GemmTile& tile, void* workspace);
  void (*run_float)(const GemmFloatArgs& args, const GemmTile& tile, void* workspace);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_GEMM_GEMM_ARGS_H_
