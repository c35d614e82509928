#include <cmath>

#include "src/kernels/elementwise/complex.h"

namespace edgeml::kernels {
namespace {

template <typename T>
void Take(ComplexPart part, int64_t n, const void* in, void* out) {
  const T* from = static_cast<const T*>(in);
  T* to = static_cast<T*>(out);
  switch (part) {
    case ComplexPart::kReal:
      for (int64_t i = 0; i < n; ++i) to[i] = from[2 * i];
      return;
    case ComplexPart::kImaginary:
      for (int64_t i = 0; i < n; ++i) to[i] = from[2 * i + 1];
      return;
    case ComplexPart::kAbsolute:
      for (int64_t i = 0; i < n; ++i) to[i] = std::hypot(from[2 * i], from[2 * i + 1]);
      return;
  }
}

}  // namespace

void TakeComplexPart(DType type, ComplexPart part, int64_t n, const void* in, void* out) {
  if (type == DType::kComplex128) {
    Take<double>(part, n, in, out);
  } else {
    Take<float>(part, n, in, out);
  }
}

}  // namespace edgeml::kernels
