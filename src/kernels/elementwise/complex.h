// Parts and lengths of complex numbers, which are stored as pairs: real, imaginary.
#ifndef EDGEML_KERNELS_ELEMENTWISE_COMPLEX_H_
#define EDGEML_KERNELS_ELEMENTWISE_COMPLEX_H_

#include <cstdint>

#include "edgeml/dtype.h"

namespace edgeml::kernels {

enum class ComplexPart : uint8_t { kReal, kImaginary, kAbsolute };

// in [n] complex64 → out [n] float32, or complex128 → float64. The parts are exact; the absolute
// value is std::hypot's: 1 ulp, no overflow on the way, infinite where a part is.
// REQUIRES: type is one of the two.
void TakeComplexPart(DType type, ComplexPart part, int64_t n, const void* in, void* out);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_COMPLEX_H_
