// Questions that passes ask about values and nodes.
#ifndef EDGEML_PASSES_MATCHING_H_
#define EDGEML_PASSES_MATCHING_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/ir/rewriter.h"
#include "src/tensor/view.h"

namespace edgeml::passes {

// A float32 value that stands for itself. REQUIRES: v is a value (also below).
bool IsFloat(const ir::Rewriter& graph, int32_t v);
// The same for all values among the node's inputs and outputs that are not absent.
bool IsFloatNode(const ir::Rewriter& graph, const ir::Node& node);

// The elements of a dense float32 constant. Kept alive by the value's data.
std::optional<std::span<const float>> Floats(const ir::Rewriter& graph, int32_t v);
// The one number that all elements of such a constant are; none when it is empty.
std::optional<float> Splat(const ir::Rewriter& graph, int32_t v);
bool IsSplat(const ir::Rewriter& graph, int32_t v, float number);
// Within two units in the last place: constants that programs compute in different ways.
bool IsAboutSplat(const ir::Rewriter& graph, int32_t v, double number);
// The elements of a constant of integers or booleans, at most kMostIntegers.
inline constexpr int64_t kMostIntegers = 4096;
std::optional<std::vector<int64_t>> Integers(const ir::Rewriter& graph, int32_t v);

// Whether values of the two shapes (open dimensions as kUnknownDim) surely have the same shape, for
// values that have the same number of elements: then one open dimension may be left.
bool SameShapeForSameSize(const Shape& a, const Shape& b);
// Whether broadcasting something of shape `small` to something of shape `large` surely gives the
// latter's shape.
bool BroadcastsInto(const Shape& small, const Shape& large);
// Whether two values have the same type and the same quantization.
bool SameElements(const ir::Rewriter& graph, int32_t a, int32_t b);

// RESHAPE, SQUEEZE and EXPAND_DIMS.
bool IsReshape(ir::OpCode op);
// Operators of one input that compute each element from the one at its place, whatever the shape.
bool IsElementwiseUnary(ir::OpCode op);
// The target that makes RESHAPE give a value of this shape from one of as many elements: -1 for the
// one open dimension. None when several are open.
std::optional<std::vector<int32_t>> ReshapeTarget(const Shape& shape);
// Makes node `n` a RESHAPE of `x` to the shape of its output. False when that cannot be told.
bool BecomeReshape(ir::Rewriter& graph, int32_t n, int32_t x);

// A view of a value's constant data; `data` null when it has none. Shapes of open dimensions as
// stored.
TensorView ConstantView(const ir::Value& value);

// Sets the fused activation of a node. REQUIRES: the operator has one, or it is kNone.
void SetFusedActivation(ir::Node& node, ir::Activation activation);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_MATCHING_H_
