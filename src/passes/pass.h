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

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_PASS_H_
