#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddReductionKernels(KernelList&) {}

}  // namespace edgeml::backends
