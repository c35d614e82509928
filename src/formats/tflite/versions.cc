#include "src/formats/tflite/versions.h"

#include <algorithm>
#include <vector>

namespace edgeml::tflite {
namespace {

using ir::OpCode;

// What the rules ask about a node.
class View {
 public:
  View(const ir::Node& node, const ir::Graph& graph) : node_(node), graph_(graph) {}

  template <typename A>
  const A& attrs() const {
    return node_.attrs<A>();
  }
  size_t num_inputs() const { return node_.inputs.size(); }
  // Null when absent.
  const ir::Value* input(size_t i) const { return Get(node_.inputs, i); }
  const ir::Value* output(size_t i) const { return Get(node_.outputs, i); }
  DType type(size_t i) const { return input(i) != nullptr ? input(i)->type : DType::kInvalid; }
  DType output_type() const { return output(0) != nullptr ? output(0)->type : DType::kInvalid; }
  int rank(size_t i) const { return input(i) != nullptr ? input(i)->shape.rank() : 0; }
  int dim(size_t i, int d) const { return d < rank(i) ? input(i)->shape[d] : 0; }
  bool quantized(size_t i) const { return input(i) != nullptr && !input(i)->quantization.empty(); }
  // One scale for each index of dimension `d`.
  bool per_channel(size_t i, int d) const {
    return quantized(i) && dim(i, d) > 0 &&
           input(i)->quantization.scale.size() == static_cast<size_t>(dim(i, d));
  }
  // Float tensors with int8 weights.
  bool hybrid(size_t weights = 1) const {
    return type(0) == DType::kFloat32 && type(weights) == DType::kInt8 &&
           output_type() == DType::kFloat32;
  }
  // All int8, or int8 with int4 weights, or int16 ….
  bool types(DType in, DType weights) const {
    return type(0) == in && type(1) == weights && output_type() == in;
  }

 private:
  const ir::Value* Get(const std::vector<int32_t>& values, size_t i) const {
    if (i >= values.size() || values[i] == ir::kNoValue) return nullptr;
    return &graph_.values[static_cast<size_t>(values[i])];
  }
  const ir::Node& node_;
  const ir::Graph& graph_;
};

constexpr uint32_t Bit(DType type) { return 1u << static_cast<unsigned>(type); }
constexpr uint32_t kI2 = Bit(DType::kInt2), kI4 = Bit(DType::kInt4), kU4 = Bit(DType::kUInt4),
                   kI8 = Bit(DType::kInt8), kU8 = Bit(DType::kUInt8), kI16 = Bit(DType::kInt16),
                   kU16 = Bit(DType::kUInt16), kI32 = Bit(DType::kInt32),
                   kU32 = Bit(DType::kUInt32), kI64 = Bit(DType::kInt64),
                   kF16 = Bit(DType::kFloat16), kBF16 = Bit(DType::kBFloat16),
                   kF32 = Bit(DType::kFloat32), kF64 = Bit(DType::kFloat64),
                   kBool = Bit(DType::kBool), kString = Bit(DType::kString),
                   kComplex = Bit(DType::kComplex64);

// The first rule that holds for a node gives its version; 1 when none does.
struct Rule {
  OpCode op;
  int8_t version;
  // Input `slot` (kOutput: output 0) has one of these types; 0 = any.
  uint32_t types = 0;
  int8_t slot = 0;
  bool (*when)(const View& v) = nullptr;  // and this holds
};
constexpr int8_t kOutput = -1;

bool Int16(const View& v) { return v.type(0) == DType::kInt16 && v.output_type() == DType::kInt16; }
bool RankOver4(const View& v) { return v.rank(0) > 4; }
// Of shapes that differ and have more dimensions than the first kernels took.
bool WideBroadcast(const View& v) {
  return v.input(0) != nullptr && v.input(1) != nullptr &&
         !(v.input(0)->shape == v.input(1)->shape) && std::max(v.rank(0), v.rank(1)) > 4;
}
bool Unquantized(const View& v) { return !v.quantized(0) && !v.quantized(1); }
bool ProductOfScales(const View& v) {
  const ir::Value* const out = v.output(0);
  if (!v.quantized(0) || !v.quantized(1) || out == nullptr || out->quantization.empty())
    return false;
  const float product = v.input(0)->quantization.scale[0] * v.input(1)->quantization.scale[0];
  return product != 0 && out->quantization.scale[0] != 0 &&
         product / out->quantization.scale[0] >= 1.0f;
}
bool GroupedConv(const View& v) { return v.rank(0) > 3 && v.dim(0, 3) != v.dim(1, 3); }
bool BiasTypeStated(const View& v, DType stated) {
  return v.types(DType::kInt16, DType::kInt8) && stated != DType::kFloat32;
}
bool OutputPerChannel(const View& v) {
  const ir::Value* const out = v.output(0);
  return out != nullptr && out->quantization.per_axis();
}
template <typename A>
bool AsymmetricHybrid(const View& v) {
  return v.attrs<A>().asymmetric_quantize_inputs;
}
bool HalfPixels(const View& v) { return v.attrs<ir::ResizeAttrs>().half_pixel_centers; }

constexpr Rule kRules[] = {
    {OpCode::kAbs, 5, kI32},
    {OpCode::kAbs, 3, kI16, 0, [](const View& v) { return v.quantized(0); }},
    {OpCode::kAbs, 4, kI16},
    {OpCode::kAbs, 2, kI8 | kU8},
    {OpCode::kAdd, 6, kF16},
    {OpCode::kAdd, 5, kI16, 0, [](const View& v) { return !v.quantized(0); }},
    {OpCode::kAdd, 4, kI64},
    {OpCode::kAdd, 3, kI16, 0,
     [](const View& v) { return Int16(v) && !v.attrs<ir::BinaryAttrs>().pot_scale_int16; }},
    {OpCode::kAdd, 2, kI8},
    {OpCode::kArgMax, 3, kBool},
    {OpCode::kArgMax, 2, kI8},
    {OpCode::kArgMin, 3, kBool},
    {OpCode::kArgMin, 2, kI8},
    {OpCode::kAveragePool2D, 3, kI16},
    {OpCode::kAveragePool2D, 2, kI8},
    {OpCode::kBatchMatMul, 3, kI16},
    {OpCode::kBatchMatMul, 2, kI8},
    {OpCode::kBatchMatMul, 4, 0, 0,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::BatchMatMulAttrs>(v); }},
    {OpCode::kBatchToSpaceNd, 4, kI16},
    {OpCode::kBatchToSpaceNd, 3, 0, 0, [](const View& v) { return v.rank(0) != 4; }},
    {OpCode::kBatchToSpaceNd, 2, kI8},
    {OpCode::kBidirectionalSequenceLstm, 3, kI8, 1,
     [](const View& v) {
       return v.hybrid() && AsymmetricHybrid<ir::BidirectionalLstmAttrs>(v);
     }},
    {OpCode::kBidirectionalSequenceLstm, 2, kI8, 1, [](const View& v) { return v.hybrid(); }},
    {OpCode::kBidirectionalSequenceRnn, 3, kI8, 1,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::BidirectionalRnnAttrs>(v); }},
    {OpCode::kBidirectionalSequenceRnn, 2, kI8, 1, [](const View& v) { return v.hybrid(); }},
    {OpCode::kBroadcastTo, 3, kI8 | kI16},
    {OpCode::kBroadcastTo, 2},  // its version 1 was taken back
    {OpCode::kCast, 8, kI2 | kU4},
    {OpCode::kCast, 8, kI2 | kU4, kOutput},
    {OpCode::kCast, 7, kBF16},
    {OpCode::kCast, 7, kBF16, kOutput},
    {OpCode::kCast, 6, kI4, 0, [](const View& v) { return v.output_type() == DType::kFloat32; }},
    {OpCode::kCast, 5, kF64 | kF16},
    {OpCode::kCast, 5, kF64 | kF16, kOutput},
    {OpCode::kCast, 4, kU16},
    {OpCode::kCast, 4, kU16, kOutput},
    {OpCode::kCast, 3, kI8},
    {OpCode::kCast, 3, kI8, kOutput},
    {OpCode::kCast, 2, kU32},
    {OpCode::kCast, 2, kU32, kOutput},
    {OpCode::kConcatenation, 6, kF16},
    {OpCode::kConcatenation, 5, kI4},
    {OpCode::kConcatenation, 4, kU32},
    {OpCode::kConcatenation, 3, kI16},
    {OpCode::kConcatenation, 2, kI8},
    {OpCode::kConv2D, 8, 0, 0,
     [](const View& v) {
       return BiasTypeStated(v, v.attrs<ir::ConvAttrs>().quantized_bias_type);
     }},
    {OpCode::kConv2D, 6, 0, 0, GroupedConv},
    {OpCode::kConv2D, 4, 0, 0, [](const View& v) { return v.types(DType::kInt16, DType::kInt16); }},
    {OpCode::kConv2D, 3, 0, 0, [](const View& v) { return v.types(DType::kInt8, DType::kInt8); }},
    {OpCode::kConv2D, 7, 0, 0, [](const View& v) { return v.types(DType::kInt8, DType::kInt4); }},
    {OpCode::kConv2D, 5, 0, 0, [](const View& v) { return v.hybrid() && v.per_channel(1, 0); }},
    {OpCode::kConv2D, 2, 0, 0, [](const View& v) { return v.hybrid(); }},
    {OpCode::kCos, 2, kF16},
    {OpCode::kDepthToSpace, 2, kI8},
    {OpCode::kDepthwiseConv2D, 5, 0, 0,
     [](const View& v) { return v.types(DType::kInt16, DType::kInt16); }},
    {OpCode::kDepthwiseConv2D, 6, 0, 0,
     [](const View& v) { return v.hybrid() && v.per_channel(1, 3); }},
    {OpCode::kDepthwiseConv2D, 4, 0, 0, [](const View& v) { return v.hybrid(); }},
    {OpCode::kDepthwiseConv2D, 3, 0, 0,
     [](const View& v) { return v.types(DType::kInt8, DType::kInt8); }},
    {OpCode::kDepthwiseConv2D, 7, 0, 0,
     [](const View& v) { return v.types(DType::kInt8, DType::kInt4); }},
    {OpCode::kDepthwiseConv2D, 2, 0, 0,
     [](const View& v) {
       const ir::Window& window = v.attrs<ir::DepthwiseConvAttrs>().window;
       return window.dilation_h != 1 || window.dilation_w != 1;
     }},
    {OpCode::kDequantize, 8, kU4},
    {OpCode::kDequantize, 7, kI2},
    {OpCode::kDequantize, 6, kI4},
    {OpCode::kDequantize, 3, kI16 | kF16},
    {OpCode::kDequantize, 5, kI8, 0,
     [](const View& v) { return v.input(0)->quantization.per_axis(); }},
    {OpCode::kDequantize, 2, kI8},
    {OpCode::kDiv, 2, 0, 0, WideBroadcast},
    {OpCode::kDynamicUpdateSlice, 6, kBF16},
    {OpCode::kDynamicUpdateSlice, 5, kI4},
    {OpCode::kDynamicUpdateSlice, 4, kI16},
    {OpCode::kDynamicUpdateSlice, 3, kF16},
    {OpCode::kDynamicUpdateSlice, 2, kI64, 2},
    {OpCode::kEmbeddingLookup, 4, kI4, 1},
    {OpCode::kEmbeddingLookup, 4, 0, 1,
     [](const View& v) { return v.per_channel(1, 0) && v.input(1)->quantization.per_axis(); }},
    {OpCode::kEmbeddingLookup, 5, kI2, 1},
    {OpCode::kEqual, 5, kI16},
    {OpCode::kEqual, 3, kString},
    {OpCode::kEqual, 2, kI8},
    {OpCode::kExp, 2, kI8 | kI16},
    {OpCode::kFakeQuant, 2, 0, 0,
     [](const View& v) { return v.attrs<ir::FakeQuantAttrs>().narrow_range; }},
    {OpCode::kFill, 4, kF16, 1},
    {OpCode::kFill, 3, kI8 | kI16, 1},
    {OpCode::kFill, 2, kBool | kString, 1},
    {OpCode::kFloorDiv, 3, kI16 | kI8},
    {OpCode::kFloorDiv, 2, kF32},
    {OpCode::kFloorMod, 2, kI16 | kI8},
    {OpCode::kFullyConnected, 14, kI2, 1},
    {OpCode::kFullyConnected, 13, 0, 0,
     [](const View& v) { return v.types(DType::kInt16, DType::kInt4); }},
    {OpCode::kFullyConnected, 12, 0, 0,
     [](const View& v) { return v.hybrid() && v.per_channel(1, 0); }},
    {OpCode::kFullyConnected, 11, 0, 0,
     [](const View& v) {
       return BiasTypeStated(v, v.attrs<ir::FullyConnectedAttrs>().quantized_bias_type);
     }},
    {OpCode::kFullyConnected, 8, 0, 0,
     [](const View& v) { return v.input(1) != nullptr && v.input(1)->sparsity != nullptr; }},
    {OpCode::kFullyConnected, 7, 0, 0,
     [](const View& v) { return v.types(DType::kInt16, DType::kInt16); }},
    {OpCode::kFullyConnected, 6, 0, 0, [](const View& v) { return v.num_inputs() == 2; }},
    {OpCode::kFullyConnected, 5, 0, 0,
     [](const View& v) { return v.attrs<ir::FullyConnectedAttrs>().keep_num_dims; }},
    {OpCode::kFullyConnected, 4, 0, 0,
     [](const View& v) { return v.types(DType::kInt8, DType::kInt8); }},
    {OpCode::kFullyConnected, 10, 0, 0,
     [](const View& v) { return v.types(DType::kInt8, DType::kInt4); }},
    {OpCode::kFullyConnected, 9, 0, 0,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::FullyConnectedAttrs>(v); }},
    {OpCode::kFullyConnected, 3, 0, 0, [](const View& v) { return v.hybrid(); }},
    {OpCode::kFullyConnected, 2, 0, 0,
     [](const View& v) { return v.attrs<ir::FullyConnectedAttrs>().shuffled_4x16_weights; }},
    {OpCode::kGather, 7, kI4},
    {OpCode::kGather, 6, kI16, 1},
    {OpCode::kGather, 5, 0, 0,
     [](const View& v) { return v.attrs<ir::GatherAttrs>().batch_dims != 0; }},
    {OpCode::kGather, 4, kI16},
    {OpCode::kGather, 3, kBool},
    {OpCode::kGather, 2, kI8},
    {OpCode::kGatherNd, 5, kBool},
    {OpCode::kGatherNd, 4, kI16, 1},
    {OpCode::kGatherNd, 3, kI16},
    {OpCode::kGatherNd, 2, kString},
    {OpCode::kGelu, 3, kF16},
    {OpCode::kGelu, 2, kI8 | kU8},
    {OpCode::kGreater, 2, kI8},
    {OpCode::kGreaterEqual, 3, kI16},
    {OpCode::kGreaterEqual, 2, kI8},
    {OpCode::kL2Normalization, 2, kI8, kOutput},
    {OpCode::kLeakyRelu, 2, kI16},
    {OpCode::kLess, 3, kI16},
    {OpCode::kLess, 2, kI8},
    {OpCode::kLessEqual, 2, kI8},
    {OpCode::kLog, 2, kI8 | kI16},
    {OpCode::kLogistic, 3, kI16},
    {OpCode::kLogistic, 2, kI8},
    {OpCode::kLogSoftmax, 2, kI8},
    {OpCode::kLstm, 2, 0, 0, [](const View& v) { return v.attrs<ir::LstmAttrs>().basic_kernel; }},
    {OpCode::kLstm, 5, kI16, 0,
     [](const View& v) { return v.type(2) == DType::kInt8 && Int16(v); }},
    {OpCode::kLstm, 4, 0, 0,
     [](const View& v) { return v.hybrid(2) && AsymmetricHybrid<ir::LstmAttrs>(v); }},
    {OpCode::kLstm, 3, 0, 0, [](const View& v) { return v.hybrid(2); }},
    {OpCode::kMaximum, 4, kI16, 0, Int16},
    {OpCode::kMaximum, 3, 0, 0, WideBroadcast},
    {OpCode::kMaximum, 2, kI8},
    {OpCode::kMaxPool2D, 3, kI16},
    {OpCode::kMaxPool2D, 2, kI8},
    {OpCode::kMean, 3, kI16},
    {OpCode::kMean, 2, kI8},
    {OpCode::kMinimum, 4, kI16, 0, Int16},
    {OpCode::kMinimum, 3, 0, 0, WideBroadcast},
    {OpCode::kMinimum, 2, kI8},
    {OpCode::kMirrorPad, 3, kI16},
    {OpCode::kMirrorPad, 2, kI8},
    {OpCode::kMul, 8, kF16},
    {OpCode::kMul, 7, kI16, 0, Unquantized},
    {OpCode::kMul, 7, kU32},
    {OpCode::kMul, 6, kComplex},
    {OpCode::kMul, 5, kI64},
    {OpCode::kMul, 4, kI16},
    {OpCode::kMul, 3, 0, 0, ProductOfScales},
    {OpCode::kMul, 2, kI8},
    {OpCode::kNotEqual, 4, kI16},
    {OpCode::kNotEqual, 3, kString},
    {OpCode::kNotEqual, 2, kI8},
    {OpCode::kPack, 2, kI8},
    {OpCode::kPack, 3, kI16, 0, Int16},
    {OpCode::kPack, 4, kU32},
    {OpCode::kPad, 5, kBool},
    {OpCode::kPad, 4, 0, 0, RankOver4},
    {OpCode::kPad, 3, kI16},
    {OpCode::kPad, 2, kI8},
    {OpCode::kPadV2, 5, kBool},
    {OpCode::kPadV2, 4, 0, 0, RankOver4},
    {OpCode::kPadV2, 3, kI16},
    {OpCode::kPadV2, 2, kI8},
    {OpCode::kQuantize, 5, kU4},
    {OpCode::kQuantize, 5, kU4, kOutput},
    {OpCode::kQuantize, 4, kI4},
    {OpCode::kQuantize, 4, kI4, kOutput},
    {OpCode::kQuantize, 3, 0, 0, OutputPerChannel},
    {OpCode::kQuantize, 2, kI16, kOutput},
    {OpCode::kRange, 2, kI64},
    {OpCode::kReduceMax, 3, kI16},
    {OpCode::kReduceMax, 2, kI8},
    {OpCode::kReduceMin, 3, kI16},
    {OpCode::kReduceMin, 2, kI8},
    {OpCode::kReduceProd, 2, kI8 | kI16},
    {OpCode::kRelu, 3, kI16},
    {OpCode::kRelu, 2, kI8 | kU8},
    {OpCode::kRelu6, 3, kI16},
    {OpCode::kRelu6, 2, kI8},
    {OpCode::kResizeBilinear, 4, kI16},
    {OpCode::kResizeBilinear, 3, 0, 0, HalfPixels},
    {OpCode::kResizeBilinear, 2, kI8},
    {OpCode::kResizeNearestNeighbor, 4, kI16},
    {OpCode::kResizeNearestNeighbor, 3, 0, 0,
     [](const View& v) {
       const auto& attrs = v.attrs<ir::ResizeAttrs>();
       return attrs.half_pixel_centers || attrs.align_corners;
     }},
    {OpCode::kResizeNearestNeighbor, 2, kI8},
    {OpCode::kReverseV2, 3, kI8},
    {OpCode::kReverseV2, 2, kBool},
    {OpCode::kRnn, 3, kI8, 1,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::RnnAttrs>(v); }},
    {OpCode::kRnn, 2, kI8, 1, [](const View& v) { return v.hybrid(); }},
    {OpCode::kRsqrt, 3, kI16},
    {OpCode::kRsqrt, 2, kI8},
    {OpCode::kSelect, 4, kU32},
    {OpCode::kSelect, 3, 0, 0,
     [](const View& v) { return v.rank(0) == 5 || v.rank(1) == 5 || v.rank(2) == 5; }},
    {OpCode::kSelect, 2, kI8},
    {OpCode::kSelectV2, 2, kU32},
    {OpCode::kSign, 2, kI32},
    {OpCode::kSin, 2, kF16},
    {OpCode::kSlice, 8, kF16},
    {OpCode::kSlice, 7, kI4},
    {OpCode::kSlice, 6, kU32},
    {OpCode::kSlice, 5, 0, 0, RankOver4},
    {OpCode::kSlice, 4, kI16},
    {OpCode::kSlice, 3, kString},
    {OpCode::kSlice, 2, kI8},
    {OpCode::kSoftmax, 4, kF16},
    {OpCode::kSoftmax, 3, kI16},
    {OpCode::kSoftmax, 2, kI8},
    {OpCode::kSpaceToBatchNd, 4, kI16},
    {OpCode::kSpaceToBatchNd, 3, 0, 0, [](const View& v) { return v.rank(0) != 4; }},
    {OpCode::kSpaceToBatchNd, 2, kI8},
    {OpCode::kSpaceToDepth, 2, kI8},
    {OpCode::kSparseToDense, 3, kI8 | kU8, 2},
    {OpCode::kSparseToDense, 2, kI64, 2},
    {OpCode::kSplit, 4, kI16, 1},
    {OpCode::kSplit, 3, kI32, 1},
    {OpCode::kSplit, 2, kI8, 1},
    {OpCode::kSplitV, 2, kI8},
    {OpCode::kSqrt, 2, kI8 | kI16},
    {OpCode::kSquaredDifference, 2, kI8},
    {OpCode::kSqueeze, 2, kString},
    {OpCode::kStridedSlice, 8, 0, 0,
     [](const View& v) { return v.attrs<ir::StridedSliceAttrs>().offset; }},
    {OpCode::kStridedSlice, 7, kU32},
    {OpCode::kStridedSlice, 6, 0, 0,
     [](const View& v) {
       const auto& attrs = v.attrs<ir::StridedSliceAttrs>();
       return attrs.ellipsis_mask != 0 || attrs.new_axis_mask != 0;
     }},
    {OpCode::kStridedSlice, 5, kString},
    {OpCode::kStridedSlice, 4, 0, 0, RankOver4},
    {OpCode::kStridedSlice, 3, kBool},
    {OpCode::kStridedSlice, 2, kI8},
    {OpCode::kSub, 5, kI16, 0,
     [](const View& v) { return Int16(v) && !v.attrs<ir::BinaryAttrs>().pot_scale_int16; }},
    {OpCode::kSub, 4, kI64},
    {OpCode::kSub, 3, 0, 0, WideBroadcast},
    {OpCode::kSub, 2, kI8},
    {OpCode::kSum, 2, kI8},
    {OpCode::kSvdf, 3, kI8},
    {OpCode::kSvdf, 4, 0, 0,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::SvdfAttrs>(v); }},
    {OpCode::kSvdf, 2, 0, 0, [](const View& v) { return v.hybrid(); }},
    {OpCode::kTanh, 3, kI16},
    {OpCode::kTanh, 2, kI8},
    {OpCode::kTile, 3, kI8},
    {OpCode::kTile, 2, kString},
    {OpCode::kTopKV2, 3, kI16},
    {OpCode::kTopKV2, 3, kI16, 1},
    {OpCode::kTopKV2, 2, kI8},
    {OpCode::kTranspose, 9, kF16},
    {OpCode::kTranspose, 8, 0, 0,
     [](const View& v) { return v.rank(0) > 6 || v.type(0) == DType::kBFloat16; }},
    {OpCode::kTranspose, 7, kI4},
    {OpCode::kTranspose, 6, 0, 0, [](const View& v) { return v.rank(0) > 5; }},
    {OpCode::kTranspose, 5, kI16},
    {OpCode::kTranspose, 4, 0, 0, RankOver4},
    {OpCode::kTranspose, 3, kBool},
    {OpCode::kTranspose, 2, kI8},
    // Input 0 is the shape of the result here, input 2 what is convolved.
    {OpCode::kTransposeConv, 5, kI16, 2,
     [](const View& v) {
       return v.attrs<ir::ConvAttrs>().quantized_bias_type != DType::kFloat32;
     }},
    {OpCode::kTransposeConv, 4, 0, 0,
     [](const View& v) { return v.attrs<ir::ConvAttrs>().activation != ir::Activation::kNone; }},
    {OpCode::kTransposeConv, 3, 0, 0, [](const View& v) { return v.input(3) != nullptr; }},
    {OpCode::kTransposeConv, 2, kI8, 1},
    {OpCode::kUnidirectionalSequenceLstm, 5, kI16, 0,
     [](const View& v) { return v.type(2) == DType::kInt8 && Int16(v); }},
    {OpCode::kUnidirectionalSequenceLstm, 4, 0, 0,
     [](const View& v) { return v.attrs<ir::LstmAttrs>().diagonal_recurrent_tensors; }},
    {OpCode::kUnidirectionalSequenceLstm, 3, 0, 0,
     [](const View& v) { return v.hybrid(2) && AsymmetricHybrid<ir::LstmAttrs>(v); }},
    {OpCode::kUnidirectionalSequenceLstm, 2, 0, 0, [](const View& v) { return v.hybrid(2); }},
    {OpCode::kUnidirectionalSequenceRnn, 3, kI8, 1,
     [](const View& v) { return v.hybrid() && AsymmetricHybrid<ir::RnnAttrs>(v); }},
    {OpCode::kUnidirectionalSequenceRnn, 2, kI8, 1, [](const View& v) { return v.hybrid(); }},
    {OpCode::kUnpack, 2, kI8 | kU8},
    {OpCode::kUnpack, 3, kBool},
    {OpCode::kUnpack, 4, kI16, 0, Int16},
    {OpCode::kUnpack, 5, kF16 | kBF16},
    {OpCode::kWhere, 1, kBool},
    {OpCode::kWhere, 2},
};

}  // namespace

int32_t OperatorVersion(const ir::Node& node, const ir::Graph& graph) {
  const View view(node, graph);
  for (const Rule& rule : kRules) {
    if (rule.op != node.op) continue;
    if (rule.types != 0) {
      const DType type =
          rule.slot == kOutput ? view.output_type() : view.type(static_cast<size_t>(rule.slot));
      if ((rule.types & Bit(type)) == 0) continue;
    }
    if (rule.when == nullptr || rule.when(view)) return rule.version;
  }
  return 1;
}

}  // namespace edgeml::tflite
