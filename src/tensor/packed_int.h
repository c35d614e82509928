// Integers narrower than a byte: stored packed, unpacked by kernels' prepare steps.
#ifndef EDGEML_TENSOR_PACKED_INT_H_
#define EDGEML_TENSOR_PACKED_INT_H_

#include <cstddef>
#include <cstdint>

namespace edgeml {

// `count` signed integers of 4 bits, two per byte with the low nibble first, to one byte each.
// `packed` holds (count + 1) / 2 bytes.
inline void UnpackInt4(const void* packed, size_t count, int8_t* out) {
  const auto* bytes = static_cast<const uint8_t*>(packed);
  for (size_t i = 0; i < count; ++i) {
    const int nibble = (bytes[i / 2] >> (i % 2 * 4)) & 0xF;
    out[i] = static_cast<int8_t>((nibble ^ 8) - 8);
  }
}

// The same for 2 bits, four per byte with the low bits first; (count + 3) / 4 bytes.
inline void UnpackInt2(const void* packed, size_t count, int8_t* out) {
  const auto* bytes = static_cast<const uint8_t*>(packed);
  for (size_t i = 0; i < count; ++i) {
    const int bits = (bytes[i / 4] >> (i % 4 * 2)) & 3;
    out[i] = static_cast<int8_t>((bits ^ 2) - 2);
  }
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_PACKED_INT_H_
