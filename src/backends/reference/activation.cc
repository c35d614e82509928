#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddActivationKernels(KernelList&) {}

}  // namespace edgeml::backends
