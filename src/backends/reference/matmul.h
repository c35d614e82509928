// Parts of the convolution family that have files of their own.
#ifndef EDGEML_BACKENDS_REFERENCE_MATMUL_H_
#define EDGEML_BACKENDS_REFERENCE_MATMUL_H_

#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {

void AddConvolution3DKernels(KernelList& list);
void AddFullyConnectedKernels(KernelList& list);
void AddBatchMatMulKernels(KernelList& list);

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_MATMUL_H_
