#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> MovementOps() { return {}; }

}  // namespace edgeml::ir
