// The reference backend: a plain kernel for every operator and type, equal to LiteRT's reference
// kernels bit for bit on integers.
#ifndef EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
#define EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_

#include <span>

#include "src/runtime/backend.h"

namespace edgeml::backends {

const runtime::Backend& ReferenceBackend();

// One table per file of this folder.
std::span<const runtime::KernelEntry> ActivationKernels();  // relu family, logistic, tanh, gelu …
std::span<const runtime::KernelEntry> ArithmeticKernels();  // of two tensors, and add_n
std::span<const runtime::KernelEntry> BatchMatMulKernels();
std::span<const runtime::KernelEntry> BidirectionalKernels();  // bidirectional lstm and rnn
std::span<const runtime::KernelEntry> BitsKernels();  // bitwise operators, angles, complex parts
std::span<const runtime::KernelEntry> ComparisonKernels();   // comparisons, logic, select
std::span<const runtime::KernelEntry> ControlFlowKernels();  // if, while, call_once, variables
std::span<const runtime::KernelEntry> ConversionKernels();   // cast, quantize, dequantize, densify
std::span<const runtime::KernelEntry> ConvolutionKernels();  // conv, depthwise, transpose conv
std::span<const runtime::KernelEntry> Convolution3DKernels();
std::span<const runtime::KernelEntry>
DetectionKernels();  // detection post-process, non-maximum suppression
std::span<const runtime::KernelEntry> FullyConnectedKernels();
std::span<const runtime::KernelEntry> GatherKernels();  // gather, one_hot, where
std::span<const runtime::KernelEntry>
LayoutKernels();  // reshape, transpose, tile, space and depth …
std::span<const runtime::KernelEntry> LookupKernels();  // hash tables, embeddings, text
std::span<const runtime::KernelEntry> LstmKernels();
std::span<const runtime::KernelEntry> OrderKernels();  // arg_max, arg_min, cumsum, top-k
std::span<const runtime::KernelEntry>
PoolingKernels();  // pools, resize, normalization of neighbours
std::span<const runtime::KernelEntry> RandomKernels();
std::span<const runtime::KernelEntry> ReductionKernels();  // mean, sum, reduce_*
std::span<const runtime::KernelEntry> RnnKernels();        // rnn and svdf
std::span<const runtime::KernelEntry> ScatterKernels();    // scatter, unique, matrix diagonals …
std::span<const runtime::KernelEntry> SegmentKernels();    // reductions over segments
std::span<const runtime::KernelEntry> SliceKernels();      // concat, split, slice, pad
std::span<const runtime::KernelEntry> SoftmaxKernels();
std::span<const runtime::KernelEntry> SpectralKernels();  // Fourier transforms
std::span<const runtime::KernelEntry> StablehloKernels();
std::span<const runtime::KernelEntry> UnaryKernels();  // of one tensor

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
