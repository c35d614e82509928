#include "src/formats/savedmodel/tensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "src/base/strings.h"
#include "src/tensor/string_buffer.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor_content is little-endian");

constexpr int32_t kReference = 100;  // the types of references start here

// By number, as tensorflow/core/framework/types.proto counts them.
constexpr DType kTypes[] = {DType::kInvalid,   DType::kFloat32, DType::kFloat64,    DType::kInt32,
                            DType::kUInt8,     DType::kInt16,   DType::kInt8,       DType::kString,
                            DType::kComplex64, DType::kInt64,   DType::kBool,       DType::kInvalid,
                            DType::kInvalid,   DType::kInvalid, DType::kBFloat16,   DType::kInvalid,
                            DType::kInvalid,   DType::kUInt16,  DType::kComplex128, DType::kFloat16,
                            DType::kResource,  DType::kVariant, DType::kUInt32,     DType::kUInt64};

size_t WidthOf(DType type) { return static_cast<size_t>(BitsOf(type)) / 8; }

// The elements that a message lists: the last one stands for all that follow, none for zeros.
template <typename T, typename List>
Status Spread(const List& list, std::span<std::byte> out) {
  const size_t count = out.size() / sizeof(T), given = static_cast<size_t>(list.size());
  if (given > count)
    return Error(Code::kInvalidModel, "it has ", given, " elements, its shape ", count);
  std::vector<T> values(count, T{});
  for (size_t i = 0; i < given; ++i) values[i] = static_cast<T>(list[static_cast<int>(i)]);
  if (given > 0)
    std::fill(values.begin() + static_cast<ptrdiff_t>(given), values.end(), values[given - 1]);
  if (count > 0) std::memcpy(out.data(), values.data(), out.size());
  return Status::Ok();
}

// The same for pairs: real and imaginary part.
template <typename T, typename List>
Status SpreadPairs(const List& list, std::span<std::byte> out) {
  const size_t count = out.size() / sizeof(T), given = static_cast<size_t>(list.size());
  if (given > count || given % 2 != 0)
    return Error(Code::kInvalidModel, "it has ", given, " parts of elements, its shape ", count);
  std::vector<T> values(count, T{});
  for (size_t i = 0; i < count && given > 0; ++i)
    values[i] = list[static_cast<int>(i < given ? i : given - 2 + i % 2)];
  if (count > 0) std::memcpy(out.data(), values.data(), out.size());
  return Status::Ok();
}

Status SpreadAs(const pb::Tensor& in, DType type, std::span<std::byte> out) {
  switch (type) {
    case DType::kFloat32:
      return Spread<float>(in.float_val(), out);
    case DType::kFloat64:
      return Spread<double>(in.double_val(), out);
    case DType::kFloat16:
    case DType::kBFloat16:
      return Spread<uint16_t>(in.half_val(), out);
    case DType::kInt8:
      return Spread<int8_t>(in.int_val(), out);
    case DType::kUInt8:
      return Spread<uint8_t>(in.int_val(), out);
    case DType::kInt16:
      return Spread<int16_t>(in.int_val(), out);
    case DType::kUInt16:
      return Spread<uint16_t>(in.int_val(), out);
    case DType::kInt32:
      return Spread<int32_t>(in.int_val(), out);
    case DType::kUInt32:
      return Spread<uint32_t>(in.uint32_val(), out);
    case DType::kInt64:
      return Spread<int64_t>(in.int64_val(), out);
    case DType::kUInt64:
      return Spread<uint64_t>(in.uint64_val(), out);
    case DType::kBool:
      return Spread<uint8_t>(in.bool_val(), out);
    case DType::kComplex64:
      return SpreadPairs<float>(in.scomplex_val(), out);
    case DType::kComplex128:
      return SpreadPairs<double>(in.dcomplex_val(), out);
    default:
      return Error(Code::kUnsupported, "constants of type ", NameOf(type), " are not supported");
  }
}

Result<Constant> ReadStrings(const pb::Tensor& in, Budget& budget) {
  // One byte for each string: what its place in the buffer takes is charged below.
  EDGEML_ASSIGN_OR_RETURN(const DenseShape dense, ReadDenseShape(in.tensor_shape(), DType::kUInt8));
  const size_t count = dense.bytes, given = static_cast<size_t>(in.string_val_size());
  if (given > count)
    return Error(Code::kInvalidModel, "it has ", given, " strings, its shape ", count);
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{count} * sizeof(std::string_view)));
  std::vector<std::string_view> strings(count);
  for (size_t i = 0; i < count && given > 0; ++i) {
    strings[i] = in.string_val(static_cast<int>(std::min(i, given - 1)));
    EDGEML_RETURN_IF_ERROR(budget.Charge(strings[i].size() + sizeof(int32_t)));
  }
  return StringConstant(dense.shape, strings);
}

}  // namespace

DType TypeOf(int32_t number) {
  if (number > kReference) number -= kReference;
  return number >= 0 && static_cast<size_t>(number) < std::size(kTypes)
             ? kTypes[static_cast<size_t>(number)]
             : DType::kInvalid;
}

std::string NameOfType(int32_t number) {
  const DType type = TypeOf(number);
  return type == DType::kInvalid ? Concat("type ", number) : std::string(NameOf(type));
}

Result<PartialShape> ReadShape(const pb::TensorShape& in) {
  PartialShape out;
  if (in.unknown_rank()) return out;
  if (in.dim_size() > kMaxRank)
    return Error(Code::kUnsupported, "a shape has ", in.dim_size(), " dimensions; at most ",
                 kMaxRank, " are supported");
  out.has_rank = true;
  for (const pb::TensorShape::Dim& dim : in.dim()) {
    if (dim.size() < kUnknownDim || dim.size() > std::numeric_limits<int32_t>::max())
      return Error(Code::kInvalidModel, "a shape has a dimension of ", dim.size());
    out.shape.push_back(static_cast<int32_t>(dim.size()));
  }
  return out;
}

Result<DenseShape> ReadDenseShape(const pb::TensorShape& in, DType type) {
  EDGEML_ASSIGN_OR_RETURN(const PartialShape partial, ReadShape(in));
  const auto bytes =
      partial.has_rank ? CheckedByteSize(partial.shape, type) : std::optional<size_t>();
  if (!bytes)
    return Error(Code::kInvalidModel, "its shape ",
                 partial.has_rank ? partial.shape.ToString() : "of unknown rank",
                 " is none that a stored tensor can have");
  return DenseShape{partial.shape, *bytes};
}

Result<Constant> StringConstant(const Shape& shape, std::span<const std::string_view> strings) {
  size_t characters = 0;
  for (const std::string_view text : strings) characters += text.size();
  const auto size = StringBufferBytes(strings.size(), characters);
  if (!size) return Error(Code::kUnsupported, "its strings have more than 2 GB");
  std::vector<std::byte> bytes(*size);
  WriteStringBuffer(strings, bytes.data());
  return Constant{DType::kString, shape, ir::ConstantData::Own(std::move(bytes))};
}

Result<ir::ConstantData> AlignedData(DType type, std::span<const std::byte> bytes,
                                     const std::shared_ptr<const void>& owner, Budget& budget) {
  const size_t alignment = std::clamp<size_t>(WidthOf(type), 1, 8);
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0;
  const bool valid =
      type != DType::kBool ||
      std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
  if (aligned && valid) return ir::ConstantData{owner, bytes};
  EDGEML_RETURN_IF_ERROR(budget.Charge(bytes.size()));
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  if (!valid)
    for (std::byte& b : copy) b = b == std::byte{0} ? b : std::byte{1};
  return ir::ConstantData::Own(std::move(copy));
}

Result<Constant> ReadTensor(const pb::Tensor& in, const std::shared_ptr<const void>& owner,
                            Budget& budget) {
  const DType type = TypeOf(in.dtype());
  if (type == DType::kInvalid || type == DType::kResource || type == DType::kVariant)
    return Error(Code::kUnsupported, "constants of type ", NameOfType(in.dtype()),
                 " are not supported");
  if (type == DType::kString) return ReadStrings(in, budget);
  EDGEML_ASSIGN_OR_RETURN(const DenseShape dense, ReadDenseShape(in.tensor_shape(), type));
  if (!in.tensor_content().empty()) {
    if (in.tensor_content().size() != dense.bytes)
      return Error(Code::kInvalidModel, "it has ", in.tensor_content().size(),
                   " bytes, its shape takes ", dense.bytes);
    const auto content = std::as_bytes(std::span(in.tensor_content()));
    EDGEML_ASSIGN_OR_RETURN(ir::ConstantData data, AlignedData(type, content, owner, budget));
    return Constant{type, dense.shape, std::move(data)};
  }
  EDGEML_RETURN_IF_ERROR(budget.Charge(2 * uint64_t{dense.bytes}));
  std::vector<std::byte> bytes(dense.bytes);
  EDGEML_RETURN_IF_ERROR(SpreadAs(in, type, bytes));
  return Constant{type, dense.shape, ir::ConstantData::Own(std::move(bytes))};
}

}  // namespace edgeml::savedmodel
