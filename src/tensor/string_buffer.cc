#include "src/tensor/string_buffer.h"

#include <cstring>
#include <limits>

#include "src/base/strings.h"

namespace edgeml {
namespace {

// Buffers in a file need not be aligned.
int32_t WordAt(const std::byte* bytes, size_t i) {
  int32_t value;
  std::memcpy(&value, bytes + i * sizeof value, sizeof value);
  return value;
}

void SetWord(std::byte* bytes, size_t i, size_t value) {
  const auto word = static_cast<int32_t>(value);
  std::memcpy(bytes + i * sizeof word, &word, sizeof word);
}

}  // namespace

Status CheckStringBuffer(std::span<const std::byte> bytes, int64_t expected) {
  const size_t words = bytes.size() / sizeof(int32_t);
  if (words < 1 || WordAt(bytes.data(), 0) < 0 ||
      words < static_cast<size_t>(WordAt(bytes.data(), 0)) + 2)
    return Error(Code::kInvalidModel, "its string data is cut off");
  const auto count = static_cast<size_t>(WordAt(bytes.data(), 0));
  if (static_cast<uint64_t>(expected) != count)
    return Error(Code::kInvalidModel, "its data holds ", count, " strings; its shape asks for ",
                 expected);
  size_t previous = (count + 2) * sizeof(int32_t);
  for (size_t i = 0; i <= count; ++i) {
    const int64_t offset = WordAt(bytes.data(), i + 1);
    if (offset < 0 || static_cast<uint64_t>(offset) < previous ||
        static_cast<uint64_t>(offset) > bytes.size())
      return Error(Code::kInvalidModel, "its string data is inconsistent at string ", i);
    previous = static_cast<size_t>(offset);
  }
  return Status::Ok();
}

Result<std::vector<std::string_view>> ReadStringBuffer(std::span<const std::byte> bytes,
                                                       int64_t expected) {
  EDGEML_RETURN_IF_ERROR(CheckStringBuffer(bytes, expected));
  const auto* characters = reinterpret_cast<const char*>(bytes.data());
  std::vector<std::string_view> strings(static_cast<size_t>(expected));
  for (size_t i = 0; i < strings.size(); ++i) {
    const auto begin = static_cast<size_t>(WordAt(bytes.data(), i + 1));
    const auto end = static_cast<size_t>(WordAt(bytes.data(), i + 2));
    strings[i] = {characters + begin, end - begin};
  }
  return strings;
}

std::optional<size_t> StringBufferBytes(size_t count, size_t characters) {
  constexpr auto kLimit = static_cast<size_t>(std::numeric_limits<int32_t>::max());
  if (count > kLimit / sizeof(int32_t) - 2) return std::nullopt;
  const size_t header = (count + 2) * sizeof(int32_t);
  if (characters > kLimit - header) return std::nullopt;
  return header + characters;
}

void WriteStringBuffer(std::span<const std::string_view> strings, std::byte* out) {
  SetWord(out, 0, strings.size());
  size_t offset = (strings.size() + 2) * sizeof(int32_t);
  for (size_t i = 0; i < strings.size(); ++i) {
    SetWord(out, i + 1, offset);
    if (!strings[i].empty()) std::memcpy(out + offset, strings[i].data(), strings[i].size());
    offset += strings[i].size();
  }
  SetWord(out, strings.size() + 1, offset);
}

void WriteEmptyStringBuffer(size_t count, std::byte* out) {
  SetWord(out, 0, count);
  for (size_t i = 0; i <= count; ++i) SetWord(out, i + 1, (count + 2) * sizeof(int32_t));
}

}  // namespace edgeml
