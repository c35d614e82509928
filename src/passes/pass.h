// What a pass is, and the list of them.
#ifndef EDGEML_PASSES_PASS_H_
#define EDGEML_PASSES_PASS_H_

#include <cstdint>

#include "edgeml/status.h"
#include "src/ir/evaluator.h"
#include "src/ir/rewriter.h"

namespace edgeml::passes {

struct PassContext {
  ir::Rewriter& graph;
  ir::Evaluator* evaluator = nullptr;
  bool expand_weights = false;  // see Options
};

// Rewrites one graph; returns the number of changes. Errors: kInternal only.
using PassFunction = Result<int64_t> (*)(PassContext& context);

// Evaluates nodes whose inputs are constants, and SHAPE and RANK of settled shapes. A result is not
// much larger than what it is made from.
Result<int64_t> FoldConstants(PassContext& context);
// Removes nodes that hand on what they get: a reshape to the same shape, +0, *1, no padding ….
Result<int64_t> RemoveIdentities(PassContext& context);
// Removes nodes without effects whose outputs nobody needs.
Result<int64_t> RemoveDeadCode(PassContext& context);

// Scales and shifts of channels (batch normalization) into the weights and bias of the operator
// before or after them.
Result<int64_t> FoldAffineIntoWeights(PassContext& context);
// MUL, ADD, SUB and DIV by constants in a row into at most one MUL and one ADD.
Result<int64_t> MergeAffineChains(PassContext& context);
// MAXIMUM and MINIMUM with 0, 6, 1 and -1 into RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1.
Result<int64_t> RecognizeClamps(PassContext& context);
// Formulas that are one operator: HARD_SWISH, GELU, LEAKY_RELU, PRELU, L2_NORMALIZATION and others.
Result<int64_t> RecognizePatterns(PassContext& context);
// BATCH_MATMUL by a constant matrix into FULLY_CONNECTED.
Result<int64_t> MatMulToFullyConnected(PassContext& context);
// RESHAPE, SQUEEZE and EXPAND_DIMS in a row into one; those around FULLY_CONNECTED, which does
// without; TRANSPOSE that moves dimensions of size 1 only into RESHAPE.
Result<int64_t> MergeReshapes(PassContext& context);
// TRANSPOSE in a row into one; all of them to where the fewest are needed.
Result<int64_t> MoveTransposes(PassContext& context);
// PAD before an operator that pads the same itself; PAD of PAD; SPACE_TO_BATCH_ND and back around a
// convolution into dilation.
Result<int64_t> FoldPads(PassContext& context);
// Nodes that compute the same from the same.
Result<int64_t> MergeSubexpressions(PassContext& context);
// RELU, RELU6 and RELU_N1_TO_1 into the operator before them.
Result<int64_t> FuseActivations(PassContext& context);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_PASS_H_
