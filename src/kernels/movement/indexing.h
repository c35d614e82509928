// Kernels that look elements up by index, make indices, or mirror them. Contract and reference.
//
// All of them are exact; none allocates. Index tensors are int16, int32 or int64.
#ifndef EDGEML_KERNELS_MOVEMENT_INDEXING_H_
#define EDGEML_KERNELS_MOVEMENT_INDEXING_H_

#include <array>
#include <cstdint>

#include "edgeml/dtype.h"
#include "src/tensor/shape.h"

namespace edgeml::kernels {

// An index that does not fit; `at` is its place in the index tensor, -1 when all fit.
struct IndexFault {
  int64_t at = -1;
  int64_t value = 0;
  bool found() const { return at >= 0; }
};

// GATHER over input [batch, outer, axis_size, inner] with positions [batch, count]:
//   output[b, o, i, :] = input[b, o, positions[b, i], :]
// `bits` is the element width (packed types too). Positions must lie in [0, axis_size); the first
// that does not stops the kernel and is returned.
struct GatherShape {
  int64_t batch = 1, outer = 1, axis_size = 0, inner = 1, count = 0;
};
IndexFault Gather(const GatherShape& shape, int bits, DType index_type, const void* input,
                  const void* positions, void* output);

// GATHER_ND: params of shape `params`, indices [slices, depth] with depth <= params.rank(); slice i
// of the output is params[indices[i, 0], …, indices[i, depth - 1], ...]. As above on faults.
IndexFault GatherNd(const Shape& params_shape, int64_t slices, int depth, int bits,
                    DType index_type, const void* params, const void* indices, void* output);

// EMBEDDING_LOOKUP from a quantized table [rows, row_size] of int8 (also bytes typed uint8, which
// the format reads as int8), int4 or int2. Every `run` elements of a row share a scale; run divides
// row_size.
struct EmbeddingTable {
  int64_t rows = 0, row_size = 0, run = 0;
  DType type = DType::kInt8;
  const void* data = nullptr;
  const float* scales = nullptr;  // [rows * row_size / run], or one when `one_scale`
  bool one_scale = false;
};
// output[i, :] = table[lookup[i], :] * scales, of float32 or float16. Runs are packed without gaps,
// but each is read from the beginning of the byte that it begins in, as LiteRT does: runs of a size
// that does not fill whole bytes are not what one would think.
IndexFault EmbeddingLookupDequantized(const EmbeddingTable& table, int64_t count,
                                      const int32_t* lookup, DType output_type, void* output);

// ONE_HOT: output [prefix, depth, suffix], indices [prefix, suffix] of int32 or int64;
//   output[i, j, k] = indices[i, k] == j ? on : off
// int64 indices are narrowed to 32 bits first, as LiteRT does.
void OneHot(int64_t prefix, int64_t depth, int64_t suffix, int bits, DType index_type,
            const void* indices, const void* on, const void* off, void* output);

// WHERE: the coordinates of the non-zero elements in row-major order, [count, rank] of int64. The
// output holds at most `capacity` rows; returns how many the condition has. Types: bool, int8,
// uint8, int32, uint32, int64, float32; -1 for any other.
int64_t WhereNonZero(const Shape& shape, DType type, const void* condition, int64_t capacity,
                     int64_t* output);

// RANGE: output[0] = start, output[i] = output[i - 1] + delta. Integers wrap; floats accumulate in
// this order.
void RangeInt32(int32_t start, int32_t delta, int64_t count, int32_t* output);
void RangeInt64(int64_t start, int64_t delta, int64_t count, int64_t* output);
void RangeFloat(float start, float delta, int64_t count, float* output);

// MIRROR_PAD: output dimension i is before[i] + input[i] + after[i]; `edge` is 1 when the border
// itself is not repeated (reflect), 0 when it is (symmetric). before, after <= input - edge.
void MirrorPad(const Shape& input_shape, const std::array<int64_t, kMaxRank>& before,
               const Shape& output_shape, int edge, int bits, const void* input, void* output);

// The uint8 rescaling of CONCATENATION: round(x * scale + bias) + zero_point, clamped to [0, 255],
// in float32, ties away from zero.
void RescaleUInt8(const uint8_t* input, int64_t count, float scale, float bias, int32_t zero_point,
                  uint8_t* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_MOVEMENT_INDEXING_H_
