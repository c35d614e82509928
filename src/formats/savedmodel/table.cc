#include "src/formats/savedmodel/table.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "src/base/byte_reader.h"
#include "src/base/strings.h"
#include "src/formats/savedmodel/crc32c.h"
#include "src/formats/savedmodel/varint.h"

namespace edgeml::savedmodel {
namespace {

constexpr uint64_t kMagic = 0xdb4775248b80fb57u;
constexpr size_t kFooterSize = 48;  // two block handles, zeros, the magic number
constexpr size_t kTrailerSize = 5;  // after each block: compression, checksum
constexpr uint8_t kUncompressed = 0, kSnappy = 1;

struct Handle {
  uint64_t offset = 0, size = 0;
};

std::optional<Handle> ReadHandle(ByteReader& reader) {
  const auto offset = ReadVarint(reader);
  const auto size = ReadVarint(reader);
  if (!offset || !size) return std::nullopt;
  return Handle{*offset, *size};
}

class TableReader {
 public:
  explicit TableReader(std::span<const std::byte> file)
      : file_(file), key_bytes_left_(kMaxKeyExpansion * file.size()) {}

  Result<std::vector<Table::Entry>> Read() {
    if (file_.size() < kFooterSize)
      return Error(Code::kInvalidModel, "has ", file_.size(),
                   " bytes, too few for a table; it was cut off, fetch it again");
    const auto footer = file_.last(kFooterSize);
    if (ByteReader(footer.last(8)).Read<uint64_t>() != kMagic)
      return Error(Code::kInvalidModel,
                   "does not end as a table does; it is damaged or no checkpoint of the V2 format");
    ByteReader reader(footer);
    const auto meta = ReadHandle(reader);
    const auto index = ReadHandle(reader);
    if (!meta || !index) return Error(Code::kInvalidModel, "its footer is damaged");
    std::vector<Table::Entry> blocks;
    EDGEML_RETURN_IF_ERROR(ReadBlock(*index, "the index block", blocks));
    std::vector<Table::Entry> entries;
    for (size_t i = 0; i < blocks.size(); ++i) {
      ByteReader value(blocks[i].value);
      const auto handle = ReadHandle(value);
      if (!handle) return Error(Code::kInvalidModel, "the place of block ", i, " is damaged");
      EDGEML_RETURN_IF_ERROR(ReadBlock(*handle, Concat("block ", i), entries));
    }
    return entries;
  }

 private:
  // Adds the block's entries. Keys must grow, which also keeps a block from being read twice.
  Status ReadBlock(const Handle& at, std::string_view what, std::vector<Table::Entry>& out) {
    const auto block = SubSpan(file_, at.offset, at.size);
    const auto trailer = block ? SubSpan(file_, at.offset + at.size, kTrailerSize) : std::nullopt;
    if (!trailer)
      return Error(Code::kInvalidModel, what, " lies beyond the file's ", file_.size(), " bytes");
    ByteReader end(*trailer);
    const auto compression = end.Read<uint8_t>();
    if (MaskedCrc(Crc32c(trailer->first(1), Crc32c(*block))) != end.Read<uint32_t>())
      return Error(Code::kInvalidModel, what,
                   " does not match its checksum; the file is damaged, fetch it again");
    if (compression != kUncompressed)
      return Error(Code::kUnsupported, what, " is compressed (",
                   compression == kSnappy ? "snappy" : Concat("kind ", compression),
                   "); save the checkpoint again with TensorFlow, which does not compress it");
    return ReadEntries(*block, what, out);
  }

  Status ReadEntries(std::span<const std::byte> block, std::string_view what,
                     std::vector<Table::Entry>& out) {
    // At the end: offsets of the entries that store their whole key, and their count. Whoever reads
    // all entries in order needs none of them.
    const auto damaged = [what] { return Error(Code::kInvalidModel, what, " is damaged"); };
    if (block.size() < 4) return damaged();
    const uint64_t restarts = ByteReader(block.last(4)).Read<uint32_t>();
    if (restarts > (block.size() - 4) / 4) return damaged();
    ByteReader reader(block.first(block.size() - 4 - static_cast<size_t>(restarts) * 4));
    std::string key;
    while (reader.remaining() > 0) {
      const auto shared = ReadVarint(reader);
      const auto own = ReadVarint(reader);
      const auto value_size = ReadVarint(reader);
      if (!shared || !own || !value_size || *shared > key.size() || *own > kMaxKeyBytes ||
          *shared + *own > kMaxKeyBytes)
        return damaged();
      key.resize(static_cast<size_t>(*shared));
      const auto rest = reader.Take(*own);
      key.append(reinterpret_cast<const char*>(rest.data()), rest.size());
      const auto value = reader.Take(*value_size);
      if (!reader.ok()) return damaged();
      if (!out.empty() && key <= out.back().key)
        return Error(Code::kInvalidModel, what, " has keys out of order");
      if (key.size() > key_bytes_left_)
        return Error(Code::kInvalidModel, what, " has keys far too long for the file's size");
      key_bytes_left_ -= key.size();
      out.push_back({key, value});
    }
    return Status::Ok();
  }

  std::span<const std::byte> file_;
  size_t key_bytes_left_;
};

}  // namespace

Result<Table> Table::Read(std::span<const std::byte> file) {
  Table table;
  EDGEML_ASSIGN_OR_RETURN(table.entries_, TableReader(file).Read());
  return table;
}

const Table::Entry* Table::Find(std::string_view key) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), key,
      [](const Entry& entry, std::string_view wanted) { return entry.key < wanted; });
  return found != entries_.end() && found->key == key ? &*found : nullptr;
}

}  // namespace edgeml::savedmodel
