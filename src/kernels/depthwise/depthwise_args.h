// Arguments of the depthwise convolutions: PODs that cross into sources compiled per SIMD level.
// See depthwise.h.
#ifndef EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_ARGS_H_
#define EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_ARGS_H_

#include <cstdint>

#include "src/kernels/simd/requantize_args.h"

namespace edgeml::kernels {

// Filter rows beyond this are declined.
inline constexpr int kMaxDepthwiseFilterHeight = 32;

struct DepthwiseGeometry {
  int32_t in_h = 0, in_w = 0, channels = 0, out_h = 0, out_w = 0;
  int32_t filter_h = 1, filter_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int32_t pad_top = 0, pad_left = 0;
};

// Channels go in blocks of a vector of bytes, half of one, or a quarter (not below 16): the width
// of the block that starts with `left` channels to go.
static inline int32_t DepthwiseBlockWidth(int32_t vector_bytes, int32_t left) {
  int32_t width = vector_bytes;
  while (width > 16 && left <= width / 2) width /= 2;
  return width;
}

// Within a block of width w, sums come in 4 vectors of w / 4 lanes. Lane l of vector j is channel:
static inline int32_t DepthwiseChannelOf(int32_t j, int32_t l) {
  return 16 * (l / 4) + 4 * j + l % 4;
}

struct DepthwiseInt8Args {
  DepthwiseGeometry geometry;
  const uint8_t* input = nullptr;
  uint8_t input_flip = 0;        // 0x80 for int8 input
  const uint8_t* pad = nullptr;  // [channels] bytes as stored in the input
  // Filter rows in groups of four. For each block: [filter_w][row groups][terms][4 vectors] quads.
  // A weight is the sum of its `terms` entries (zero points do not fit in a byte).
  const int8_t* weights = nullptr;
  int32_t terms = 1;
  const int32_t* bias = nullptr;  // [padded channels], in the order of the sums
  uint8_t* output = nullptr;
  RequantizeArgs requantize;  // arrays in the order of the sums
  // Float output when `output` is null: (sum + row_term * column_term) * row_scale * column_scale +
  // float_bias. The row term and scale are those of the one image the rows belong to.
  float* float_output = nullptr;
  int32_t row_term = 0;
  const int32_t* column_term = nullptr;
  float row_scale = 0;
  const float* column_scale = nullptr;
  const float* float_bias = nullptr;
  float float_min = 0, float_max = 0;
};

struct DepthwiseFloatArgs {
  DepthwiseGeometry geometry;
  const float* input = nullptr;
  const float* pad = nullptr;      // [channels] zeros
  const float* weights = nullptr;  // [filter_h, filter_w, channels]
  const float* bias = nullptr;     // [channels]
  float* output = nullptr;
  float min = 0, max = 0;
};

// Both run output rows [begin, end) of batch * out_h.
struct DepthwiseInt8Kernels {
  int32_t vector_bytes;
  int32_t quad_bytes;  // see quad_layout.h
  void (*run)(const DepthwiseInt8Args& args, int64_t begin, int64_t end);
};
struct DepthwiseFloatKernels {
  void (*run)(const DepthwiseFloatArgs& args, int64_t begin, int64_t end);
};

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_DEPTHWISE_DEPTHWISE_ARGS_H_
