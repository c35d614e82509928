#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

const runtime::Backend& ReferenceBackend() {
  static const runtime::ListBackend backend = [] {
    KernelList list;
    AddConvolutionKernels(list);
    AddPoolingKernels(list);
    AddElementwiseKernels(list);
    AddActivationKernels(list);
    AddReductionKernels(list);
    AddMovementKernels(list);
    AddConversionKernels(list);
    AddRecurrentKernels(list);
    AddControlFlowKernels(list);
    AddDetectionKernels(list);
    AddLookupKernels(list);
    AddRandomKernels(list);
    AddSegmentKernels(list);
    AddSpectralKernels(list);
    AddStablehloKernels(list);
    return runtime::ListBackend("reference", std::move(list));
  }();
  return backend;
}

}  // namespace edgeml::backends
