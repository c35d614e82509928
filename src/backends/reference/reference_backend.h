// The reference backend: a plain kernel for every operator and type, equal to LiteRT's reference
// kernels bit for bit on integers.
#ifndef EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
#define EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_

#include <vector>

#include "src/runtime/backend.h"

namespace edgeml::backends {

const runtime::Backend& ReferenceBackend();

// One function per family, in <family>.cc beside this header.
using KernelList = std::vector<runtime::KernelEntry>;
void AddConvolutionKernels(
    KernelList& list);  // conv, depthwise, transpose conv, fully connected, batch matmul
void AddPoolingKernels(KernelList& list);  // pools, resize, l2 normalization
void AddElementwiseKernels(
    KernelList& list);  // unary and binary arithmetic, comparisons, logic, select
void AddActivationKernels(KernelList& list);  // relu family, logistic, tanh, softmax family, gelu …
void AddReductionKernels(KernelList& list);    // mean, sum, reduce_*, arg_max, cumsum, top-k
void AddMovementKernels(KernelList& list);     // concat, split, slice, pad, transpose, gather …
void AddConversionKernels(KernelList& list);   // cast, quantize, dequantize, densify
void AddRecurrentKernels(KernelList& list);    // lstm, rnn, svdf
void AddControlFlowKernels(KernelList& list);  // if, while, call_once, variables
void AddDetectionKernels(KernelList& list);    // detection post-process, non-maximum suppression
void AddLookupKernels(KernelList& list);       // hash tables, embeddings, text
void AddRandomKernels(KernelList& list);       // random numbers
void AddSegmentKernels(KernelList& list);      // reductions over segments
void AddSpectralKernels(KernelList& list);     // Fourier transforms
void AddStablehloKernels(KernelList& list);    // StableHLO operators

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
