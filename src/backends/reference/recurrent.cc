#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddRecurrentKernels(KernelList&) {}

}  // namespace edgeml::backends
