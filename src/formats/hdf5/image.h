// The bytes of a file with the sizes of its fields, and checked access to its blocks.
#ifndef EDGEML_FORMATS_HDF5_IMAGE_H_
#define EDGEML_FORMATS_HDF5_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "edgeml/status.h"
#include "src/base/byte_reader.h"

namespace edgeml::hdf5 {

// An address that is not set. Stored with all bits set in however many bytes.
inline constexpr uint64_t kNowhere = ~uint64_t{0};

// What a piece of work may still parse. Blocks of a sound file do not overlap, so that no work
// needs more bytes than a small multiple of the file; a circle uses this up.
class Budget {
 public:
  explicit Budget(uint64_t bytes) : left_(bytes) {}
  // kInvalidModel when nothing is left.
  Status Charge(uint64_t bytes);

 private:
  uint64_t left_;
};

struct Image {
  std::span<const std::byte> bytes;  // from the base address on
  int offset_size = 8, length_size = 8;

  // The bytes [address, address + size); kInvalidModel when they are not in the file. `what` is for
  // the message.
  Result<std::span<const std::byte>> Block(uint64_t address, uint64_t size,
                                           std::string_view what) const;
  // The content of a block of `size` bytes in all that begins with a signature of four letters:
  // without the signature, and without the checksum at its end when it has one, which is compared.
  Result<std::span<const std::byte>> SignedBlock(uint64_t address, uint64_t size,
                                                 std::string_view signature, bool checksum,
                                                 Budget& budget) const;
};

// kInvalidModel unless the last four bytes are the checksum of what is before them.
Status CompareChecksum(std::span<const std::byte> block, std::string_view what);

// Reads the fields of a block.
class Fields : public ByteReader {
 public:
  Fields(const Image& image, std::span<const std::byte> bytes)
      : ByteReader(bytes), offset_size_(image.offset_size), length_size_(image.length_size) {}

  uint64_t Uint(int bytes);  // little-endian, 0 to 8 bytes
  uint64_t Offset();         // an address, kNowhere when all bits are set
  uint64_t Length();
  // A length, ~0 when all bits are set in however many bytes ("unlimited").
  uint64_t LengthOrUnlimited();
  uint8_t Byte() { return Read<uint8_t>(); }
  uint16_t Word() { return Read<uint16_t>(); }
  uint32_t Dword() { return Read<uint32_t>(); }

 private:
  int offset_size_, length_size_;
};

// Bytes that a number needs, at least one.
int BytesFor(uint64_t value);

}  // namespace edgeml::hdf5

#endif  // EDGEML_FORMATS_HDF5_IMAGE_H_
