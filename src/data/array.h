// Array: an owned dense tensor on its way into or out of a model.
#ifndef EDGEML_DATA_ARRAY_H_
#define EDGEML_DATA_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edgeml/dtype.h"
#include "src/tensor/shape.h"

namespace edgeml::data {

struct Array {
  DType type = DType::kInvalid;
  Shape shape;
  std::vector<uint8_t> bytes;  // row-major, native byte order; CheckedByteSize(shape, type) of them

  // REQUIRES: sizeof(T) is the element size of `type`.
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// The elements as doubles: bool, integer and float types, 64-bit integers rounded. Empty for
// others.
std::vector<double> ToDoubles(const Array& array);

// float16 bits to float, exact.
float HalfToFloat(uint16_t half);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_ARRAY_H_
