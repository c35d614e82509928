#include "src/kernels/gemm/gemm_args.h"

#include "src/kernels/gemm/gemm_float-inl.h"
#include "src/kernels/gemm/gemm_int8-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

extern const GemmKernels kGemm;
const GemmKernels kGemm = {
    .lanes = kLanes32,
    .max_panel_vectors = kMaxPanelVectors,
    .quad_bytes = kQuadBytes,
    .run_int8 = RunInt8,
    .run_float = RunFloat,
};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
