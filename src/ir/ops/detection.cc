#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> DetectionOps() { return {}; }

}  // namespace edgeml::ir
