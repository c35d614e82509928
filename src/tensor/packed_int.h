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

constexpr size_t PackedInt4Bytes(size_t count) { return count / 2 + count % 2; }

// The way back; `values` in [-8, 7]. `packed` gets PackedInt4Bytes(count) bytes.
inline void PackInt4(const int8_t* values, size_t count, void* packed) {
  auto* bytes = static_cast<uint8_t*>(packed);
  for (size_t i = 0; i < count; i += 2) {
    const int low = values[i] & 0xF, high = i + 1 < count ? values[i + 1] & 0xF : 0;
    bytes[i / 2] = static_cast<uint8_t>(low | (high << 4));
  }
}

// Unpacks 2 bits, four per byte with the low bits first; (count + 3) / 4 bytes.
inline void UnpackInt2(const void* packed, size_t count, int8_t* out) {
  const auto* bytes = static_cast<const uint8_t*>(packed);
  for (size_t i = 0; i < count; ++i) {
    const int bits = (bytes[i / 4] >> (i % 4 * 2)) & 3;
    out[i] = static_cast<int8_t>((bits ^ 2) - 2);
  }
}

}  // namespace edgeml

#endif  // EDGEML_TENSOR_PACKED_INT_H_
