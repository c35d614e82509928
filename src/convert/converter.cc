#include "src/convert/converter.h"

#include <utility>

#include "src/base/mapped_file.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/convert/evaluator.h"
#include "src/convert/verification.h"
#include "src/formats/keras/reader.h"
#include "src/formats/tflite/reader.h"

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

Result<ir::Module> ReadKerasModel(const std::string& path,
                                  const std::shared_ptr<const MappedFile>& file,
                                  const Options& options, ir::Evaluator& evaluator,
                                  Report* report) {
  const auto read = [&](std::optional<int32_t> batch,
                        keras::ReadReport* keras) -> Result<ir::Module> {
    const keras::ReadOptions how{batch, options.input_shapes, &evaluator};
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
      keras.notes.emplace_back("the batch is 1: with an open one the model could not be converted");
    }
  }
  report->format = std::move(keras.format);
  report->version = std::move(keras.keras_version);
  report->notes = std::move(keras.notes);
  return module;
}

}  // namespace

Result<ir::Module> Convert(const std::string& path, const Options& options, Report* report) {
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  report->input_bytes = file->bytes().size();
  const auto here = [&path](const Status& status) { return Status(status).WithContext(path); };
  if (LooksLikeTflite(file->bytes())) {
    report->format = "TFLite";
    auto module = tflite::ReadTflite(file, file->bytes());
    if (!module.ok()) return here(module.status());
    report->imported_ops = report->ops = CountNodes(*module);
    return module;
  }
  if (!keras::LooksLikeKeras(file->bytes()) && !path.ends_with(".json"))
    return here(Error(Code::kInvalidModel,
                      "not a model of a format that is read: TFLite (.tflite), "
                      "Keras (.h5, .keras, .json)"));
  const size_t memory_cap = EffectiveMemoryCap(options.memory_cap);
  ReferenceEvaluator evaluator(memory_cap);
  auto imported = ReadKerasModel(path, file, options, evaluator, report);
  if (!imported.ok()) return here(imported.status());
  report->imported_ops = CountNodes(*imported);

  ir::Module module = *imported;  // shares the constants
  passes::Options how;
  how.disabled = options.disabled_passes;
  how.renumber_values = true;
  auto rewritten = passes::RunPasses(module, how, &evaluator);
  if (!rewritten.ok()) return here(rewritten.status());
  report->passes = std::move(rewritten->passes);
  report->ops = CountNodes(module);

  if (options.verify_runs > 0) {
    auto difference = Compare(*imported, module, options.verify_runs, 1, memory_cap);
    if (!difference.ok())
      return here(Status(difference.status()).WithContext("comparing the result with the model"));
    report->verified_runs = difference->runs;
    report->largest_difference = difference->largest;
    report->relative_difference = difference->relative;
    if (!(difference->relative <= options.tolerance))
      return here(
          Error(Code::kFailed, "the result differs from the model as it was read by ",
                difference->relative, " of the largest output (", options.tolerance,
                " is allowed); please report this. --disable-pass may help to find out why"));
  }
  return module;
}

}  // namespace edgeml::convert
