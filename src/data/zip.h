// Zip archives in memory, as far as npz needs them: stored and deflated entries, zip64.
#ifndef EDGEML_DATA_ZIP_H_
#define EDGEML_DATA_ZIP_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/data/file_io.h"

namespace edgeml::data {

struct ZipEntry {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 0;  // 0 = stored, 8 = deflated
  uint32_t crc = 0;
  uint64_t packed_size = 0;
  uint64_t size = 0;
  uint64_t offset = 0;  // of the local header
};

// The central directory of an archive. `where` names the source in messages. kInvalidModel.
Result<std::vector<ZipEntry>> ListZip(std::span<const uint8_t> archive, const std::string& where);

// The content of an entry of at most `max_bytes`; its checksum is verified.
// Errors: kInvalidModel, kUnsupported (encrypted, another method), kResourceExhausted.
Result<Bytes> ExtractZip(std::span<const uint8_t> archive, const ZipEntry& entry,
                         const std::string& where, size_t max_bytes);

class ZipWriter {
 public:
  // Sizes and offsets from `zip64_from` on are written in the zip64 way; lowered by tests only.
  explicit ZipWriter(uint64_t zip64_from = 0xFFFFFFFF) : zip64_from_(zip64_from) {}
  // Appends a stored entry. REQUIRES: name.size() <= 65535.
  void Add(const std::string& name, std::span<const uint8_t> content);
  // The archive; the writer is empty afterwards.
  Bytes Finish();

 private:
  void Put(uint64_t value, int bytes);
  uint64_t zip64_from_;
  Bytes out_;
  std::vector<ZipEntry> entries_;
};

}  // namespace edgeml::data

#endif  // EDGEML_DATA_ZIP_H_
