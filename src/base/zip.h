// Zip archives in memory: stored and deflated entries, zip64, archives behind other data.
//
// The format: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.3. Nothing is ever extracted to disk:
// names are reported as they are, absolute ones, ones with ".." and duplicates included, and it is
// for the caller to treat them as mere keys.
#ifndef EDGEML_BASE_ZIP_H_
#define EDGEML_BASE_ZIP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml {

struct ZipEntry {
  std::string name;  // as stored, UTF-8 or not; ends in '/' for a folder
  uint16_t flags = 0;
  uint16_t method = 0;  // 0 = stored, 8 = deflated
  uint32_t crc = 0;
  uint64_t packed_size = 0;
  uint64_t size = 0;
  uint64_t offset = 0;  // of the local header, from the beginning of the bytes
};

// The content of an entry.
struct ZipContent {
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  std::span<const std::byte> bytes;
};

// An archive that ends where the bytes end. What is in front of it (a model, a self-extractor) is
// skipped, whether the archive's offsets count from its own beginning or from that of the bytes.
class ZipReader {
 public:
  // `owner` keeps `bytes` alive. kNotFound when no archive ends there; kInvalidModel for a damaged
  // one. The directory takes memory in proportion to its size in the file.
  static Result<ZipReader> Open(std::shared_ptr<const void> owner,
                                std::span<const std::byte> bytes);

  // In the order of the directory.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  // The first entry of that name; null when there is none.
  const ZipEntry* Find(std::string_view name) const;

  // The content of an entry, its checksum compared. Stored entries point into the archive and share
  // its owner; deflated ones are unpacked. Errors start with the entry's name: kInvalidModel for
  // damage, kUnsupported for encryption and other methods, kResourceExhausted for deflated content
  // of more than `max_bytes`.
  Result<ZipContent> Read(const ZipEntry& entry, uint64_t max_bytes) const;

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  std::vector<ZipEntry> entries_;
};

// Makes an archive of stored entries. The same entries give the same bytes: all are dated 1980.
class ZipWriter {
 public:
  // `base`: bytes that will stand in front of the archive; stated offsets count from their first.
  // Sizes and offsets from `zip64_from` on are written in the zip64 way; lowered by tests only.
  explicit ZipWriter(uint64_t base = 0, uint64_t zip64_from = 0xFFFFFFFF)
      : base_(base), zip64_from_(zip64_from) {}
  // kInvalidArgument unless the name has 1 to 65535 bytes.
  Status Add(std::string_view name, std::span<const std::byte> content);
  // The archive; the writer is empty afterwards.
  std::vector<std::byte> Finish();

 private:
  void Put(uint64_t value, int bytes);
  void PutBytes(std::span<const std::byte> bytes);
  // From "version needed" to the length of the name, as both kinds of header have it.
  void PutCommon(const ZipEntry& entry, bool zip64);

  uint64_t base_;
  uint64_t zip64_from_;
  std::vector<std::byte> out_;
  std::vector<ZipEntry> entries_;
};

}  // namespace edgeml

#endif  // EDGEML_BASE_ZIP_H_
