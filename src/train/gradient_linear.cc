// Convolutions, dense layers, products of matrices.
#include <algorithm>
#include <vector>

#include "src/base/cpu_features.h"
#include "src/ir/window_shape.h"
#include "src/kernels/convolution/gradient.h"
#include "src/kernels/matmul/gradient.h"
#include "src/train/gradient_ops.h"

namespace edgeml::train {
namespace {

using kernels::ConvShape;

constexpr size_t kInput = 0, kFilter = 1, kBias = 2;

ConvShape ShapeOf(const GradientContext& c) {
  const Shape& filter = c.inputs[kFilter].shape;
  return ir::WindowShape<ConvShape>(*ir::WindowOf(*c.node), c.inputs[kInput].shape, filter[1],
                                    filter[2], c.outputs[0].shape);
}

void AddBias(const GradientContext& c, int64_t channels) {
  if (!c.has_input(kBias) || c.input_gradients[kBias] == nullptr || channels == 0) return;
  kernels::BiasGradient(c.outputs[0].num_elements() / channels, channels, c.output_gradients[0],
                        c.input_gradients[kBias]);
}

// What is left to do with nothing to sum over.
bool Empty(const GradientContext& c) {
  return c.outputs[0].num_elements() == 0 || c.inputs[kInput].num_elements() == 0 ||
         c.inputs[kFilter].num_elements() == 0;
}

void AddConvolution(const GradientContext& c, const ConvShape& shape) {
  const kernels::ConvGradient gradient(BestSimdLevel(), shape);
  const float* const dy = c.output_gradients[0];
  const size_t threads = static_cast<size_t>(c.pool->num_threads());
  const size_t workspace = (gradient.workspace_floats() + 15) / 16 * 16;
  float* const dx = c.input_gradients[kInput];
  if (dx != nullptr) {
    float* const scratch = c.scratch->Get(threads * workspace + gradient.packed_floats());
    float* const packed = scratch + threads * workspace;
    gradient.PackFilter(c.inputs[kFilter].as<float>(), packed);
    c.pool->ParallelFor(gradient.input_pieces(), 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i)
        gradient.RunInput(i, packed, dy, scratch + static_cast<size_t>(worker) * workspace, dx);
    });
  }
  float* const dw = c.input_gradients[kFilter];
  if (dw != nullptr) {
    const size_t size = gradient.filter_floats();
    const auto pieces = static_cast<size_t>(gradient.filter_pieces());
    float* const scratch = c.scratch->Get(threads * workspace + pieces * size);
    float* const partial = scratch + threads * workspace;
    const float* const x = c.inputs[kInput].as<float>();
    c.pool->ParallelFor(gradient.filter_pieces(), 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i)
        gradient.RunFilter(i, x, dy, scratch + static_cast<size_t>(worker) * workspace, partial);
    });
    for (size_t piece = 0; piece < pieces; ++piece)
      for (size_t i = 0; i < size; ++i) dw[i] += partial[piece * size + i];
  }
}

}  // namespace

Status ConvolutionGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || Empty(c)) return Status::Ok();
  ConvShape shape = ShapeOf(c);
  shape.groups = shape.in_c / c.inputs[kFilter].dim(3);
  AddConvolution(c, shape);
  AddBias(c, shape.out_c);
  return Status::Ok();
}

Status DepthwiseConvolutionGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || Empty(c)) return Status::Ok();
  ConvShape shape = ShapeOf(c);
  shape.depth_multiplier = shape.out_c / shape.in_c;
  const float* const dy = c.output_gradients[0];
  const float *const x = c.inputs[kInput].as<float>(), *const w = c.inputs[kFilter].as<float>();
  float *const dx = c.input_gradients[kInput], *const dw = c.input_gradients[kFilter];
  if (shape.depth_multiplier == 1) {
    const kernels::DepthwiseGradient gradient(BestSimdLevel(), shape);
    if (dx != nullptr)
      c.pool->ParallelFor(gradient.input_pieces(), 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) gradient.RunInput(i, w, dy, dx);
      });
    if (dw != nullptr)
      c.pool->ParallelFor(gradient.filter_pieces(), 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) gradient.RunFilter(i, x, dy, dw);
      });
  } else {
    if (dx != nullptr) kernels::DepthwiseInputGradient(shape, w, dy, dx);
    if (dw != nullptr) kernels::DepthwiseFilterGradient(shape, x, dy, dw);
  }
  AddBias(c, shape.out_c);
  return Status::Ok();
}

Status FullyConnectedGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr || Empty(c)) return Status::Ok();
  const Shape& weights = c.inputs[kFilter].shape;
  ConvShape shape;
  shape.batch = static_cast<int32_t>(c.outputs[0].num_elements() / weights[0]);
  shape.in_c = weights[1];
  shape.out_c = weights[0];
  AddConvolution(c, shape);
  AddBias(c, shape.out_c);
  return Status::Ok();
}

Status BatchMatMulGradient(const GradientContext& c) {
  if (c.output_gradients[0] == nullptr) return Status::Ok();
  const auto& attrs = c.attrs<ir::BatchMatMulAttrs>();
  if (c.outputs[0].rank() > 5)
    return Status(Code::kUnsupported, "a product of more than 5 dimensions has no gradient");
  const Shape x = c.inputs[0].shape.ExpandedTo(5), y = c.inputs[1].shape.ExpandedTo(5);
  const Shape out = c.outputs[0].shape.ExpandedTo(5);
  kernels::BatchMatMulShape s;
  s.rows = out[3];
  s.cols = out[4];
  s.depth = x[attrs.adj_x ? 3 : 4];
  int64_t x_size = s.rows * s.depth, y_size = s.depth * s.cols;
  for (int i = 2; i >= 0; --i) {
    s.batch[i] = out[i];
    s.x_batch_stride[i] = x[i] == 1 ? 0 : x_size;
    s.y_batch_stride[i] = y[i] == 1 ? 0 : y_size;
    x_size *= x[i];
    y_size *= y[i];
  }
  s.x_row_stride = attrs.adj_x ? 1 : s.depth;
  s.x_depth_stride = attrs.adj_x ? s.rows : 1;
  s.y_depth_stride = attrs.adj_y ? 1 : s.cols;
  s.y_col_stride = attrs.adj_y ? s.depth : 1;
  kernels::BatchMatMulGradient(s, c.inputs[0].as<float>(), c.inputs[1].as<float>(),
                               c.output_gradients[0], c.input_gradients[0], c.input_gradients[1]);
  return Status::Ok();
}

}  // namespace edgeml::train
