#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> RecurrentOps() { return {}; }

}  // namespace edgeml::ir
