#include "src/backends/cpu/cpu_backend.h"

namespace edgeml::backends {

void AddCpuElementwiseKernels(KernelList&) {}

}  // namespace edgeml::backends
