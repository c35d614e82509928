#include "src/formats/tflite/tensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "src/base/byte_reader.h"
#include "src/base/strings.h"
#include "src/formats/tflite/ops.h"

namespace edgeml::tflite {
namespace {

// Alignment that kernels may count on for constants of a type.
size_t AlignmentOf(DType type) {
  const int bits = BitsOf(type);
  return type == DType::kString ? 4 : std::clamp<size_t>(static_cast<size_t>(bits) / 8, 1, 8);
}

template <typename T, typename U>
Status CopyVector(const flatbuffers::Vector<T>* in, Budget& budget, std::vector<U>& out) {
  out.clear();
  if (in == nullptr) return Status::Ok();
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{in->size()} * sizeof(U)));
  out.resize(in->size());
  for (size_t i = 0; i < out.size(); ++i) {
    T item;  // 8-byte elements of a hostile file may be misaligned
    std::memcpy(&item, in->Data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<U>(item);
  }
  return Status::Ok();
}

Status ReadShape(const flatbuffers::Vector<int32_t>* in, const char* what, Shape& out) {
  if (in == nullptr) return Status::Ok();
  if (in->size() > static_cast<size_t>(kMaxRank))
    return Error(Code::kUnsupported, what, " has ", in->size(), " dimensions; at most ", kMaxRank,
                 " are supported");
  for (const int32_t dim : *in) {
    if (dim < kUnknownDim) return Error(Code::kInvalidModel, what, " has a dimension of ", dim);
    out.push_back(dim);
  }
  return Status::Ok();
}

Status ReadQuantization(const fb::QuantizationParameters& in, Budget& budget, Quantization& out) {
  EDGEML_RETURN_IF_ERROR(CheckNoUnknownFields(
      &in, fb::QuantizationParameters::VT_QUANTIZED_DIMENSION, "the quantization"));
  EDGEML_RETURN_IF_ERROR(CopyVector(in.min(), budget, out.min));
  EDGEML_RETURN_IF_ERROR(CopyVector(in.max(), budget, out.max));
  switch (in.details_type()) {
    case fb::QuantizationDetails::NONE:
      break;
    case fb::QuantizationDetails::BlockwiseQuantization:
      out.axis = in.quantized_dimension();
      return Status::Ok();  // the rest follows in ResolveBlockScales
    default:
      return Error(Code::kUnsupported, "quantization scheme ",
                   fb::EnumNameQuantizationDetails(in.details_type()), " is not supported");
  }
  EDGEML_RETURN_IF_ERROR(CopyVector(in.scale(), budget, out.scale));
  EDGEML_RETURN_IF_ERROR(CopyVector(in.zero_point(), budget, out.zero_point));
  if (out.scale.empty()) {  // ranges only: not quantized
    out.zero_point.clear();
    return Status::Ok();
  }
  out.axis = in.quantized_dimension();
  if (out.zero_point.size() != out.scale.size())
    return Error(Code::kInvalidModel, "it has ", out.scale.size(), " scales but ",
                 out.zero_point.size(), " zero points");
  return Status::Ok();
}

Status ReadIndexVector(fb::SparseIndexVector type, const void* vector, Budget& budget,
                       std::vector<int32_t>& out, int8_t& width) {
  if (vector != nullptr) {
    switch (type) {
      case fb::SparseIndexVector::Int32Vector:
        width = 4;
        return CopyVector(static_cast<const fb::Int32Vector*>(vector)->values(), budget, out);
      case fb::SparseIndexVector::Uint16Vector:
        width = 2;
        return CopyVector(static_cast<const fb::Uint16Vector*>(vector)->values(), budget, out);
      case fb::SparseIndexVector::Uint8Vector:
        width = 1;
        return CopyVector(static_cast<const fb::Uint8Vector*>(vector)->values(), budget, out);
      default:
        break;
    }
  }
  return Error(Code::kInvalidModel, "a compressed dimension has no segments or indices");
}

Status ReadSparsity(const fb::SparsityParameters& in, Budget& budget, ir::Sparsity& out) {
  if (in.traversal_order() == nullptr || in.dim_metadata() == nullptr)
    return Error(Code::kInvalidModel, "the sparsity lacks its traversal order or dimensions");
  EDGEML_RETURN_IF_ERROR(CopyVector(in.traversal_order(), budget, out.traversal_order));
  EDGEML_RETURN_IF_ERROR(CopyVector(in.block_map(), budget, out.block_map));
  EDGEML_RETURN_IF_ERROR(
      budget.Charge(uint64_t{in.dim_metadata()->size()} * sizeof(ir::Sparsity::Dimension)));
  for (const fb::DimensionMetadata* const level : *in.dim_metadata()) {
    ir::Sparsity::Dimension& dimension = out.dimensions.emplace_back();
    switch (level->format()) {
      case fb::DimensionType::DENSE:
        dimension.dense_size = level->dense_size();
        break;
      case fb::DimensionType::SPARSE_CSR:
        dimension.level = ir::Sparsity::Level::kCsr;
        EDGEML_RETURN_IF_ERROR(ReadIndexVector(level->array_segments_type(),
                                               level->array_segments(), budget, dimension.segments,
                                               dimension.segment_width));
        EDGEML_RETURN_IF_ERROR(ReadIndexVector(level->array_indices_type(), level->array_indices(),
                                               budget, dimension.indices, dimension.index_width));
        break;
      default:
        return Error(Code::kUnsupported, "the sparsity has a dimension of unknown format ",
                     static_cast<int>(level->format()));
    }
  }
  return Status::Ok();
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 31u;
  const uint32_t mantissa = half & 1023u;
  if (exponent == 0) {  // zero or subnormal: exact in float
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

template <typename T>
T Load(std::span<const std::byte> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Result<std::span<const std::byte>> BufferTable::Outside(uint64_t offset, uint64_t size) const {
  const auto part = SubSpan(file_, offset, size);
  if (!part)
    return Error(Code::kInvalidModel, "its data at byte ", offset, ", ", size,
                 " bytes long, lies beyond the file's ", file_.size(),
                 " bytes; the file was cut off, fetch it again");
  return *part;
}

Result<ir::ConstantData> BufferTable::Get(uint32_t index, size_t alignment) {
  if (index >= size())
    return Error(Code::kInvalidModel, "buffer ", index, " does not exist; the file has ", size());
  const fb::Buffer& buffer = *model_.buffers()->Get(index);
  EDGEML_RETURN_IF_ERROR(CheckNoUnknownFields(&buffer, fb::Buffer::VT_SIZE, "the buffer"));
  std::span<const std::byte> bytes;
  if (buffer.data() != nullptr) {
    bytes = std::as_bytes(std::span(buffer.data()->data(), buffer.data()->size()));
  } else if (buffer.offset() > 1) {
    EDGEML_ASSIGN_OR_RETURN(bytes, Outside(buffer.offset(), buffer.size()));
  } else {
    return ir::ConstantData{};
  }
  if (bytes.empty() || reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0)
    return ir::ConstantData{owner_, bytes};
  if (copies_.empty()) copies_.resize(size());
  ir::ConstantData& copy = copies_[index];
  if (!copy.present()) {
    EDGEML_RETURN_IF_ERROR(budget_.Charge(bytes.size()));
    copy = ir::ConstantData::Own({bytes.begin(), bytes.end()});
  }
  return copy;
}

Status ReadTensor(const fb::Tensor& tensor, BufferTable& buffers, Budget& budget,
                  ir::Value& value) {
  EDGEML_RETURN_IF_ERROR(
      CheckNoUnknownFields(&tensor, fb::Tensor::VT_EXTERNAL_BUFFER, "the tensor"));
  value.type = FromTensorType(tensor.type());
  if (value.type == DType::kInvalid) {
    const bool known = tensor.type() >= fb::TensorType::MIN && tensor.type() <= fb::TensorType::MAX;
    return Error(Code::kUnsupported, "element type ",
                 known ? std::string(fb::EnumNameTensorType(tensor.type()))
                       : Concat("number ", static_cast<int>(tensor.type())),
                 " is not supported");
  }
  EDGEML_RETURN_IF_ERROR(ReadShape(tensor.shape(), "its shape", value.shape));
  EDGEML_RETURN_IF_ERROR(
      ReadShape(tensor.shape_signature(), "its shape signature", value.shape_signature));
  value.has_signature = tensor.shape_signature() != nullptr && tensor.shape_signature()->size() > 0;
  value.has_rank = tensor.has_rank() || tensor.shape() != nullptr;
  value.is_variable = tensor.is_variable();
  if (tensor.variant_tensors() != nullptr && tensor.variant_tensors()->size() > 0)
    return Error(Code::kUnsupported, "nested variant types are not supported");
  if (tensor.external_buffer() != 0)
    return Error(Code::kUnsupported, "its data lies in another file (external buffer ",
                 tensor.external_buffer(), "); convert the model with its weights inside");
  if (tensor.quantization() != nullptr)
    EDGEML_RETURN_IF_ERROR(ReadQuantization(*tensor.quantization(), budget, value.quantization));

  if (tensor.buffer() != 0) {
    EDGEML_ASSIGN_OR_RETURN(value.data, buffers.Get(tensor.buffer(), AlignmentOf(value.type)));
    if (value.is_constant() && value.is_variable)
      return Error(Code::kInvalidModel, "it is a variable and has constant data as well");
  }
  if (tensor.sparsity() != nullptr && value.is_constant()) {
    auto sparsity = std::make_shared<ir::Sparsity>();
    EDGEML_RETURN_IF_ERROR(ReadSparsity(*tensor.sparsity(), budget, *sparsity));
    value.sparsity = std::move(sparsity);
  }
  return Status::Ok();
}

Status ResolveBlockScales(const fb::Tensor& tensor, Budget& budget, size_t index,
                          std::vector<ir::Value>& values) {
  if (tensor.quantization() == nullptr) return Status::Ok();
  const fb::BlockwiseQuantization* const blocks =
      tensor.quantization()->details_as_BlockwiseQuantization();
  if (blocks == nullptr) return Status::Ok();
  Quantization& out = values[index].quantization;
  const auto constant = [&values, index](int32_t i, const char* what) -> Result<const ir::Value*> {
    if (i < 0 || static_cast<size_t>(i) >= values.size())
      return Error(Code::kInvalidModel, "its block ", what, " are tensor ", i,
                   ", which does not exist");
    const ir::Value& value = values[static_cast<size_t>(i)];
    const auto bytes = CheckedByteSize(value.shape, value.type);
    if (static_cast<size_t>(i) == index || !value.is_constant() || value.sparsity != nullptr ||
        !bytes || *bytes != value.data.bytes.size())
      return Error(Code::kInvalidModel, "its block ", what, " (tensor ", i,
                   ") are not a dense constant");
    return &value;
  };
  if (blocks->block_size() < 1)
    return Error(Code::kInvalidModel, "its block size is ", blocks->block_size());
  out.block_size = blocks->block_size();

  EDGEML_ASSIGN_OR_RETURN(const ir::Value* const scales, constant(blocks->scales(), "scales"));
  const size_t count = static_cast<size_t>(scales->shape.num_elements());
  EDGEML_RETURN_IF_ERROR(budget.Charge(uint64_t{count} * (sizeof(float) + sizeof(int64_t))));
  out.scale.resize(count);
  out.zero_point.assign(count, 0);
  for (size_t i = 0; i < count; ++i) {
    switch (scales->type) {
      case DType::kFloat32:
        out.scale[i] = Load<float>(scales->data.bytes, i);
        break;
      case DType::kFloat16:
        out.scale[i] = HalfToFloat(Load<uint16_t>(scales->data.bytes, i));
        break;
      default:
        return Error(Code::kUnsupported, "its block scales are ", edgeml::NameOf(scales->type),
                     "; float32 and float16 are supported");
    }
  }
  out.scale_value = blocks->scales();
  if (blocks->zero_points() == -1) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const ir::Value* const zeros,
                          constant(blocks->zero_points(), "zero points"));
  if (static_cast<size_t>(zeros->shape.num_elements()) != count)
    return Error(Code::kInvalidModel, "it has ", count, " block scales but ",
                 zeros->shape.num_elements(), " zero points");
  for (size_t i = 0; i < count; ++i) {
    switch (zeros->type) {
      case DType::kInt32:
        out.zero_point[i] = Load<int32_t>(zeros->data.bytes, i);
        break;
      case DType::kInt64:
        out.zero_point[i] = Load<int64_t>(zeros->data.bytes, i);
        break;
      case DType::kInt8:
        out.zero_point[i] = Load<int8_t>(zeros->data.bytes, i);
        break;
      default:
        return Error(Code::kUnsupported, "its block zero points are ", edgeml::NameOf(zeros->type),
                     "; int8, int32 and int64 are supported");
    }
  }
  out.zero_point_value = blocks->zero_points();
  return Status::Ok();
}

}  // namespace edgeml::tflite
