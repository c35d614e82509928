// What a window operator does to an image, as kernels take it.
#ifndef EDGEML_IR_WINDOW_SHAPE_H_
#define EDGEML_IR_WINDOW_SHAPE_H_

#include <cstdint>

#include "src/ir/op_def.h"

namespace edgeml::ir {

// A filter of filter_h by filter_w that slides over `input` [batch, height, width, channels] and
// makes `output`: a kernels::ConvShape, or a kernels::PoolShape, which has neither dilation nor
// other channels in its output. (A template, as the graph does not know the kernels.) Groups and
// depth multiplier are left at 1. REQUIRES: shapes of rank 4.
template <typename KernelShape>
KernelShape WindowShape(const Window& window, const Shape& input, int32_t filter_h,
                        int32_t filter_w, const Shape& output) {
  KernelShape s;
  s.batch = input[0];
  s.in_h = input[1];
  s.in_w = input[2];
  s.out_h = output[1];
  s.out_w = output[2];
  s.filter_h = filter_h;
  s.filter_w = filter_w;
  s.stride_h = window.stride_h;
  s.stride_w = window.stride_w;
  s.pad_top = WindowPadBefore(window, s.in_h, filter_h, s.out_h, /*vertical=*/true);
  s.pad_left = WindowPadBefore(window, s.in_w, filter_w, s.out_w, /*vertical=*/false);
  if constexpr (requires { s.dilation_h; }) {
    s.dilation_h = window.dilation_h;
    s.dilation_w = window.dilation_w;
    s.in_c = input[3];
    s.out_c = output[3];
  } else {
    s.channels = input[3];
  }
  return s;
}

}  // namespace edgeml::ir

#endif  // EDGEML_IR_WINDOW_SHAPE_H_
