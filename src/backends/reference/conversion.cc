#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddConversionKernels(KernelList&) {}

}  // namespace edgeml::backends
