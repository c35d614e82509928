// Exact dot products of unsigned by signed bytes, four at a time: what Highway 1.0.3 has no name
// for.
//
// Every 32-bit lane of an activation vector holds four unsigned bytes a[0..3]. A quad of weights
// holds four signed values per lane in the level's own layout, kQuadBytes per lane, written by
// StoreQuad in src/kernels/simd/quad_layout.h. Dot4 adds a[0]*w[0] + … + a[3]*w[3] to each lane; no
// sum saturates.
#ifndef EDGEML_KERNELS_SIMD_DOT_PRODUCT_H_
#define EDGEML_KERNELS_SIMD_DOT_PRODUCT_H_

#include "src/kernels/simd/vector.h"

#if defined(__AVX512VNNI__)
#include "src/kernels/simd/dot_avx512vnni.h"
#elif defined(__AVXVNNI__)
#include "src/kernels/simd/dot_avxvnni.h"
#else
#include "src/kernels/simd/dot_pairs.h"
#endif

#endif  // EDGEML_KERNELS_SIMD_DOT_PRODUCT_H_
