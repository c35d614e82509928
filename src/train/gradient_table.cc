#include <algorithm>

#include "src/train/gradient_ops.h"

namespace edgeml::train {
namespace {

using ir::OpCode;

constexpr uint32_t kFirst = 1, kSecond = 2, kThird = 4, kAll = 0xFFFFFFFF;

// By name.
constexpr GradientEntry kGradients[] = {
    {OpCode::kAbs, UnaryFunctionGradient, kFirst},
    {OpCode::kAdd, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kAddN, AddNGradient, kAll},
    {OpCode::kArgMax, nullptr, 0, "its results are positions"},
    {OpCode::kArgMin, nullptr, 0, "its results are positions"},
    {OpCode::kAveragePool2D, PoolGradient, kFirst},
    {OpCode::kBatchMatMul, BatchMatMulGradient, kFirst | kSecond},
    {OpCode::kBroadcastTo, BroadcastToGradient, kFirst},
    {OpCode::kCallOnce, nullptr, 0, "it calls another graph"},
    {OpCode::kCast, nullptr, 0, "only float32 has gradients"},
    {OpCode::kCeil, nullptr, 0, "it is constant in pieces"},
    {OpCode::kConcatenation, ConcatenationGradient, kAll},
    {OpCode::kConv2D, ConvolutionGradient, kFirst | kSecond | kThird},
    {OpCode::kCos, UnaryFunctionGradient, kFirst},
    {OpCode::kCustom, nullptr, 0, "nothing is known of custom operators"},
    {OpCode::kDepthwiseConv2D, DepthwiseConvolutionGradient, kFirst | kSecond | kThird},
    {OpCode::kDequantize, nullptr, 0, "integers have no gradients"},
    {OpCode::kDiv, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kElu, ActivationFunctionGradient, kFirst},
    {OpCode::kExp, UnaryFunctionGradient, kFirst},
    {OpCode::kExpandDims, SameBytesGradient, kFirst},
    {OpCode::kFakeQuant, FakeQuantGradient, kFirst},
    {OpCode::kFloor, nullptr, 0, "it is constant in pieces"},
    {OpCode::kFullyConnected, FullyConnectedGradient, kFirst | kSecond | kThird},
    {OpCode::kGelu, ActivationFunctionGradient, kFirst},
    {OpCode::kHardSwish, ActivationFunctionGradient, kFirst},
    {OpCode::kIf, nullptr, 0, "it calls another graph"},
    {OpCode::kLeakyRelu, ActivationFunctionGradient, kFirst},
    {OpCode::kLog, UnaryFunctionGradient, kFirst},
    {OpCode::kLogistic, ActivationFunctionGradient, kFirst},
    {OpCode::kLogSoftmax, SoftmaxGradient, kFirst},
    {OpCode::kMaximum, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kMaxPool2D, PoolGradient, kFirst},
    {OpCode::kMean, ReductionGradient, kFirst},
    {OpCode::kMinimum, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kMul, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kNeg, UnaryFunctionGradient, kFirst},
    {OpCode::kPack, ConcatenationGradient, kAll},
    {OpCode::kPad, PadGradient, kFirst},
    {OpCode::kPadV2, PadGradient, kFirst},
    {OpCode::kQuantize, nullptr, 0, "integers have no gradients"},
    {OpCode::kRelu, ActivationFunctionGradient, kFirst},
    {OpCode::kRelu0To1, ActivationFunctionGradient, kFirst},
    {OpCode::kRelu6, ActivationFunctionGradient, kFirst},
    {OpCode::kReluN1To1, ActivationFunctionGradient, kFirst},
    {OpCode::kReshape, SameBytesGradient, kFirst},
    {OpCode::kResizeBilinear, ResizeGradient, kFirst},
    {OpCode::kResizeNearestNeighbor, ResizeGradient, kFirst},
    {OpCode::kRound, nullptr, 0, "it is constant in pieces"},
    {OpCode::kRsqrt, UnaryFunctionGradient, kFirst},
    {OpCode::kSign, nullptr, 0, "it is constant in pieces"},
    {OpCode::kSin, UnaryFunctionGradient, kFirst},
    {OpCode::kSlice, SliceGradient, kFirst},
    {OpCode::kSoftmax, SoftmaxGradient, kFirst},
    {OpCode::kSplit, SplitGradient, kSecond},
    {OpCode::kSplitV, SplitGradient, kFirst},
    {OpCode::kSqrt, UnaryFunctionGradient, kFirst},
    {OpCode::kSquare, UnaryFunctionGradient, kFirst},
    {OpCode::kSquaredDifference, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kSqueeze, SameBytesGradient, kFirst},
    {OpCode::kStridedSlice, SliceGradient, kFirst},
    {OpCode::kSub, ArithmeticGradient, kFirst | kSecond},
    {OpCode::kSum, ReductionGradient, kFirst},
    {OpCode::kTanh, ActivationFunctionGradient, kFirst},
    {OpCode::kTranspose, TransposeGradient, kFirst},
    {OpCode::kUnpack, SplitGradient, kFirst},
    {OpCode::kWhile, nullptr, 0, "it calls another graph"},
};

}  // namespace

const GradientEntry* FindGradient(ir::OpCode op) {
  const auto* const found =
      std::find_if(std::begin(kGradients), std::end(kGradients),
                   [&](const GradientEntry& entry) { return entry.op == op; });
  return found == std::end(kGradients) ? nullptr : found;
}

std::string_view WhyNoGradient(ir::OpCode op) {
  const GradientEntry* const entry = FindGradient(op);
  if (entry == nullptr) return "nobody has written it yet";
  return entry->function != nullptr ? "" : entry->reason;
}

float* Scratch::Get(size_t floats) {
  if (storage_.size() < floats) storage_ = AlignedFloats(floats);
  return storage_.data();
}

}  // namespace edgeml::train
