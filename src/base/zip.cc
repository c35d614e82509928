#include "src/base/zip.h"
#include "src/base/strings.h"
namespace edgeml {
Result<ZipReader> ZipReader::Open(std::shared_ptr<const void>, std::span<const std::byte>) { return Error(Code::kUnsupported, "zip"); }
const ZipEntry* ZipReader::Find(std::string_view) const { return nullptr; }
Result<ZipContent> ZipReader::Read(const ZipEntry&, uint64_t) const { return Error(Code::kUnsupported, "zip"); }
}
