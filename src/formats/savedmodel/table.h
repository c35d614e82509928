// Sorted tables of the LevelDB format: the index file of a tensor bundle.
#ifndef EDGEML_FORMATS_SAVEDMODEL_TABLE_H_
#define EDGEML_FORMATS_SAVEDMODEL_TABLE_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::savedmodel {

// Longest key of an entry. Names of variables have some hundred characters.
inline constexpr size_t kMaxKeyBytes = 1 << 16;
// Bytes of all keys of a table, unpacked, for each byte of the file: keys share their beginnings.
inline constexpr size_t kMaxKeyExpansion = 64;

// The entries of a table, in the order of their keys.
class Table {
 public:
  struct Entry {
    std::string key;
    std::span<const std::byte> value;  // inside the file
  };

  // Reads the whole table (footer, index block, data blocks) and checks the checksum of every
  // block. kInvalidModel for a damaged table and for keys out of order; kUnsupported for compressed
  // blocks, which TensorFlow does not write. The values point into `file`, which must outlive the
  // table. Safe on any bytes; memory is limited by kMaxKeyExpansion.
  // Source: https://github.com/google/leveldb/blob/main/doc/table_format.md
  static Result<Table> Read(std::span<const std::byte> file);

  std::span<const Entry> entries() const { return entries_; }
  // Null when there is none of that key.
  const Entry* Find(std::string_view key) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_TABLE_H_
