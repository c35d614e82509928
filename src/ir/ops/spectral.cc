// Fourier transforms: arity and shape rules.
#include "src/ir/ops/families.h"

namespace edgeml::ir {

std::span<const OpDef> SpectralOps() { return {}; }

}  // namespace edgeml::ir
