// StableHLO operators on the reference kernels.
#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddStablehloKernels(KernelList&) {}

}  // namespace edgeml::backends
