// What the shape rules of StableHLO's operators share with the steps that run them.
#ifndef EDGEML_IR_OPS_STABLEHLO_RULES_H_
#define EDGEML_IR_OPS_STABLEHLO_RULES_H_

#include <array>
#include <cstdint>

#include "edgeml/status.h"
#include "src/ir/op_def.h"
#include "src/tensor/shape.h"

namespace edgeml::ir {

// One dimension of a sliding window, checked: sizes, strides and dilations in [1, 2^31), and the
// input with its holes and padding in [0, 2^31).
struct SlidingDim {
  int64_t size = 1, stride = 1, dilation = 1, base_dilation = 1, pad_low = 0;
  int32_t out = 0;
};
using SlidingDims = std::array<SlidingDim, kMaxRank>;

// STABLEHLO_REDUCE_WINDOW and REDUCE_WINDOW. For the latter the values of inputs 2 to 4 must be
// known.
Result<SlidingDims> ResolveWindow(const StablehloReduceWindowAttrs& attrs, const Shape& input);
Result<SlidingDims> ResolveWindow(const Shape& input, const TensorView& sizes,
                                  const TensorView& strides, const TensorView& dilations);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_OPS_STABLEHLO_RULES_H_
