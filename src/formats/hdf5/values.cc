// Stored elements into those of this machine, and strings out of their padding.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/hdf5/session.h"
#include "src/tensor/half.h"

namespace edgeml::hdf5::internal {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are kept in native order");

Status CheckBooleans(std::span<const std::byte> bytes) {
  if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
    return Error(Code::kInvalidModel, "it has a boolean that is neither 0 nor 1");
  return Status::Ok();
}

template <size_t kSize>
void SwapAll(const std::byte* from, std::byte* to, size_t count) {
  for (size_t i = 0; i < count; ++i)
    for (size_t k = 0; k < kSize; ++k) to[i * kSize + k] = from[i * kSize + kSize - 1 - k];
}

// Integers that do not fill their bytes, or have a number of bytes that no type has.
void Widen(const Stored& stored, size_t width, std::span<std::byte> out) {
  const Datatype& type = stored.type;
  const size_t size = type.size;
  const uint64_t mask = ~uint64_t{0} >> (64 - type.precision);
  const uint64_t sign = uint64_t{1} << (type.precision - 1);
  for (size_t i = 0; i < stored.count; ++i) {
    const std::byte* from = stored.bytes.data() + i * size;
    uint64_t value = 0;
    for (size_t k = 0; k < size; ++k)
      value |= std::to_integer<uint64_t>(from[type.big_endian ? size - 1 - k : k]) << (8 * k);
    value = value >> type.bit_offset & mask;
    if (type.is_signed && (value & sign) != 0) value |= ~mask;
    std::memcpy(out.data() + i * width, &value, width);
  }
}

void TakeOffPadding(Padding padding, std::string_view& text) {
  switch (padding) {
    case Padding::kNullTerminated:
      text = text.substr(0, text.find('\0'));
      break;
    case Padding::kNulls:
      text = text.substr(0, text.find_last_not_of('\0') + 1);
      break;
    case Padding::kSpaces:
      text = text.substr(0, text.find_last_not_of(' ') + 1);
      break;
  }
}

template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Nullopt for floats, and for integers of 2^63 and more.
std::optional<int64_t> IntegerAt(DType type, const std::byte* at) {
  switch (type) {
    case DType::kBool:
    case DType::kUInt8:
      return Load<uint8_t>(at);
    case DType::kInt8:
      return Load<int8_t>(at);
    case DType::kInt16:
      return Load<int16_t>(at);
    case DType::kUInt16:
      return Load<uint16_t>(at);
    case DType::kInt32:
      return Load<int32_t>(at);
    case DType::kUInt32:
      return Load<uint32_t>(at);
    case DType::kInt64:
      return Load<int64_t>(at);
    case DType::kUInt64: {
      const auto value = Load<uint64_t>(at);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

double DoubleAt(DType type, const std::byte* at) {
  switch (type) {
    case DType::kFloat16:
      return HalfToFloat(Load<uint16_t>(at));
    case DType::kBFloat16:
      return BFloat16ToFloat(Load<uint16_t>(at));
    case DType::kFloat32:
      return Load<float>(at);
    case DType::kFloat64:
      return Load<double>(at);
    case DType::kUInt64:
      return static_cast<double>(Load<uint64_t>(at));
    default:
      return static_cast<double>(IntegerAt(type, at).value_or(0));
  }
}

}  // namespace

std::vector<double> ToDoubles(const Array& array) {
  const auto width = static_cast<size_t>(BitsOf(array.info.type)) / 8;
  std::vector<double> out;
  for (size_t at = 0; at < array.data.bytes.size(); at += width)
    out.push_back(DoubleAt(array.info.type, array.data.bytes.data() + at));
  return out;
}

Result<std::vector<int64_t>> ToIntegers(const Array& array) {
  const auto width = static_cast<size_t>(BitsOf(array.info.type)) / 8;
  std::vector<int64_t> out;
  for (size_t at = 0; at < array.data.bytes.size(); at += width) {
    const std::optional<int64_t> value = IntegerAt(array.info.type, array.data.bytes.data() + at);
    if (!value)
      return Error(Code::kInvalidArgument, "it holds ", NameOf(array.info.type),
                   " values where int64 is wanted");
    out.push_back(*value);
  }
  return out;
}

Result<ir::ConstantData> ToNative(const Stored& stored, uint64_t max_bytes) {
  const Datatype& type = stored.type;
  if (type.type == DType::kString)
    return Error(Code::kInvalidArgument, "it holds strings, not numbers");
  const auto width = static_cast<size_t>(BitsOf(type.type)) / 8;
  if (type.type == DType::kBool) EDGEML_RETURN_IF_ERROR(CheckBooleans(stored.bytes));
  const bool swap = type.big_endian && width > 1;
  const bool aligned = reinterpret_cast<uintptr_t>(stored.bytes.data()) % width == 0;
  if (type.plain() && !swap && aligned) return ir::ConstantData{stored.owner, stored.bytes};
  if (stored.count > max_bytes / width)
    return Error(Code::kResourceExhausted, "its ", stored.count, " elements of ", width,
                 " bytes are over the cap of ", HumanBytes(max_bytes));
  std::vector<std::byte> out(static_cast<size_t>(stored.count) * width);
  if (!type.plain()) {
    Widen(stored, width, out);
  } else if (!swap) {
    std::copy(stored.bytes.begin(), stored.bytes.end(), out.begin());
  } else if (width == 2) {
    SwapAll<2>(stored.bytes.data(), out.data(), static_cast<size_t>(stored.count));
  } else if (width == 4) {
    SwapAll<4>(stored.bytes.data(), out.data(), static_cast<size_t>(stored.count));
  } else {
    SwapAll<8>(stored.bytes.data(), out.data(), static_cast<size_t>(stored.count));
  }
  return ir::ConstantData::Own(std::move(out));
}

Result<std::vector<std::string>> ToStrings(const Image& image, GlobalHeap& heap,
                                           Budget& heap_budget, const Stored& stored,
                                           uint64_t max_bytes) {
  const Datatype& type = stored.type;
  // h5py has an empty list of strings as an empty array of float64.
  if (stored.count == 0) return std::vector<std::string>();
  if (type.type != DType::kString)
    return Error(Code::kInvalidArgument, "it holds numbers (", NameOf(type.type), "), not strings");
  const Status too_many = Error(Code::kResourceExhausted, "its ", stored.count,
                                " strings take more than ", HumanBytes(max_bytes));
  // A string takes memory even when it is empty.
  if (stored.count > max_bytes / 4) return too_many;
  std::vector<std::string> out;
  out.reserve(static_cast<size_t>(stored.count));
  uint64_t total = 0;
  for (uint64_t i = 0; i < stored.count; ++i) {
    std::span<const std::byte> bytes =
        stored.bytes.subspan(static_cast<size_t>(i * type.size), type.size);
    if (type.variable_length) {
      Fields fields(image, bytes);
      const uint64_t length = fields.Dword();
      const uint64_t address = fields.Offset();
      const uint32_t index = fields.Dword();
      if (!fields.ok()) return Error(Code::kInvalidModel, "its strings have too few bytes");
      bytes = {};
      if (length > 0 && address != 0 && address != kNowhere) {
        EDGEML_ASSIGN_OR_RETURN(bytes, heap.Get(image, address, index, heap_budget));
        if (length > bytes.size())
          return Error(Code::kInvalidModel, "a string of ", length, " bytes has only ",
                       bytes.size(), " in the heap");
        bytes = bytes.first(static_cast<size_t>(length));
      }
    }
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    TakeOffPadding(type.padding, text);
    total += text.size();
    if (total > max_bytes) return too_many;
    out.emplace_back(text);
  }
  return out;
}

}  // namespace edgeml::hdf5::internal
