#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> ConvolutionOps() { return {}; }

}  // namespace edgeml::ir
