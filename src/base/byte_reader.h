// Bounded little-endian reading of bytes that nobody vouches for.
#ifndef EDGEML_BASE_BYTE_READER_H_
#define EDGEML_BASE_BYTE_READER_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace edgeml {

// The part [offset, offset + size) of `bytes`; nullopt when it is not wholly inside. Never
// overflows.
inline std::optional<std::span<const std::byte>> SubSpan(std::span<const std::byte> bytes,
                                                         uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(size));
}

// Reads from front to back. A read past the end gives zero and makes ok() false for good, so that a
// record is read in one go and checked once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }

  // The next bytes as an unsigned little-endian number.
  template <std::unsigned_integral T>
  T Read() {
    const std::span<const std::byte> raw = Take(sizeof(T));
    uint64_t value = 0;
    for (size_t i = 0; i < raw.size(); ++i)
      value |= static_cast<uint64_t>(std::to_integer<uint8_t>(raw[i])) << (8 * i);
    return static_cast<T>(value);
  }
  // The next `size` bytes; empty when there are fewer.
  std::span<const std::byte> Take(uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::span<const std::byte> taken = rest_.first(static_cast<size_t>(size));
    rest_ = rest_.subspan(static_cast<size_t>(size));
    return taken;
  }
  void Skip(uint64_t size) { (void)Take(size); }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_BYTE_READER_H_
