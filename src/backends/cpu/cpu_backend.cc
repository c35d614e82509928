#include "src/backends/cpu/cpu_backend.h"

#include "src/backends/cpu/level_names.h"

namespace edgeml::backends {

const runtime::Backend& CpuBackend() {
  static const runtime::ListBackend backend("cpu",
                                            {CpuConvolutionKernels(), CpuDepthwiseKernels(),
                                             CpuElementwiseKernels(), CpuPoolingKernels()},
                                            WithLevel);
  return backend;
}

}  // namespace edgeml::backends
