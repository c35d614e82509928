#include "src/data/idx.h"

#include <algorithm>

#include "src/base/strings.h"
#include "src/data/file_io.h"

namespace edgeml::data {
namespace {

DType TypeOf(uint8_t code) {
  switch (code) {
    case 0x08:
      return DType::kUInt8;
    case 0x09:
      return DType::kInt8;
    case 0x0B:
      return DType::kInt16;
    case 0x0C:
      return DType::kInt32;
    case 0x0D:
      return DType::kFloat32;
    case 0x0E:
      return DType::kFloat64;
    default:
      return DType::kInvalid;
  }
}

}  // namespace

Result<Array> ParseIdx(std::span<const uint8_t> bytes, const std::string& where) {
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0 || TypeOf(bytes[2]) == DType::kInvalid) {
    return Error(Code::kInvalidModel, where, ": not an idx file");
  }
  Array array;
  array.type = TypeOf(bytes[2]);
  const size_t rank = bytes[3];
  if (rank > kMaxRank) {
    return Error(Code::kUnsupported, where, ": more than ", kMaxRank, " dimensions");
  }
  const size_t start = 4 + 4 * rank;
  if (bytes.size() < start) return Error(Code::kInvalidModel, where, ": the header ends too early");
  for (size_t d = 0; d < rank; ++d) {
    uint32_t dim = 0;
    for (size_t i = 0; i < 4; ++i) dim = dim << 8 | bytes[4 + 4 * d + i];
    if (dim > 0x7FFFFFFF) return Error(Code::kInvalidModel, where, ": a dimension of ", dim);
    array.shape.push_back(static_cast<int32_t>(dim));
  }
  const std::optional<size_t> size = CheckedByteSize(array.shape, array.type);
  if (!size || *size > bytes.size() - start) {
    return Error(Code::kInvalidModel, where, ": the data of shape ", array.shape.ToString(),
                 " ends too early");
  }
  const auto first = bytes.begin() + static_cast<int64_t>(start);
  array.bytes.assign(first, first + static_cast<int64_t>(*size));
  // Big-endian in the file.
  const auto element = static_cast<int64_t>(BitsOf(array.type) / 8);
  for (auto it = array.bytes.begin(); element > 1 && it != array.bytes.end(); it += element) {
    std::reverse(it, it + element);
  }
  return array;
}

Result<Array> ReadIdx(const std::string& path) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadMaybeGzip(path));
  return ParseIdx(bytes, path);
}

}  // namespace edgeml::data
