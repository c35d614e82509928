#include "src/backends/cpu/cpu_backend.h"

namespace edgeml::backends {

void AddCpuDepthwiseKernels(KernelList&) {}

}  // namespace edgeml::backends
