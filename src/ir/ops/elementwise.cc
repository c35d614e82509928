#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ElementwiseOps() { return {}; }

}  // namespace edgeml::ir
