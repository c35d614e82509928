// Reductions over a sliding window of any rank. Contract and reference.
#ifndef EDGEML_KERNELS_STABLEHLO_REDUCE_WINDOW_H_
#define EDGEML_KERNELS_STABLEHLO_REDUCE_WINDOW_H_

#include <array>
#include <cstdint>

#include "src/kernels/stablehlo/combine.h"
#include "src/tensor/shape.h"

namespace edgeml::kernels {

// One dimension. Between its elements the input has base_dilation - 1 holes, pad_low more in front
// of it (negative: so many places are cut off) and any number behind it.
struct WindowDim {
  int64_t in = 1, out = 1;
  int64_t size = 1, stride = 1, dilation = 1;  // of the window
  int64_t base_dilation = 1, pad_low = 0;
};
struct WindowReduction {
  int rank = 1;
  std::array<WindowDim, kMaxRank> dims{};
};

// Output elements [first, last) of [out…]: the initial value combined with each place of the window
// in row-major order; a place without an input element counts as the initial value once more.
// REQUIRES: rank ≥ 1; sizes, strides and dilations ≥ 1; no coordinate leaves ±2^62.
void ReduceWindow(const WindowReduction& reduction, const Combiner& combine, const void* input,
                  const void* initial, int64_t first, int64_t last, void* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_STABLEHLO_REDUCE_WINDOW_H_
