// The format: NumPy Enhancement Proposal 1.
#include "src/data/array_file.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "src/base/atomic_file.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/base/zip.h"

namespace edgeml::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
static_assert(std::endian::native == std::endian::little, "arrays are kept in native order");

struct TypeCode {
  std::string_view code;
  DType type;
};
constexpr TypeCode kTypes[] = {
    {"b1", DType::kBool},      {"i1", DType::kInt8},        {"i2", DType::kInt16},
    {"i4", DType::kInt32},     {"i8", DType::kInt64},       {"u1", DType::kUInt8},
    {"u2", DType::kUInt16},    {"u4", DType::kUInt32},      {"u8", DType::kUInt64},
    {"f2", DType::kFloat16},   {"f4", DType::kFloat32},     {"f8", DType::kFloat64},
    {"c8", DType::kComplex64}, {"c16", DType::kComplex128},
};

struct Header {
  DType type = DType::kInvalid;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

// Reads the Python dictionary of the header: strings, booleans and a tuple of integers.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool Eat(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::optional<std::string_view> String() {
    SkipSpace();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view s = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return s;
  }
  std::optional<bool> Bool() {
    SkipSpace();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    return std::nullopt;
  }
  std::optional<uint64_t> Integer() {
    SkipSpace();
    uint64_t v = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), v);
    if (error != std::errc()) return std::nullopt;
    at_ += static_cast<size_t>(end - begin);
    Eat('L');  // as Python 2 wrote long integers
    return v;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) != nullptr) ++at_;
  }
  std::string_view text_;
  size_t at_ = 0;
};

Status Damaged(const std::string& where, std::string_view what) {
  return Error(Code::kInvalidModel, where, ": damaged npy data: ", what);
}

Status ReadType(std::string_view descr, const std::string& where, Header& h) {
  std::string_view code = descr;
  if (!code.empty() && std::strchr("<>|=", code[0]) != nullptr) {
    h.big_endian = code[0] == '>';
    code.remove_prefix(1);
  }
  for (const TypeCode& t : kTypes) {
    if (t.code == code) {
      h.type = t.type;
      return Status::Ok();
    }
  }
  return Error(Code::kUnsupported, where, ": arrays of NumPy type '", descr,
               "' are not read; save a bool, integer, float or complex array");
}

Status ReadShape(Literal& in, const std::string& where, Header& h) {
  if (!in.Eat('(')) return Damaged(where, "no shape");
  while (!in.Eat(')')) {
    const std::optional<uint64_t> dim = in.Integer();
    if (!dim) return Damaged(where, "bad shape");
    if (*dim > 0x7FFFFFFF) {
      return Error(Code::kUnsupported, where, ": a dimension of ", *dim, " is too large");
    }
    if (h.shape.rank() == kMaxRank) {
      return Error(Code::kUnsupported, where, ": more than ", kMaxRank, " dimensions");
    }
    h.shape.push_back(static_cast<int32_t>(*dim));
    if (in.Eat(',')) continue;
    if (!in.Eat(')')) return Damaged(where, "bad shape");
    break;
  }
  return Status::Ok();
}

Result<Header> ReadHeader(std::string_view text, const std::string& where) {
  Literal in(text);
  Header h;
  bool has_type = false, has_order = false, has_shape = false;
  if (!in.Eat('{')) return Damaged(where, "no header dictionary");
  while (!in.Eat('}')) {
    const std::optional<std::string_view> key = in.String();
    if (!key || !in.Eat(':')) return Damaged(where, "bad header dictionary");
    if (*key == "descr") {
      const std::optional<std::string_view> descr = in.String();
      if (!descr) {
        return Error(Code::kUnsupported, where, ": structured arrays are not read; save one field");
      }
      EDGEML_RETURN_IF_ERROR(ReadType(*descr, where, h));
      has_type = true;
    } else if (*key == "fortran_order") {
      const std::optional<bool> order = in.Bool();
      if (!order) return Damaged(where, "bad fortran_order");
      h.fortran_order = *order;
      has_order = true;
    } else if (*key == "shape" && !has_shape) {
      EDGEML_RETURN_IF_ERROR(ReadShape(in, where, h));
      has_shape = true;
    } else {
      return Damaged(where, "unknown header key");
    }
    if (in.Eat(',')) continue;
    if (!in.Eat('}')) return Damaged(where, "bad header dictionary");
    break;
  }
  if (!has_type || !has_order || !has_shape) return Damaged(where, "an incomplete header");
  return h;
}

void SwapBytes(Bytes& bytes, size_t unit) {
  for (size_t i = 0; i + unit <= bytes.size(); i += unit) {
    std::reverse(bytes.begin() + static_cast<int64_t>(i),
                 bytes.begin() + static_cast<int64_t>(i + unit));
  }
}

// Column-major `in` to row-major.
Bytes ToRowMajor(std::span<const uint8_t> in, const Shape& shape, size_t element) {
  Bytes out(in.size());
  const int rank = shape.rank();
  std::array<int32_t, kMaxRank> index{};
  std::array<size_t, kMaxRank> stride{};
  size_t step = element;
  for (int d = 0; d < rank; ++d) {
    stride[static_cast<size_t>(d)] = step;
    step *= static_cast<size_t>(shape[d]);
  }
  size_t from = 0;
  for (size_t to = 0; to < out.size(); to += element) {
    std::memcpy(out.data() + to, in.data() + from, element);
    for (int d = rank - 1; d >= 0; --d) {
      const auto i = static_cast<size_t>(d);
      from += stride[i];
      if (++index[i] < shape[d]) break;
      from -= stride[i] * static_cast<size_t>(shape[d]);
      index[i] = 0;
    }
  }
  return out;
}

size_t Cap(size_t max_bytes) { return max_bytes != 0 ? max_bytes : EffectiveMemoryCap(0) / 2; }

}  // namespace

Result<Array> ParseNpy(std::span<const uint8_t> bytes, const std::string& where) {
  if (bytes.size() < 10 ||
      !std::equal(kMagic.begin(), kMagic.end(), bytes.begin(),
                  [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; })) {
    return Error(Code::kInvalidModel, where, ": not an npy array");
  }
  const int version = bytes[6];
  if (version < 1 || version > 3) {
    return Error(Code::kUnsupported, where, ": npy version ", version, " is not known");
  }
  const size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) return Damaged(where, "the header ends too early");
  size_t length = bytes[8] | static_cast<size_t>(bytes[9]) << 8;
  if (version > 1)
    length |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
  if (length > bytes.size() - start) return Damaged(where, "the header ends too early");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  EDGEML_ASSIGN_OR_RETURN(const Header h, ReadHeader(text, where));

  const std::optional<size_t> size = CheckedByteSize(h.shape, h.type);
  const std::span<const uint8_t> data = bytes.subspan(start + length);
  if (!size || *size > data.size()) {
    return Damaged(where, Concat("the data of shape ", h.shape.ToString(), " ends too early"));
  }
  Array array{h.type, h.shape, Bytes(data.begin(), data.begin() + static_cast<int64_t>(*size))};
  const size_t element = static_cast<size_t>(BitsOf(h.type)) / 8;
  const bool is_complex = h.type == DType::kComplex64 || h.type == DType::kComplex128;
  if (h.big_endian && element > 1) SwapBytes(array.bytes, is_complex ? element / 2 : element);
  if (h.fortran_order && h.shape.rank() > 1) {
    array.bytes = ToRowMajor(array.bytes, h.shape, element);
  }
  if (h.type == DType::kBool) {
    for (uint8_t& b : array.bytes) b = b != 0;
  }
  return array;
}

Result<Array> ReadNpy(const std::string& path, size_t max_bytes) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, Cap(max_bytes)));
  return ParseNpy(bytes, path);
}

Result<std::vector<NamedArray>> ReadNpz(const std::string& path, size_t max_bytes) {
  size_t left = Cap(max_bytes);
  EDGEML_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, left));
  const auto held = std::make_shared<const Bytes>(std::move(bytes));
  const Result<ZipReader> archive = ZipReader::Open(held, std::as_bytes(std::span(*held)));
  if (!archive.ok()) return Error(Code::kInvalidModel, path, ": ", archive.status().message());
  std::vector<NamedArray> arrays;
  for (const ZipEntry& entry : archive->entries()) {
    std::string name = entry.name;
    if (!name.ends_with(".npy")) continue;
    name.resize(name.size() - 4);
    const std::string where = Concat(path, "[", name, "]");
    const Result<ZipContent> content = archive->Read(entry, left);
    if (!content.ok()) return Status(content.status()).WithContext(path);
    if (entry.method != 0) left -= content->bytes.size();
    const std::span<const uint8_t> npy(reinterpret_cast<const uint8_t*>(content->bytes.data()),
                                       content->bytes.size());
    EDGEML_ASSIGN_OR_RETURN(Array array, ParseNpy(npy, where));
    arrays.push_back({std::move(name), std::move(array)});
  }
  return arrays;
}

Result<Bytes> SerializeNpy(const Array& array) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const TypeCode& t) { return t.type == array.type; });
  if (found == std::end(kTypes)) {
    return Error(Code::kUnsupported, "NumPy has no type for ", NameOf(array.type), " arrays");
  }
  if (CheckedByteSize(array.shape, array.type) != array.bytes.size()) {
    return Error(Code::kInternal, "an array of ", array.bytes.size(), " bytes and shape ",
                 array.shape.ToString());
  }
  std::string header = Concat("{'descr': '", BitsOf(array.type) == 8 ? '|' : '<', found->code,
                              "', 'fortran_order': False, 'shape': (");
  for (const int32_t dim : array.shape.dims()) header += Concat(dim, ", ");
  if (array.shape.rank() > 1) header.resize(header.size() - 2);
  if (array.shape.rank() == 1) header.pop_back();
  header += "), }";
  // The data starts at a multiple of 64.
  header.append(64 - (10 + header.size() + 1) % 64, ' ');
  header += '\n';
  Bytes out;
  out.reserve(10 + header.size() + array.bytes.size());
  out.insert(out.end(), kMagic.begin(), kMagic.end());
  out.insert(out.end(),
             {1, 0, static_cast<uint8_t>(header.size()), static_cast<uint8_t>(header.size() >> 8)});
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), array.bytes.begin(), array.bytes.end());
  return out;
}

Status WriteNpy(const std::string& path, const Array& array) {
  EDGEML_ASSIGN_OR_RETURN(const Bytes bytes, SerializeNpy(array));
  return WriteFileAtomically(path, std::as_bytes(std::span(bytes)));
}

Status WriteNpz(const std::string& path, std::span<const NamedArray> arrays) {
  ZipWriter zip;
  for (const NamedArray& a : arrays) {
    auto bytes = SerializeNpy(a.array);
    if (!bytes.ok()) return Status(bytes.status()).WithContext(a.name);
    Status added = zip.Add(a.name + ".npy", std::as_bytes(std::span(*bytes)));
    if (!added.ok()) return std::move(added).WithContext(path);
  }
  return WriteFileAtomically(path, zip.Finish());
}

}  // namespace edgeml::data
