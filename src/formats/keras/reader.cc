#include "src/formats/keras/reader.h"

#include <algorithm>
#include <set>

#include "src/base/strings.h"
#include "src/base/zip.h"
#include "src/formats/keras/lowering.h"

namespace edgeml::keras {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxArchiveBytes = uint64_t{8} << 30;

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "2.13.1" → 2; 1 when there is none, as of files before Keras 2.
int MajorOf(std::string_view version) {
  if (version.empty() || version[0] < '1' || version[0] > '9') return 1;
  return version[0] - '0';
}

Result<DType> TypeOf(const Json& json) {
  // A policy of mixed precision computes in float16 or bfloat16; we compute in float32.
  std::string name = json.is_object() ? json["config"]["name"].text() : json.text();
  if (name.starts_with("mixed_")) name = "float32";
  static constexpr std::pair<std::string_view, DType> kTypes[] = {
      {"float32", DType::kFloat32}, {"float16", DType::kFloat32}, {"bfloat16", DType::kFloat32},
      {"float64", DType::kFloat32}, {"int32", DType::kInt32},     {"int64", DType::kInt64},
      {"int16", DType::kInt16},     {"int8", DType::kInt8},       {"uint8", DType::kUInt8},
      {"bool", DType::kBool},       {"", DType::kFloat32}};
  for (const auto& [text, type] : kTypes)
    if (name == text) return type;
  return Error(Code::kUnsupported, "inputs of type '", name, "'");
}

// The shape that an input layer states, open dimensions as kUnknownDim.
Result<Shape> ShapeOf(const LayerConfig& layer) {
  const Json* dims = &layer.config["batch_shape"];
  if (!dims->is_array()) dims = &layer.config["batch_input_shape"];
  if (!dims->is_array()) dims = &layer.build_config;
  if (!dims->is_array())
    return Error(Code::kInvalidModel, "input '", layer.name, "' does not tell its shape");
  if (dims->items().size() > static_cast<size_t>(kMaxRank))
    return Error(Code::kUnsupported, "input '", layer.name, "' has more than ", kMaxRank,
                 " dimensions");
  Shape shape;
  for (const Json& dim : dims->items()) {
    const auto size = dim.integer();
    if (!dim.is_null() && (!size || *size < 0 || *size > INT32_MAX))
      return Error(Code::kInvalidModel, "input '", layer.name, "' has the shape ",
                   dims->ToString());
    shape.push_back(size ? static_cast<int32_t>(*size) : kUnknownDim);
  }
  return shape;
}

Status Settle(Shape& shape, const ReadOptions& options, size_t index, const std::string& name) {
  for (size_t i = 0; i < options.input_shapes.size(); ++i) {
    const auto& [wanted_name, wanted] = options.input_shapes[i];
    if (wanted_name.empty() ? i != index : wanted_name != name) continue;
    bool fits = wanted.rank() == shape.rank();
    for (int d = 0; fits && d < shape.rank(); ++d)
      fits = shape[d] == kUnknownDim || wanted[d] == shape[d];
    if (!fits)
      return Error(Code::kInvalidArgument, "input '", name, "' has the shape ", shape.ToString(),
                   ", which cannot be made ", wanted.ToString());
    shape = wanted;
  }
  if (options.batch && shape.rank() > 0 && shape[0] == kUnknownDim) shape[0] = *options.batch;
  return Status::Ok();
}

Result<ir::Module> Build(const Json& json, const Weights& weights, const ReadOptions& options,
                         ReadReport* report) {
  EDGEML_ASSIGN_OR_RETURN(const ModelConfig model, ReadModelConfig(json));
  report->layers = static_cast<int>(model.layers.size());
  ir::GraphBuilder builder(model.name, options.evaluator);
  Problems problems;
  Lowering lowering(builder, MajorOf(report->keras_version), problems, report->notes);

  ir::Signature signature;
  signature.key = "serving_default";
  std::vector<Tensor> inputs;
  std::vector<int32_t> input_values;
  for (size_t i = 0; i < options.input_shapes.size(); ++i) {
    const std::string& name = options.input_shapes[i].name;
    const bool known = name.empty() ? i < model.inputs.size()
                                    : std::ranges::find(model.inputs, name, &TensorRef::layer) !=
                                          model.inputs.end();
    if (!known)
      return Error(Code::kInvalidArgument, "the input shape ",
                   options.input_shapes[i].shape.ToString(), " is for no input of the model");
  }
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    const auto layer = std::ranges::find(model.layers, model.inputs[i].layer, &LayerConfig::name);
    if (layer == model.layers.end() || layer->class_name != "InputLayer")
      return Error(Code::kInvalidModel, "there is no input layer '", model.inputs[i].layer, "'");
    EDGEML_ASSIGN_OR_RETURN(Shape shape, ShapeOf(*layer));
    EDGEML_ASSIGN_OR_RETURN(const DType type, TypeOf(layer->config["dtype"]));
    EDGEML_RETURN_IF_ERROR(Settle(shape, options, i, layer->name));
    const int32_t v = builder.AddInput(layer->name, type, shape);
    inputs.push_back({v, ir::kNoValue});
    input_values.push_back(v);
    signature.inputs.emplace_back(layer->name, v);
  }
  EDGEML_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs,
                          lowering.LowerModel(model, weights, inputs, ""));
  EDGEML_RETURN_IF_ERROR(problems.ToStatus());

  std::vector<int32_t> values;
  std::set<std::string> used;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, ref] = model.outputs[i];
    const int32_t v = outputs[i].value;
    if (v == ir::kNoValue)
      return Error(Code::kInvalidModel, "layer '", ref.layer, "' has no output ", ref.tensor);
    std::string unique = name.empty() ? ref.layer : name;
    for (int n = 1; !used.insert(unique).second; ++n)
      unique = Concat(name.empty() ? ref.layer : name, "_", n);
    const bool is_input = std::ranges::find(input_values, v) != input_values.end();
    if (!is_input && !builder.value(v).is_constant()) builder.Rename(v, unique);
    signature.outputs.emplace_back(unique, v);
    values.push_back(v);
  }
  ir::Module module;
  module.description = Concat("converted from ", report->format);
  module.graphs.push_back(builder.Finish(std::move(values)));
  for (ir::Graph& graph : lowering.TakeGraphs()) module.graphs.push_back(std::move(graph));
  module.signatures.push_back(std::move(signature));
  EDGEML_RETURN_IF_ERROR(ir::Verify(module));
  return module;
}

// Where an HDF5 file keeps the weights of its layers: models in a group, files of weights alone at
// the root, those of Keras 3 in the archive's form.
Result<Weights> WeightsOf(const hdf5::File& file) {
  if (file.root().HasLink("model_weights")) {
    EDGEML_ASSIGN_OR_RETURN(const hdf5::Object group, file.Find("model_weights"));
    return Weights::OfModelFile(group);
  }
  if (file.root().HasAttribute("layer_names") || file.root().HasAttribute("layer_names0"))
    return Weights::OfModelFile(file.root());
  return Weights::OfArchive(file.root());
}

// The same, limited in proportion to the file: shared layers take theirs once for each call.
Result<Weights> FindWeights(const hdf5::File& file, uint64_t file_bytes) {
  EDGEML_ASSIGN_OR_RETURN(Weights weights, WeightsOf(file));
  weights.SetLimit((uint64_t{1} << 30) + 64 * file_bytes);
  return weights;
}

Result<ir::Module> ReadH5(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                          const ReadOptions& options, ReadReport* report) {
  EDGEML_ASSIGN_OR_RETURN(const hdf5::File file, hdf5::File::Open(std::move(owner), bytes));
  report->format = "Keras HDF5";
  if (!file.root().HasAttribute("model_config")) {
    const bool weights = file.root().HasAttribute("layer_names") || file.root().HasLink("layers") ||
                         file.root().HasAttribute("layer_names0");
    if (weights)
      return Error(Code::kInvalidModel,
                   "the file holds weights alone, not what the model looks like. Save the whole "
                   "model (model.save), or its description too: model.to_json() into model.json, "
                   "and convert that with the weights beside it");
    return Error(Code::kInvalidModel, "an HDF5 file, but not of a Keras model");
  }
  if (file.root().HasAttribute("keras_version")) {
    EDGEML_ASSIGN_OR_RETURN(report->keras_version, file.root().ReadString("keras_version"));
  }
  EDGEML_ASSIGN_OR_RETURN(const std::string config, file.root().ReadString("model_config"));
  auto json = Json::Parse(config);
  if (!json.ok()) return Status(json.status()).WithContext("attribute model_config");
  EDGEML_ASSIGN_OR_RETURN(const Weights weights, FindWeights(file, bytes.size()));
  return Build(*json, weights, options, report);
}

Result<ir::Module> ReadArchive(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                               const ReadOptions& options, ReadReport* report) {
  report->format = "Keras archive";
  EDGEML_ASSIGN_OR_RETURN(const ZipReader zip, ZipReader::Open(std::move(owner), bytes));
  const auto read = [&](std::string_view name, uint64_t most) -> Result<ZipContent> {
    const ZipEntry* entry = zip.Find(name);
    if (entry == nullptr)
      return Error(Code::kInvalidModel, "no '", name, "' in the archive: not a Keras model");
    return zip.Read(*entry, most);
  };
  EDGEML_ASSIGN_OR_RETURN(const ZipContent config, read("config.json", kMaxConfigBytes));
  if (const ZipEntry* entry = zip.Find("metadata.json")) {
    EDGEML_ASSIGN_OR_RETURN(const ZipContent content, zip.Read(*entry, kMaxConfigBytes));
    if (auto metadata = Json::Parse(Text(content.bytes)); metadata.ok())
      report->keras_version = (*metadata)["keras_version"].text();
  }
  auto json = Json::Parse(Text(config.bytes));
  if (!json.ok()) return Status(json.status()).WithContext("config.json");
  if (zip.Find("model.weights.h5") == nullptr && zip.Find("model.weights.npz") != nullptr)
    return Error(Code::kUnsupported, "weights as npz; save the model again with HDF5 weights");
  EDGEML_ASSIGN_OR_RETURN(const ZipContent stored, read("model.weights.h5", kMaxArchiveBytes));
  auto file = hdf5::File::Open(stored.owner, stored.bytes);
  if (!file.ok()) return Status(file.status()).WithContext("model.weights.h5");
  EDGEML_ASSIGN_OR_RETURN(const Weights weights, FindWeights(*file, stored.bytes.size()));
  return Build(*json, weights, options, report);
}

}  // namespace

bool LooksLikeKeras(std::span<const std::byte> bytes) {
  return hdf5::LooksLikeHdf5(bytes) || Text(bytes).starts_with("PK\x03\x04");
}

Result<ir::Module> ReadKeras(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                             const ReadOptions& options, ReadReport* report) {
  if (hdf5::LooksLikeHdf5(bytes)) return ReadH5(std::move(owner), bytes, options, report);
  return ReadArchive(std::move(owner), bytes, options, report);
}

Result<ir::Module> ReadKerasJson(std::string_view json, std::shared_ptr<const void> owner,
                                 std::span<const std::byte> weights, const ReadOptions& options,
                                 ReadReport* report) {
  report->format = "Keras JSON";
  EDGEML_ASSIGN_OR_RETURN(const Json parsed, Json::Parse(json));
  EDGEML_ASSIGN_OR_RETURN(const hdf5::File file, hdf5::File::Open(std::move(owner), weights));
  report->keras_version = parsed["keras_version"].text();
  if (report->keras_version.empty() && file.root().HasAttribute("keras_version")) {
    EDGEML_ASSIGN_OR_RETURN(report->keras_version, file.root().ReadString("keras_version"));
  }
  EDGEML_ASSIGN_OR_RETURN(const Weights found, FindWeights(file, weights.size()));
  return Build(parsed, found, options, report);
}

}  // namespace edgeml::keras
