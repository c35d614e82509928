#include "src/formats/hdf5/datatype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

#include "src/base/strings.h"

namespace edgeml::hdf5 {
namespace {

enum class Class : uint8_t {
  kFixed = 0,
  kFloat = 1,
  kTime = 2,
  kString = 3,
  kBitField = 4,
  kOpaque = 5,
  kCompound = 6,
  kReference = 7,
  kEnum = 8,
  kVariableLength = 9,
  kArray = 10,
  kComplex = 11,
};

constexpr size_t kHeader = 8;

Status Cut() { return Error(Code::kInvalidModel, "its datatype is cut short"); }

// The layouts of floats that are read: all have their sign on top, exponent and mantissa below it,
// a hidden first bit and no padding.
struct FloatLayout {
  DType type;
  uint32_t size;
  uint8_t exponent_bits, mantissa_bits;
  uint32_t bias;
};
constexpr FloatLayout kFloats[] = {
    {DType::kFloat16, 2, 5, 10, 15},
    {DType::kBFloat16, 2, 8, 7, 127},
    {DType::kFloat32, 4, 8, 23, 127},
    {DType::kFloat64, 8, 11, 52, 1023},
};

Status ParseFloat(Fields& fields, uint32_t bits, Datatype& out) {
  out.big_endian = (bits & 1u) != 0;
  out.bit_offset = fields.Word();
  out.precision = fields.Word();
  const uint8_t exponent_at = fields.Byte(), exponent_bits = fields.Byte();
  const uint8_t mantissa_at = fields.Byte(), mantissa_bits = fields.Byte();
  const uint32_t bias = fields.Dword();
  if (!fields.ok()) return Cut();
  const uint32_t sign_at = (bits >> 8) & 0xFFu;
  const bool vax = (bits & 0x40u) != 0;
  const bool hidden_bit = ((bits >> 4) & 3u) == 2;
  for (const FloatLayout& f : kFloats) {
    if (!vax && hidden_bit && out.plain() && out.size == f.size && mantissa_at == 0 &&
        mantissa_bits == f.mantissa_bits && exponent_at == f.mantissa_bits &&
        exponent_bits == f.exponent_bits && bias == f.bias && sign_at == 8 * f.size - 1) {
      out.type = f.type;
      return Status::Ok();
    }
  }
  out.name = Concat("floating point numbers of ", out.precision, " bits in ", out.size,
                    " bytes, with an exponent of ", exponent_bits, " bits");
  return Status::Ok();
}

DType IntegerType(uint32_t size, bool is_signed) {
  switch (std::bit_ceil(size)) {
    case 1:
      return is_signed ? DType::kInt8 : DType::kUInt8;
    case 2:
      return is_signed ? DType::kInt16 : DType::kUInt16;
    case 4:
      return is_signed ? DType::kInt32 : DType::kUInt32;
    case 8:
      return is_signed ? DType::kInt64 : DType::kUInt64;
    default:
      return DType::kInvalid;
  }
}

Status ParseInteger(Fields& fields, uint32_t bits, bool may_be_signed, Datatype& out) {
  out.big_endian = (bits & 1u) != 0;
  out.is_signed = may_be_signed && (bits & 8u) != 0;
  out.bit_offset = fields.Word();
  out.precision = fields.Word();
  if (!fields.ok()) return Cut();
  if (out.size > 8) {
    out.name = Concat("integers of ", out.size, " bytes");
    return Status::Ok();
  }
  if (out.precision == 0 || out.bit_offset + out.precision > 8 * out.size)
    return Error(Code::kInvalidModel, "its integers of ", out.size, " bytes have ", out.precision,
                 " bits from bit ", out.bit_offset, " on");
  out.type = IntegerType(out.size, out.is_signed);
  return Status::Ok();
}

std::optional<Padding> PaddingOf(uint32_t code) {
  if (code > 2) return std::nullopt;
  return static_cast<Padding>(code);
}

Status ParseString(uint32_t padding, Datatype& out) {
  const std::optional<Padding> known = PaddingOf(padding);
  if (!known) return Error(Code::kInvalidModel, "its strings have an unknown padding ", padding);
  out.padding = *known;
  out.type = DType::kString;
  return Status::Ok();
}

// {FALSE = 0, TRUE = 1} of one byte each, in any order.
bool IsBoolean(Fields fields, uint32_t version, uint32_t members) {
  if (members != 2) return false;
  std::array<bool, 2> is_true{};
  for (bool& value : is_true) {
    std::string_view name;
    std::array<char, 8> text{};
    size_t length = 0;
    for (;; ++length) {
      const char c = static_cast<char>(fields.Byte());
      if (c == 0) break;
      if (length == text.size()) return false;
      text[length] = c;
    }
    name = std::string_view(text.data(), length);
    if (version < 3) fields.Skip((8 - (length + 1) % 8) % 8);
    if (name != "TRUE" && name != "FALSE") return false;
    value = name == "TRUE";
  }
  const uint8_t first = fields.Byte(), second = fields.Byte();
  return fields.ok() && is_true[0] != is_true[1] && first == (is_true[0] ? 1 : 0) &&
         second == (is_true[1] ? 1 : 0);
}

Status ParseEnum(const Image& image, Fields& fields, uint32_t version, uint32_t bits,
                 Datatype& out) {
  // The integers that stand for the names: a header and four bytes more.
  Fields base(image, fields.Take(kHeader + 4));
  const uint8_t base_class = base.Byte() & 0xFu;
  const uint32_t base_bits = static_cast<uint32_t>(base.Uint(3));
  const uint32_t base_size = base.Dword();
  if (!base.ok()) return Cut();
  if (static_cast<Class>(base_class) != Class::kFixed || base_size != out.size) {
    out.name = "an enumeration of other things than integers";
    return Status::Ok();
  }
  EDGEML_RETURN_IF_ERROR(ParseInteger(base, base_bits, true, out));
  if (out.size == 1 && out.plain() && IsBoolean(fields, version, bits & 0xFFFFu))
    out.type = DType::kBool;
  return Status::Ok();
}

}  // namespace

Result<Datatype> ParseDatatype(const Image& image, std::span<const std::byte> message) {
  Fields fields(image, message);
  const uint8_t head = fields.Byte();
  const uint32_t bits = static_cast<uint32_t>(fields.Uint(3));
  Datatype out;
  out.size = fields.Dword();
  if (!fields.ok()) return Cut();
  const uint32_t version = head >> 4;
  if (version < 1 || version > 5)
    return Error(Code::kUnsupported, "datatypes of version ", version, " are not known");
  if (out.size == 0) return Error(Code::kInvalidModel, "its datatype has no size");
  Status status;
  switch (static_cast<Class>(head & 0xFu)) {
    case Class::kFixed:
      status = ParseInteger(fields, bits, true, out);
      break;
    case Class::kBitField:
      status = ParseInteger(fields, bits, false, out);
      break;
    case Class::kFloat:
      status = ParseFloat(fields, bits, out);
      break;
    case Class::kString:
      status = ParseString(bits & 0xFu, out);
      break;
    case Class::kEnum:
      status = ParseEnum(image, fields, version, bits, out);
      break;
    case Class::kOpaque:
      out.untagged_opaque = (bits & 0xFFu) == 0 || fields.Byte() == 0;
      out.name = Concat("opaque values of ", out.size, " bytes");
      if (out.untagged_opaque && out.size == 2)
        out.name += " (what becomes of bfloat16 in an .h5 model; save it as .keras or in float32)";
      break;
    case Class::kVariableLength:
      if ((bits & 0xFu) == 1) {
        out.variable_length = true;
        status = ParseString((bits >> 4) & 0xFu, out);
      } else {
        out.name = "sequences of variable length";
      }
      break;
    case Class::kTime:
      out.name = "times";
      break;
    case Class::kCompound:
      out.name = "compound values";
      break;
    case Class::kReference:
      out.name = "references";
      break;
    case Class::kArray:
      out.name = "arrays as elements";
      break;
    case Class::kComplex:
      out.name = "complex numbers";
      break;
    default:
      return Error(Code::kUnsupported, "datatypes of class ", head & 0xFu, " are not known");
  }
  EDGEML_RETURN_IF_ERROR(std::move(status));
  return out;
}

Result<Dataspace> ParseDataspace(const Image& image, std::span<const std::byte> message) {
  constexpr int kMaxDims = 32;
  Fields fields(image, message);
  const uint8_t version = fields.Byte();
  const int rank = fields.Byte();
  const uint8_t flags = fields.Byte();
  Dataspace out;
  if (version == 1) {
    fields.Skip(5);
  } else if (version == 2) {
    out.is_null = fields.Byte() == 2;
  } else {
    return Error(Code::kUnsupported, "dataspaces of version ", version, " are not known");
  }
  if (rank > kMaxDims) return Error(Code::kInvalidModel, "its dataspace has ", rank, " dimensions");
  for (int i = 0; i < rank; ++i) out.dims.push_back(fields.Length());
  out.max_dims = out.dims;
  if ((flags & 1u) != 0) {
    for (uint64_t& dim : out.max_dims) dim = fields.LengthOrUnlimited();
  }
  if (!fields.ok()) return Error(Code::kInvalidModel, "its dataspace is cut short");
  if (out.is_null && rank != 0)
    return Error(Code::kInvalidModel, "its dataspace has dimensions but no elements");
  for (size_t i = 0; i < out.dims.size(); ++i) {
    if (out.dims[i] > out.max_dims[i])
      return Error(Code::kInvalidModel, "its dimension ", i, " of ", out.dims[i],
                   " is larger than its own limit");
  }
  return out;
}

Result<Shape> ShapeOf(const Dataspace& space) {
  if (space.dims.size() > static_cast<size_t>(kMaxRank))
    return Error(Code::kUnsupported, space.dims.size(), " dimensions are more than ", kMaxRank);
  Shape shape;
  for (const uint64_t dim : space.dims) {
    if (dim > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
      return Error(Code::kUnsupported, "a dimension of ", dim, " is too large");
    shape.push_back(static_cast<int32_t>(dim));
  }
  return shape;
}

Result<uint64_t> CountOf(const Dataspace& space) {
  if (space.is_null) return uint64_t{0};
  if (std::find(space.dims.begin(), space.dims.end(), uint64_t{0}) != space.dims.end())
    return uint64_t{0};
  uint64_t count = 1;
  for (const uint64_t dim : space.dims) {
    if (count > kNowhere / dim) return Error(Code::kInvalidModel, "its dimensions overflow");
    count *= dim;
  }
  return count;
}

}  // namespace edgeml::hdf5
