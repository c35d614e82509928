#include "src/kernels/gemm/gemm_args.h"
#include "src/kernels/simd/table_entry.h"

#include "src/kernels/gemm/gemm_float-inl.h"
#include "src/kernels/gemm/gemm_int8-inl.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {

extern const GemmKernels kGemm;
const GemmKernels kGemm = {
    .lanes = kLanes32,
    .max_panel_vectors = kMaxPanelVectors,
    .quad_bytes = kQuadBytes,
    .run_int8 = EDGEML_BYTE_KERNEL(RunInt8),
    .run_float = EDGEML_FLOAT_KERNEL(RunFloat),
};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
