#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddConvolutionKernels(KernelList&) {}

}  // namespace edgeml::backends
