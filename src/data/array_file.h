// NumPy's array files: npy (versions 1 to 3) and npz.
#ifndef EDGEML_DATA_ARRAY_FILE_H_
#define EDGEML_DATA_ARRAY_FILE_H_

#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/data/array.h"
#include "src/data/file_io.h"

namespace edgeml::data {

struct NamedArray {
  std::string name;
  Array array;
};

// Types: bool, int8 to int64, uint8 to uint64, float16, float32, float64, complex64, complex128;
// either byte order; C or Fortran order (turned into C order); up to kMaxRank dimensions.
// `max_bytes` bounds what is allocated; 0 = half of the machine's memory. `where` names the source
// in messages. Errors: kNotFound, kInvalidModel (malformed, truncated), kUnsupported (another type,
// too many dimensions), kResourceExhausted.
Result<Array> ParseNpy(std::span<const uint8_t> bytes, const std::string& where);
Result<Array> ReadNpy(const std::string& path, size_t max_bytes = 0);
// Every array of the archive, in its order; stored or deflated.
Result<std::vector<NamedArray>> ReadNpz(const std::string& path, size_t max_bytes = 0);

// Version 1, little-endian, C order. kUnsupported for types that NumPy lacks.
Result<Bytes> SerializeNpy(const Array& array);
// Appear by rename. kUnsupported, kFailed.
Status WriteNpy(const std::string& path, const Array& array);
Status WriteNpz(const std::string& path, std::span<const NamedArray> arrays);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_ARRAY_FILE_H_
