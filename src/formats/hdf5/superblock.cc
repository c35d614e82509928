// The superblock (specification II.A to II.C).
#include <array>
#include <cstring>
#include <optional>

#include "src/base/strings.h"
#include "src/formats/hdf5/session.h"

namespace edgeml::hdf5 {
namespace {

constexpr std::array<unsigned char, 8> kSignature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};

// Where the signature stands: at 0, or behind a user block of a power of two from 512 on.
std::optional<size_t> FindSignature(std::span<const std::byte> bytes) {
  for (size_t at = 0; at <= bytes.size() && bytes.size() - at >= kSignature.size();
       at = at == 0 ? 512 : 2 * at) {
    if (std::memcmp(bytes.data() + at, kSignature.data(), kSignature.size()) == 0) return at;
    if (at > bytes.size() / 2) break;
  }
  return std::nullopt;
}

Status Cut() { return Error(Code::kInvalidModel, "the superblock is cut short"); }

// What several files make up together cannot be read from one of them.
Status Parts() {
  return Error(Code::kUnsupported,
               "the file is one of several parts of a split HDF5 file; join them with h5repack");
}

}  // namespace

bool LooksLikeHdf5(std::span<const std::byte> bytes) { return FindSignature(bytes).has_value(); }

namespace internal {
namespace {

bool IsFieldSize(int size) { return size == 2 || size == 4 || size == 8; }

struct Fixed {
  uint64_t base = 0, end = 0, extension = kNowhere;
};

Status CheckEnd(const Fixed& fixed, size_t at, size_t size) {
  // Addresses count from the superblock even when the file says otherwise: it has been moved.
  if (fixed.end < fixed.base) return Error(Code::kInvalidModel, "the file ends before it begins");
  const uint64_t length = fixed.end - fixed.base;
  if (length > size - at)
    return Error(Code::kInvalidModel, "the file is truncated: it has ", size, " of ", length + at,
                 " bytes; fetch it again");
  return Status::Ok();
}

}  // namespace

Result<Superblock> ReadSuperblock(std::span<const std::byte> bytes) {
  const std::optional<size_t> at = FindSignature(bytes);
  if (!at) return Error(Code::kInvalidModel, "this is no HDF5 file: it lacks the signature");
  Superblock out;
  out.image.bytes = bytes.subspan(*at);
  const std::span<const std::byte> start = out.image.bytes.subspan(kSignature.size());
  Fixed fixed;
  ByteReader first(start);
  const uint8_t version = first.Read<uint8_t>();
  if (version > 3)
    return Error(Code::kUnsupported, "HDF5 superblock version ", version, " is not known");
  const size_t sizes_at = version < 2 ? 5 : 1;
  if (start.size() < sizes_at + 2) return Cut();
  out.image.offset_size = std::to_integer<int>(start[sizes_at]);
  out.image.length_size = std::to_integer<int>(start[sizes_at + 1]);
  if (!IsFieldSize(out.image.offset_size) || !IsFieldSize(out.image.length_size))
    return Error(Code::kUnsupported, "addresses of ", out.image.offset_size,
                 " bytes and lengths of ", out.image.length_size, " bytes are not read");
  Fields fields(out.image, start);
  if (version < 2) {
    // Versions, sizes, degrees of trees, flags; version 1 has one degree more.
    fields.Skip(version == 0 ? 16 : 20);
    fixed.base = fields.Offset();
    fields.Offset();  // free space
    fixed.end = fields.Offset();
    const uint64_t driver = fields.Offset();
    fields.Length();  // name of the root group
    out.root = fields.Offset();
    if (!fields.ok()) return Cut();
    if (driver != kNowhere) return Parts();
  } else {
    fields.Skip(4);
    fixed.base = fields.Offset();
    fixed.extension = fields.Offset();
    fixed.end = fields.Offset();
    out.root = fields.Offset();
    fields.Skip(4);
    if (!fields.ok()) return Cut();
    const size_t size = out.image.bytes.size() - fields.remaining();
    EDGEML_RETURN_IF_ERROR(CompareChecksum(out.image.bytes.first(size), "superblock"));
  }
  EDGEML_RETURN_IF_ERROR(CheckEnd(fixed, *at, bytes.size()));
  if (fixed.extension != kNowhere) {
    Budget budget(out.image.bytes.size() * kMaxMetadataFactor);
    EDGEML_ASSIGN_OR_RETURN(const ObjectHeader header,
                            ReadObjectHeader(out.image, fixed.extension, budget));
    if (header.Find(MessageType::kDriverInfo) != nullptr) return Parts();
  }
  return out;
}

}  // namespace internal
}  // namespace edgeml::hdf5
