#include "src/kernels/stablehlo/slices.h"

#include <algorithm>

namespace edgeml::kernels {
namespace {

using Index = std::array<int64_t, kMaxRank>;

int64_t IndexValue(DType type, const void* indices, int64_t at) {
  return type == DType::kInt64 ? static_cast<const int64_t*>(indices)[at]
                               : static_cast<const int32_t*>(indices)[at];
}

// The next index of `rank` dimensions; false after the last.
template <typename Dims>
bool Advance(Index& index, int rank, const Dims& dims) {
  for (int d = rank - 1; d >= 0; --d) {
    const auto i = static_cast<size_t>(d);
    if (++index[i] < dims[i].extent) return true;
    index[i] = 0;
  }
  return false;
}

}  // namespace

void GatherSlices(const SliceGather& gather, int bits, DType index_type, const void* operand,
                  const void* indices, void* output) {
  StridedCopy slice = gather.slice;
  Index index{};
  do {
    int64_t vector = 0, to = 0, from = 0;
    for (int d = 0; d < gather.batch_rank; ++d) {
      const auto i = static_cast<size_t>(d);
      vector += index[i] * gather.batch[i].index_stride;
      to += index[i] * gather.batch[i].output_stride;
    }
    for (int k = 0; k < gather.vectors.size; ++k) {
      const auto d = static_cast<size_t>(gather.vectors.dim[static_cast<size_t>(k)]);
      const int64_t start = IndexValue(index_type, indices, vector + k * gather.vectors.stride);
      from += std::clamp<int64_t>(start, 0, gather.last_start[d]) * gather.operand_stride[d];
    }
    slice.set_offsets(from, to);
    CopyStrided(slice, operand, output, bits);
  } while (Advance(index, gather.batch_rank, gather.batch));
}

void ScatterSlices(const SliceScatter& scatter, const Combiner& combine, DType index_type,
                   const void* indices, const void* updates, void* target) {
  const Shape& shape = scatter.target;
  const Index strides = DenseStrides(shape);
  // Updates along the last dimension land in a row when it belongs to the window.
  const SliceScatter::Dim last =
      scatter.rank > 0 ? scatter.dims[static_cast<size_t>(scatter.rank - 1)] : SliceScatter::Dim{};
  const bool rows = last.window_dim >= 0;
  const int outer = rows ? scatter.rank - 1 : scatter.rank;
  const int64_t row = rows ? last.extent : 1;
  const ptrdiff_t step =
      rows ? static_cast<ptrdiff_t>(strides[static_cast<size_t>(last.window_dim)]) : 0;
  const auto* from = static_cast<const std::byte*>(updates);
  auto* to = static_cast<std::byte*>(target);
  Index index{};
  do {
    Index at{};
    int64_t vector = 0;
    for (int d = 0; d < outer; ++d) {
      const auto i = static_cast<size_t>(d);
      const SliceScatter::Dim& dim = scatter.dims[i];
      if (dim.window_dim >= 0)
        at[static_cast<size_t>(dim.window_dim)] = index[i];
      else
        vector += index[i] * dim.index_stride;
    }
    for (int k = 0; k < scatter.vectors.size; ++k) {
      const int64_t start = IndexValue(index_type, indices, vector + k * scatter.vectors.stride);
      // Out of the way of overflow, and still outside.
      constexpr int64_t kFar = int64_t{1} << 40;
      at[static_cast<size_t>(scatter.vectors.dim[static_cast<size_t>(k)])] +=
          std::clamp(start, -kFar, kFar);
    }
    // Updates [first, end) of the row fall inside.
    int64_t first = 0, end = row, offset = 0;
    for (int d = 0; d < shape.rank(); ++d) {
      const int64_t place = at[static_cast<size_t>(d)];
      if (rows && d == last.window_dim) {
        first = std::max<int64_t>(0, -place);
        end = std::min(row, shape[d] - place);
      } else if (place < 0 || place >= shape[d]) {
        end = 0;
        break;
      }
      offset += place * strides[static_cast<size_t>(d)];
    }
    if (first < end) {
      std::byte* place =
          to + (offset + first * step) * static_cast<ptrdiff_t>(combine.element_bytes);
      combine(place, step, from + static_cast<size_t>(first) * combine.element_bytes, 1, place,
              step, end - first);
    }
    from += static_cast<size_t>(row) * combine.element_bytes;
  } while (Advance(index, outer, scatter.dims));
}

}  // namespace edgeml::kernels
