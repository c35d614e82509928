#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ConversionOps() { return {}; }

}  // namespace edgeml::ir
