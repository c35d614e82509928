#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddPoolingKernels(KernelList&) {}

}  // namespace edgeml::backends
