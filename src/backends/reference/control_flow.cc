#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddControlFlowKernels(KernelList&) {}

}  // namespace edgeml::backends
