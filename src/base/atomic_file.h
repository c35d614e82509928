// Files that appear whole or not at all.
#ifndef EDGEML_BASE_ATOMIC_FILE_H_
#define EDGEML_BASE_ATOMIC_FILE_H_

#include <cstddef>
#include <span>
#include <string>

#include "edgeml/status.h"

namespace edgeml {

// Writes `bytes` to a temporary file next to `path`, flushes it to the disk and renames it to
// `path`. A reader (or a mapping of the previous file) never sees half of it; after an error or a
// power cut the previous content is still there. kFailed names the step that failed.
Status WriteFileAtomically(const std::string& path, std::span<const std::byte> bytes);

}  // namespace edgeml

#endif  // EDGEML_BASE_ATOMIC_FILE_H_
