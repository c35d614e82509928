// Paddings: those that the operator after them can make itself, and rows of them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "src/ir/op_def.h"
#include "src/passes/matching.h"
#include "src/passes/pads.h"
#include "src/passes/pass.h"

namespace edgeml::passes {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;
using ir::Window;

std::optional<ImagePads> ImagePadsOf(const std::vector<int64_t>& rows, int rank) {
  if (rank != 4 || rows.size() != 8) return std::nullopt;
  if (rows[0] != 0 || rows[1] != 0 || rows[6] != 0 || rows[7] != 0) return std::nullopt;
  if (*std::min_element(rows.begin(), rows.end()) < 0 ||
      *std::max_element(rows.begin(), rows.end()) > INT16_MAX)
    return std::nullopt;
  return ImagePads{static_cast<int32_t>(rows[2]), static_cast<int32_t>(rows[3]),
                   static_cast<int32_t>(rows[4]), static_cast<int32_t>(rows[5])};
}

namespace {

bool SameAlong(const Window& window, int32_t size, int32_t filter, int32_t before, int32_t after,
               bool vertical) {
  if (filter < 1) return false;
  const int64_t stride = vertical ? window.stride_h : window.stride_w;
  const int64_t dilation = vertical ? window.dilation_h : window.dilation_w;
  const int64_t effective = (int64_t{filter} - 1) * dilation + 1;
  if (size == kUnknownDim)  // with a stride of 1 it does not matter how large the image is
    return stride == 1 && before == (effective - 1) / 2 && before + after == effective - 1;
  const int64_t padded = int64_t{size} + before + after;
  const int64_t out = padded < effective ? 0 : (padded - effective) / stride + 1;
  if (out != (size + stride - 1) / stride || out == 0) return false;
  const int64_t total = std::max<int64_t>((out - 1) * stride + effective - size, 0);
  // What is padded behind beyond need is never read.
  return before == total / 2;
}

}  // namespace

bool IsSamePadding(const Window& window, const Shape& image, int32_t filter_h, int32_t filter_w,
                   const ImagePads& pads) {
  return SameAlong(window, image[1], filter_h, pads.top, pads.bottom, true) &&
         SameAlong(window, image[2], filter_w, pads.left, pads.right, false);
}

namespace {

// The number that a PAD or PADV2 pads a float tensor with.
std::optional<float> PadNumber(const Rewriter& graph, const Node& node) {
  if (node.op == OpCode::kPad) return 0.0f;
  if (node.op != OpCode::kPadV2) return std::nullopt;
  return Splat(graph, node.inputs[2]);
}

// Whether a value is surely nowhere below 0.
bool IsNonNegative(const Rewriter& graph, int32_t v) {
  const int32_t n = graph.Producer(v);
  if (n == ir::kNoNode) return false;
  const Node& node = graph.node(n);
  const ir::Activation fused = ir::FusedActivation(node);
  return node.op == OpCode::kRelu || node.op == OpCode::kRelu6 || node.op == OpCode::kRelu0To1 ||
         node.op == OpCode::kLogistic || node.op == OpCode::kSoftmax ||
         fused == ir::Activation::kRelu || fused == ir::Activation::kRelu6;
}

// PAD before an operator whose SAME padding is the same.
bool IntoWindow(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const bool depthwise = node.op == OpCode::kDepthwiseConv2D;
  const bool conv = node.op == OpCode::kConv2D || depthwise;
  if (!conv && node.op != OpCode::kMaxPool2D) return false;
  if (!IsFloat(graph, node.outputs[0])) return false;
  const int32_t before = graph.Producer(node.inputs[0]);
  if (before == ir::kNoNode) return false;
  const Node& pad = graph.node(before);
  const auto number = PadNumber(graph, pad);
  const auto rows = number ? Integers(graph, pad.inputs[1]) : std::nullopt;
  if (!rows || !IsFloat(graph, pad.outputs[0])) return false;
  const int32_t source = pad.inputs[0];
  const Shape& image = graph.shape(source);
  const auto pads = ImagePadsOf(*rows, image.rank());
  if (!pads) return false;
  int32_t filter_h = 0, filter_w = 0;
  Window window;
  if (conv) {
    const Shape& weights = graph.shape(node.inputs[1]);
    if (*number != 0 || weights.rank() != 4) return false;
    filter_h = weights[1];
    filter_w = weights[2];
    window = depthwise ? node.attrs<ir::DepthwiseConvAttrs>().window
                       : node.attrs<ir::ConvAttrs>().window;
  } else {
    const auto& attrs = node.attrs<ir::PoolAttrs>();
    filter_h = attrs.filter_h;
    filter_w = attrs.filter_w;
    window = attrs.window;
    // SAME leaves what is outside out of the maximum.
    const bool below_all = *number <= std::numeric_limits<float>::lowest();
    if (!below_all && !(*number <= 0 && IsNonNegative(graph, source))) return false;
  }
  if (window.padding != ir::Padding::kValid ||
      !IsSamePadding(window, image, filter_h, filter_w, *pads))
    return false;
  graph.SetInput(n, 0, source);
  Node& changed = graph.mutable_node(n);
  if (auto* conv_attrs = std::get_if<ir::ConvAttrs>(&changed.attributes))
    conv_attrs->window.padding = ir::Padding::kSame;
  if (auto* depthwise_attrs = std::get_if<ir::DepthwiseConvAttrs>(&changed.attributes))
    depthwise_attrs->window.padding = ir::Padding::kSame;
  if (auto* pool_attrs = std::get_if<ir::PoolAttrs>(&changed.attributes))
    pool_attrs->window.padding = ir::Padding::kSame;
  return true;
}

// PAD of PAD with the same number.
bool MergePads(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  const auto number = PadNumber(graph, node);
  if (!number || !IsFloat(graph, node.outputs[0])) return false;
  const int32_t before = graph.SoleProducer(n, 0);
  if (before == ir::kNoNode || PadNumber(graph, graph.node(before)) != number) return false;
  const auto outer = Integers(graph, node.inputs[1]);
  const auto inner = Integers(graph, graph.node(before).inputs[1]);
  if (!outer || !inner || outer->size() != inner->size()) return false;
  std::vector<int32_t> sum;
  for (size_t i = 0; i < outer->size(); ++i) {
    const int64_t both = (*outer)[i] + (*inner)[i];
    if ((*outer)[i] < 0 || (*inner)[i] < 0 || both > INT32_MAX) return false;
    sum.push_back(static_cast<int32_t>(both));
  }
  const std::string name = graph.value(node.inputs[1]).name;
  const Shape shape = graph.shape(node.inputs[1]);
  graph.SetInput(n, 0, graph.node(before).inputs[0]);
  graph.SetInput(n, 1,
                 graph.AddConstant(name, DType::kInt32, shape, std::span<const int32_t>(sum)));
  graph.mutable_node(n);
  return true;
}

// Dilation ------------------------------------------------------------------------------------

// The node that computes input 0 of `n`, past one reshape, if each is needed for this only.
int32_t BeforeReshape(const Rewriter& graph, int32_t n, int32_t* reshape) {
  const int32_t before = graph.SoleProducer(n, 0);
  if (before == ir::kNoNode || !IsReshape(graph.node(before).op)) return before;
  *reshape = before;
  return graph.SoleProducer(before, 0);
}

// SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: that is how TensorFlow writes a dilated one.
// On sequences, reshapes to images and back stand around the convolution.
bool Dilate(Rewriter& graph, int32_t n) {
  if (graph.node(n).op != OpCode::kBatchToSpaceNd) return false;
  int32_t reshape_back = ir::kNoNode, reshape = ir::kNoNode;
  const int32_t at = BeforeReshape(graph, n, &reshape_back);
  if (at == ir::kNoNode) return false;
  const bool depthwise = graph.node(at).op == OpCode::kDepthwiseConv2D;
  if ((graph.node(at).op != OpCode::kConv2D && !depthwise) ||
      !IsFloat(graph, graph.node(at).outputs[0]))
    return false;
  const int32_t space = BeforeReshape(graph, at, &reshape);
  if (space == ir::kNoNode || graph.node(space).op != OpCode::kSpaceToBatchNd ||
      (reshape == ir::kNoNode) != (reshape_back == ir::kNoNode))
    return false;
  const auto block = Integers(graph, graph.node(space).inputs[1]);
  const auto pads = Integers(graph, graph.node(space).inputs[2]);
  const auto crops = Integers(graph, graph.node(n).inputs[2]);
  const bool sequence = reshape != ir::kNoNode;
  const size_t dims = sequence ? 1 : 2;
  if (!block || !pads || !crops || block != Integers(graph, graph.node(n).inputs[1]) ||
      block->size() != dims || pads->size() != 2 * dims || crops->size() != 2 * dims)
    return false;
  const int32_t x = graph.node(space).inputs[0];
  const Shape source = graph.shape(x);
  const Shape image = graph.shape(graph.node(at).inputs[0]);
  const Shape weights = graph.shape(graph.node(at).inputs[1]);
  if (image.rank() != 4 || weights.rank() != 4 || source.rank() != (sequence ? 3 : 4)) return false;
  // On which of the two dimensions of the image a sequence lies.
  const bool along_h = sequence && image[1] != 1;
  if (sequence && (image[along_h ? 2 : 1] != 1 || image[3] != source[2])) return false;
  const Window window = depthwise ? graph.node(at).attrs<ir::DepthwiseConvAttrs>().window
                                  : graph.node(at).attrs<ir::ConvAttrs>().window;
  Window dilated = window;
  ImagePads explicit_pads;
  for (size_t d = 0; d < dims; ++d) {
    const bool vertical = sequence ? along_h : d == 0;
    const int64_t size = (*block)[d], front = (*pads)[2 * d];
    const int64_t back = (*pads)[2 * d + 1] - (*crops)[2 * d + 1];
    if (size < 1 || size > INT16_MAX || (*crops)[2 * d] != 0 || front < 0 || back < 0 ||
        front > INT16_MAX || back > INT16_MAX)
      return false;
    (vertical ? dilated.dilation_h : dilated.dilation_w) = static_cast<int32_t>(size);
    (vertical ? explicit_pads.top : explicit_pads.left) = static_cast<int32_t>(front);
    (vertical ? explicit_pads.bottom : explicit_pads.right) = static_cast<int32_t>(back);
  }
  // Images of one row or column have SAME and VALID the same there when the filter is 1 as well.
  if (window.stride_h != 1 || window.stride_w != 1 || window.dilation_h != 1 ||
      window.dilation_w != 1 ||
      (window.padding != ir::Padding::kValid &&
       !(window.padding == ir::Padding::kSame && weights[1] == 1 && weights[2] == 1)))
    return false;
  if (sequence && weights[along_h ? 2 : 1] != 1) return false;
  Shape open(std::array<int32_t, 4>{kUnknownDim, kUnknownDim, kUnknownDim, 1});
  const bool valid = explicit_pads.top == 0 && explicit_pads.bottom == 0 &&
                     explicit_pads.left == 0 && explicit_pads.right == 0;
  const bool same = IsSamePadding(dilated, open, weights[1], weights[2], explicit_pads);
  dilated.padding = valid ? ir::Padding::kValid : ir::Padding::kSame;

  // The value that is convolved now: x as it is, padded, or as an image.
  const auto as_image = [&](const Shape& shape) {
    if (!sequence) return shape;
    return along_h ? Shape{shape[0], shape[1], 1, shape[2]}
                   : Shape{shape[0], 1, shape[1], shape[2]};
  };
  const int32_t y = graph.node(n).outputs[0];
  if (sequence && (!ReshapeTarget(as_image(source)) || !ReshapeTarget(graph.shape(y))))
    return false;
  int32_t from = x;
  Shape from_shape = source;
  if (!valid && !same) {
    dilated.padding = ir::Padding::kValid;
    for (size_t d = 0; d < dims; ++d) {
      int32_t& dim = from_shape[static_cast<int>(d) + 1];
      if (dim != kUnknownDim)
        dim += static_cast<int32_t>((*pads)[2 * d] + (*pads)[2 * d + 1] - (*crops)[2 * d + 1]);
    }
    std::vector<int32_t> rows(2 * static_cast<size_t>(source.rank()));
    for (size_t d = 0; d < dims; ++d) {
      rows[2 + 2 * d] = static_cast<int32_t>((*pads)[2 * d]);
      rows[3 + 2 * d] = static_cast<int32_t>((*pads)[2 * d + 1] - (*crops)[2 * d + 1]);
    }
    const std::string& name = graph.value(graph.node(space).outputs[0]).name;
    Node pad;
    pad.op = OpCode::kPad;
    pad.attributes = {};
    pad.inputs = {x, graph.AddConstant(name + "/paddings", DType::kInt32, {source.rank(), 2},
                                       std::span<const int32_t>(rows))};
    from = graph.AddLike(x, graph.value(graph.node(space).outputs[0]).name, from_shape);
    pad.outputs = {from};
    graph.InsertBefore(space, std::move(pad));
  }
  if (sequence) {
    const std::string name = graph.value(graph.node(reshape).outputs[0]).name;
    const int32_t wide = graph.AddLike(from, name, as_image(from_shape));
    graph.SetOutput(reshape, 0, wide);
    BecomeReshape(graph, reshape, from);
    from = wide;
  }
  graph.SetInput(at, 0, from);
  Node& changed = graph.mutable_node(at);
  if (depthwise) {
    std::get<ir::DepthwiseConvAttrs>(changed.attributes).window = dilated;
  } else {
    std::get<ir::ConvAttrs>(changed.attributes).window = dilated;
  }
  graph.Remove(space);
  graph.Remove(n);
  if (!sequence) {
    graph.SetOutput(at, 0, y);
    return true;
  }
  Shape out = as_image(graph.shape(y));
  const std::string name = graph.value(graph.node(at).outputs[0]).name;
  const int32_t wide = graph.AddLike(y, name, out);
  graph.SetOutput(at, 0, wide);
  graph.SetOutput(reshape_back, 0, y);
  BecomeReshape(graph, reshape_back, wide);
  return true;
}

}  // namespace

Result<int64_t> FoldPads(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += MergePads(graph, n) || IntoWindow(graph, n) || Dilate(graph, n) ? 1 : 0;
  if (changes > 0) graph.RemoveDead();
  return changes;
}

}  // namespace edgeml::passes
