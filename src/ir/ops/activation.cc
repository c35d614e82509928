#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ActivationOps() { return {}; }

}  // namespace edgeml::ir
