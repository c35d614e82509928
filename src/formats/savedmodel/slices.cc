#include "src/formats/savedmodel/slices.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "src/base/strings.h"

namespace edgeml::savedmodel {
namespace {

// Cuts `text` at the first `mark`; the part in front of it is returned.
std::string_view NextPart(std::string_view& text, char mark) {
  const size_t end = std::min(text.find(mark), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<int32_t> Number(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<Box> ParseBox(std::string_view spec, const Shape& shape) {
  Box box;
  for (const int32_t dim : shape.dims()) {
    if (Number(NextPart(spec, ' ')) != dim) return std::nullopt;
  }
  for (int d = 0; d < shape.rank(); ++d) {
    std::string_view part = NextPart(spec, ':');
    if (part == "-") {
      box.push_back({0, shape[d]});
      continue;
    }
    const auto start = Number(NextPart(part, ','));
    const auto length = Number(part);
    if (!start || !length || *length > shape[d] || *start > shape[d] - *length) return std::nullopt;
    box.push_back({*start, *length});
  }
  if (!spec.empty()) return std::nullopt;
  return box;
}

// Ordered code: numbers and strings whose bytes sort as they do.
void AppendUnsigned(std::string& out, uint64_t value) {
  int bytes = 0;
  while (bytes < 8 && (value >> (8 * bytes)) != 0) ++bytes;
  out += static_cast<char>(bytes);
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
}

void AppendString(std::string& out, std::string_view text) {
  for (const char c : text) {
    out += c;
    if (c == '\0') out += '\xff';
    if (c == '\xff') out += '\0';
  }
  out += std::string_view("\0\1", 2);
}

// The first bits of a number tell its length: n bytes, of which 7 n - 1 bits hold the number.
void AppendSigned(std::string& out, int64_t value) {
  const uint64_t magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  int length = 1;
  while (length < 10 && (magnitude >> std::min(7 * length - 1, 63)) != 0) ++length;
  std::array<uint8_t, 10> bytes;
  bytes.fill(value < 0 ? 0xFF : 0);
  for (int i = 0; i < 8; ++i)
    bytes[static_cast<size_t>(9 - i)] =
        static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
  const size_t first = static_cast<size_t>(10 - length);
  const uint32_t header = 0xFFFFu << (16 - length);  // `length` ones
  bytes[first] = static_cast<uint8_t>(bytes[first] ^ (header >> 8));
  if (length > 1) bytes[first + 1] = static_cast<uint8_t>(bytes[first + 1] ^ header);
  out.append(bytes.begin() + static_cast<ptrdiff_t>(first), bytes.end());
}

// Elements from one element of each dimension to the next.
std::vector<int64_t> Strides(const Box& box) {
  std::vector<int64_t> strides(box.size());
  int64_t stride = 1;
  for (size_t d = box.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= box[d].length;
  }
  return strides;
}

// What two extents share; a length of zero or less when nothing.
Extent CommonOf(const Extent& a, const Extent& b) {
  const int32_t start = std::max(a.start, b.start);
  return {start, std::min(a.start + a.length, b.start + b.length) - start};
}

}  // namespace

Box WholeOf(const Shape& shape) {
  Box box;
  for (const int32_t dim : shape.dims()) box.push_back({0, dim});
  return box;
}

Shape ShapeOf(const Box& box) {
  Shape shape;
  for (const Extent& extent : box) shape.push_back(extent.length);
  return shape;
}

Result<Box> ParseSliceSpec(std::string_view spec, const Shape& shape) {
  if (spec.empty()) return WholeOf(shape);
  const auto box = ParseBox(spec, shape);
  if (!box)
    return Error(Code::kInvalidModel, "the part '", spec.substr(0, 60),
                 "' is none of a tensor of shape ", shape.ToString());
  return *box;
}

std::string SliceKey(std::string_view name, const Box& box, const std::vector<bool>& whole) {
  std::string key;
  AppendUnsigned(key, 0);
  AppendString(key, name);
  AppendUnsigned(key, box.size());
  for (size_t d = 0; d < box.size(); ++d) {
    AppendSigned(key, whole[d] ? 0 : box[d].start);
    AppendSigned(key, whole[d] ? -1 : box[d].length);
  }
  return key;
}

bool HaveCommon(const Box& a, const Box& b) {
  for (size_t d = 0; d < a.size(); ++d)
    if (CommonOf(a[d], b[d]).length <= 0) return false;
  return true;
}

int64_t CopyCommon(size_t width, const Box& from, std::span<const std::byte> source, const Box& to,
                   std::span<std::byte> target) {
  const size_t rank = from.size();
  Box common(rank);
  int64_t rows = 1;
  for (size_t d = 0; d < rank; ++d) {
    common[d] = CommonOf(from[d], to[d]);
    if (common[d].length <= 0) return 0;
    if (d + 1 < rank) rows *= common[d].length;
  }
  const int64_t row = rank == 0 ? 1 : common[rank - 1].length;
  const std::vector<int64_t> from_strides = Strides(from), to_strides = Strides(to);
  std::vector<int32_t> at(rank, 0);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t read = 0, write = 0;
    for (size_t d = 0; d < rank; ++d) {
      read += (common[d].start + at[d] - from[d].start) * from_strides[d];
      write += (common[d].start + at[d] - to[d].start) * to_strides[d];
    }
    std::memcpy(target.data() + static_cast<size_t>(write) * width,
                source.data() + static_cast<size_t>(read) * width,
                static_cast<size_t>(row) * width);
    for (size_t d = rank < 2 ? 0 : rank - 1; d-- > 0;) {
      if (++at[d] < common[d].length) break;
      at[d] = 0;
    }
  }
  return rows * row;
}

}  // namespace edgeml::savedmodel
