#include "src/convert/converter.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "src/base/mapped_file.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/convert/evaluator.h"
#include "src/convert/verification.h"
#include "src/formats/keras/reader.h"
#include "src/formats/savedmodel/reader.h"
#include "src/formats/tflite/reader.h"
#include "src/passes/biases.h"
#include "src/passes/float16.h"
#include "src/passes/freeze_variables.h"

namespace edgeml::convert {
namespace {

int64_t CountNodes(const ir::Module& module) {
  int64_t count = 0;
  for (const ir::Graph& graph : module.graphs) count += static_cast<int64_t>(graph.nodes.size());
  return count;
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool LooksLikeTflite(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && Text(bytes.subspan(4, 4)) == "TFL3";
}

constexpr char kTflite[] = "TFLite";
constexpr uint32_t kSeed = 1;  // of the inputs for comparing
constexpr char kBatchOfOne[] = "the batch is 1: with an open one the model could not be converted";

uint64_t BytesOf(const std::filesystem::path& path) {
  std::error_code error;
  uint64_t total = 0;
  if (!std::filesystem::is_directory(path, error)) {
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : static_cast<uint64_t>(size);
  }
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) total += static_cast<uint64_t>(it->file_size(ignored));
  }
  return total;
}

// "DIR/model.json" with its weights: those named, else a file beside it of the same stem.
Result<std::shared_ptr<const MappedFile>> OpenWeights(const std::string& path,
                                                      const Options& options) {
  if (!options.weights.empty()) return MappedFile::Open(options.weights);
  const std::string stem = path.substr(0, path.size() - std::string_view(".json").size());
  for (const char* ending : {".weights.h5", ".h5", "_weights.h5"})
    if (auto file = MappedFile::Open(stem + ending); file.ok()) return file;
  return Error(Code::kNotFound, path, ": no file of weights beside it (", stem,
               ".weights.h5); name it with --weights");
}

// The shapes in the order of the inputs; those that are not given as they are in `shapes`.
Status OrderShapes(const std::vector<InputShape>& given, const std::vector<std::string>& names,
                   std::vector<std::optional<Shape>>& shapes) {
  shapes.assign(names.size(), std::nullopt);
  for (size_t i = 0; i < given.size(); ++i) {
    size_t place = i;
    if (!given[i].name.empty())
      place = static_cast<size_t>(std::ranges::find(names, given[i].name) - names.begin());
    if (place < names.size()) {
      shapes[place] = given[i].shape;
      continue;
    }
    std::string known;
    for (const std::string& name : names) known += Concat(known.empty() ? "" : ", ", name);
    return Error(Code::kInvalidArgument, "the input shape ", given[i].shape.ToString(),
                 " is for no input; the model's inputs: ", known);
  }
  return Status::Ok();
}

Result<ir::Module> ReadTensorFlow(const std::string& path, const Options& options,
                                  ir::Evaluator& evaluator, Report* report) {
  const bool frozen = !std::filesystem::is_directory(path) && !path.ends_with("saved_model.pb");
  savedmodel::GraphOptions how{options.tags, options.signature, options.inputs, options.outputs};
  std::string folder = path;
  if (!frozen && path.ends_with("saved_model.pb"))
    folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  report->format = frozen ? "GraphDef" : "SavedModel";
  EDGEML_ASSIGN_OR_RETURN(const savedmodel::Model model,
                          frozen ? savedmodel::ReadFrozenGraph(folder, how)
                                 : savedmodel::ReadSavedModelGraph(folder, how));
  report->version = model.tensorflow_version;
  savedmodel::LowerOptions lower;
  std::vector<std::string> names;
  for (const savedmodel::Graph::Input& input : model.graphs[0].inputs)
    names.push_back(input.spec.name);
  std::vector<std::optional<Shape>> shapes;
  EDGEML_RETURN_IF_ERROR(OrderShapes(options.input_shapes, names, shapes));
  for (size_t i = 0; i < names.size(); ++i)
    if (shapes[i]) lower.input_shapes[names[i]] = *shapes[i];
  lower.batch = options.batch.value_or(0);
  lower.allow_custom = options.allow_custom;
  auto module = savedmodel::Lower(model, lower, &evaluator, &report->notes);
  if (!module.ok() && module.status().code() == Code::kUnsupported && lower.batch == 0) {
    lower.batch = 1;
    std::vector<std::string> notes;
    if (auto again = savedmodel::Lower(model, lower, &evaluator, &notes); again.ok()) {
      report->notes = std::move(notes);
      report->notes.emplace_back(kBatchOfOne);
      return again;
    }
  }
  return module;
}

Result<ir::Module> ReadKerasModel(const std::string& path,
                                  const std::shared_ptr<const MappedFile>& file,
                                  const Options& options, ir::Evaluator& evaluator,
                                  Report* report) {
  const auto read = [&](std::optional<int32_t> batch,
                        keras::ReadReport* keras) -> Result<ir::Module> {
    std::vector<keras::InputShape> shapes;
    for (const InputShape& one : options.input_shapes) shapes.push_back({one.name, one.shape});
    const keras::ReadOptions how{batch, std::move(shapes), &evaluator};
    if (!path.ends_with(".json")) return keras::ReadKeras(file, file->bytes(), how, keras);
    EDGEML_ASSIGN_OR_RETURN(const auto weights, OpenWeights(path, options));
    return keras::ReadKerasJson(Text(file->bytes()), weights, weights->bytes(), how, keras);
  };
  keras::ReadReport keras;
  auto module = read(options.batch, &keras);
  if (!module.ok() && module.status().code() == Code::kUnsupported && !options.batch) {
    // What keeps state or loops over time may want to know the batch.
    keras::ReadReport fixed;
    if (auto again = read(1, &fixed); again.ok()) {
      module = std::move(again);
      keras = std::move(fixed);
      keras.notes.emplace_back(kBatchOfOne);
    }
  }
  report->format = std::move(keras.format);
  report->version = std::move(keras.keras_version);
  report->notes = std::move(keras.notes);
  return module;
}

// The module as the file has it.
Result<ir::Module> Import(const std::string& path, const Options& options, ir::Evaluator& evaluator,
                          Report* report) {
  report->input_bytes = BytesOf(path);
  std::error_code error;
  if (std::filesystem::is_directory(path, error) || path.ends_with(".pb"))
    return ReadTensorFlow(path, options, evaluator, report);
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  if (LooksLikeTflite(file->bytes())) {
    report->format = kTflite;
    return tflite::ReadTflite(file, file->bytes());
  }
  if (keras::LooksLikeKeras(file->bytes()) || path.ends_with(".json"))
    return ReadKerasModel(path, file, options, evaluator, report);
  return Error(
      Code::kInvalidModel,
      "not a model of a format that is read: TFLite (.tflite), Keras (.h5, .keras, .json), "
      "TensorFlow (the folder of a SavedModel, .pb)");
}

// A TFLite model is taken as it is, unless pruning wrappers were left in. False: nothing is to be
// rewritten.
bool StripPruning(ir::Module& module, ir::Evaluator& evaluator, Report* report) {
  const std::vector<std::string> frozen = passes::FreezeVariables(module, evaluator);
  if (frozen.empty()) return false;
  std::string names;
  for (const std::string& name : frozen) names += Concat(names.empty() ? "" : ", ", name);
  report->notes.push_back(
      Concat("variables that no run changes, as pruning leaves them, are constants now: ", names));
  return true;
}

// The name of a custom operator; empty when there is none.
std::string_view FirstCustom(const ir::Module& module) {
  for (const ir::Graph& graph : module.graphs)
    for (const ir::Node& node : graph.nodes)
      if (node.op == ir::OpCode::kCustom) return node.name();
  return {};
}

// Rewrites what was imported and compares; see Convert().
Status Rewrite(const ir::Module& imported, const Options& options, size_t memory_cap,
               ir::Evaluator& evaluator, ir::Module& module, Report* report) {
  passes::Options how;
  how.disabled = options.disabled_passes;
  how.renumber_values = true;
  EDGEML_ASSIGN_OR_RETURN(passes::Report rewritten, passes::RunPasses(module, how, &evaluator));
  passes::AddMissingBiases(module);
  report->passes = std::move(rewritten.passes);
  report->ops = CountNodes(module);
  if (options.verify_runs == 0) return Status::Ok();
  if (const std::string_view custom = FirstCustom(module); !custom.empty()) {
    report->notes.push_back(
        Concat("not verified: the custom operator ", custom, " is not known here and cannot run"));
    return Status::Ok();
  }
  auto difference = Compare(imported, module, options.verify_runs, kSeed, memory_cap);
  if (!difference.ok())
    return Status(difference.status()).WithContext("comparing the result with the model");
  report->verified_runs = difference->runs;
  report->largest_difference = difference->largest;
  report->relative_difference = difference->relative;
  if (difference->relative <= options.tolerance) return Status::Ok();
  return Error(Code::kFailed, "the result differs from the model as it was read by ",
               difference->relative, " of the largest output (", options.tolerance,
               " is allowed); please report this. --disable-pass may help to find out why");
}

// Stores weights as float16 and tells what that cost.
Status Halve(const Options& options, size_t memory_cap, ir::Module& module, Report* report) {
  const ir::Module whole = module;
  EDGEML_ASSIGN_OR_RETURN(const passes::Float16Report halved, passes::StoreFloat16(module));
  report->ops = CountNodes(module);
  if (halved.too_large > 0)
    report->notes.push_back(
        Concat(halved.too_large, " constants stay float32: they hold numbers over 65504"));
  if (options.verify_runs == 0 || !FirstCustom(module).empty()) return Status::Ok();
  EDGEML_ASSIGN_OR_RETURN(const Difference difference,
                          Compare(whole, module, options.verify_runs, kSeed, memory_cap));
  report->float16_difference = difference.relative;
  return Status::Ok();
}

}  // namespace

Result<ir::Module> Convert(const std::string& path, const Options& options, Report* report) {
  const auto here = [&path](const Status& status) {
    return status.message().starts_with(path) ? status : Status(status).WithContext(path);
  };
  const size_t memory_cap = EffectiveMemoryCap(options.memory_cap);
  ReferenceEvaluator evaluator(memory_cap);
  auto imported = Import(path, options, evaluator, report);
  if (!imported.ok()) return here(imported.status());
  report->imported_ops = report->ops = CountNodes(*imported);
  ir::Module module = *imported;  // shares the constants
  if (report->format != kTflite || StripPruning(module, evaluator, report)) {
    if (const Status status = Rewrite(*imported, options, memory_cap, evaluator, module, report);
        !status.ok())
      return here(status);
  }
  if (options.float16) {
    if (const Status status = Halve(options, memory_cap, module, report); !status.ok())
      return here(status);
  }
  if (options.sparse) {
    const auto sparse = passes::StoreSparse(module, *options.sparse);
    if (!sparse.ok()) return here(sparse.status());
    report->ops = CountNodes(module);
    if (sparse->constants > 0) report->notes.push_back(sparse->ToString());
  }
  return module;
}

}  // namespace edgeml::convert
