// One loop nest for all element-wise kernels with NumPy broadcasting.
#ifndef EDGEML_KERNELS_ELEMENTWISE_BROADCAST_H_
#define EDGEML_KERNELS_ELEMENTWISE_BROADCAST_H_

#include <array>
#include <cstdint>
#include <initializer_list>

#include "src/tensor/shape.h"

namespace edgeml::kernels {

inline constexpr int kMaxBroadcastInputs = 3;

// How to walk a dense output and up to three dense inputs that are broadcast to it. Neighbouring
// dimensions that every tensor walks alike are one loop; there is always at least one.
struct BroadcastPlan {
  int rank = 1;  // loops, outermost first
  std::array<int64_t, kMaxRank> extent{};
  // Elements from one step of a loop to the next; 0 where an input is repeated. The output is
  // dense.
  std::array<std::array<int64_t, kMaxRank>, kMaxBroadcastInputs> stride{};

  int64_t inner() const { return extent[static_cast<size_t>(rank - 1)]; }
  int64_t inner_stride(int input) const {
    return stride[static_cast<size_t>(input)][static_cast<size_t>(rank - 1)];
  }
};

// REQUIRES: each input's shape broadcasts to `output` (its rank is not higher, and each dimension,
// counted from the innermost, is 1 or the output's); at most kMaxBroadcastInputs inputs.
BroadcastPlan MakeBroadcastPlan(const Shape& output, std::initializer_list<Shape> inputs);

// Calls row(offset[input]…, output offset) once per innermost loop; offsets count elements.
template <typename Row>
void ForEachRow(const BroadcastPlan& plan, Row row) {
  int64_t rows = 1;
  for (int d = 0; d < plan.rank - 1; ++d) rows *= plan.extent[static_cast<size_t>(d)];
  if (plan.inner() == 0) return;
  std::array<int64_t, kMaxRank> index{};
  std::array<int64_t, kMaxBroadcastInputs> offset{};
  for (int64_t r = 0; r < rows; ++r) {
    row(offset, r * plan.inner());
    for (int d = plan.rank - 2; d >= 0; --d) {
      const size_t u = static_cast<size_t>(d);
      const bool more = ++index[u] < plan.extent[u];
      for (size_t i = 0; i < offset.size(); ++i)
        offset[i] += more ? plan.stride[i][u] : -plan.stride[i][u] * (plan.extent[u] - 1);
      if (more) break;
      index[u] = 0;
    }
  }
}

// out[…] = f(a[…], b[…]) over the plan's first two inputs. `out` may be the memory of an input that
// is not broadcast and whose elements are as wide.
template <typename A, typename B, typename Out, typename F>
void BinaryLoop(const BroadcastPlan& plan, const A* a, const B* b, Out* out, F f) {
  const int64_t n = plan.inner(), step_a = plan.inner_stride(0), step_b = plan.inner_stride(1);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t to) {
    const A* pa = a + offset[0];
    const B* pb = b + offset[1];
    Out* po = out + to;
    for (int64_t i = 0; i < n; ++i) po[i] = f(pa[i * step_a], pb[i * step_b]);
  });
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_BROADCAST_H_
