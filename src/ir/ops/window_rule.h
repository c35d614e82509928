// What the shape rules of convolutions and pools share.
#ifndef EDGEML_IR_OPS_WINDOW_RULE_H_
#define EDGEML_IR_OPS_WINDOW_RULE_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "edgeml/status.h"
#include "src/base/strings.h"
#include "src/ir/op_def.h"

namespace edgeml::ir {

struct WindowSize {
  int32_t h = 0, w = 0;
};

// Output size of a window over in_h x in_w. Besides what WindowOutput checks: pads are not
// negative, and the window with its dilation, the padded input and the padding in front fit 32
// bits, so that kernels may hold them in int32_t.
inline Result<WindowSize> WindowOutputs(const Window& window, int32_t in_h, int32_t in_w,
                                        int32_t filter_h, int32_t filter_w) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  const auto fits = [&](int64_t in, int64_t filter, int64_t dilation, int64_t before,
                        int64_t after) {
    if ((filter - 1) * dilation + 1 > kMax) return false;
    if (window.padding != Padding::kExplicit) return true;
    return before >= 0 && after >= 0 && in + before + after <= kMax;
  };
  if (!fits(in_h, filter_h, window.dilation_h, window.pad_top, window.pad_bottom) ||
      !fits(in_w, filter_w, window.dilation_w, window.pad_left, window.pad_right))
    return Error(Code::kInvalidModel, "padding or dilation out of range");
  WindowSize size;
  EDGEML_ASSIGN_OR_RETURN(size.h, WindowOutput(window, in_h, filter_h, /*vertical=*/true));
  EDGEML_ASSIGN_OR_RETURN(size.w, WindowOutput(window, in_w, filter_w, /*vertical=*/false));
  return size;
}

inline Status CheckRank(const TensorView& view, int rank, std::string_view what) {
  if (view.rank() == rank) return Status::Ok();
  return Error(Code::kInvalidModel, what, " has shape ", view.shape.ToString(), ", expected ", rank,
               " dimensions");
}

// Every dimension but the first is at least 1 (and the first, too, unless `empty_batch`).
inline Status CheckNotEmpty(const TensorView& view, bool empty_batch, std::string_view what) {
  for (int i = empty_batch ? 1 : 0; i < view.rank(); ++i) {
    if (view.dim(i) < 1)
      return Error(Code::kInvalidModel, what, " has shape ", view.shape.ToString(),
                   ", with a dimension of 0");
  }
  return Status::Ok();
}

// Product of counts that are not negative, saturated to int64_t.
inline int64_t SaturatingProduct(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (int64_t factor : factors) {
    if (factor == 0) return 0;
  }
  for (int64_t factor : factors) {
    if (product > std::numeric_limits<int64_t>::max() / factor)
      return std::numeric_limits<int64_t>::max();
    product *= factor;
  }
  return product;
}

}  // namespace edgeml::ir

#endif  // EDGEML_IR_OPS_WINDOW_RULE_H_
