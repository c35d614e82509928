// The idx format of the MNIST data sets.
#ifndef EDGEML_DATA_IDX_H_
#define EDGEML_DATA_IDX_H_

#include <span>
#include <string>

#include "edgeml/status.h"
#include "src/data/array.h"

namespace edgeml::data {

// Types uint8, int8, int16, int32, float32, float64. `where` names the source in messages.
// Errors: kInvalidModel, kUnsupported (more than kMaxRank dimensions).
Result<Array> ParseIdx(std::span<const uint8_t> bytes, const std::string& where);

// The same from a file, plain or gzip-compressed.
Result<Array> ReadIdx(const std::string& path);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_IDX_H_
