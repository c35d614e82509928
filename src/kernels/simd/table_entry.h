// For sources named *.simd.cc: no includes here (one definition rule).
#ifndef EDGEML_KERNELS_SIMD_TABLE_ENTRY_H_
#define EDGEML_KERNELS_SIMD_TABLE_ENTRY_H_

// Entries of a table, null in a build for models that have no floats, or no 8-bit integers.
#if defined(EDGEML_NO_FLOAT_KERNELS)
#define EDGEML_FLOAT_KERNEL(function) (true ? nullptr : function)
#else
#define EDGEML_FLOAT_KERNEL(function) function
#endif
#if defined(EDGEML_NO_BYTE_KERNELS)
#define EDGEML_BYTE_KERNEL(function) (true ? nullptr : function)
#else
#define EDGEML_BYTE_KERNEL(function) function
#endif

#endif  // EDGEML_KERNELS_SIMD_TABLE_ENTRY_H_
