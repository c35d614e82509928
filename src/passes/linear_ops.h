// The operators with weights, seen alike: which input is what, and along which dimension of the
// weights the output channels lie. Shared by the passes that fold into weights.
#ifndef EDGEML_PASSES_LINEAR_OPS_H_
#define EDGEML_PASSES_LINEAR_OPS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "src/ir/rewriter.h"

namespace edgeml::passes {

struct LinearOp {
  size_t input, weights, bias;  // positions among the node's inputs
  int out_axis, in_axis;        // dimensions of the weights
};

// None for other operators.
std::optional<LinearOp> LinearOpOf(ir::OpCode op);

// The bias of a linear node of `channels` outputs: zeros when it has none; none when it is not a
// float constant of that size.
std::optional<std::vector<float>> BiasOf(const ir::Rewriter& graph, const ir::Node& node,
                                         const LinearOp& op, size_t channels);
void SetBias(ir::Rewriter& graph, int32_t n, const LinearOp& op, std::span<const float> bias);

// x * s + t for a node that multiplies by, divides by, adds or subtracts a float constant that does
// not change the shape of x, whatever its fused activation.
struct Affine {
  int32_t input;     // x
  int32_t constant;  // the value that s or t is made from; kNoValue for NEG
  enum Kind { kScale, kDivide, kShift, kShiftDown, kSubtractFrom, kNegate } kind;
  double scale(float c) const {
    switch (kind) {
      case kScale:
        return c;
      case kDivide:
        return 1.0 / c;
      case kSubtractFrom:
      case kNegate:
        return -1.0;
      default:
        return 1.0;
    }
  }
  double shift(float c) const {
    switch (kind) {
      case kShift:
      case kSubtractFrom:
        return c;
      case kShiftDown:
        return -static_cast<double>(c);
      default:
        return 0.0;
    }
  }
  bool scales() const { return kind != kShift && kind != kShiftDown; }
  bool shifts() const { return kind == kShift || kind == kShiftDown || kind == kSubtractFrom; }
};
std::optional<Affine> AffineOf(const ir::Rewriter& graph, const ir::Node& node);

// The one dimension of a constant of shape `constant` that is not 1, counted among the dimensions
// of the `rank`-dimensional value it is broadcast to; -1 when it is a single number. None when
// there are several.
std::optional<int> ChannelAxis(const Shape& constant, int rank);

// The dimension of input 0 of a node that dimension `axis` of its output is, for nodes that only
// move elements and invent none. -1 leads to -1; none for other nodes, or when it is not kept.
std::optional<int> AxisBefore(const ir::Rewriter& graph, const ir::Node& node, int axis);

// The same forwards.
std::optional<int> AxisAfter(const ir::Rewriter& graph, const ir::Node& node, int axis);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_LINEAR_OPS_H_
