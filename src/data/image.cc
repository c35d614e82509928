#include "src/data/image.h"

#include <algorithm>
#include <cctype>

#include "src/base/strings.h"
#include "src/data/file_io.h"

namespace edgeml::data {
namespace {

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

}  // namespace

Result<Image> DecodeImage(std::span<const uint8_t> bytes, const std::string& where) {
  if (StartsWith(bytes, "\xFF\xD8\xFF")) return DecodeJpeg(bytes, where);
  if (StartsWith(bytes, "\x89PNG\r\n\x1A\n")) return DecodePng(bytes, where);
  if (StartsWith(bytes, "BM")) return DecodeBmp(bytes, where);
  if (bytes.empty()) return Error(Code::kInvalidModel, where, ": an empty file, not a picture");
  if (StartsWith(bytes, "version https://git-lfs")) {
    return Error(Code::kInvalidModel, where,
                 ": a Git LFS pointer, not the picture itself; fetch it with `git lfs pull`");
  }
  return Error(Code::kInvalidModel, where, ": not a JPEG, PNG or BMP picture");
}

Result<Image> ReadImage(const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  return DecodeImage(bytes, path);
}

Image ToGray(const Image& image) {
  if (image.channels == 1) return image;
  Image out{image.width, image.height, 1, std::vector<uint8_t>(image.pixels.size() / 3)};
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const uint8_t* p = image.pixels.data() + 3 * i;
    out.pixels[i] = static_cast<uint8_t>((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 32768) >> 16);
  }
  return out;
}

Image ToRgb(const Image& image) {
  if (image.channels == 3) return image;
  Image out{image.width, image.height, 3, {}};
  out.pixels.reserve(image.pixels.size() * 3);
  for (const uint8_t v : image.pixels) out.pixels.insert(out.pixels.end(), 3, v);
  return out;
}

bool HasImageExtension(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension(name.substr(dot + 1));
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == "jpg" || extension == "jpeg" || extension == "png" || extension == "bmp";
}

}  // namespace edgeml::data
