#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddMovementKernels(KernelList&) {}

}  // namespace edgeml::backends
