#include "src/backends/cpu/cpu_backend.h"

namespace edgeml::backends {

void AddCpuPoolingKernels(KernelList&) {}

}  // namespace edgeml::backends
