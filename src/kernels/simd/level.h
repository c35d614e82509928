// For sources named *.simd.cc, which are compiled once per SIMD level: EDGEML_SIMD_LEVEL is the
// level's name and the namespace everything in such a source must live in. Such sources include no
// header with non-inline-namespace inline functions other than Highway's (one definition rule):
// pass plain pointers and PODs across.
//
// Each family has a table of function pointers per level; its dispatcher picks one:
//
//   // gemm.simd.cc
//   namespace edgeml::kernels::EDGEML_SIMD_LEVEL { const GemmKernels kGemm = {…}; }
//   // gemm.cc
//   EDGEML_DECLARE_SIMD_TABLE(GemmKernels, kGemm)
//   const GemmKernels* GemmFor(SimdLevel level) { return EDGEML_SIMD_TABLE(kGemm, level); }
//
// Sources named *.wide.simd.cc gain nothing from dot products and are compiled for avx2 and avx512
// only; their dispatchers use the two macros with WIDE in their names.
#ifndef EDGEML_KERNELS_SIMD_LEVEL_H_
#define EDGEML_KERNELS_SIMD_LEVEL_H_

#include "src/base/cpu_features.h"

// clang-format off
// A build may hold some of the levels only (EDGEML_SIMD_LEVELS); BestSimdLevel() names none that it
// lacks.
#if defined(EDGEML_HAVE_SIMD_avx2)
#define EDGEML_IF_SIMD_avx2(...) __VA_ARGS__
#else
#define EDGEML_IF_SIMD_avx2(...)
#endif
#if defined(EDGEML_HAVE_SIMD_avxvnni)
#define EDGEML_IF_SIMD_avxvnni(...) __VA_ARGS__
#else
#define EDGEML_IF_SIMD_avxvnni(...)
#endif
#if defined(EDGEML_HAVE_SIMD_avx512)
#define EDGEML_IF_SIMD_avx512(...) __VA_ARGS__
#else
#define EDGEML_IF_SIMD_avx512(...)
#endif
#if defined(EDGEML_HAVE_SIMD_avx512vnni)
#define EDGEML_IF_SIMD_avx512vnni(...) __VA_ARGS__
#else
#define EDGEML_IF_SIMD_avx512vnni(...)
#endif
#if defined(EDGEML_HAVE_WIDE_SIMD_avx2)
#define EDGEML_IF_WIDE_SIMD_avx2(...) __VA_ARGS__
#else
#define EDGEML_IF_WIDE_SIMD_avx2(...)
#endif
#if defined(EDGEML_HAVE_WIDE_SIMD_avx512)
#define EDGEML_IF_WIDE_SIMD_avx512(...) __VA_ARGS__
#else
#define EDGEML_IF_WIDE_SIMD_avx512(...)
#endif

#define EDGEML_DECLARE_SIMD_TABLE(Type, name) \
  EDGEML_IF_SIMD_avx2(namespace avx2 { extern const Type name; }) \
  EDGEML_IF_SIMD_avxvnni(namespace avxvnni { extern const Type name; }) \
  EDGEML_IF_SIMD_avx512(namespace avx512 { extern const Type name; }) \
  EDGEML_IF_SIMD_avx512vnni(namespace avx512vnni { extern const Type name; })
// Null when the level is kNone.
#define EDGEML_SIMD_TABLE(name, level) \
  (EDGEML_IF_SIMD_avx2((level) == ::edgeml::SimdLevel::kAvx2 ? &avx2::name:) \
   EDGEML_IF_SIMD_avxvnni((level) == ::edgeml::SimdLevel::kAvxVnni ? &avxvnni::name:) \
   EDGEML_IF_SIMD_avx512((level) == ::edgeml::SimdLevel::kAvx512 ? &avx512::name:) \
   EDGEML_IF_SIMD_avx512vnni((level) == ::edgeml::SimdLevel::kAvx512Vnni ? &avx512vnni::name:) \
   nullptr)
#define EDGEML_DECLARE_WIDE_SIMD_TABLE(Type, name) \
  EDGEML_IF_WIDE_SIMD_avx2(namespace avx2 { extern const Type name; }) \
  EDGEML_IF_WIDE_SIMD_avx512(namespace avx512 { extern const Type name; })
#define EDGEML_WIDE_SIMD_TABLE(name, level) \
  (EDGEML_IF_WIDE_SIMD_avx512((level) >= ::edgeml::SimdLevel::kAvx512 ? &avx512::name:) \
   EDGEML_IF_WIDE_SIMD_avx2((level) >= ::edgeml::SimdLevel::kAvx2 ? &avx2::name:) \
   nullptr)

// clang-format on

#endif  // EDGEML_KERNELS_SIMD_LEVEL_H_
