#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

const runtime::Backend& ReferenceBackend() {
  static const runtime::ListBackend backend(
      "reference",
      {ActivationKernels(),  ArithmeticKernels(),    BatchMatMulKernels(), BidirectionalKernels(),
       BitsKernels(),        ComparisonKernels(),    ControlFlowKernels(), ConversionKernels(),
       ConvolutionKernels(), Convolution3DKernels(), DetectionKernels(),   FullyConnectedKernels(),
       GatherKernels(),      LayoutKernels(),        LookupKernels(),      LstmKernels(),
       OrderKernels(),       PoolingKernels(),       RandomKernels(),      ReductionKernels(),
       RnnKernels(),         ScatterKernels(),       SegmentKernels(),     SliceKernels(),
       SoftmaxKernels(),     SpectralKernels(),      StablehloKernels(),   UnaryKernels()});
  return backend;
}

}  // namespace edgeml::backends
