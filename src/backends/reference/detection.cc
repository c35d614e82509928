#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddDetectionKernels(KernelList&) {}

}  // namespace edgeml::backends
