#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ControlFlowOps() { return {}; }

}  // namespace edgeml::ir
