// The format: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
#include "src/data/zip.h"

#include <zlib.h>

#include <algorithm>

#include "src/base/strings.h"

namespace edgeml::data {
namespace {

constexpr uint32_t kLocalHeader = 0x04034B50, kCentralHeader = 0x02014B50, kEnd = 0x06054B50;
constexpr uint32_t kZip64End = 0x06064B50, kZip64Locator = 0x07064B50;
constexpr uint64_t kIn64 = 0xFFFFFFFF;  // "see the zip64 field"

// Little-endian value of `count` bytes at `at`. REQUIRES: at + count <= bytes.size().
uint64_t Get(std::span<const uint8_t> bytes, uint64_t at, int count) {
  uint64_t v = 0;
  for (int i = 0; i < count; ++i) v |= uint64_t{bytes[at + static_cast<uint64_t>(i)]} << (8 * i);
  return v;
}

bool Has(std::span<const uint8_t> bytes, uint64_t at, uint64_t count) {
  return at <= bytes.size() && count <= bytes.size() - at;
}

Status Damaged(const std::string& where, std::string_view what) {
  return Error(Code::kInvalidModel, where, ": damaged zip archive: ", what);
}

// Replaces the sizes and the offset that say kIn64 by those of the zip64 extra field.
bool ReadZip64Extra(std::span<const uint8_t> extra, ZipEntry& e) {
  for (uint64_t at = 0; Has(extra, at, 4);) {
    const uint64_t id = Get(extra, at, 2), length = Get(extra, at + 2, 2);
    at += 4;
    if (!Has(extra, at, length)) return false;
    if (id == 1) {
      uint64_t left = length, p = at;
      for (uint64_t* field : {&e.size, &e.packed_size, &e.offset}) {
        if (*field != kIn64) continue;
        if (left < 8) return false;
        *field = Get(extra, p, 8);
        p += 8, left -= 8;
      }
      return true;
    }
    at += length;
  }
  return e.size != kIn64 && e.packed_size != kIn64 && e.offset != kIn64;
}

}  // namespace

Result<std::vector<ZipEntry>> ListZip(std::span<const uint8_t> archive, const std::string& where) {
  if (archive.size() < 22) return Damaged(where, "too short");
  // The end record is followed by a comment of at most 65535 bytes.
  uint64_t end = archive.size() - 22;
  const uint64_t stop = end > 65535 ? end - 65535 : 0;
  while (Get(archive, end, 4) != kEnd) {
    if (end == stop) return Damaged(where, "no end record; the file may be truncated");
    --end;
  }
  uint64_t count = Get(archive, end + 10, 2);
  uint64_t size = Get(archive, end + 12, 4), at = Get(archive, end + 16, 4);
  if (end >= 20 && Get(archive, end - 20, 4) == kZip64Locator) {
    const uint64_t end64 = Get(archive, end - 12, 8);
    if (!Has(archive, end64, 56) || Get(archive, end64, 4) != kZip64End) {
      return Damaged(where, "no zip64 end record");
    }
    count = Get(archive, end64 + 32, 8);
    size = Get(archive, end64 + 40, 8);
    at = Get(archive, end64 + 48, 8);
  }
  if (!Has(archive, at, size)) return Damaged(where, "the directory lies outside of the file");
  if (count > size / 46) return Damaged(where, "more entries than the directory can hold");
  const std::span<const uint8_t> directory = archive.subspan(at, size);
  std::vector<ZipEntry> entries;
  entries.reserve(count);
  for (uint64_t p = 0, i = 0; i < count; ++i) {
    if (!Has(directory, p, 46) || Get(directory, p, 4) != kCentralHeader) {
      return Damaged(where, "the directory ends too early");
    }
    ZipEntry e;
    e.flags = static_cast<uint16_t>(Get(directory, p + 8, 2));
    e.method = static_cast<uint16_t>(Get(directory, p + 10, 2));
    e.crc = static_cast<uint32_t>(Get(directory, p + 16, 4));
    e.packed_size = Get(directory, p + 20, 4);
    e.size = Get(directory, p + 24, 4);
    const uint64_t name = Get(directory, p + 28, 2), extra = Get(directory, p + 30, 2);
    const uint64_t comment = Get(directory, p + 32, 2);
    e.offset = Get(directory, p + 42, 4);
    if (!Has(directory, p + 46, name + extra + comment)) {
      return Damaged(where, "the directory ends too early");
    }
    const auto first = directory.begin() + static_cast<int64_t>(p) + 46;
    e.name.assign(first, first + static_cast<int64_t>(name));
    if (!ReadZip64Extra(directory.subspan(p + 46 + name, extra), e)) {
      return Damaged(where, "a bad zip64 field");
    }
    p += 46 + name + extra + comment;
    entries.push_back(std::move(e));
  }
  return entries;
}

Result<Bytes> ExtractZip(std::span<const uint8_t> archive, const ZipEntry& entry,
                         const std::string& where, size_t max_bytes) {
  const std::string place = Concat(where, "[", entry.name, "]");
  if ((entry.flags & 1) != 0) return Error(Code::kUnsupported, place, ": an encrypted entry");
  if (!Has(archive, entry.offset, 30) || Get(archive, entry.offset, 4) != kLocalHeader) {
    return Damaged(place, "no local header");
  }
  const uint64_t start =
      entry.offset + 30 + Get(archive, entry.offset + 26, 2) + Get(archive, entry.offset + 28, 2);
  if (!Has(archive, start, entry.packed_size)) return Damaged(place, "the data ends too early");
  const std::span<const uint8_t> packed = archive.subspan(start, entry.packed_size);
  if (entry.size > max_bytes) {
    return Error(Code::kResourceExhausted, place, ": ", HumanBytes(entry.size),
                 " uncompressed, over the cap of ", HumanBytes(max_bytes));
  }
  Bytes out;
  if (entry.method == 0) {
    if (entry.size != entry.packed_size) return Damaged(place, "sizes that differ");
    out.assign(packed.begin(), packed.end());
  } else if (entry.method == 8) {
    // Deflate makes at most 1032 bytes of one.
    if (entry.size / 1032 > packed.size()) return Damaged(place, "an impossible size");
    out.resize(entry.size);
    z_stream stream{};
    if (inflateInit2(&stream, -15) != Z_OK) return Error(Code::kInternal, "zlib does not start");
    uint64_t fed = 0, made = 0;
    int code = Z_OK;
    while (code == Z_OK) {
      const uint64_t in = std::min<uint64_t>(packed.size() - fed, 1u << 30);
      const uint64_t room = std::min<uint64_t>(out.size() - made, 1u << 30);
      stream.next_in = const_cast<Bytef*>(packed.data() + fed);  // zlib does not write to it
      stream.avail_in = static_cast<uInt>(in);
      uint8_t nothing = 0;  // zlib wants an address even for no room
      stream.next_out = room > 0 ? out.data() + made : &nothing;
      stream.avail_out = static_cast<uInt>(room);
      code = inflate(&stream, Z_NO_FLUSH);
      const uint64_t ate = in - stream.avail_in, gave = room - stream.avail_out;
      fed += ate;
      made += gave;
      if (code == Z_OK && ate == 0 && gave == 0) break;
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END || made != out.size()) return Damaged(place, "bad compressed data");
  } else {
    return Error(Code::kUnsupported, place, ": compression method ", entry.method,
                 " (only stored and deflated entries are read)");
  }
  if (crc32_z(0, out.data(), out.size()) != entry.crc) return Damaged(place, "checksum mismatch");
  return out;
}

void ZipWriter::Put(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void ZipWriter::Add(const std::string& name, std::span<const uint8_t> content) {
  ZipEntry e;
  e.name = name;
  e.crc = static_cast<uint32_t>(crc32_z(0, content.data(), content.size()));
  e.size = e.packed_size = content.size();
  e.offset = out_.size();
  const bool zip64 = e.size >= zip64_from_;
  Put(kLocalHeader, 4);
  Put(zip64 ? 45 : 20, 2);
  Put(1 << 11, 2);  // names are UTF-8
  Put(0, 2);        // stored
  Put(0, 2);        // time and date: 1980-01-01, so that equal content gives equal files
  Put(0x21, 2);
  Put(e.crc, 4);
  Put(zip64 ? kIn64 : e.size, 4);
  Put(zip64 ? kIn64 : e.size, 4);
  Put(name.size(), 2);
  Put(zip64 ? 20 : 0, 2);
  out_.insert(out_.end(), name.begin(), name.end());
  if (zip64) {
    Put(1, 2), Put(16, 2);
    Put(e.size, 8), Put(e.size, 8);
  }
  out_.insert(out_.end(), content.begin(), content.end());
  entries_.push_back(std::move(e));
}

Bytes ZipWriter::Finish() {
  const uint64_t start = out_.size();
  for (const ZipEntry& e : entries_) {
    const bool big = e.size >= zip64_from_, far = e.offset >= zip64_from_;
    const int extra = (big ? 16 : 0) + (far ? 8 : 0);
    Put(kCentralHeader, 4);
    Put(45, 2);
    Put(extra != 0 ? 45 : 20, 2);
    Put(1 << 11, 2);
    Put(0, 4);
    Put(0x21, 2);
    Put(e.crc, 4);
    Put(big ? kIn64 : e.size, 4);
    Put(big ? kIn64 : e.size, 4);
    Put(e.name.size(), 2);
    Put(static_cast<uint64_t>(extra != 0 ? extra + 4 : 0), 2);
    Put(0, 2);  // no comment
    Put(0, 4);  // disk, internal attributes
    Put(0, 4);  // external attributes
    Put(far ? kIn64 : e.offset, 4);
    out_.insert(out_.end(), e.name.begin(), e.name.end());
    if (extra != 0) {
      Put(1, 2), Put(static_cast<uint64_t>(extra), 2);
      if (big) Put(e.size, 8), Put(e.size, 8);
      if (far) Put(e.offset, 8);
    }
  }
  const uint64_t size = out_.size() - start, count = entries_.size();
  if (start >= zip64_from_ || size >= zip64_from_ || count >= 0xFFFF) {
    const uint64_t end64 = out_.size();
    Put(kZip64End, 4);
    Put(44, 8);
    Put(45, 2), Put(45, 2);
    Put(0, 8);
    Put(count, 8), Put(count, 8);
    Put(size, 8);
    Put(start, 8);
    Put(kZip64Locator, 4);
    Put(0, 4);
    Put(end64, 8);
    Put(1, 4);
    Put(kEnd, 4);
    Put(0, 4);
    Put(0xFFFF, 2), Put(0xFFFF, 2);
    Put(kIn64, 4), Put(kIn64, 4);
  } else {
    Put(kEnd, 4);
    Put(0, 4);
    Put(count, 2), Put(count, 2);
    Put(size, 4), Put(start, 4);
  }
  Put(0, 2);  // no comment
  entries_.clear();
  return std::move(out_);
}

}  // namespace edgeml::data
