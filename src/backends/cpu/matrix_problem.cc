#include "src/backends/cpu/matrix_problem.h"

#include "src/backends/weights.h"
#include "src/base/cpu_features.h"
#include "src/base/strings.h"
#include "src/ir/window_shape.h"

namespace edgeml::backends {
namespace {

using ir::NodeView;
using kernels::ConvShape;

// Keeps every coordinate that the kernels compute within 32 bits.
constexpr int64_t kMaxReach = 1 << 24;
// Of weights with a scale each: the work around smaller blocks is more than that in them.
constexpr int32_t kMinBlock = 16;

std::string DeclineWindow(const NodeView& view) {
  const TensorView& input = view.inputs[kMatrixInput];
  const TensorView& filter = view.inputs[kMatrixWeights];
  if (input.rank() != 4 || filter.rank() != 4) return "not 4 dimensions";
  const ir::Window& w = *ir::WindowOf(*view.node);
  for (int64_t reach :
       {int64_t{filter.dim(1)} * w.dilation_h, int64_t{filter.dim(2)} * w.dilation_w,
        int64_t{w.stride_h}, int64_t{w.stride_w}, int64_t{input.dim(1)}, int64_t{input.dim(2)}}) {
    if (reach > kMaxReach) return "a window or image beyond 2^24 pixels";
  }
  return "";
}

std::string DeclineHybridTypes(const NodeView& view, DType weights) {
  if (view.inputs[kMatrixInput].type != DType::kFloat32 ||
      view.inputs[kMatrixWeights].type != weights || view.outputs[0].type != DType::kFloat32 ||
      (view.has_input(kMatrixBias) && view.inputs[kMatrixBias].type != DType::kFloat32))
    return Concat("not float32 with ", NameOf(weights), " weights");
  return "";
}

}  // namespace

ConvShape ConvShapeOf(const NodeView& view, MatrixOp op) {
  const Shape& filter = view.inputs[kMatrixWeights].shape;
  auto s = ir::WindowShape<ConvShape>(*ir::WindowOf(*view.node), view.inputs[kMatrixInput].shape,
                                      filter[1], filter[2], view.outputs[0].shape);
  if (op == MatrixOp::kDepthwise) s.depth_multiplier = s.out_c / s.in_c;
  return s;
}

MatrixProblem ProblemOf(const NodeView& view, MatrixOp op, int element_bytes) {
  MatrixProblem p;
  if (op == MatrixOp::kFullyConnected) {
    const Shape& weights = view.inputs[kMatrixWeights].shape;
    p.n = weights[0];
    p.k = weights[1];
    p.rows = p.n == 0 ? 0 : view.outputs[0].num_elements() / p.n;
    p.images = p.rows;
    p.image_elements = p.k;
    p.patch.row_bytes = p.k * element_bytes;
    p.n_stride = p.k;
    return p;
  }
  const ConvShape s = ConvShapeOf(view, op);
  p.patch = kernels::PatchOf(s, element_bytes);
  p.rows = s.output_rows() * s.out_w;
  p.n = s.out_c;
  p.k = int64_t{s.in_c} * s.filter_h * s.filter_w;
  p.images = s.batch;
  p.rows_per_image = int64_t{s.out_h} * s.out_w;
  p.image_elements = int64_t{s.in_h} * s.in_w * s.in_c;
  // A depthwise convolution of one channel has its filter as [filter_h, filter_w, out_c].
  const bool transposed = op == MatrixOp::kDepthwise;
  p.n_stride = transposed ? 1 : p.k;
  p.k_stride = transposed ? p.n : 1;
  return p;
}

bool HasConstantWeights(const NodeView& view) {
  return view.inputs[kMatrixWeights].is_constant &&
         (!view.has_input(kMatrixBias) || view.inputs[kMatrixBias].is_constant);
}

std::string DeclineStructure(const NodeView& view, MatrixOp op, bool takes_channels,
                             bool any_weights) {
  if (BestSimdLevel() == SimdLevel::kNone) return "no SIMD level on this machine";
  const TensorView& weights = view.inputs[kMatrixWeights];
  if (!any_weights && !weights.is_constant) return "the weights are not constant";
  if (!any_weights && !HasConstantWeights(view)) return "the bias is not constant";
  if (weights.num_elements() == 0) return "no weights";
  if (op == MatrixOp::kFullyConnected) {
    if (view.attrs<ir::FullyConnectedAttrs>().shuffled_4x16_weights) return "shuffled weights";
    if (view.outputs.size() != 1) return "has a second output";
    if (weights.rank() != 2) return "the weights do not have 2 dimensions";
  } else {
    if (std::string reason = DeclineWindow(view); !reason.empty()) return reason;
    const int32_t channels = view.inputs[kMatrixInput].dim(3);
    if (op == MatrixOp::kConv && channels != weights.dim(3)) return "grouped convolution";
    if (op == MatrixOp::kDepthwise && !takes_channels && channels != 1)
      return "more than one channel";
  }
  return DeclineActivation(ir::FusedActivation(*view.node), view.outputs[0]);
}

std::string DeclineInteger(const NodeView& view, MatrixOp op, DType type) {
  const TensorView& input = view.inputs[kMatrixInput];
  const TensorView& weights = view.inputs[kMatrixWeights];
  const TensorView& output = view.outputs[0];
  const bool narrow = type == DType::kInt8 && weights.type == DType::kInt4;
  if (input.type != type || (weights.type != type && !narrow) || output.type != type ||
      (view.has_input(kMatrixBias) && view.inputs[kMatrixBias].type != DType::kInt32))
    return Concat("not all ", NameOf(type), " with an int32 bias");
  std::string reason = DeclineQuantization(weights, "weights", /*zero_scale=*/true);
  const int axis = op == MatrixOp::kDepthwise ? 3 : 0;
  if (reason.empty()) reason = DeclineChannelScales(weights, axis, weights.dim(axis));
  if (reason.empty() && type == DType::kUInt8 && weights.quantization->per_axis())
    reason = "uint8 weights with a scale per channel";
  if (reason.empty() && type == DType::kInt8)
    reason = op == MatrixOp::kDepthwise ? "" : DeclineAsymmetric(weights, "weights");
  if (reason.empty()) reason = DeclineQuantization(input, "input");
  if (reason.empty()) reason = DeclineQuantization(output, "output");
  return reason;
}

std::string DeclineHybrid(const NodeView& view, MatrixOp op, DType type) {
  const TensorView& weights = view.inputs[kMatrixWeights];
  std::string reason = DeclineHybridTypes(view, type);
  if (reason.empty()) reason = DeclineQuantization(weights, "weights", /*zero_scale=*/true);
  const int axis = op == MatrixOp::kDepthwise ? 3 : 0;
  if (reason.empty()) reason = DeclineChannelScales(weights, axis, weights.dim(axis));
  // What the reference does with other zero points differs from operator to operator.
  if (reason.empty() && type == DType::kInt4) reason = DeclineAsymmetric(weights, "weights");
  return reason;
}

std::string DeclineBlocks(const NodeView& view) {
  const TensorView& weights = view.inputs[kMatrixWeights];
  std::string reason = DeclineHybridTypes(view, DType::kInt4);
  if (reason.empty())
    reason = DeclineQuantization(weights, "weights", /*zero_scale=*/true, /*blocks=*/true);
  if (reason.empty() && weights.quantization->block_size < kMinBlock)
    reason = "not in blocks of 16 weights or more";
  if (reason.empty()) reason = DeclineAsymmetric(weights, "weights");
  return reason;
}

std::string DeclineFloat(const NodeView& view) {
  if (view.inputs[kMatrixInput].type != DType::kFloat32 ||
      view.inputs[kMatrixWeights].type != DType::kFloat32 ||
      view.outputs[0].type != DType::kFloat32 ||
      (view.has_input(kMatrixBias) && view.inputs[kMatrixBias].type != DType::kFloat32))
    return "not all float32";
  return "";
}

}  // namespace edgeml::backends
