#include "src/formats/tflite/writer.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/formats/tflite/opaque.h"
#include "src/formats/tflite/ops.h"
#include "src/formats/tflite/versions.h"
#include "src/formats/tflite/zip.h"
#include "tflite_generated.h"

namespace edgeml::tflite {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
template <typename T>
using Offsets = flatbuffers::Offset<flatbuffers::Vector<T>>;

constexpr size_t kAlignment = 16;
// What a FlatBuffer may hold in all, a little below the 2 GB that its offsets can span.
constexpr uint64_t kMaxFlatBuffer = 2'000'000'000;

size_t AlignUp(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// The distinct constants of a module. Number 0 is the empty buffer that the format asks for.
class BufferPool {
 public:
  // Constants of no bytes have a buffer too: in the format a tensor without one is not constant.
  uint32_t Add(std::span<const std::byte> bytes) {
    const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto [found, added] = index_.try_emplace(key, static_cast<uint32_t>(buffers_.size()) + 1);
    if (added) {
      buffers_.push_back(bytes);
      total_ += AlignUp(bytes.size());
    }
    return found->second;
  }
  std::span<const std::span<const std::byte>> buffers() const { return buffers_; }
  uint64_t total() const { return total_; }

 private:
  std::unordered_map<std::string_view, uint32_t> index_;
  std::vector<std::span<const std::byte>> buffers_;
  uint64_t total_ = 0;
};

// An upper estimate of what a module takes besides its constants, so that the builder, which cannot
// fail, is never driven over its limit.
Result<uint64_t> EstimateBytes(const ir::Module& module) {
  uint64_t total = 4096 + module.description.size();
  for (const ir::Graph& graph : module.graphs) {
    total += 256 + graph.name.size() + 4 * (graph.inputs.size() + graph.outputs.size());
    for (const ir::Value& value : graph.values) {
      const Quantization& q = value.quantization;
      total += 512 + value.name.size() + 4 * (q.scale.size() + q.min.size() + q.max.size()) +
               8 * q.zero_point.size();
      if (value.sparsity == nullptr) continue;
      for (const ir::Sparsity::Dimension& dimension : value.sparsity->dimensions)
        total += 128 + 4 * (dimension.segments.size() + dimension.indices.size());
    }
    for (const ir::Node& node : graph.nodes) {
      total += 512 + node.name().size() +
               4 * (node.inputs.size() + node.outputs.size() + node.intermediates.size());
      if (const auto* opaque = std::get_if<ir::OpaqueAttrs>(&node.attributes)) {
        total += opaque->custom_options.size();
        if (const fb::Operator* const op = OpaqueOperator(*opaque)) {
          EDGEML_ASSIGN_OR_RETURN(const uint64_t bytes, OpaqueBytes(*op));
          total += bytes;
        }
      } else if (const auto* detection =
                     std::get_if<ir::DetectionPostProcessAttrs>(&node.attributes)) {
        total += 1024 + detection->encoded.size();
      } else if (const auto* reshape = std::get_if<ir::ReshapeAttrs>(&node.attributes)) {
        total += 4 * reshape->new_shape.size();
      } else if (const auto* squeeze = std::get_if<ir::SqueezeAttrs>(&node.attributes)) {
        total += 4 * squeeze->squeeze_dims.size();
      } else if (const auto* handle = std::get_if<ir::VarHandleAttrs>(&node.attributes)) {
        total += handle->container.size() + handle->shared_name.size();
      }
    }
  }
  for (const ir::Signature& signature : module.signatures) {
    total += 128 + signature.key.size();
    for (const auto* names : {&signature.inputs, &signature.outputs})
      for (const auto& [name, value] : *names) total += 64 + name.size();
  }
  for (const auto& [name, data] : module.metadata) total += 64 + name.size();
  return total;
}

class Writer {
 public:
  Writer(const ir::Module& module, const BufferPool& pool, bool outside, uint64_t outside_base)
      : module_(module), pool_(pool), outside_(outside), next_outside_(outside_base) {}

  // The FlatBuffer; the same size for every outside_base > 1.
  Result<std::vector<std::byte>> Write(BufferPool& pool) {
    // FlatBuffers grow from back to front: what is written first lies last.
    const Offsets<Offset<fb::Buffer>> buffers = WriteBuffers();
    std::vector<Offset<fb::SubGraph>> graphs;
    for (size_t i = 0; i < module_.graphs.size(); ++i) {
      Result<Offset<fb::SubGraph>> graph = WriteGraph(module_.graphs[i], pool);
      if (!graph.ok()) {
        if (module_.graphs.size() == 1) return graph.status();
        return Status(graph.status()).WithContext(Concat("subgraph ", i));
      }
      graphs.push_back(*graph);
    }
    std::vector<Offset<fb::Metadata>> metadata;
    for (const auto& [name, data] : module_.metadata) {
      const auto text = builder_.CreateString(name);
      metadata.push_back(fb::CreateMetadata(builder_, text, pool.Add(data.bytes)));
    }
    const auto signatures = WriteSignatures();
    const auto codes = WriteCodes();
    const auto description = builder_.CreateString(module_.description);
    const auto all_graphs = builder_.CreateVector(graphs);
    const auto all_metadata = metadata.empty() ? 0 : builder_.CreateVector(metadata);
    fb::FinishModelBuffer(builder_,
                          fb::CreateModel(builder_, 3, codes, all_graphs, description, buffers,
                                          /*metadata_buffer=*/0, all_metadata, signatures));
    const auto* const bytes = reinterpret_cast<const std::byte*>(builder_.GetBufferPointer());
    return std::vector<std::byte>(bytes, bytes + builder_.GetSize());
  }

 private:
  template <typename T>
  Offsets<T> Vector(const std::vector<T>& values) {
    return values.empty() ? 0 : builder_.CreateVector(values);
  }

  Offsets<Offset<fb::Buffer>> WriteBuffers() {
    std::vector<Offset<fb::Buffer>> buffers = {fb::CreateBuffer(builder_)};
    for (const std::span<const std::byte> bytes : pool_.buffers()) {
      if (outside_ && !bytes.empty()) {
        buffers.push_back(fb::CreateBuffer(builder_, 0, next_outside_, bytes.size()));
        next_outside_ += AlignUp(bytes.size());
        continue;
      }
      builder_.ForceVectorAlignment(bytes.size(), 1, kAlignment);
      const auto data =
          builder_.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
      buffers.push_back(fb::CreateBuffer(builder_, data));
    }
    return builder_.CreateVector(buffers);
  }

  // Channels have 8 bytes of zero point each, nearly always zeros: tensors of as many share them.
  Offsets<int64_t> ZeroPoints(const std::vector<int64_t>& values) {
    if (std::ranges::any_of(values, [](int64_t v) { return v != 0; })) return Vector(values);
    const auto [it, added] = zeros_.try_emplace(values.size());
    if (added) it->second = Vector(values);
    return it->second;
  }

  Offset<fb::QuantizationParameters> WriteQuantization(const Quantization& q) {
    if (q.scale.empty() && q.min.empty() && q.max.empty()) return 0;
    const auto min = Vector(q.min);
    const auto max = Vector(q.max);
    if (q.block_size != 0) {
      const auto blocks = fb::CreateBlockwiseQuantization(builder_, q.scale_value,
                                                          q.zero_point_value, q.block_size);
      return fb::CreateQuantizationParameters(builder_, min, max, 0, 0,
                                              fb::QuantizationDetails::BlockwiseQuantization,
                                              blocks.Union(), q.axis);
    }
    const auto scale = Vector(q.scale);
    // The format wants as many zero points as scales.
    std::vector<int64_t> zero_points = q.zero_point;
    if (!zero_points.empty()) zero_points.resize(q.scale.size(), q.zero_point[0]);
    const auto zero_point = ZeroPoints(zero_points);
    return fb::CreateQuantizationParameters(builder_, min, max, scale, zero_point,
                                            fb::QuantizationDetails::NONE, 0, q.axis);
  }

  Result<std::pair<fb::SparseIndexVector, Offset<void>>> WriteIndices(
      const std::vector<int32_t>& values, int width) {
    const int32_t limit = width == 1 ? 0xFF : width == 2 ? 0xFFFF : INT32_MAX;
    for (const int32_t value : values)
      if (value < 0 || value > limit)
        return Error(Code::kInvalidModel, "its sparsity has an index of ", value,
                     " that does not fit into ", width, " bytes");
    switch (width) {
      case 1: {
        const auto data = builder_.CreateVector(std::vector<uint8_t>(values.begin(), values.end()));
        return std::pair(fb::SparseIndexVector::Uint8Vector,
                         fb::CreateUint8Vector(builder_, data).Union());
      }
      case 2: {
        const auto data =
            builder_.CreateVector(std::vector<uint16_t>(values.begin(), values.end()));
        return std::pair(fb::SparseIndexVector::Uint16Vector,
                         fb::CreateUint16Vector(builder_, data).Union());
      }
      default: {
        const auto data = builder_.CreateVector(values);
        return std::pair(fb::SparseIndexVector::Int32Vector,
                         fb::CreateInt32Vector(builder_, data).Union());
      }
    }
  }

  Result<Offset<fb::SparsityParameters>> WriteSparsity(const ir::Sparsity& sparsity) {
    std::vector<Offset<fb::DimensionMetadata>> levels;
    for (const ir::Sparsity::Dimension& level : sparsity.dimensions) {
      if (level.level == ir::Sparsity::Level::kDense) {
        levels.push_back(
            fb::CreateDimensionMetadata(builder_, fb::DimensionType::DENSE, level.dense_size));
        continue;
      }
      EDGEML_ASSIGN_OR_RETURN(const auto segments,
                              WriteIndices(level.segments, level.segment_width));
      EDGEML_ASSIGN_OR_RETURN(const auto indices, WriteIndices(level.indices, level.index_width));
      levels.push_back(fb::CreateDimensionMetadata(builder_, fb::DimensionType::SPARSE_CSR, 0,
                                                   segments.first, segments.second, indices.first,
                                                   indices.second));
    }
    const auto order = builder_.CreateVector(sparsity.traversal_order);
    const auto blocks = Vector(sparsity.block_map);
    const auto dimensions = builder_.CreateVector(levels);
    return fb::CreateSparsityParameters(builder_, order, blocks, dimensions);
  }

  Result<Offset<fb::Tensor>> WriteTensor(const ir::Value& value, BufferPool& pool) {
    const Quantization& q = value.quantization;
    if (q.block_size != 0 && q.scale_value < 0)
      return Error(Code::kUnsupported, "its block scales are not a tensor of the graph");
    const auto dims = [this](const Shape& shape) {
      return builder_.CreateVector(shape.dims().data(), shape.dims().size());
    };
    // An absent shape, not an empty one, says that the rank is not known.
    const Offsets<int32_t> shape = value.has_rank ? dims(value.shape) : 0;
    const Offsets<int32_t> signature = value.has_signature ? dims(value.shape_signature) : 0;
    const auto name = builder_.CreateString(value.name);
    const auto quantization = WriteQuantization(q);
    Offset<fb::SparsityParameters> sparsity;
    if (value.sparsity != nullptr) {
      EDGEML_ASSIGN_OR_RETURN(sparsity, WriteSparsity(*value.sparsity));
    }
    const uint32_t buffer = value.is_constant() ? pool.Add(value.data.bytes) : 0;
    return fb::CreateTensor(builder_, shape, ToTensorType(value.type), buffer, name, quantization,
                            value.is_variable, sparsity, signature, value.has_rank);
  }

  uint32_t CodeIndex(fb::BuiltinOperator code, const std::string& custom, int32_t version) {
    const auto [found, added] = code_index_.try_emplace(std::tuple(code, custom, version),
                                                        static_cast<uint32_t>(codes_.size()));
    if (added) codes_.emplace_back(code, custom, version);
    return found->second;
  }

  Result<Offset<fb::Operator>> WriteNode(const ir::Node& node, const ir::Graph& graph) {
    fb::BuiltinOperator code = fb::BuiltinOperator::CUSTOM;
    std::string custom;
    std::vector<uint8_t> custom_options;
    fb::BuiltinOptions type = fb::BuiltinOptions::NONE;
    fb::BuiltinOptions2 type_2 = fb::BuiltinOptions2::NONE;
    OpaqueOptions options;

    if (const OpHandler* const handler = HandlerOf(node.op)) {
      code = handler->code;
      if (node.attributes.index() != handler->attributes)
        return Error(Code::kInternal, "it carries attributes of another operator");
      if (handler->write != nullptr) {
        type = handler->options;
        type_2 = handler->options_2;
        EDGEML_ASSIGN_OR_RETURN(
            (type_2 == fb::BuiltinOptions2::NONE ? options.first : options.second),
            handler->write(builder_, node, graph));
      }
    } else if (node.op == ir::OpCode::kDetectionPostProcess) {
      const auto* const attrs = std::get_if<ir::DetectionPostProcessAttrs>(&node.attributes);
      if (attrs == nullptr)
        return Error(Code::kInternal, "it carries attributes of another operator");
      custom = kDetectionPostProcessName;
      custom_options = WriteDetectionOptions(*attrs);
    } else if (const auto* opaque = std::get_if<ir::OpaqueAttrs>(&node.attributes)) {
      if (opaque->is_custom) {
        custom = opaque->name;
        custom_options = opaque->custom_options;
      } else if (const fb::Operator* const op = OpaqueOperator(*opaque)) {
        code = OpaqueCode(*opaque);
        options = WriteOpaqueOptions(*op, builder_);
        type = op->builtin_options_type();
        type_2 = op->builtin_options_2_type();
        if (op->custom_options() != nullptr)
          custom_options.assign(op->custom_options()->begin(), op->custom_options()->end());
      } else {
        return Error(Code::kUnsupported,
                     "it came from another format and TFLite has no such "
                     "operator");
      }
    } else {
      return Error(Code::kUnsupported, "TFLite has no such operator");
    }
    const auto inputs = builder_.CreateVector(node.inputs);
    const auto outputs = builder_.CreateVector(node.outputs);
    const auto intermediates = Vector(node.intermediates);
    const auto custom_bytes = Vector(custom_options);
    // What a file says is kept; a node of our own gets the version that it needs.
    const int32_t version =
        node.file_index >= 0 ? node.version : std::max(node.version, OperatorVersion(node, graph));
    return fb::CreateOperator(builder_, CodeIndex(code, custom, version), inputs, outputs, type,
                              options.first, custom_bytes, fb::CustomOptionsFormat::FLEXBUFFERS,
                              /*mutating_variable_inputs=*/0, intermediates, 0, 0, type_2,
                              options.second);
  }

  Result<Offset<fb::SubGraph>> WriteGraph(const ir::Graph& graph, BufferPool& pool) {
    std::vector<Offset<fb::Tensor>> tensors;
    for (size_t i = 0; i < graph.values.size(); ++i) {
      Result<Offset<fb::Tensor>> tensor = WriteTensor(graph.values[i], pool);
      if (!tensor.ok())
        return Status(tensor.status())
            .WithContext(Concat("tensor ", i, " (", graph.values[i].name, ")"));
      tensors.push_back(*tensor);
    }
    std::vector<Offset<fb::Operator>> operators;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      Result<Offset<fb::Operator>> op = WriteNode(graph.nodes[i], graph);
      if (!op.ok())
        return Status(op.status())
            .WithContext(Concat("operator ", i, " (", graph.nodes[i].name(), ")"));
      operators.push_back(*op);
    }
    const auto all_tensors = builder_.CreateVector(tensors);
    const auto inputs = builder_.CreateVector(graph.inputs);
    const auto outputs = builder_.CreateVector(graph.outputs);
    const auto all_operators = builder_.CreateVector(operators);
    const auto name = graph.name.empty() ? 0 : builder_.CreateString(graph.name);
    return fb::CreateSubGraph(builder_, all_tensors, inputs, outputs, all_operators, name);
  }

  Offsets<Offset<fb::SignatureDef>> WriteSignatures() {
    const auto maps = [this](const std::vector<std::pair<std::string, int32_t>>& in) {
      std::vector<Offset<fb::TensorMap>> out;
      for (const auto& [name, value] : in) {
        const auto text = builder_.CreateString(name);
        out.push_back(fb::CreateTensorMap(builder_, text, static_cast<uint32_t>(value)));
      }
      return builder_.CreateVector(out);
    };
    std::vector<Offset<fb::SignatureDef>> signatures;
    for (const ir::Signature& signature : module_.signatures) {
      const auto inputs = maps(signature.inputs);
      const auto outputs = maps(signature.outputs);
      const auto key = builder_.CreateString(signature.key);
      signatures.push_back(fb::CreateSignatureDef(builder_, inputs, outputs, key,
                                                  static_cast<uint32_t>(signature.subgraph)));
    }
    return signatures.empty() ? 0 : builder_.CreateVector(signatures);
  }

  Offsets<Offset<fb::OperatorCode>> WriteCodes() {
    std::vector<Offset<fb::OperatorCode>> codes;
    for (const auto& [code, custom, version] : codes_) {
      const auto name = custom.empty() ? 0 : builder_.CreateString(custom);
      // The old field is a byte; older readers find 127 there for what does not fit.
      const auto old = static_cast<int8_t>(
          std::min(static_cast<int>(code),
                   static_cast<int>(fb::BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES)));
      codes.push_back(fb::CreateOperatorCode(builder_, old, name, version, code));
    }
    return builder_.CreateVector(codes);
  }

  const ir::Module& module_;
  const BufferPool& pool_;
  const bool outside_;
  uint64_t next_outside_;
  FlatBufferBuilder builder_;
  std::map<size_t, Offsets<int64_t>> zeros_;  // by their number
  std::map<std::tuple<fb::BuiltinOperator, std::string, int32_t>, uint32_t> code_index_;
  std::vector<std::tuple<fb::BuiltinOperator, std::string, int32_t>> codes_;
};

BufferPool Collect(const ir::Module& module) {
  BufferPool pool;
  for (const ir::Graph& graph : module.graphs)
    for (const ir::Value& value : graph.values)
      if (value.is_constant()) pool.Add(value.data.bytes);
  for (const auto& [name, data] : module.metadata) pool.Add(data.bytes);
  return pool;
}

}  // namespace

Result<std::vector<std::byte>> WriteTflite(const ir::Module& module, const WriteOptions& options) {
  EDGEML_RETURN_IF_ERROR(ir::Verify(module));
  BufferPool pool = Collect(module);
  EDGEML_ASSIGN_OR_RETURN(const uint64_t others, EstimateBytes(module));
  const uint64_t structure = others + 64 * uint64_t{pool.buffers().size()};
  const bool outside = pool.total() > options.max_inline_bytes;
  if (structure + (outside ? 0 : pool.total()) > kMaxFlatBuffer)
    return Error(Code::kUnsupported, "the model's structure would take ", HumanBytes(structure),
                 ", more than a TFLite file can hold");

  // Offsets in the file are known once the FlatBuffer is; they do not change its size.
  EDGEML_ASSIGN_OR_RETURN(std::vector<std::byte> file,
                          Writer(module, pool, outside, kAlignment).Write(pool));
  if (outside) {
    const size_t base = AlignUp(file.size());
    EDGEML_ASSIGN_OR_RETURN(file, Writer(module, pool, outside, base).Write(pool));
    for (const std::span<const std::byte> bytes : pool.buffers()) {
      file.resize(AlignUp(file.size()));
      file.insert(file.end(), bytes.begin(), bytes.end());
    }
  }
  if (!module.associated_files.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> zip,
                            WriteZip(module.associated_files, file.size()));
    file.insert(file.end(), zip.begin(), zip.end());
  }
  return file;
}

Status WriteTfliteFile(const ir::Module& module, const std::string& path,
                       const WriteOptions& options) {
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, WriteTflite(module, options));
  return WriteFileAtomically(path, bytes);
}

}  // namespace edgeml::tflite
