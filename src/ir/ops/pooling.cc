#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> PoolingOps() { return {}; }

}  // namespace edgeml::ir
