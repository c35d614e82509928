// Elements of a byte and narrower ones, low bits first.
#ifndef EDGEML_KERNELS_QUANTIZE_PACKED_H_
#define EDGEML_KERNELS_QUANTIZE_PACKED_H_

#include <cstdint>

#include "edgeml/dtype.h"

namespace edgeml::kernels {

inline int32_t LoadUInt4(const uint8_t* bytes, int64_t i) {
  return (bytes[i / 2] >> (i % 2 * 4)) & 0xF;
}
inline int32_t LoadInt4(const uint8_t* bytes, int64_t i) { return (LoadUInt4(bytes, i) ^ 8) - 8; }
inline int32_t LoadInt2(const uint8_t* bytes, int64_t i) {
  return (((bytes[i / 4] >> (i % 4 * 2)) & 3) ^ 2) - 2;
}

// Calls body(at), where at(i) is element i, as an int, of `data`: int4, uint8, or else int8. For
// loops that should not ask for the type at every element.
template <typename Body>
void WithIntegers(DType type, const void* data, Body&& body) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  switch (type) {
    case DType::kInt4:
      return body([bytes](int64_t i) { return int{LoadInt4(bytes, i)}; });
    case DType::kUInt8:
      return body([bytes](int64_t i) { return int{bytes[i]}; });
    default:
      return body([bytes](int64_t i) { return int{static_cast<int8_t>(bytes[i])}; });
  }
}

// Writes the low `bits` (4 or 2) of `value` as element i. Elements are written in ascending order:
// the first of a byte clears the rest of it.
inline void StorePacked(uint8_t* bytes, int64_t i, int bits, int32_t value) {
  const int64_t per_byte = 8 / bits;
  const int shift = static_cast<int>(i % per_byte) * bits;
  const uint8_t low = static_cast<uint8_t>((value & ((1 << bits) - 1)) << shift);
  uint8_t& byte = bytes[i / per_byte];
  byte = shift == 0 ? low : static_cast<uint8_t>(byte | low);
}

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_QUANTIZE_PACKED_H_
