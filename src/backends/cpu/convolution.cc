#include "src/backends/cpu/cpu_backend.h"

namespace edgeml::backends {

void AddCpuConvolutionKernels(KernelList&) {}

}  // namespace edgeml::backends
