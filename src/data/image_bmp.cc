// Windows and OS/2 bitmaps.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "src/base/strings.h"
#include "src/data/image.h"

namespace edgeml::data {
namespace {

enum Compression : uint32_t { kRaw = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3, kAlphaBitFields = 6 };

using Rgb = std::array<uint8_t, 3>;

struct Header {
  int32_t width = 0;
  int32_t height = 0;
  bool top_down = false;
  int bits = 0;
  uint32_t compression = kRaw;
  std::array<uint32_t, 3> masks{};  // red, green, blue; 16 and 32 bits only
  std::array<Rgb, 256> palette{};   // unused entries are black
  size_t data_offset = 0;
};

// Little-endian reads that give 0 past the end; sizes are checked where they matter.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint32_t Byte(size_t at) const { return at < bytes_.size() ? bytes_[at] : 0; }
  uint32_t U16(size_t at) const { return Byte(at) | Byte(at + 1) << 8; }
  uint32_t U32(size_t at) const { return U16(at) | U16(at + 2) << 16; }
  size_t size() const { return bytes_.size(); }

 private:
  std::span<const uint8_t> bytes_;
};

Status Damaged(const std::string& where, std::string_view what) {
  return Error(Code::kInvalidModel, where, ": damaged BMP: ", what);
}

Status ReadMasks(const Reader& in, uint32_t header_size, const std::string& where, Header& h) {
  if (h.compression == kBitFields || h.compression == kAlphaBitFields) {
    // In the header from version 2 on, and right behind a version 1 header: the same place.
    for (size_t i = 0; i < 3; ++i) h.masks[i] = in.U32(14 + 40 + 4 * i);
    if (header_size < 40) return Damaged(where, "colour masks in an OS/2 header");
  } else if (h.bits == 16) {
    h.masks = {0x7C00, 0x03E0, 0x001F};
  } else {
    h.masks = {0x00FF0000, 0x0000FF00, 0x000000FF};
  }
  for (const uint32_t mask : h.masks) {
    // One run of ones, or nothing.
    const uint32_t low = mask == 0 ? 0 : mask >> std::countr_zero(mask);
    if ((low & (low + 1)) != 0) return Damaged(where, "a colour mask with gaps");
    if (h.bits == 16 && mask > 0xFFFF) return Damaged(where, "a colour mask wider than the pixel");
  }
  return Status::Ok();
}

Result<Header> ReadHeader(const Reader& in, const std::string& where) {
  Header h;
  const uint32_t header_size = in.U32(14);
  const bool os2 = header_size == 12;
  if (!os2 && (header_size < 40 || header_size > 1024)) {
    return Damaged(where, "unknown header size");
  }
  if (in.size() < size_t{14} + header_size) return Damaged(where, "the header ends too early");
  uint32_t colors = 0;
  if (os2) {
    h.width = static_cast<int32_t>(in.U16(18));
    h.height = static_cast<int32_t>(in.U16(20));
    h.bits = static_cast<int>(in.U16(24));
  } else {
    h.width = static_cast<int32_t>(in.U32(18));
    const auto height = static_cast<int32_t>(in.U32(22));
    h.top_down = height < 0;
    // INT32_MIN stays negative and is refused below.
    h.height = height < 0 ? static_cast<int32_t>(0u - static_cast<uint32_t>(height)) : height;
    h.bits = static_cast<int>(in.U16(28));
    h.compression = in.U32(30);
    colors = in.U32(46);
  }
  if (h.width <= 0 || h.height <= 0) return Damaged(where, "no width or height");
  if (int64_t{h.width} * h.height > kMaxImagePixels) {
    return Error(Code::kUnsupported, where, ": a picture of ", h.width, "x", h.height,
                 " pixels is larger than the limit of ", kMaxImagePixels);
  }
  const int bits = h.bits;
  const bool indexed = bits == 1 || bits == 2 || bits == 4 || bits == 8;
  if (!indexed && bits != 16 && bits != 24 && bits != 32) {
    return Error(Code::kUnsupported, where, ": a BMP of ", bits, " bits per pixel");
  }
  const bool fields = h.compression == kBitFields || h.compression == kAlphaBitFields;
  const bool fits = h.compression == kRaw || (h.compression == kRle8 && bits == 8) ||
                    (h.compression == kRle4 && bits == 4) || (fields && !indexed);
  if (!fits) {
    return Error(Code::kUnsupported, where, ": a BMP of compression ", h.compression, " with ",
                 bits, " bits per pixel");
  }
  if (!indexed) EDGEML_RETURN_IF_ERROR(ReadMasks(in, header_size, where, h));
  if (indexed) {
    const size_t most = size_t{1} << bits;
    const size_t count = colors == 0 ? most : std::min<size_t>(colors, most);
    const size_t entry = os2 ? 3 : 4;
    const size_t start = size_t{14} + header_size;
    if (in.size() < start + count * entry) return Damaged(where, "the palette ends too early");
    for (size_t i = 0; i < count; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        h.palette[i][c] = static_cast<uint8_t>(in.Byte(start + i * entry + 2 - c));
      }
    }
  }
  h.data_offset = in.U32(10);
  return h;
}

// One field of a pixel, stretched to 0..255.
uint8_t Field(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t value = (pixel & mask) >> shift;
  return static_cast<uint8_t>(value * 255 / (mask >> shift));
}

void DecodeRow(const Header& h, const uint8_t* row, uint8_t* out) {
  for (int x = 0; x < h.width; ++x, out += 3) {
    if (h.bits <= 8) {
      const int per_byte = 8 / h.bits;
      const int shift = 8 - h.bits * (x % per_byte + 1);
      const int index = (row[x / per_byte] >> shift) & ((1 << h.bits) - 1);
      std::copy_n(h.palette[static_cast<size_t>(index)].begin(), 3, out);
    } else if (h.bits == 24) {
      const uint8_t* p = row + size_t{3} * static_cast<size_t>(x);
      out[0] = p[2], out[1] = p[1], out[2] = p[0];
    } else {
      const size_t width = static_cast<size_t>(h.bits / 8);
      const uint8_t* p = row + width * static_cast<size_t>(x);
      uint32_t pixel = p[0] | static_cast<uint32_t>(p[1]) << 8;
      if (width == 4)
        pixel |= static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
      for (size_t c = 0; c < 3; ++c) out[c] = Field(pixel, h.masks[c]);
    }
  }
}

// Two bytes may stand for a run of 255 pixels, or for a row left empty; a picture that has so many
// more is a few bytes that claim hundreds of megabytes.
constexpr size_t kMostPixelsPerByte = 2048;

// Runs of palette indices; pixels that no run covers have index 0.
Status DecodeRuns(const Header& h, std::span<const uint8_t> in, const std::string& where,
                  std::vector<uint8_t>& indices) {
  const int64_t width = h.width, height = h.height;
  const bool nibbles = h.compression == kRle4;
  int64_t x = 0, y = 0;  // y counts from the bottom
  const auto put = [&](int index) {
    if (x < width && y < height) {
      indices[static_cast<size_t>((height - 1 - y) * width + x)] = static_cast<uint8_t>(index);
    }
    ++x;
  };
  size_t at = 0;
  while (y < height) {
    if (in.size() - at < 2) return Damaged(where, "the run-length data ends too early");
    const int count = in[at], value = in[at + 1];
    at += 2;
    if (count > 0) {
      for (int i = 0; i < count; ++i) {
        put(!nibbles ? value : (i % 2 == 0 ? value >> 4 : value & 15));
      }
    } else if (value == 0) {
      x = 0;
      ++y;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      if (in.size() - at < 2) return Damaged(where, "the run-length data ends too early");
      x += in[at];
      y += in[at + 1];
      at += 2;
    } else {
      const size_t used = static_cast<size_t>(nibbles ? (value + 1) / 2 : value);
      if (in.size() - at < used) return Damaged(where, "the run-length data ends too early");
      for (int i = 0; i < value; ++i) {
        const int byte = in[at + static_cast<size_t>(nibbles ? i / 2 : i)];
        put(!nibbles ? byte : (i % 2 == 0 ? byte >> 4 : byte & 15));
      }
      at = std::min(at + used + used % 2, in.size());
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Image> DecodeBmp(std::span<const uint8_t> bytes, const std::string& where) {
  EDGEML_ASSIGN_OR_RETURN(const Header h, ReadHeader(Reader(bytes), where));
  if (h.data_offset > bytes.size()) return Damaged(where, "the pixels end too early");
  const std::span<const uint8_t> data = bytes.subspan(h.data_offset);
  const auto width = static_cast<size_t>(h.width), height = static_cast<size_t>(h.height);
  Image image{h.width, h.height, 3, {}};
  if (h.compression == kRle8 || h.compression == kRle4) {
    if (width * height / kMostPixelsPerByte > data.size())
      return Damaged(where, "the run-length data is too short for the picture's size");
    std::vector<uint8_t> indices(width * height);
    EDGEML_RETURN_IF_ERROR(DecodeRuns(h, data, where, indices));
    image.pixels.resize(width * height * 3);
    for (size_t i = 0; i < indices.size(); ++i) {
      std::copy_n(h.palette[indices[i]].begin(), 3,
                  image.pixels.begin() + static_cast<int64_t>(3 * i));
    }
    return image;
  }
  // No overflow: width and height are below 2^28, bits at most 32.
  const uint64_t stride = (uint64_t{width} * static_cast<uint64_t>(h.bits) + 31) / 32 * 4;
  const uint64_t row_bytes = (uint64_t{width} * static_cast<uint64_t>(h.bits) + 7) / 8;
  // The padding of the last row may be missing.
  if (stride * (height - 1) + row_bytes > data.size()) {
    return Damaged(where, "the pixels end too early");
  }
  image.pixels.resize(width * height * 3);
  for (size_t y = 0; y < height; ++y) {
    const size_t to = h.top_down ? y : height - 1 - y;
    DecodeRow(h, data.data() + stride * y, image.pixels.data() + to * width * 3);
  }
  return image;
}

}  // namespace edgeml::data
