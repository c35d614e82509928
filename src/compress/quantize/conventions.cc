#include "src/compress/quantize/conventions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/compress/quantize/cells.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using Outputs = Convention::Outputs;

constexpr Convention Own(OpCode op, bool int16 = true) {
  return {.op = op, .outputs = Outputs::kOwn, .int16 = int16};
}
constexpr Convention Same(OpCode op, bool int16 = true) {
  return {.op = op, .outputs = Outputs::kSame, .int16 = int16};
}
constexpr Convention Fixed(OpCode op, bool int16 = true) {
  return {.op = op, .outputs = Outputs::kFixed, .int16 = int16};
}

// Sorted by what is alike. Left out on purpose: DIV, which LiteRT stops at a divisor that rounds to
// zero; NEG, whose kernel does not rescale.
constexpr Convention kConventions[] = {
    {.op = OpCode::kConv2D,
     .weights = 1,
     .bias = 2,
     .channels = 0,
     .int4_weights = true,
     .hybrid = true},
    {.op = OpCode::kDepthwiseConv2D,
     .weights = 1,
     .bias = 2,
     .channels = 3,
     .int4_weights = true,
     .hybrid = true},
    {.op = OpCode::kFullyConnected,
     .weights = 1,
     .bias = 2,
     .channels = 0,
     .int4_weights = true,
     .hybrid = true},
    {.op = OpCode::kTransposeConv, .weights = 1, .bias = 3, .channels = 0},

    {.op = OpCode::kUnidirectionalSequenceLstm, .int16 = false, .cell = true},
    {.op = OpCode::kLstm, .int16 = false, .cell = true},
    {.op = OpCode::kSvdf, .int16 = false, .cell = true},

    Own(OpCode::kAdd),
    Own(OpCode::kSub),
    Own(OpCode::kMul),
    Own(OpCode::kSquaredDifference, false),
    Own(OpCode::kBatchMatMul),
    Own(OpCode::kMean),
    Own(OpCode::kSum),
    Own(OpCode::kAbs),
    Own(OpCode::kRelu),
    Own(OpCode::kRelu6),
    Own(OpCode::kReluN1To1, false),
    Own(OpCode::kRelu0To1, false),
    Own(OpCode::kLeakyRelu),
    Own(OpCode::kPrelu),
    Own(OpCode::kElu, false),
    Own(OpCode::kGelu),
    Own(OpCode::kHardSwish, false),
    Own(OpCode::kExp),
    Own(OpCode::kLog),
    Own(OpCode::kSqrt),
    Own(OpCode::kRsqrt),

    // These only look at their input.
    Own(OpCode::kArgMax, false),
    Own(OpCode::kArgMin, false),
    Own(OpCode::kShape),
    Own(OpCode::kRank),
    // Of int16 LiteRT's kernels shift too far.
    Own(OpCode::kEqual, false),
    Own(OpCode::kNotEqual, false),
    Own(OpCode::kGreater, false),
    Own(OpCode::kGreaterEqual, false),
    Own(OpCode::kLess, false),
    Own(OpCode::kLessEqual, false),

    Same(OpCode::kAveragePool2D),
    Same(OpCode::kMaxPool2D),
    Same(OpCode::kMaximum),
    Same(OpCode::kMinimum),
    Same(OpCode::kReduceMax),
    Same(OpCode::kReduceMin),
    Same(OpCode::kConcatenation),
    Same(OpCode::kPack),
    Same(OpCode::kUnpack),
    Same(OpCode::kSplit),
    Same(OpCode::kSplitV),
    Same(OpCode::kReshape),
    Same(OpCode::kSqueeze),
    Same(OpCode::kExpandDims),
    Same(OpCode::kTranspose),
    Same(OpCode::kPad),
    Same(OpCode::kPadV2),
    Same(OpCode::kMirrorPad),
    Same(OpCode::kSlice),
    Same(OpCode::kStridedSlice),
    Same(OpCode::kGather),
    Same(OpCode::kGatherNd),
    Same(OpCode::kTile),
    Same(OpCode::kBroadcastTo),
    Same(OpCode::kReverseV2),
    Same(OpCode::kSpaceToDepth, false),
    Same(OpCode::kDepthToSpace, false),
    Same(OpCode::kSpaceToBatchNd),
    Same(OpCode::kBatchToSpaceNd),
    Same(OpCode::kResizeBilinear),
    Same(OpCode::kResizeNearestNeighbor),
    Same(OpCode::kSelect),
    Same(OpCode::kSelectV2),
    Same(OpCode::kDynamicUpdateSlice),
    Same(OpCode::kTopKV2),
    Same(OpCode::kEmbeddingLookup),

    Fixed(OpCode::kSoftmax),
    Fixed(OpCode::kLogistic),
    Fixed(OpCode::kTanh),
    Fixed(OpCode::kLogSoftmax, false),
    Fixed(OpCode::kL2Normalization, false),
};

bool IsConstant(const ir::Graph& graph, const ir::Node& node, size_t i) {
  return node.inputs.size() > i && node.inputs[i] != ir::kNoValue &&
         graph.values[static_cast<size_t>(node.inputs[i])].is_constant();
}

}  // namespace

Affine AffineOf(Range range, DType type) {
  const double low = std::min(range.min, 0.0f), high = std::max(range.max, 0.0f);
  constexpr double kLeast = std::numeric_limits<float>::min();
  if (type == DType::kInt16) {
    const double scale = std::max(-low, high) / 32767;
    return {scale < kLeast ? 1.0f : static_cast<float>(scale), 0};
  }
  const int32_t lowest = type == DType::kUInt8 ? 0 : -128, highest = lowest + 255;
  const double scale = (high - low) / 255;
  if (scale < kLeast) return {1.0f, lowest + 128};
  const double zero = std::round(lowest - low / scale);
  return {static_cast<float>(scale),
          static_cast<int32_t>(std::clamp<double>(zero, lowest, highest))};
}

std::span<const Convention> Conventions() { return kConventions; }

const Convention* ConventionOf(OpCode op) {
  const auto* const it = std::ranges::find(kConventions, op, &Convention::op);
  return it == std::end(kConventions) ? nullptr : it;
}

Affine FixedAffine(OpCode op, DType type) {
  const bool symmetric = op == OpCode::kTanh || op == OpCode::kL2Normalization;
  if (type == DType::kInt16) return {1.0f / 32768, 0};
  if (op == OpCode::kLogSoftmax) return {16.0f / 256, 127};
  if (symmetric) return {1.0f / 128, 0};
  return {1.0f / 256, -128};
}

DType ConstantTypeOf(OpCode op, DType activations) {
  return op == OpCode::kPrelu ? DType::kInt8 : activations;
}

const char* WhyNot(const ir::Graph& graph, const ir::Node& node, DType activations) {
  const Convention* const convention = ConventionOf(node.op);
  if (convention == nullptr) return "no quantized form";
  if (activations == DType::kInt16 ? !convention->int16 : !convention->int8)
    return activations == DType::kInt16 ? "no int16 form" : "no int8 form";
  if (convention->weights >= 0) {
    if (!IsConstant(graph, node, static_cast<size_t>(convention->weights)))
      return "its weights are computed";
    const auto bias = static_cast<size_t>(convention->bias);
    if (node.inputs.size() > bias && node.inputs[bias] != ir::kNoValue &&
        !IsConstant(graph, node, bias))
      return "its bias is computed";
  }
  if (convention->cell) return WhyNotCell(graph, node);
  switch (node.op) {
    case OpCode::kPrelu:
      if (!IsConstant(graph, node, 1)) return "its slopes are computed";
      break;
    case OpCode::kFullyConnected: {
      const ir::Activation activation = node.attrs<ir::FullyConnectedAttrs>().activation;
      if (activation == ir::Activation::kTanh || activation == ir::Activation::kSignBit)
        return "its activation";
      break;
    }
    default:
      break;
  }
  return nullptr;
}

}  // namespace edgeml::quantize
