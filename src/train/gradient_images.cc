// Pools, resizing, and what sums over dimensions.
#include <algorithm>

#include "src/base/strings.h"
#include "src/ir/ops/movement_rules.h"
#include "src/ir/window_shape.h"
#include "src/kernels/pooling/gradient.h"
#include "src/kernels/reduction/gradient.h"
#include "src/kernels/resize/resize.h"
#include "src/kernels/softmax/gradient.h"
#include "src/train/gradient_ops.h"

namespace edgeml::train {
namespace {

using ir::OpCode;

// Nothing to pass on.
bool Idle(const GradientContext& c) {
  return c.output_gradients[0] == nullptr || c.input_gradients[0] == nullptr ||
         c.outputs[0].num_elements() == 0 || c.inputs[0].num_elements() == 0;
}

}  // namespace

Status PoolGradient(const GradientContext& c) {
  if (Idle(c)) return Status::Ok();
  const auto& attrs = c.attrs<ir::PoolAttrs>();
  const auto s = ir::WindowShape<kernels::PoolShape>(
      attrs.window, c.inputs[0].shape, attrs.filter_h, attrs.filter_w, c.outputs[0].shape);
  const bool is_max = c.node->op == OpCode::kMaxPool2D;
  c.pool->ParallelFor(s.batch, 1, [&](int64_t begin, int64_t end, int) {
    if (is_max) {
      kernels::MaxPoolGradient(s, c.inputs[0].as<float>(), c.output_gradients[0],
                               c.input_gradients[0], begin, end);
    } else {
      kernels::AveragePoolGradient(s, c.output_gradients[0], c.input_gradients[0], begin, end);
    }
  });
  return Status::Ok();
}

Status ResizeGradient(const GradientContext& c) {
  if (Idle(c)) return Status::Ok();
  const auto& attrs = c.attrs<ir::ResizeAttrs>();
  const Shape &input = c.inputs[0].shape, &output = c.outputs[0].shape;
  kernels::ResizeShape s;
  s.batch = input[0];
  s.in_h = input[1];
  s.in_w = input[2];
  s.channels = input[3];
  s.out_h = output[1];
  s.out_w = output[2];
  s.align_corners = attrs.align_corners;
  s.half_pixel_centers = attrs.half_pixel_centers;
  const auto gradient = c.node->op == OpCode::kResizeBilinear ? kernels::ResizeBilinearGradient
                                                              : kernels::ResizeNearestGradient;
  c.pool->ParallelFor(s.batch, 1, [&](int64_t begin, int64_t end, int) {
    gradient(s, c.output_gradients[0], c.input_gradients[0], static_cast<int32_t>(begin),
             static_cast<int32_t>(end));
  });
  return Status::Ok();
}

Status ReductionGradient(const GradientContext& c) {
  if (Idle(c)) return Status::Ok();
  const TensorView& axes = c.inputs[1];
  Shape kept = c.inputs[0].shape;
  for (int64_t i = 0; i < axes.num_elements(); ++i) {
    EDGEML_ASSIGN_OR_RETURN(const int axis, ir::CheckedAxis(ir::IndexAt(axes, i), kept.rank()));
    kept[axis] = 1;
  }
  const int64_t count = c.inputs[0].num_elements() / kept.num_elements();
  kernels::SumGradient(kernels::MakeBroadcastPlan(c.inputs[0].shape, {kept}),
                       c.node->op == OpCode::kMean ? 1.0f / static_cast<float>(count) : 1.0f,
                       c.output_gradients[0], c.input_gradients[0]);
  return Status::Ok();
}

Status SoftmaxGradient(const GradientContext& c) {
  if (Idle(c)) return Status::Ok();
  const int64_t depth = c.outputs[0].rank() == 0 ? 1 : c.outputs[0].shape.back();
  const int64_t rows = c.outputs[0].num_elements() / depth;
  if (c.node->op == OpCode::kSoftmax) {
    kernels::SoftmaxGradient(c.outputs[0].as<float>(), c.output_gradients[0], rows, depth,
                             c.attrs<ir::SoftmaxAttrs>().beta, c.input_gradients[0]);
  } else {
    kernels::LogSoftmaxGradient(c.outputs[0].as<float>(), c.output_gradients[0], rows, depth,
                                c.input_gradients[0]);
  }
  return Status::Ok();
}

}  // namespace edgeml::train
