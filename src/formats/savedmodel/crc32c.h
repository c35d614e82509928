// CRC-32C (Castagnoli), the checksum of LevelDB tables and tensor bundles.
#ifndef EDGEML_FORMATS_SAVEDMODEL_CRC32C_H_
#define EDGEML_FORMATS_SAVEDMODEL_CRC32C_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace edgeml::savedmodel {

// The checksum of what `crc` is the checksum of, followed by `bytes`; 0 for nothing.
uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

// The form in which checksums are stored, so that a checksum of bytes that hold checksums stays a
// good one: rotated right by 15 bits, plus a constant (LevelDB's table_format.md).
constexpr uint32_t MaskedCrc(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_CRC32C_H_
