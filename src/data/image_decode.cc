// Apart from image.cc, so that programs that only convert pixels need no library of pictures.
#include <algorithm>

#include "src/base/strings.h"
#include "src/data/file_io.h"
#include "src/data/image.h"

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

}  // namespace edgeml::data
