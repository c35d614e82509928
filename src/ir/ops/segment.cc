// Reductions over segments: arity and shape rules.
#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> SegmentOps() { return {}; }

}  // namespace edgeml::ir
