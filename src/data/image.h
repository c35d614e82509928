// Pictures: decoding to RGB.
#ifndef EDGEML_DATA_IMAGE_H_
#define EDGEML_DATA_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::data {

// Interleaved 8-bit pixels [height, width, channels], top row first, no padding between rows.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;  // 3 = RGB; 1 = gray
  std::vector<uint8_t> pixels;
};

// Pictures of more pixels than this are refused before anything is allocated; the limit at which
// Pillow speaks of a decompression bomb.
inline constexpr int64_t kMaxImagePixels = 178'956'970;

// Decodes JPEG (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK), PNG (every kind) or BMP
// (1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8), told by content, to RGB. Pixels are those of Pillow's
// Image.open(…).convert("RGB"), with one exception: 16-bit gray is reduced to its high byte. The
// alpha channel is dropped, the EXIF orientation is not applied. `where` names the source in
// messages. Errors: kInvalidModel (malformed, truncated, another format), kUnsupported (too large).
Result<Image> DecodeImage(std::span<const uint8_t> bytes, const std::string& where);

// Errors: those of ReadFile and DecodeImage.
Result<Image> ReadImage(const std::string& path);

// Luma as Pillow's convert("L"): (19595 R + 38470 G + 7471 B + 32768) >> 16. Gray stays as it is.
Image ToGray(const Image& image);
// One channel repeated three times. RGB stays as it is.
Image ToRgb(const Image& image);

// Writes RGB or gray as PNG; appears by rename. kFailed.
Status WritePng(const std::string& path, const Image& image);

// The decoders behind DecodeImage.
Result<Image> DecodeJpeg(std::span<const uint8_t> bytes, const std::string& where);
Result<Image> DecodePng(std::span<const uint8_t> bytes, const std::string& where);
Result<Image> DecodeBmp(std::span<const uint8_t> bytes, const std::string& where);

// A name that ends in .jpg, .jpeg, .png or .bmp, in any case.
bool HasImageExtension(std::string_view name);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_IMAGE_H_
