#include "src/formats/savedmodel/crc32c.h"

#include <array>

namespace edgeml::savedmodel {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78u;  // bits reversed
constexpr size_t kStep = 8;                    // bytes taken at once

// tables[k][b]: the effect of byte b, followed by k zero bytes.
using Tables = std::array<std::array<uint32_t, 256>, kStep>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? kPolynomial : 0u);
    tables[0][b] = crc;
  }
  for (uint32_t b = 0; b < 256; ++b)
    for (size_t k = 1; k < kStep; ++k)
      tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xFF];
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  crc = ~crc;
  size_t at = 0;
  const auto byte = [&bytes](size_t i) { return std::to_integer<uint32_t>(bytes[i]); };
  for (; bytes.size() - at >= kStep; at += kStep) {
    uint32_t next = 0;
    for (size_t k = 0; k < kStep; ++k) {
      const uint32_t mixed = byte(at + k) ^ (k < 4 ? (crc >> (8 * k)) & 0xFF : 0u);
      next ^= kTables[kStep - 1 - k][mixed];
    }
    crc = next;
  }
  for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ byte(at)) & 0xFF];
  return ~crc;
}

}  // namespace edgeml::savedmodel
