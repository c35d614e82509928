#include "src/formats/tflite/reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/formats/tflite/budget.h"
#include "src/formats/tflite/opaque.h"
#include "src/formats/tflite/ops.h"
#include "src/formats/tflite/sniff.h"
#include "src/formats/tflite/tensors.h"
#include "src/formats/tflite/zip.h"
#include "tflite_generated.h"

namespace edgeml::tflite {
namespace {

constexpr uint32_t kVersion = 3;
// Nesting and number of tables in the FlatBuffer. The format nests six deep.
constexpr flatbuffers::uoffset_t kMaxDepth = 32;
constexpr flatbuffers::uoffset_t kMaxTables = 4'000'000;

std::string Text(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : std::string(text->c_str(), text->size());
}
size_t SizeOf(const flatbuffers::String* text) { return text == nullptr ? 0 : text->size(); }
template <typename T>
size_t SizeOf(const flatbuffers::Vector<T>* vector) {
  return vector == nullptr ? 0 : vector->size();
}

class Reader {
 public:
  Reader(const fb::Model& model, std::shared_ptr<const void> owner, std::span<const std::byte> file)
      : model_(model), budget_(file.size()), buffers_(std::move(owner), file, model, budget_) {}

  Result<ir::Module> Read() {
    if (model_.version() != kVersion)
      return Error(Code::kInvalidModel, "is a model of schema version ", model_.version(),
                   "; only version 3 is read, convert it anew");
    if (SizeOf(model_.subgraphs()) == 0)
      return Error(Code::kInvalidModel, "the model has no subgraph");
    ir::Module module;
    EDGEML_RETURN_IF_ERROR(budget_.Charge(SizeOf(model_.description())));
    module.description = Text(model_.description());
    EDGEML_RETURN_IF_ERROR(
        budget_.Charge(uint64_t{model_.subgraphs()->size()} * sizeof(ir::Graph)));
    module.graphs.resize(model_.subgraphs()->size());
    for (size_t i = 0; i < module.graphs.size(); ++i) {
      Status status =
          ReadGraph(*model_.subgraphs()->Get(static_cast<uint32_t>(i)), module.graphs[i]);
      if (!status.ok()) {
        if (module.graphs.size() == 1) return status;
        return std::move(status).WithContext(Concat("subgraph ", i));
      }
    }
    EDGEML_RETURN_IF_ERROR(ReadSignatures(module));
    EDGEML_RETURN_IF_ERROR(ReadMetadata(module));
    return module;
  }

 private:
  Status ReadIndices(const flatbuffers::Vector<int32_t>* in, std::vector<int32_t>& out) {
    if (in == nullptr) return Status::Ok();
    EDGEML_RETURN_IF_ERROR(budget_.Charge(uint64_t{in->size()} * sizeof(int32_t)));
    out.assign(in->begin(), in->end());
    return Status::Ok();
  }

  Status ReadGraph(const fb::SubGraph& in, ir::Graph& out) {
    EDGEML_RETURN_IF_ERROR(budget_.Charge(SizeOf(in.name())));
    out.name = Text(in.name());
    const size_t num_values = SizeOf(in.tensors());
    EDGEML_RETURN_IF_ERROR(budget_.Charge(uint64_t{num_values} * sizeof(ir::Value)));
    out.values.resize(num_values);
    const auto context = [&out](size_t i) {
      return Concat("tensor ", i, " (", out.values[i].name, ")");
    };
    for (size_t i = 0; i < num_values; ++i) {
      const fb::Tensor& tensor = *in.tensors()->Get(static_cast<uint32_t>(i));
      EDGEML_RETURN_IF_ERROR(budget_.Charge(SizeOf(tensor.name())));
      out.values[i].name = Text(tensor.name());
      Status status = ReadTensor(tensor, buffers_, budget_, out.values[i]);
      if (!status.ok()) return std::move(status).WithContext(context(i));
    }
    for (size_t i = 0; i < num_values; ++i) {
      Status status =
          ResolveBlockScales(*in.tensors()->Get(static_cast<uint32_t>(i)), budget_, i, out.values);
      if (!status.ok()) return std::move(status).WithContext(context(i));
    }
    EDGEML_RETURN_IF_ERROR(ReadIndices(in.inputs(), out.inputs));
    EDGEML_RETURN_IF_ERROR(ReadIndices(in.outputs(), out.outputs));

    const size_t num_nodes = SizeOf(in.operators());
    EDGEML_RETURN_IF_ERROR(budget_.Charge(uint64_t{num_nodes} * sizeof(ir::Node)));
    out.nodes.resize(num_nodes);
    for (size_t i = 0; i < num_nodes; ++i) {
      out.nodes[i].file_index = static_cast<int32_t>(i);
      std::string name;
      Status status = ReadNode(*in.operators()->Get(static_cast<uint32_t>(i)), out.nodes[i], name);
      if (!status.ok())
        return std::move(status).WithContext(
            Concat("operator ", i, name.empty() ? "" : " (", name, name.empty() ? "" : ")"));
    }
    MarkEmptyConstants(out);
    return Status::Ok();
  }

  // A tensor without elements needs no buffer; when nothing else gives it a value it is a constant.
  void MarkEmptyConstants(ir::Graph& graph) const {
    std::vector<bool> has_source(graph.values.size(), false);
    const auto mark = [&has_source](const std::vector<int32_t>& list) {
      for (const int32_t v : list)
        if (v >= 0 && static_cast<size_t>(v) < has_source.size())
          has_source[static_cast<size_t>(v)] = true;
    };
    mark(graph.inputs);
    for (const ir::Node& node : graph.nodes) {
      mark(node.outputs);
      mark(node.intermediates);
    }
    for (size_t i = 0; i < graph.values.size(); ++i) {
      ir::Value& value = graph.values[i];
      const auto bytes = CheckedByteSize(value.shape, value.type);
      if (!has_source[i] && !value.is_constant() && !value.is_variable &&
          value.type != DType::kString && bytes == size_t{0} && value.shape.rank() > 0)
        value.data = ir::ConstantData{buffers_.owner(), {}};
    }
  }

  Status ReadNode(const fb::Operator& in, ir::Node& out, std::string& name) {
    EDGEML_RETURN_IF_ERROR(
        CheckNoUnknownFields(&in, fb::Operator::VT_DEBUG_METADATA_INDEX, "the operator"));
    if (in.opcode_index() >= SizeOf(model_.operator_codes()))
      return Error(Code::kInvalidModel, "operator code ", in.opcode_index(),
                   " does not exist; the file has ", SizeOf(model_.operator_codes()));
    const fb::OperatorCode& code = *model_.operator_codes()->Get(in.opcode_index());
    const auto builtin = std::max(code.builtin_code(),
                                  static_cast<fb::BuiltinOperator>(code.deprecated_builtin_code()));
    name = NameOf(builtin);
    out.version = code.version();
    EDGEML_RETURN_IF_ERROR(ReadIndices(in.inputs(), out.inputs));
    EDGEML_RETURN_IF_ERROR(ReadIndices(in.outputs(), out.outputs));
    EDGEML_RETURN_IF_ERROR(ReadIndices(in.intermediates(), out.intermediates));
    if (builtin == fb::BuiltinOperator::CUSTOM) return ReadCustom(code, in, out, name);
    if (const OpHandler* const handler = HandlerOf(builtin)) {
      out.op = handler->op;
      return ReadOperatorOptions(*handler, in, budget_, out.attributes);
    }
    if (builtin < fb::BuiltinOperator::MIN || builtin > fb::BuiltinOperator::MAX)
      return Error(Code::kUnsupported, "builtin operator number ", static_cast<int>(builtin),
                   " is newer than this reader; convert the model for an older runtime");
    out.op = ir::OpCode::kCustom;
    out.attributes = OpaqueBuiltin(builtin, in, buffers_.owner());
    return Status::Ok();
  }

  Status ReadCustom(const fb::OperatorCode& code, const fb::Operator& in, ir::Node& out,
                    std::string& name) {
    if (SizeOf(code.custom_code()) == 0)
      return Error(Code::kInvalidModel, "it is custom but its operator code has no name");
    EDGEML_RETURN_IF_ERROR(budget_.Charge(code.custom_code()->size()));
    name = Text(code.custom_code());
    std::span<const uint8_t> options;
    if (in.custom_options() != nullptr) {
      options = {in.custom_options()->data(), in.custom_options()->size()};
    } else if (in.large_custom_options_offset() > 1) {
      EDGEML_ASSIGN_OR_RETURN(
          const std::span<const std::byte> outside,
          buffers_.Outside(in.large_custom_options_offset(), in.large_custom_options_size()));
      options = {reinterpret_cast<const uint8_t*>(outside.data()), outside.size()};
    }
    EDGEML_RETURN_IF_ERROR(budget_.Charge(options.size()));
    if (name == kDetectionPostProcessName) {
      out.op = ir::OpCode::kDetectionPostProcess;
      return ReadDetectionOptions(options, out.attributes.emplace<ir::DetectionPostProcessAttrs>());
    }
    out.op = ir::OpCode::kCustom;
    auto& opaque = out.attributes.emplace<ir::OpaqueAttrs>();
    opaque.name = name;
    opaque.custom_options.assign(options.begin(), options.end());
    return Status::Ok();
  }

  Status ReadSignatures(ir::Module& module) {
    for (size_t i = 0; i < SizeOf(model_.signature_defs()); ++i) {
      const fb::SignatureDef& in = *model_.signature_defs()->Get(static_cast<uint32_t>(i));
      if (in.signature_key() == nullptr)
        return Error(Code::kInvalidModel, "signature ", i, " has no key");
      EDGEML_RETURN_IF_ERROR(
          budget_.Charge(uint64_t{in.signature_key()->size()} + sizeof(ir::Signature)));
      ir::Signature& out = module.signatures.emplace_back();
      out.key = Text(in.signature_key());
      if (in.subgraph_index() >= module.graphs.size())
        return Error(Code::kInvalidModel, "signature '", out.key, "' names subgraph ",
                     in.subgraph_index(), ", which does not exist");
      out.subgraph = static_cast<int32_t>(in.subgraph_index());
      const size_t num_values = module.graphs[in.subgraph_index()].values.size();
      const auto read = [&](const auto* from, auto& to) -> Status {
        for (size_t k = 0; k < SizeOf(from); ++k) {
          const fb::TensorMap& map = *from->Get(static_cast<uint32_t>(k));
          EDGEML_RETURN_IF_ERROR(budget_.Charge(SizeOf(map.name()) + sizeof(to[0])));
          if (map.tensor_index() >= num_values)
            return Error(Code::kInvalidModel, "signature '", out.key, "': '", Text(map.name()),
                         "' names tensor ", map.tensor_index(), ", which does not exist");
          to.emplace_back(Text(map.name()), static_cast<int32_t>(map.tensor_index()));
        }
        return Status::Ok();
      };
      EDGEML_RETURN_IF_ERROR(read(in.inputs(), out.inputs));
      EDGEML_RETURN_IF_ERROR(read(in.outputs(), out.outputs));
    }
    return Status::Ok();
  }

  Status ReadMetadata(ir::Module& module) {
    for (size_t i = 0; i < SizeOf(model_.metadata()); ++i) {
      const fb::Metadata& in = *model_.metadata()->Get(static_cast<uint32_t>(i));
      EDGEML_RETURN_IF_ERROR(budget_.Charge(SizeOf(in.name()) + sizeof(module.metadata[0])));
      Result<ir::ConstantData> data = buffers_.Get(in.buffer(), 4);
      if (!data.ok())
        return Status(data.status()).WithContext(Concat("metadata '", Text(in.name()), "'"));
      module.metadata.emplace_back(Text(in.name()), *std::move(data));
    }
    return Status::Ok();
  }

  const fb::Model& model_;
  Budget budget_;
  BufferTable buffers_;
};

}  // namespace

Result<ir::Module> ReadTflite(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                              const ReadOptions& options) {
  EDGEML_RETURN_IF_ERROR(CheckIsTflite(bytes));
  // FlatBuffers are read in place and need their base aligned.
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 16 != 0) {
    ir::ConstantData copy = ir::ConstantData::Own({bytes.begin(), bytes.end()});
    owner = copy.owner;
    bytes = copy.bytes;
  }
  if (owner == nullptr) owner = std::make_shared<int>(0);  // bytes of static life
  // What follows a FlatBuffer (outside buffers, a zip) may go beyond the 2 GB that one can have.
  const size_t size = std::min(bytes.size(), size_t{FLATBUFFERS_MAX_BUFFER_SIZE - 1});
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), size, kMaxDepth,
                                 kMaxTables);
  if (!fb::VerifyModelBuffer(verifier))
    return Error(Code::kInvalidModel,
                 "is a TFLite model, but its structure is damaged or cut off (", bytes.size(),
                 " bytes); fetch it again");

  Reader reader(*fb::GetModel(bytes.data()), owner, bytes);
  EDGEML_ASSIGN_OR_RETURN(ir::Module module, reader.Read());
  if (!kMinSize && options.associated_files) {
    EDGEML_ASSIGN_OR_RETURN(module.associated_files, ReadTrailingZip(owner, bytes));
  }
  EDGEML_RETURN_IF_ERROR(ir::Verify(module));
  return module;
}

Result<ir::Module> ReadTfliteFile(const std::string& path, const ReadOptions& options,
                                  std::shared_ptr<const MappedFile>* mapped) {
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  Result<ir::Module> module = ReadTflite(file, file->bytes(), options);
  if (!module.ok()) return Status(module.status()).WithContext(path);
  if (mapped != nullptr) *mapped = file;
  return module;
}

}  // namespace edgeml::tflite
