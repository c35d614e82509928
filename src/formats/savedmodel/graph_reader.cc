#include "src/formats/savedmodel/graph_reader.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "src/base/mapped_file.h"
#include "src/base/strings.h"
#include "src/formats/savedmodel/attributes.h"
#include "src/formats/savedmodel/inliner.h"
#include "src/formats/savedmodel/messages.h"
#include "src/formats/savedmodel/tensors.h"
#include "src/formats/savedmodel/variables.h"

namespace edgeml::savedmodel {
namespace {

constexpr std::string_view kDefaultTag = "serve", kDefaultSignature = "serving_default";
// Signatures for the loader, not for callers: "__saved_model_init_op", "__saved_model_train_op".
constexpr std::string_view kInternalSignature = "__saved_model";
constexpr std::string_view kInitSignature = "__saved_model_init_op";
constexpr size_t kMaxNamed = 20;  // names in an error message

// Tensors that are fed or fetched, with what is known of them.
struct Interface {
  std::vector<TensorSpec> specs;
  std::vector<std::string> tensors;
};

template <typename Names>
std::string Listed(const Names& names) {
  std::string out;
  size_t count = 0;
  for (const auto& name : names) {
    if (count++ == kMaxNamed) return out + " …";
    out += Concat(out.empty() ? "'" : ", '", name, "'");
  }
  return out.empty() ? "none" : out;
}

std::string_view NodeOf(std::string_view tensor) { return tensor.substr(0, tensor.find(':')); }

bool IsPlaceholder(const pb::NodeDef& node) {
  return node.op() == "Placeholder" || node.op() == "PlaceholderV2";
}

const pb::NodeDef* FindNode(const pb::GraphDef& graph, std::string_view name) {
  for (const pb::NodeDef& node : graph.node())
    if (node.name() == name) return &node;
  return nullptr;
}

// What a node says of its output: its type, and its shape when it is a placeholder.
Result<TensorSpec> SpecOf(const pb::NodeDef& node, const std::string& name) {
  TensorSpec spec;
  spec.name = name;
  for (const char* const attribute : {"dtype", "T"}) {
    const pb::AttrValue* const type = FindAttr(node, attribute);
    if (type == nullptr || spec.type != DType::kInvalid) continue;
    spec.type = TypeOf(type->type());
  }
  const pb::AttrValue* const shape = FindAttr(node, "shape");
  if (IsPlaceholder(node) && shape != nullptr) {
    EDGEML_ASSIGN_OR_RETURN(const PartialShape partial, ReadShape(shape->shape()));
    spec.has_rank = partial.has_rank;
    spec.shape = partial.shape;
  }
  return spec;
}

Result<Interface> ChosenTensors(const pb::GraphDef& graph, const std::vector<std::string>& names) {
  Interface out;
  for (const std::string& name : names) {
    const pb::NodeDef* const node = FindNode(graph, NodeOf(name));
    if (node == nullptr)
      return Error(Code::kInvalidArgument, "the graph has no node '", NodeOf(name), "'");
    EDGEML_ASSIGN_OR_RETURN(TensorSpec spec, SpecOf(*node, name));
    out.specs.push_back(std::move(spec));
    out.tensors.push_back(name);
  }
  return out;
}

Result<Interface> SignatureTensors(
    const google::protobuf::RepeatedPtrField<pb::Signature::Item>& items) {
  std::map<std::string_view, const pb::TensorInfo*> sorted;
  for (const pb::Signature::Item& item : items) sorted[item.key()] = &item.value();
  Interface out;
  for (const auto& [key, info] : sorted) {
    if (info->encoding_case() != pb::TensorInfo::kName)
      return Error(Code::kUnsupported, "'", key,
                   "' is a sparse or composite tensor; only dense ones are supported");
    EDGEML_ASSIGN_OR_RETURN(const PartialShape shape, ReadShape(info->tensor_shape()));
    TensorSpec& spec = out.specs.emplace_back();
    spec.name = key;
    spec.type = TypeOf(info->dtype());
    spec.has_rank = shape.has_rank;
    spec.shape = shape.shape;
    out.tensors.push_back(info->name());
  }
  return out;
}

Result<const pb::MetaGraph*> ChooseGraph(const pb::SavedModel& model,
                                         const std::vector<std::string>& tags) {
  if (model.meta_graphs_size() == 0)
    return Error(Code::kInvalidModel, "holds no graph; it is no SavedModel");
  if (tags.empty() && model.meta_graphs_size() == 1) return &model.meta_graphs(0);
  std::set<std::string_view> wanted(tags.begin(), tags.end());
  if (wanted.empty()) wanted.insert(kDefaultTag);
  std::vector<std::string> present;
  for (const pb::MetaGraph& graph : model.meta_graphs()) {
    const auto& stated = graph.meta_info_def().tags();
    if (std::set<std::string_view>(stated.begin(), stated.end()) == wanted) return &graph;
    std::string joined;
    for (const std::string& tag : stated) joined += (joined.empty() ? "" : ",") + tag;
    present.push_back(joined);
  }
  return Error(Code::kNotFound, "has no graph with the tags ", Listed(wanted), "; it has ",
               Listed(present));
}

// The functions that a program calls the model's.
std::set<std::string_view> FunctionsOf(const pb::MetaGraph& graph) {
  std::set<std::string_view> names;
  const auto& objects = graph.object_graph_def().nodes();
  if (objects.empty()) return names;
  for (const pb::SavedObjectGraph::Child& child : objects[0].children())
    if (child.node_id() >= 0 && child.node_id() < objects.size() &&
        objects[child.node_id()].has_function())
      names.insert(child.local_name());
  return names;
}

Result<const pb::Signature*> ChooseSignature(const pb::MetaGraph& graph, const std::string& wanted,
                                             Model& out) {
  std::map<std::string_view, const pb::Signature*> signatures;
  for (const pb::MetaGraph::SignatureEntry& entry : graph.signature_def())
    if (!entry.key().starts_with(kInternalSignature)) signatures[entry.key()] = &entry.value();
  for (const auto& [key, signature] : signatures) out.signatures.emplace_back(key);
  const std::string_view key = !wanted.empty()          ? std::string_view(wanted)
                               : signatures.size() == 1 ? signatures.begin()->first
                                                        : kDefaultSignature;
  const auto found = signatures.find(key);
  if (found != signatures.end()) {
    out.signature = key;
    return found->second;
  }
  if (signatures.empty())
    return Error(
        Code::kNotFound,
        "has no signature; save the model with one: "
        "tf.saved_model.save(model, folder, signatures=model.FUNCTION.get_concrete_function(…)), "
        "or model.export(folder) of a Keras model; its functions: ",
        Listed(FunctionsOf(graph)));
  return Error(Code::kNotFound, "has no signature '", key, "'; it has ", Listed(out.signatures));
}

Result<Interface> GuessInputs(const pb::GraphDef& graph) {
  std::vector<std::string> names;
  for (const pb::NodeDef& node : graph.node())
    if (IsPlaceholder(node)) names.push_back(node.name());
  return ChosenTensors(graph, names);
}

// Nodes that nothing reads, but for those that have no output and those that give nothing new.
Result<Interface> GuessOutputs(const pb::GraphDef& graph) {
  std::unordered_set<std::string_view> read;
  for (const pb::NodeDef& node : graph.node())
    for (const std::string& input : node.input())
      read.insert(NodeOf(std::string_view(input).substr(input.starts_with('^') ? 1 : 0)));
  std::vector<std::string> names;
  for (const pb::NodeDef& node : graph.node()) {
    const bool answers = node.op() != "NoOp" && node.op() != "Assert" && node.op() != "Const" &&
                         !IsPlaceholder(node) && node.input_size() > 0;
    if (answers && !read.contains(node.name())) names.push_back(node.name());
  }
  return ChosenTensors(graph, names);
}

Status FillModel(const pb::GraphDef& graph, std::shared_ptr<const void> messages,
                 const Interface& inputs, const Interface& outputs, const VariableLoader& load,
                 Budget& budget, Model& model) {
  if (outputs.tensors.empty())
    return Error(Code::kInvalidModel, "the graph has no outputs; name them");
  model.messages = messages;
  EDGEML_ASSIGN_OR_RETURN(model.graphs, Inliner(graph, std::move(messages), budget)
                                            .Inline(inputs.specs, inputs.tensors, outputs.specs,
                                                    outputs.tensors, load));
  return Status::Ok();
}

// What the node that runs before the model fills its lookup tables with. A node that cannot be
// understood leaves them empty, which matters only where one is used.
std::map<std::string, LookupTable> TablesOf(const pb::MetaGraph& graph,
                                            const std::shared_ptr<const void>& messages,
                                            Budget& budget) {
  for (const pb::MetaGraph::SignatureEntry& entry : graph.signature_def()) {
    if (entry.key() != kInitSignature) continue;
    for (const pb::Signature::Item& item : entry.value().outputs()) {
      auto tables =
          Inliner(graph.graph_def(), messages, budget).FindTables(NodeOf(item.value().name()));
      if (tables.ok()) return *std::move(tables);
    }
  }
  return {};
}

// The file that a model was read from, in front of its errors.
template <typename T>
Result<T> WithPath(Result<T> result, const std::string& path) {
  if (result.ok()) return result;
  Status status = result.status();
  if (status.message().starts_with(path)) return status;
  return std::move(status).WithContext(path);
}

}  // namespace

Result<Model> ParseSavedModelGraph(std::span<const std::byte> bytes,
                                   std::function<Result<std::unique_ptr<Bundle>>()> open,
                                   const GraphOptions& options) {
  EDGEML_ASSIGN_OR_RETURN(const auto message,
                          ParseMessage<pb::SavedModel>(bytes, "the SavedModel"));
  EDGEML_ASSIGN_OR_RETURN(const pb::MetaGraph* const meta, ChooseGraph(*message, options.tags));
  const pb::GraphDef& graph = meta->graph_def();
  Model model;
  model.tensorflow_version = meta->meta_info_def().tensorflow_version();
  for (const pb::OpDef& op : meta->meta_info_def().stripped_op_list().op())
    model.ops.emplace(op.name(), &op);
  Interface inputs, outputs;
  if (options.inputs.empty() || options.outputs.empty()) {
    EDGEML_ASSIGN_OR_RETURN(const pb::Signature* const signature,
                            ChooseSignature(*meta, options.signature, model));
    EDGEML_ASSIGN_OR_RETURN(inputs, SignatureTensors(signature->inputs()));
    EDGEML_ASSIGN_OR_RETURN(outputs, SignatureTensors(signature->outputs()));
  }
  if (!options.inputs.empty() || !options.outputs.empty()) model.signature.clear();
  if (!options.inputs.empty()) {
    EDGEML_ASSIGN_OR_RETURN(inputs, ChosenTensors(graph, options.inputs));
  }
  if (!options.outputs.empty()) {
    EDGEML_ASSIGN_OR_RETURN(outputs, ChosenTensors(graph, options.outputs));
  }
  Variables variables(graph, message, std::string(NodeOf(meta->saver_def().restore_op_name())),
                      std::move(open));
  Budget budget(bytes.size());
  EDGEML_RETURN_IF_ERROR(FillModel(
      graph, message, inputs, outputs,
      [&variables](const Variable& variable) { return variables.Load(variable); }, budget, model));
  const auto is_table = [](const Node& node) { return node.op == "HashTableV2"; };
  if (std::any_of(model.graphs[0].nodes.begin(), model.graphs[0].nodes.end(), is_table))
    model.tables = TablesOf(*meta, message, budget);
  if (variables.bundle() != nullptr) model.mapped = variables.bundle()->mapped();
  return model;
}

Result<Model> ReadSavedModelGraph(const std::string& folder, const GraphOptions& options) {
  const std::string path = folder + "/saved_model.pb";
  Result<std::shared_ptr<const MappedFile>> file = MappedFile::Open(path);
  if (!file.ok()) {
    if (file.status().code() == Code::kNotFound &&
        MappedFile::Open(folder + "/saved_model.pbtxt").ok())
      return Error(Code::kUnsupported, folder,
                   "/saved_model.pbtxt: SavedModels in text form are not read; load it in "
                   "TensorFlow and save it again");
    return file.status();
  }
  return WithPath(
      ParseSavedModelGraph((*file)->bytes(),
                           [&] { return Bundle::Open(folder + "/variables/variables"); }, options),
      path);
}

Result<Model> ParseFrozenGraph(std::span<const std::byte> bytes, const GraphOptions& options) {
  EDGEML_ASSIGN_OR_RETURN(const auto graph, ParseMessage<pb::GraphDef>(bytes, "the graph"));
  if (graph->node_size() == 0)
    return Error(Code::kInvalidModel,
                 "holds no nodes; it is no frozen graph (of a SavedModel, name its folder)");
  EDGEML_ASSIGN_OR_RETURN(const Interface inputs, options.inputs.empty()
                                                      ? GuessInputs(*graph)
                                                      : ChosenTensors(*graph, options.inputs));
  EDGEML_ASSIGN_OR_RETURN(const Interface outputs, options.outputs.empty()
                                                       ? GuessOutputs(*graph)
                                                       : ChosenTensors(*graph, options.outputs));
  Model model;
  Budget budget(bytes.size());
  EDGEML_RETURN_IF_ERROR(FillModel(
      *graph, graph, inputs, outputs,
      [](const Variable&) {
        return Error(Code::kUnsupported,
                     "the graph has variables; freeze it first, or convert the SavedModel");
      },
      budget, model));
  return model;
}

Result<Model> ReadFrozenGraph(const std::string& path, const GraphOptions& options) {
  if (path.ends_with(".pbtxt"))
    return Error(Code::kUnsupported, path,
                 ": graphs in text form are not read; write it as .pb with TensorFlow");
  EDGEML_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return WithPath(ParseFrozenGraph(file->bytes(), options), path);
}

}  // namespace edgeml::savedmodel
