#include "src/formats/tflite/zip.h"

#include <utility>

#include "src/base/strings.h"
#include "src/base/zip.h"

namespace edgeml::tflite {
namespace {

constexpr uint64_t kMaxUnpacked = uint64_t{256} << 20;

}  // namespace

Result<std::vector<ir::AssociatedFile>> ReadTrailingZip(const std::shared_ptr<const void>& owner,
                                                        std::span<const std::byte> file) {
  std::vector<ir::AssociatedFile> files;
  const Result<ZipReader> archive = ZipReader::Open(owner, file);
  if (!archive.ok()) {
    if (archive.status().code() == Code::kNotFound) return files;
    return Status(archive.status()).WithContext("associated files");
  }
  uint64_t left = kMaxUnpacked;
  for (const ZipEntry& entry : archive->entries()) {
    if (entry.name.ends_with('/')) continue;
    Result<ZipContent> content = archive->Read(entry, left);
    if (!content.ok()) return Status(content.status()).WithContext("associated file");
    if (entry.method != 0) left -= content->bytes.size();
    files.push_back({entry.name, {std::move(content->owner), content->bytes}});
  }
  return files;
}

Result<std::vector<std::byte>> WriteZip(std::span<const ir::AssociatedFile> files, size_t base) {
  ZipWriter writer(base);
  for (const ir::AssociatedFile& file : files) {
    Status added = writer.Add(file.name, file.data.bytes);
    if (!added.ok()) return std::move(added).WithContext("associated file");
  }
  return writer.Finish();
}

}  // namespace edgeml::tflite
