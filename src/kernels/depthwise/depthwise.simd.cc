#include "src/kernels/depthwise/depthwise_float-inl.h"
#include "src/kernels/depthwise/depthwise_int8-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

extern const DepthwiseKernels kDepthwise;
const DepthwiseKernels kDepthwise = {
    .vector_bytes = kVectorBytes,
    .quad_bytes = kQuadBytes,
    .run_int8 = RunDepthwiseInt8,
    .run_float = RunDepthwiseFloat,
};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
