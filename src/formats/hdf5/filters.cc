// The filters deflate, shuffle and fletcher32.
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/hdf5/checksum.h"
#include "src/formats/hdf5/storage.h"

namespace edgeml::hdf5 {
namespace {

constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate makes at most that many bytes of one

Result<std::vector<std::byte>> Inflate(std::span<const std::byte> packed, uint64_t size) {
  const Status damaged = Error(Code::kInvalidModel, "its compressed data is damaged");
  if (size / kMaxDeflateRatio > packed.size()) return damaged;
  std::vector<std::byte> out(static_cast<size_t>(size));
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK)
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
  // Z_DATA_ERROR with all bytes there is a wrong Adler checksum.
  const bool whole =
      made == out.size() && (code == Z_STREAM_END || (!kCompareChecksums && code == Z_DATA_ERROR));
  if (!whole) return damaged;
  return out;
}

// Byte k of all elements stands together; bytes that make no whole element stay at the end.
std::vector<std::byte> Unshuffle(std::span<const std::byte> in, uint32_t element_size) {
  std::vector<std::byte> out(in.size());
  const size_t size = element_size;
  const size_t count = in.size() / size;
  for (size_t k = 0; k < size && count > 0; ++k) {
    const std::byte* from = in.data() + k * count;
    std::byte* to = out.data() + k;
    for (size_t i = 0; i < count; ++i) to[i * size] = from[i];
  }
  std::copy(in.begin() + static_cast<ptrdiff_t>(count * size), in.end(),
            out.begin() + static_cast<ptrdiff_t>(count * size));
  return out;
}

Status CompareFletcher(std::span<const std::byte> content, std::span<const std::byte> sum) {
  uint32_t stored = 0;
  for (size_t i = 0; i < 4; ++i) stored |= std::to_integer<uint32_t>(sum[i]) << (8 * i);
  const uint32_t right = Fletcher32(content);
  // Some old big-endian machines stored the bytes of each half the other way round.
  const uint32_t swapped = (right & 0x00FF00FFu) << 8 | (right >> 8 & 0x00FF00FFu);
  if (kCompareChecksums && stored != right && stored != swapped)
    return Error(Code::kInvalidModel, "the checksum of a chunk is wrong");
  return Status::Ok();
}

}  // namespace

Result<std::vector<std::byte>> Unfilter(std::span<const Filter> filters, uint32_t mask,
                                        std::span<const std::byte> stored, uint64_t size) {
  constexpr uint64_t kSum = 4;
  const auto used = [&](size_t i) { return (mask >> i & 1u) == 0; };
  // What is in front of a filter is as long as the chunk, and a checksum for each fletcher32.
  const auto size_before = [&](size_t i) -> Result<uint64_t> {
    uint64_t bytes = size;
    for (size_t j = 0; j < i; ++j) {
      if (!used(j)) continue;
      if (filters[j].id == FilterId::kDeflate)
        return Error(Code::kUnsupported, "it is compressed twice, which is not read");
      if (filters[j].id == FilterId::kFletcher32) bytes += kSum;
    }
    return bytes;
  };
  std::vector<std::byte> held;
  std::span<const std::byte> content = stored;
  for (size_t i = filters.size(); i-- > 0;) {
    if (!used(i)) continue;
    switch (filters[i].id) {
      case FilterId::kDeflate: {
        EDGEML_ASSIGN_OR_RETURN(const uint64_t before, size_before(i));
        EDGEML_ASSIGN_OR_RETURN(held, Inflate(content, before));
        content = held;
        break;
      }
      case FilterId::kShuffle:
        if (filters[i].element_size > 1) {
          held = Unshuffle(content, filters[i].element_size);
          content = held;
        }
        break;
      case FilterId::kFletcher32: {
        if (content.size() < kSum) return Error(Code::kInvalidModel, "a chunk is too short");
        const size_t rest = content.size() - kSum;
        EDGEML_RETURN_IF_ERROR(CompareFletcher(content.first(rest), content.subspan(rest)));
        content = content.first(rest);
        break;
      }
    }
  }
  if (content.size() != size)
    return Error(Code::kInvalidModel, "a chunk has ", content.size(), " bytes instead of ", size);
  if (content.data() != held.data()) held.assign(content.begin(), content.end());
  held.resize(content.size());
  return held;
}

}  // namespace edgeml::hdf5
