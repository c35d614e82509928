#include "src/backends/cpu/cpu_backend.h"

namespace edgeml::backends {

const runtime::Backend& CpuBackend() {
  static const runtime::ListBackend backend = [] {
    KernelList list;
    AddCpuConvolutionKernels(list);
    AddCpuDepthwiseKernels(list);
    AddCpuElementwiseKernels(list);
    AddCpuPoolingKernels(list);
    return runtime::ListBackend("cpu", std::move(list));
  }();
  return backend;
}

}  // namespace edgeml::backends
