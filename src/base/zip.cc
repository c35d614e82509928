#include "src/base/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "src/base/byte_reader.h"
#include "src/base/strings.h"

namespace edgeml {
namespace {

constexpr uint32_t kLocalMark = 0x04034B50, kEntryMark = 0x02014B50, kEndMark = 0x06054B50;
constexpr uint32_t kEnd64Mark = 0x06064B50, kLocator64Mark = 0x07064B50;
constexpr size_t kLocalSize = 30, kEntrySize = 46, kEndSize = 22;
constexpr size_t kEnd64Size = 56, kLocator64Size = 20;
constexpr size_t kMaxComment = 65535;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr uint16_t kEncrypted = 1, kUtf8 = 1 << 11;
constexpr uint64_t kIn64 = 0xFFFFFFFF;       // "see the zip64 field"
constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate makes at most that many bytes of one

Status Damaged(std::string_view what) {
  return Error(Code::kInvalidModel, "damaged zip archive: ", what);
}

uint32_t Checksum(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// The end record stands last, followed only by a comment whose length it states.
std::optional<size_t> FindEnd(std::span<const std::byte> bytes) {
  if (bytes.size() < kEndSize) return std::nullopt;
  const size_t last = bytes.size() - kEndSize;
  const size_t first = last - std::min(last, kMaxComment);
  for (size_t at = last + 1; at-- > first;) {
    if (bytes[at] != std::byte{'P'} || bytes[at + 1] != std::byte{'K'}) continue;
    ByteReader record(bytes.subspan(at));
    if (record.Read<uint32_t>() != kEndMark) continue;
    record.Skip(16);
    if (record.Read<uint16_t>() == last - at) return at;
  }
  return std::nullopt;
}

struct Directory {
  std::span<const std::byte> bytes;
  uint64_t count = 0;
  uint64_t shift = 0;  // added to the offsets that the archive states
};

// The directory ends where the end records begin; where it says that it begins tells how far
// everything was moved.
Result<Directory> Locate(std::span<const std::byte> bytes, size_t end, uint64_t count,
                         uint64_t size, uint64_t stated) {
  if (size > end || stated > end - size)
    return Damaged("its directory does not lie in front of its end");
  Directory out;
  out.bytes = bytes.subspan(end - static_cast<size_t>(size), static_cast<size_t>(size));
  out.count = count;
  out.shift = end - size - stated;
  return out;
}

Result<Directory> Locate64(std::span<const std::byte> bytes, size_t locator_at) {
  ByteReader locator(bytes.subspan(locator_at + 8));
  const uint64_t stated_at = locator.Read<uint64_t>();
  // Without room for extensions, which nobody writes, it stands right in front of its locator.
  std::optional<size_t> at;
  for (const uint64_t candidate : {uint64_t{locator_at} - kEnd64Size, stated_at}) {
    const auto record = SubSpan(bytes.first(locator_at), candidate, kEnd64Size);
    if (!record || ByteReader(*record).Read<uint32_t>() != kEnd64Mark) continue;
    at = static_cast<size_t>(candidate);
    break;
  }
  if (!at) return Damaged("no zip64 end record");
  ByteReader record(bytes.subspan(*at + 32));
  const uint64_t count = record.Read<uint64_t>();
  const uint64_t size = record.Read<uint64_t>();
  const uint64_t stated = record.Read<uint64_t>();
  return Locate(bytes, *at, count, size, stated);
}

Result<Directory> FindDirectory(std::span<const std::byte> bytes) {
  const std::optional<size_t> end = FindEnd(bytes);
  if (!end)
    return Error(Code::kNotFound, "no zip archive ends here; the file may be another or truncated");
  if (*end >= kLocator64Size &&
      ByteReader(bytes.subspan(*end - kLocator64Size)).Read<uint32_t>() == kLocator64Mark)
    return Locate64(bytes, *end - kLocator64Size);
  ByteReader record(bytes.subspan(*end + 10));
  const uint64_t count = record.Read<uint16_t>();
  const uint64_t size = record.Read<uint32_t>();
  const uint64_t stated = record.Read<uint32_t>();
  return Locate(bytes, *end, count, size, stated);
}

// Replaces what says kIn64 by the numbers of the zip64 field.
bool ReadZip64Field(std::span<const std::byte> extra, ZipEntry& e) {
  constexpr uint16_t kZip64Id = 1;
  ByteReader fields(extra);
  while (fields.remaining() >= 4) {
    const uint16_t id = fields.Read<uint16_t>();
    ByteReader field(fields.Take(fields.Read<uint16_t>()));
    if (!fields.ok()) return false;
    if (id != kZip64Id) continue;
    for (uint64_t* number : {&e.size, &e.packed_size, &e.offset})
      if (*number == kIn64) *number = field.Read<uint64_t>();
    return field.ok();
  }
  return e.size != kIn64 && e.packed_size != kIn64 && e.offset != kIn64;
}

Result<std::vector<std::byte>> Inflate(std::span<const std::byte> packed, uint64_t size) {
  if (size / kMaxDeflateRatio > packed.size()) return Damaged("an impossible size");
  std::vector<std::byte> out(static_cast<size_t>(size));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return Error(Code::kResourceExhausted, "no memory to unpack it");
  constexpr size_t kStep = size_t{1} << 30;  // zlib counts in 32 bits
  size_t fed = 0, made = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    const size_t in = std::min(packed.size() - fed, kStep);
    const size_t room = std::min(out.size() - made, kStep);
    std::byte spare{};  // zlib wants an address even for no room
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + fed));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(room > 0 ? out.data() + made : &spare);
    stream.avail_out = static_cast<uInt>(room);
    code = inflate(&stream, Z_NO_FLUSH);
    const size_t ate = in - stream.avail_in, gave = room - stream.avail_out;
    fed += ate;
    made += gave;
    if (ate == 0 && gave == 0) break;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END || made != out.size()) return Damaged("its compressed data is wrong");
  return out;
}

Result<ZipContent> ReadContent(const std::shared_ptr<const void>& owner,
                               std::span<const std::byte> archive, const ZipEntry& entry,
                               uint64_t max_bytes) {
  if ((entry.flags & kEncrypted) != 0)
    return Error(Code::kUnsupported, "is encrypted; pack it without a password");
  if (entry.method != kStored && entry.method != kDeflated)
    return Error(Code::kUnsupported, "compression method ", entry.method,
                 " is not supported; pack it with deflate");
  const auto header = SubSpan(archive, entry.offset, kLocalSize);
  if (!header) return Damaged("it lies outside of the file");
  ByteReader local(*header);
  if (local.Read<uint32_t>() != kLocalMark) return Damaged("it is not where the archive says");
  local.Skip(22);
  const uint64_t name_size = local.Read<uint16_t>();
  const uint64_t extra_size = local.Read<uint16_t>();
  // Cannot overflow: the header lies in the file.
  const auto name = SubSpan(archive, entry.offset + kLocalSize, name_size);
  if (!name || name_size != entry.name.size() ||
      std::memcmp(name->data(), entry.name.data(), entry.name.size()) != 0)
    return Damaged("it has another name in front of its content than in the directory");
  const auto packed =
      SubSpan(archive, entry.offset + kLocalSize + name_size + extra_size, entry.packed_size);
  if (!packed) return Damaged("it lies outside of the file");
  ZipContent out{owner, *packed};
  if (entry.method == kStored) {
    if (entry.packed_size != entry.size) return Damaged("its sizes contradict each other");
  } else {
    if (entry.size > max_bytes)
      return Error(Code::kResourceExhausted, "would take ", HumanBytes(entry.size),
                   " unpacked, over the cap of ", HumanBytes(max_bytes));
    EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, Inflate(*packed, entry.size));
    const auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    out = {held, *held};
  }
  if (Checksum(out.bytes) != entry.crc) return Damaged("its checksum is wrong");
  return out;
}

}  // namespace

Result<ZipReader> ZipReader::Open(std::shared_ptr<const void> owner,
                                  std::span<const std::byte> bytes) {
  EDGEML_ASSIGN_OR_RETURN(const Directory directory, FindDirectory(bytes));
  if (directory.count > directory.bytes.size() / kEntrySize)
    return Damaged("it states more entries than its directory can hold");
  ZipReader out;
  out.entries_.reserve(static_cast<size_t>(directory.count));
  ByteReader reader(directory.bytes);
  for (uint64_t i = 0; i < directory.count; ++i) {
    const uint32_t mark = reader.Read<uint32_t>();
    reader.Skip(4);  // versions
    ZipEntry entry;
    entry.flags = reader.Read<uint16_t>();
    entry.method = reader.Read<uint16_t>();
    reader.Skip(4);  // time and date
    entry.crc = reader.Read<uint32_t>();
    entry.packed_size = reader.Read<uint32_t>();
    entry.size = reader.Read<uint32_t>();
    const uint64_t name_size = reader.Read<uint16_t>();
    const uint64_t extra_size = reader.Read<uint16_t>();
    const uint64_t comment_size = reader.Read<uint16_t>();
    reader.Skip(8);  // disk, attributes
    entry.offset = reader.Read<uint32_t>();
    const std::span<const std::byte> name = reader.Take(name_size);
    const std::span<const std::byte> extra = reader.Take(extra_size);
    reader.Skip(comment_size);
    if (!reader.ok() || mark != kEntryMark)
      return Damaged(Concat("its directory is wrong at entry ", i));
    entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    if (!ReadZip64Field(extra, entry))
      return Damaged(Concat("the zip64 field of '", entry.name, "' is wrong"));
    if (entry.offset > bytes.size())
      return Damaged(Concat("'", entry.name, "' lies outside of the file"));
    entry.offset += directory.shift;
    out.entries_.push_back(std::move(entry));
  }
  out.owner_ = std::move(owner);
  out.bytes_ = bytes;
  return out;
}

const ZipEntry* ZipReader::Find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Result<ZipContent> ZipReader::Read(const ZipEntry& entry, uint64_t max_bytes) const {
  Result<ZipContent> content = ReadContent(owner_, bytes_, entry, max_bytes);
  if (!content.ok()) return Status(content.status()).WithContext(Concat("'", entry.name, "'"));
  return content;
}

void ZipWriter::Put(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void ZipWriter::PutBytes(std::span<const std::byte> bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void ZipWriter::PutCommon(const ZipEntry& entry, bool zip64) {
  constexpr uint64_t kVersion = 20, kVersion64 = 45, kFirstDay = 0x21;  // 1 January 1980
  Put(zip64 ? kVersion64 : kVersion, 2);
  Put(kUtf8, 2);
  Put(kStored, 2);
  Put(0, 2);  // midnight
  Put(kFirstDay, 2);
  Put(entry.crc, 4);
  const bool big = entry.size >= zip64_from_;
  Put(big ? kIn64 : entry.size, 4);
  Put(big ? kIn64 : entry.size, 4);
  Put(entry.name.size(), 2);
}

Status ZipWriter::Add(std::string_view name, std::span<const std::byte> content) {
  if (name.empty() || name.size() > 0xFFFF)
    return Error(Code::kInvalidArgument, "'", name.substr(0, 40),
                 "': the name of a zip entry must have 1 to 65535 bytes");
  ZipEntry entry;
  entry.name = name;
  entry.crc = Checksum(content);
  entry.size = entry.packed_size = content.size();
  entry.offset = base_ + out_.size();
  const bool big = entry.size >= zip64_from_;
  Put(kLocalMark, 4);
  PutCommon(entry, big);
  Put(big ? 20 : 0, 2);
  PutBytes(std::as_bytes(std::span(name)));
  if (big) {
    Put(1, 2);
    Put(16, 2);
    Put(entry.size, 8);
    Put(entry.size, 8);
  }
  PutBytes(content);
  entries_.push_back(std::move(entry));
  return Status::Ok();
}

std::vector<std::byte> ZipWriter::Finish() {
  const uint64_t start = base_ + out_.size();
  for (const ZipEntry& entry : entries_) {
    const bool big = entry.size >= zip64_from_, far = entry.offset >= zip64_from_;
    const uint64_t extra = (big ? 16 : 0) + (far ? 8 : 0);
    Put(kEntryMark, 4);
    Put(45, 2);  // written by
    PutCommon(entry, extra != 0);
    Put(extra != 0 ? extra + 4 : 0, 2);
    Put(0, 2);  // comment
    Put(0, 4);  // disk, internal attributes
    Put(0, 4);  // external attributes
    Put(far ? kIn64 : entry.offset, 4);
    PutBytes(std::as_bytes(std::span(entry.name)));
    if (extra == 0) continue;
    Put(1, 2);
    Put(extra, 2);
    if (big) {
      Put(entry.size, 8);
      Put(entry.size, 8);
    }
    if (far) Put(entry.offset, 8);
  }
  const uint64_t end = base_ + out_.size(), count = entries_.size();
  const bool zip64 = start >= zip64_from_ || end - start >= zip64_from_ || count >= 0xFFFF;
  if (zip64) {
    Put(kEnd64Mark, 4);
    Put(kEnd64Size - 12, 8);
    Put(45, 2);
    Put(45, 2);
    Put(0, 8);  // disks
    Put(count, 8);
    Put(count, 8);
    Put(end - start, 8);
    Put(start, 8);
    Put(kLocator64Mark, 4);
    Put(0, 4);
    Put(end, 8);
    Put(1, 4);
  }
  Put(kEndMark, 4);
  Put(0, 4);  // disks
  Put(zip64 ? 0xFFFF : count, 2);
  Put(zip64 ? 0xFFFF : count, 2);
  Put(zip64 ? kIn64 : end - start, 4);
  Put(zip64 ? kIn64 : start, 4);
  Put(0, 2);  // comment
  entries_.clear();
  return std::exchange(out_, {});
}

}  // namespace edgeml
