// The zip archive that may follow a model, with the files that its metadata names.
#ifndef EDGEML_FORMATS_TFLITE_ZIP_H_
#define EDGEML_FORMATS_TFLITE_ZIP_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::tflite {

// The entries of the archive at the end of `file`, none when there is no archive. Stored entries
// point into the file, deflated ones are unpacked (256 MB in all at most); see src/base/zip.h.
// kInvalidModel for a damaged archive, kUnsupported for encrypted or otherwise compressed entries.
Result<std::vector<ir::AssociatedFile>> ReadTrailingZip(const std::shared_ptr<const void>& owner,
                                                        std::span<const std::byte> file);

// An archive of stored entries in the order given, whose offsets count from `base` bytes before its
// first byte. The same files give the same bytes.
Result<std::vector<std::byte>> WriteZip(std::span<const ir::AssociatedFile> files, size_t base);

}  // namespace edgeml::tflite

#endif  // EDGEML_FORMATS_TFLITE_ZIP_H_
