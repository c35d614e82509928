// The cpu backend: SIMD kernels chosen by what the machine has, over the reference backend.
#ifndef EDGEML_BACKENDS_CPU_CPU_BACKEND_H_
#define EDGEML_BACKENDS_CPU_CPU_BACKEND_H_

#include <span>

#include "src/runtime/backend.h"

namespace edgeml::backends {

// Only the SIMD kernels; the session asks the reference backend for what they decline.
const runtime::Backend& CpuBackend();

// One table per file of this folder. The names lack the SIMD level.
std::span<const runtime::KernelEntry> CpuConvolutionKernels();
std::span<const runtime::KernelEntry> CpuDepthwiseKernels();
std::span<const runtime::KernelEntry> CpuElementwiseKernels();
std::span<const runtime::KernelEntry> CpuPoolingKernels();

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_CPU_CPU_BACKEND_H_
