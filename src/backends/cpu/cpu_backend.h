// The cpu backend: SIMD kernels chosen by what the machine has, over the reference backend.
#ifndef EDGEML_BACKENDS_CPU_CPU_BACKEND_H_
#define EDGEML_BACKENDS_CPU_CPU_BACKEND_H_

#include <vector>

#include "src/runtime/backend.h"

namespace edgeml::backends {

// Only the SIMD kernels; the session asks the reference backend for what they decline.
const runtime::Backend& CpuBackend();

using KernelList = std::vector<runtime::KernelEntry>;
void AddCpuConvolutionKernels(KernelList& list);
void AddCpuDepthwiseKernels(KernelList& list);
void AddCpuElementwiseKernels(KernelList& list);
void AddCpuPoolingKernels(KernelList& list);

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_CPU_CPU_BACKEND_H_
