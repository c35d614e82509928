#include "src/formats/tflite/zip.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "src/base/byte_reader.h"
#include "src/base/strings.h"

namespace edgeml::tflite {
namespace {

constexpr uint32_t kEndMark = 0x06054b50, kEntryMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr size_t kEndSize = 22, kEntrySize = 46, kLocalSize = 30;
constexpr size_t kMaxComment = 65535;
constexpr uint64_t kMaxUnpacked = uint64_t{256} << 20;
constexpr uint16_t kStored = 0, kDeflated = 8;

struct Directory {
  uint64_t at = 0, size = 0, count = 0;
  uint64_t shift = 0;  // added to the offsets that the archive states
};

// The end record stands last, followed only by a comment whose length it states.
std::optional<Directory> FindDirectory(std::span<const std::byte> file) {
  if (file.size() < kEndSize) return std::nullopt;
  const size_t last = file.size() - kEndSize;
  const size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (file[at] != std::byte{'P'} || file[at + 1] != std::byte{'K'}) continue;
    ByteReader reader(file.subspan(at));
    if (reader.Read<uint32_t>() != kEndMark) continue;
    reader.Skip(6);  // disk numbers, entries on this disk
    Directory found;
    found.count = reader.Read<uint16_t>();
    found.size = reader.Read<uint32_t>();
    const uint64_t stated = reader.Read<uint32_t>();
    if (reader.Read<uint16_t>() != last - at) continue;
    if (found.size > at || stated > at - found.size) continue;
    found.at = at - found.size;
    found.shift = found.at - stated;
    return found;
  }
  return std::nullopt;
}

Result<std::vector<std::byte>> Inflate(std::span<const std::byte> packed, size_t size) {
  std::vector<std::byte> out(size);
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return Error(Code::kResourceExhausted, "no memory to unpack it");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::byte spare{};  // zlib wants somewhere to write, even for an empty entry
  stream.next_out = reinterpret_cast<Bytef*>(out.empty() ? &spare : out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.total_out == size;
  inflateEnd(&stream);
  if (!whole) return Error(Code::kInvalidModel, "its compressed data is damaged");
  return out;
}

uint32_t Crc(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Result<ir::ConstantData> ReadEntry(const std::shared_ptr<const void>& owner,
                                   std::span<const std::byte> file, uint64_t local_at,
                                   uint16_t method, uint32_t crc, uint64_t packed_size,
                                   uint64_t size) {
  const auto from_local = SubSpan(file, local_at, kLocalSize);
  if (!from_local) return Error(Code::kInvalidModel, "it lies outside of the file");
  ByteReader local(*from_local);
  if (local.Read<uint32_t>() != kLocalMark)
    return Error(Code::kInvalidModel, "it is not where the archive says");
  local.Skip(22);
  const uint64_t name_size = local.Read<uint16_t>();
  const uint64_t extra_size = local.Read<uint16_t>();
  const auto packed = SubSpan(file, local_at + kLocalSize + name_size + extra_size, packed_size);
  if (!packed) return Error(Code::kInvalidModel, "it lies outside of the file");
  ir::ConstantData data;
  if (method == kStored) {
    if (packed_size != size) return Error(Code::kInvalidModel, "its sizes contradict each other");
    data = {owner, *packed};
  } else if (method == kDeflated) {
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> unpacked,
                            Inflate(*packed, static_cast<size_t>(size)));
    data = ir::ConstantData::Own(std::move(unpacked));
  } else {
    return Error(Code::kUnsupported, "compression method ", method,
                 " is not supported; pack it with deflate");
  }
  if (Crc(data.bytes) != crc) return Error(Code::kInvalidModel, "its checksum is wrong");
  return data;
}

}  // namespace

Result<std::vector<ir::AssociatedFile>> ReadTrailingZip(const std::shared_ptr<const void>& owner,
                                                        std::span<const std::byte> file) {
  std::vector<ir::AssociatedFile> files;
  const std::optional<Directory> directory = FindDirectory(file);
  if (!directory) return files;
  ByteReader reader(
      file.subspan(static_cast<size_t>(directory->at), static_cast<size_t>(directory->size)));
  uint64_t unpacked = 0;
  for (uint64_t i = 0; i < directory->count; ++i) {
    const uint32_t mark = reader.Read<uint32_t>();
    reader.Skip(4);  // versions
    const uint16_t flags = reader.Read<uint16_t>();
    const uint16_t method = reader.Read<uint16_t>();
    reader.Skip(4);  // time and date
    const uint32_t crc = reader.Read<uint32_t>();
    const uint64_t packed_size = reader.Read<uint32_t>();
    const uint64_t size = reader.Read<uint32_t>();
    const uint64_t name_size = reader.Read<uint16_t>();
    const uint64_t extra_size = reader.Read<uint16_t>();
    const uint64_t comment_size = reader.Read<uint16_t>();
    reader.Skip(8);  // disk, attributes
    const uint64_t stated = reader.Read<uint32_t>();
    const std::span<const std::byte> name_bytes = reader.Take(name_size);
    reader.Skip(extra_size + comment_size);
    if (!reader.ok() || mark != kEntryMark)
      return Error(Code::kInvalidModel, "the archive of associated files is damaged at entry ", i,
                   "; fetch the file again");
    const std::string name(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());
    if (name.ends_with('/')) continue;
    const std::string context = Concat("associated file '", name, "'");
    if ((flags & 1u) != 0)
      return Error(Code::kUnsupported, context, ": is encrypted; pack it without a password");
    unpacked += size;
    if (unpacked > kMaxUnpacked)
      return Error(Code::kResourceExhausted, context,
                   ": the associated files would take more than ", HumanBytes(kMaxUnpacked));
    Result<ir::ConstantData> data =
        ReadEntry(owner, file, directory->shift + stated, method, crc, packed_size, size);
    if (!data.ok()) return Status(data.status()).WithContext(context);
    files.push_back({name, *std::move(data)});
  }
  return files;
}

namespace {

class ByteWriter {
 public:
  template <typename T>
  void Put(T value) {
    for (size_t i = 0; i < sizeof(T); ++i)
      out_.push_back(static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i)));
  }
  void Append(std::span<const std::byte> bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  size_t size() const { return out_.size(); }
  std::vector<std::byte> Take() { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

// From "version needed" up to and with the length of the extra field, as both kinds of header have.
void PutCommon(ByteWriter& out, const ir::AssociatedFile& file) {
  out.Put<uint16_t>(20);      // version needed
  out.Put<uint16_t>(0x0800);  // names are UTF-8
  out.Put<uint16_t>(kStored);
  out.Put<uint16_t>(0);       // midnight
  out.Put<uint16_t>(0x0021);  // of 1 January 1980
  out.Put<uint32_t>(Crc(file.data.bytes));
  out.Put<uint32_t>(static_cast<uint32_t>(file.data.bytes.size()));
  out.Put<uint32_t>(static_cast<uint32_t>(file.data.bytes.size()));
  out.Put<uint16_t>(static_cast<uint16_t>(file.name.size()));
  out.Put<uint16_t>(0);
}

}  // namespace

Result<std::vector<std::byte>> WriteZip(std::span<const ir::AssociatedFile> files, size_t base) {
  uint64_t total = base + kEndSize;
  for (const ir::AssociatedFile& file : files) {
    if (file.name.empty() || file.name.size() > 0xFFFF)
      return Error(Code::kInvalidArgument, "associated file '", file.name.substr(0, 40),
                   "': its name must have 1 to 65535 bytes");
    total += kLocalSize + kEntrySize + 2 * file.name.size() + file.data.bytes.size();
  }
  if (files.size() > 0xFFFF || total > 0xFFFF'FFFFu)
    return Error(Code::kUnsupported, "the associated files do not fit into a zip archive");
  ByteWriter out;
  ByteWriter directory;
  for (const ir::AssociatedFile& file : files) {
    const auto name = std::as_bytes(std::span(file.name));
    directory.Put(kEntryMark);
    directory.Put<uint16_t>(20);
    PutCommon(directory, file);
    directory.Put<uint16_t>(0);  // comment
    directory.Put<uint16_t>(0);  // disk
    directory.Put<uint16_t>(0);  // internal attributes
    directory.Put<uint32_t>(0);  // external attributes
    directory.Put<uint32_t>(static_cast<uint32_t>(base + out.size()));
    directory.Append(name);
    out.Put(kLocalMark);
    PutCommon(out, file);
    out.Append(name);
    out.Append(file.data.bytes);
  }
  const size_t directory_at = base + out.size();
  const std::vector<std::byte> entries = directory.Take();
  out.Append(entries);
  out.Put(kEndMark);
  out.Put<uint32_t>(0);  // disks
  out.Put(static_cast<uint16_t>(files.size()));
  out.Put(static_cast<uint16_t>(files.size()));
  out.Put(static_cast<uint32_t>(entries.size()));
  out.Put(static_cast<uint32_t>(directory_at));
  out.Put<uint16_t>(0);
  return out.Take();
}

}  // namespace edgeml::tflite
