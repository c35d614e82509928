#include "src/kernels/elementwise/broadcast.h"

#include <cassert>
#include <cstddef>

namespace edgeml::kernels {

BroadcastPlan MakeBroadcastPlan(const Shape& output, std::initializer_list<Shape> inputs) {
  assert(inputs.size() <= kMaxBroadcastInputs);
  // Strides per dimension of the output, innermost first.
  std::array<std::array<int64_t, kMaxRank>, kMaxBroadcastInputs> stride{};
  size_t input = 0;
  for (const Shape& shape : inputs) {
    int64_t step = 1;
    for (int i = 0; i < shape.rank(); ++i) {
      const bool repeated = shape.back(i) == 1 && output.back(i) != 1;
      stride[input][static_cast<size_t>(i)] = repeated ? 0 : step;
      step *= shape.back(i);
    }
    ++input;
  }

  // Fuses dimension i into the loop before it when each input goes on where that loop ends.
  std::array<int64_t, kMaxRank> extent{};
  std::array<std::array<int64_t, kMaxRank>, kMaxBroadcastInputs> loop{};
  int rank = 0;
  for (int i = 0; i < output.rank(); ++i) {
    const int64_t dim = output.back(i);
    if (dim == 1) continue;
    bool fuses = rank > 0;
    for (size_t k = 0; k < inputs.size() && fuses; ++k) {
      const size_t last = static_cast<size_t>(rank - 1);
      fuses = stride[k][static_cast<size_t>(i)] == loop[k][last] * extent[last];
    }
    if (fuses) {
      extent[static_cast<size_t>(rank - 1)] *= dim;
      continue;
    }
    extent[static_cast<size_t>(rank)] = dim;
    for (size_t k = 0; k < inputs.size(); ++k)
      loop[k][static_cast<size_t>(rank)] = stride[k][static_cast<size_t>(i)];
    ++rank;
  }
  if (rank == 0) {
    extent[0] = 1;
    rank = 1;
  }

  BroadcastPlan plan;
  plan.rank = rank;
  for (int d = 0; d < rank; ++d) {
    const size_t from = static_cast<size_t>(rank - 1 - d), to = static_cast<size_t>(d);
    plan.extent[to] = extent[from];
    for (size_t k = 0; k < inputs.size(); ++k) plan.stride[k][to] = loop[k][from];
  }
  return plan;
}

}  // namespace edgeml::kernels
