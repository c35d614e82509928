#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddElementwiseKernels(KernelList&) {}

}  // namespace edgeml::backends
