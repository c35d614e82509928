#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ReductionOps() { return {}; }

}  // namespace edgeml::ir
