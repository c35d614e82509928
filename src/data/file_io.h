// Whole files, with limits. Writing: src/base/atomic_file.h.
#ifndef EDGEML_DATA_FILE_IO_H_
#define EDGEML_DATA_FILE_IO_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::data {

using Bytes = std::vector<uint8_t>;

// The content of a regular file of at most `max_bytes`.
// Errors: kNotFound (absent or not readable), kInvalidModel (a directory, too large).
Result<Bytes> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// The same for a file that may be gzip-compressed, told by its first bytes; `max_bytes` also bounds
// the uncompressed size. `GunzipIfNeeded` is the second half; `where` names the source in messages.
Result<Bytes> ReadMaybeGzip(const std::string& path, size_t max_bytes = size_t{1} << 30);
Result<Bytes> GunzipIfNeeded(std::span<const uint8_t> bytes, const std::string& where,
                             size_t max_bytes = size_t{1} << 30);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_FILE_IO_H_
