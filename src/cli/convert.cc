// edgeml convert
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/engine.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string in, out;
  EngineOptions engine;
};

Status Convert(const Options& options, bool json) {
  if (!options.out.ends_with(".tflite")) {
    return Error(Code::kUnsupported, options.out,
                 ": the format to write is told by the extension; .tflite can be written");
  }
  EDGEML_ASSIGN_OR_RETURN(const Model model, LoadModel(options.in, options.engine));
  EDGEML_RETURN_IF_ERROR(model.Save(options.out));
  // What was written must be readable.
  auto written = LoadModel(options.out, options.engine);
  if (!written.ok()) {
    return Error(Code::kInternal,
                 "the model written cannot be read back: ", written.status().message());
  }
  if (json) {
    PrintJson({{"input", options.in},
               {"output", options.out},
               {"input_bytes", model.file_bytes()},
               {"output_bytes", written->file_bytes()}});
    return Status::Ok();
  }
  std::printf("%s (%s bytes) → %s (%s bytes)\n", Printable(options.in).c_str(),
              Grouped(static_cast<int64_t>(model.file_bytes())).c_str(),
              Printable(options.out).c_str(),
              Grouped(static_cast<int64_t>(written->file_bytes())).c_str());
  return Status::Ok();
}

}  // namespace

Action AddConvert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("IN", options->in, "Model file to read (.tflite)")->required();
  app.add_option("OUT", options->out, "Model file to write (.tflite)")->required();
  app.add_option("--memory-cap", options->engine.memory_cap,
                 "Most memory the model may use, e.g. 512MB");
  return [options](bool json) { return Convert(*options, json); };
}

}  // namespace edgeml::cli
