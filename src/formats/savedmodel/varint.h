// Numbers of variable length, seven bits to a byte, the low ones first.
#ifndef EDGEML_FORMATS_SAVEDMODEL_VARINT_H_
#define EDGEML_FORMATS_SAVEDMODEL_VARINT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "src/base/byte_reader.h"

namespace edgeml::savedmodel {

// The next number of the reader; nullopt when the bytes end first or it takes more than 64 bits.
inline std::optional<uint64_t> ReadVarint(ByteReader& reader) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = reader.Read<uint8_t>();
    if (!reader.ok() || (shift == 63 && byte > 1)) return std::nullopt;
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_VARINT_H_
