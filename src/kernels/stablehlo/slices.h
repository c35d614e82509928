// GATHER and SCATTER of StableHLO: slices taken from, or combined into, places that index vectors
// name. Contracts and references.
#ifndef EDGEML_KERNELS_STABLEHLO_SLICES_H_
#define EDGEML_KERNELS_STABLEHLO_SLICES_H_

#include <array>
#include <cstdint>

#include "edgeml/dtype.h"
#include "src/kernels/movement/strided_copy.h"
#include "src/kernels/stablehlo/combine.h"
#include "src/tensor/shape.h"

namespace edgeml::kernels {

// The index tensor holds vectors of `size` entries, `stride` elements apart; entry k is a
// coordinate of dimension dim[k] of the operand.
struct IndexVectors {
  int size = 0;
  int64_t stride = 0;
  std::array<int, kMaxRank> dim{};
};

struct SliceGather {
  // The dimensions that count the slices: extent, and stride in the output and the index tensor.
  struct Batch {
    int64_t extent = 1, output_stride = 0, index_stride = 0;
  };
  int batch_rank = 0;
  std::array<Batch, kMaxRank> batch{};
  IndexVectors vectors;
  // By operand dimension: stride, and the last coordinate at which the slice still fits.
  std::array<int64_t, kMaxRank> operand_stride{}, last_start{};
  StridedCopy slice;  // one slice, from operand to output
};

// Copies one slice per index vector. A coordinate below 0 or above last_start counts as the nearest
// that fits. Elements of `bits` width, indices int32 or int64; exact.
// REQUIRES: the output has elements.
void GatherSlices(const SliceGather& gather, int bits, DType index_type, const void* operand,
                  const void* indices, void* output);

struct SliceScatter {
  // Of the updates, dimension by dimension: it counts the index vectors, `index_stride` apart in
  // the index tensor, or (window_dim >= 0) runs along that dimension of the target.
  struct Dim {
    int64_t extent = 1, index_stride = 0;
    int window_dim = -1;
  };
  int rank = 0;
  std::array<Dim, kMaxRank> dims{};
  IndexVectors vectors;
  Shape target;
};

// Combines each update, in row-major order, into the element of `target` that its index vector plus
// its place in the window names; one that falls outside is left out.
// REQUIRES: `updates` has elements.
void ScatterSlices(const SliceScatter& scatter, const Combiner& combine, DType index_type,
                   const void* indices, const void* updates, void* target);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STABLEHLO_SLICES_H_
