// The memory of a string tensor, in the format of TFLite: int32 count, count + 1 int32 offsets from
// the buffer's beginning, then the characters. String i lies in [offset[i], offset[i + 1]). The
// size does not follow from the shape, so such a tensor always comes with its number of bytes.
#ifndef EDGEML_TENSOR_STRING_BUFFER_H_
#define EDGEML_TENSOR_STRING_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "edgeml/status.h"

namespace edgeml {

// kInvalidModel unless `bytes` is a consistent buffer of `expected` strings.
Status CheckStringBuffer(std::span<const std::byte> bytes, int64_t expected);

// The strings in a buffer, pointing into it. Checks everything first, as above.
Result<std::vector<std::string_view>> ReadStringBuffer(std::span<const std::byte> bytes,
                                                       int64_t expected);

// Bytes of a buffer of `count` strings with `characters` in all; nullopt when its offsets do not
// fit int32.
std::optional<size_t> StringBufferBytes(size_t count, size_t characters);

// REQUIRES: `out` has StringBufferBytes bytes and overlaps no string.
void WriteStringBuffer(std::span<const std::string_view> strings, std::byte* out);
// The same of `count` empty strings.
void WriteEmptyStringBuffer(size_t count, std::byte* out);

}  // namespace edgeml

#endif  // EDGEML_TENSOR_STRING_BUFFER_H_
