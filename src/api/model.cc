#include <algorithm>
#include <map>
#include <utility>

#include "src/api/custom_op.h"
#include "src/api/model_impl.h"
#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/atomic_file.h"
#include "src/base/mapped_file.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/attribute_fields.h"

namespace edgeml {
namespace {

std::vector<TensorMetadata> DescribeTensors(const ir::Module& module,
                                            const std::vector<tflite::TensorMetadata>& tensors) {
  std::vector<TensorMetadata> out;
  for (const tflite::TensorMetadata& tensor : tensors) {
    TensorMetadata& described = out.emplace_back(
        TensorMetadata{tensor.name, tensor.description, tensor.mean, tensor.std, {}});
    if (const tflite::MetadataFile* file = tensor.labels()) {
      if (auto labels = tflite::ReadLabels(module, file->name); labels.ok())
        described.labels = std::move(labels).value();
    }
  }
  return out;
}

// Metadata is a convenience: a model whose metadata cannot be read still runs.
ModelMetadata DescribeMetadata(const ir::Module& module) {
  ModelMetadata out;
  for (const ir::AssociatedFile& file : module.associated_files)
    out.associated_files.push_back(file.name);
  const auto read = tflite::ReadModelMetadata(module);
  if (!read.ok() || !read->has_value()) return out;
  const tflite::ModelMetadata& metadata = **read;
  out.name = metadata.name;
  out.description = metadata.description;
  out.version = metadata.version;
  out.author = metadata.author;
  out.license = metadata.license;
  out.inputs = DescribeTensors(module, metadata.inputs);
  out.outputs = DescribeTensors(module, metadata.outputs);
  return out;
}

Result<std::shared_ptr<const ModelImpl>> Finish(ir::Module module, size_t file_bytes,
                                                std::shared_ptr<const MappedFile> file) {
  auto impl = std::make_shared<ModelImpl>(std::move(module));
  impl->file_bytes = file_bytes;
  impl->file = std::move(file);
  for (const ir::Signature& s : impl->module().signatures)
    impl->signatures.push_back({s.key, s.subgraph, s.inputs, s.outputs});
  if constexpr (!kMinSize) impl->metadata = DescribeMetadata(impl->module());
  return std::shared_ptr<const ModelImpl>(std::move(impl));
}

Result<std::shared_ptr<const ModelImpl>> Read(std::span<const std::byte> bytes,
                                              std::shared_ptr<const void> owner,
                                              const LoadOptions& options,
                                              std::shared_ptr<const MappedFile> file = nullptr) {
  const size_t cap = EffectiveMemoryCap(options.memory_cap_bytes);
  if (bytes.size() > cap)
    return Error(Code::kResourceExhausted, "the model has ", HumanBytes(bytes.size()),
                 ", over the memory cap of ", HumanBytes(cap));
  EDGEML_ASSIGN_OR_RETURN(ir::Module module, tflite::ReadTflite(std::move(owner), bytes, {}));
  return Finish(std::move(module), bytes.size(), std::move(file));
}

}  // namespace

std::string_view Version() { return "0.1.0"; }

Result<std::shared_ptr<ThreadPool>> MakeThreadPool(int num_threads, std::span<const int> affinity) {
  if (num_threads < 1 || num_threads > 256)
    return Error(Code::kInvalidArgument, "the number of threads must be from 1 to 256, not ",
                 num_threads);
  return std::shared_ptr<ThreadPool>(ThreadPool::Create(num_threads, affinity));
}

Status ModelImpl::CheckIntact() const {
  if (file == nullptr || file->StillIntact()) return Status::Ok();
  return Error(
      Code::kFailed, file->path(),
      ": the file was changed while it was in use; replace model files by renaming, and load "
      "the model again");
}

TensorInfo DescribeTensor(const ir::Graph& graph, int index) {
  const ir::Value& value = graph.values[static_cast<size_t>(index)];
  TensorInfo info;
  info.index = index;
  info.name = value.name;
  info.dtype = value.type;
  info.shape.assign(value.shape.dims().begin(), value.shape.dims().end());
  if (value.has_signature)
    info.shape_signature.assign(value.shape_signature.dims().begin(),
                                value.shape_signature.dims().end());
  info.quantization.scales = value.quantization.scale;
  for (const int64_t zp : value.quantization.zero_point)
    info.quantization.zero_points.push_back(static_cast<int32_t>(zp));
  info.quantization.quantized_dimension = value.quantization.axis;
  if (value.sparsity != nullptr) {
    auto sparsity = std::make_shared<SparsityInfo>();
    sparsity->traversal_order = value.sparsity->traversal_order;
    sparsity->block_map = value.sparsity->block_map;
    for (const auto& d : value.sparsity->dimensions)
      sparsity->dimensions.push_back(
          {d.level == ir::Sparsity::Level::kCsr, d.dense_size, d.segments, d.indices});
    info.sparsity = std::move(sparsity);
  }
  info.byte_size = CheckedByteSize(value.shape, value.type).value_or(0);
  info.is_constant = value.is_constant();
  info.is_variable = value.is_variable;
  return info;
}

std::vector<NodeInfo> DescribeNodes(const ir::Graph& graph) {
  std::vector<NodeInfo> nodes;
  nodes.reserve(graph.nodes.size());
  for (const ir::Node& node : graph.nodes) {
    NodeInfo info;
    info.index = static_cast<int32_t>(nodes.size());
    info.op = node.name();
    const auto* opaque = std::get_if<ir::OpaqueAttrs>(&node.attributes);
    info.is_custom =
        node.op == ir::OpCode::kDetectionPostProcess || (opaque != nullptr && opaque->is_custom);
    info.attributes = ir::ToString(node.attributes);
    for (ir::AttributeField& field : ir::Fields(node.attributes))
      info.attribute_values.emplace_back(std::move(field.name), std::move(field.text));
    info.version = node.version;
    info.inputs = node.inputs;
    info.outputs = node.outputs;
    info.macs = -1;
    nodes.push_back(std::move(info));
  }
  return nodes;
}

Result<Model> Model::Load(const std::string& path, const LoadOptions& options) {
  EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const std::span<const std::byte> bytes = file->bytes();
  auto impl = Read(bytes, file, options, file);
  if (!impl.ok()) return Status(impl.status()).WithContext(path);
  return Model(std::move(impl).value());
}

Result<Model> Model::FromBytes(std::span<const std::byte> bytes, const LoadOptions& options) {
  const size_t cap = EffectiveMemoryCap(options.memory_cap_bytes);
  if (bytes.size() > cap)
    return Error(Code::kResourceExhausted, "the model has ", HumanBytes(bytes.size()),
                 ", over the memory cap of ", HumanBytes(cap));
  EDGEML_ASSIGN_OR_RETURN(std::shared_ptr<std::byte> copy, runtime::AllocateAligned(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), copy.get());
  const std::span<const std::byte> owned(copy.get(), bytes.size());
  return FromBytes(owned, std::move(copy), options);
}

Result<Model> Model::FromBytes(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                               const LoadOptions& options) {
  EDGEML_ASSIGN_OR_RETURN(auto impl, Read(bytes, std::move(owner), options));
  return Model(std::move(impl));
}

Result<std::vector<std::byte>> Model::Serialize() const {
  EDGEML_RETURN_IF_ERROR(impl_->CheckIntact());
  return tflite::WriteTflite(impl_->module());
}

Status Model::Save(const std::string& path) const {
  EDGEML_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, Serialize());
  return WriteFileAtomically(path, bytes);
}

int Model::num_subgraphs() const { return static_cast<int>(impl_->module().graphs.size()); }

namespace {
const ir::Graph& GraphOf(const ModelImpl& impl, int subgraph) {
  return impl.module().graphs[static_cast<size_t>(subgraph)];
}
}  // namespace

const std::string& Model::subgraph_name(int subgraph) const {
  return GraphOf(*impl_, subgraph).name;
}
const std::vector<SignatureInfo>& Model::signatures() const { return impl_->signatures; }
const std::string& Model::description() const { return impl_->module().description; }
const ModelMetadata& Model::metadata() const { return impl_->metadata; }

Result<std::string> Model::AssociatedFile(const std::string& name) const {
  for (const ir::AssociatedFile& file : impl_->module().associated_files) {
    if (file.name == name)
      return std::string(reinterpret_cast<const char*>(file.data.bytes.data()),
                         file.data.bytes.size());
  }
  return Error(Code::kNotFound, "the model has no associated file '", name, "'");
}

int Model::num_tensors(int subgraph) const {
  return static_cast<int>(GraphOf(*impl_, subgraph).values.size());
}
TensorInfo Model::tensor(int index, int subgraph) const {
  return DescribeTensor(GraphOf(*impl_, subgraph), index);
}
std::span<const int32_t> Model::inputs(int subgraph) const {
  return GraphOf(*impl_, subgraph).inputs;
}
std::span<const int32_t> Model::outputs(int subgraph) const {
  return GraphOf(*impl_, subgraph).outputs;
}
std::vector<NodeInfo> Model::nodes(int subgraph) const {
  return DescribeNodes(GraphOf(*impl_, subgraph));
}
std::span<const std::byte> Model::constant(int index, int subgraph) const {
  return GraphOf(*impl_, subgraph).values[static_cast<size_t>(index)].data.bytes;
}

size_t Model::file_bytes() const { return impl_->file_bytes; }

size_t Model::constant_bytes() const {
  size_t total = 0;
  for (const ir::Graph& graph : impl_->module().graphs)
    for (const ir::Value& value : graph.values) total += value.data.bytes.size();
  return total;
}

std::vector<std::string> Model::UnsupportedOps(const CustomOpRegistry* custom_ops) const {
  struct Seen {
    int count = 0;
    size_t node = 0, graph = 0;
  };
  std::map<std::string, Seen> seen;
  const ir::Module& module = impl_->module();
  for (size_t g = 0; g < module.graphs.size(); ++g) {
    for (size_t n = 0; n < module.graphs[g].nodes.size(); ++n) {
      const ir::Node& node = module.graphs[g].nodes[n];
      if (!backends::ReferenceBackend().KernelsFor(node.op).empty() ||
          !backends::CpuBackend().KernelsFor(node.op).empty() || IsRegistered(node, custom_ops))
        continue;
      std::string name(node.name());
      const auto same_name = [&name](const CustomOp& op) { return op.name == name; };
      if (custom_ops != nullptr && std::ranges::any_of(custom_ops->ops(), same_name))
        name += Concat(" version ", node.version);
      Seen& entry = seen[std::move(name)];
      if (entry.count++ == 0) {
        entry.node = n;
        entry.graph = g;
      }
    }
  }
  std::vector<std::string> out;
  for (const auto& [name, entry] : seen)
    out.push_back(Concat(name, " (", entry.count, entry.count == 1 ? " time" : " times",
                         ", first at node ", entry.node, " of subgraph ", entry.graph, ")"));
  return out;
}

}  // namespace edgeml
