// Converts Keras models for the tests: keras_convert [--batch N] IN OUT [IN OUT …].
//
// One line of JSON for each pair on stdout: {"file", "ok", "error", "notes", "ops"}. The exit code
// tells whether the program could do its work, not whether the models could be converted.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/mapped_file.h"
#include "src/convert/evaluator.h"
#include "src/formats/keras/reader.h"
#include "src/formats/tflite/writer.h"
#include "src/passes/passes.h"

namespace edgeml {
namespace {

Status Convert(const std::string& in, const std::string& out, keras::ReadOptions options,
               nlohmann::json& line) {
  convert::ReferenceEvaluator evaluator;
  options.evaluator = &evaluator;
  EDGEML_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(in));
  keras::ReadReport report;
  EDGEML_ASSIGN_OR_RETURN(ir::Module module,
                          keras::ReadKeras(file, file->bytes(), options, &report));
  line["notes"] = report.notes;
  passes::Options pass_options;
  pass_options.renumber_values = true;
  EDGEML_RETURN_IF_ERROR(passes::RunPasses(module, pass_options, &evaluator).status());
  std::vector<std::string> ops;
  for (const ir::Graph& graph : module.graphs)
    for (const ir::Node& node : graph.nodes) ops.emplace_back(node.name());
  line["ops"] = ops;
  return tflite::WriteTfliteFile(module, out);
}

int Main(std::span<char* const> words) {
  keras::ReadOptions options;
  if (words.size() >= 2 && std::string_view(words[0]) == "--batch") {
    options.batch = std::stoi(words[1]);
    words = words.subspan(2);
  }
  if (words.empty() || words.size() % 2 != 0) {
    std::fputs("usage: keras_convert [--batch N] IN OUT [IN OUT …]\n", stderr);
    return 2;
  }
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    nlohmann::json line = {{"file", words[i]}};
    const Status status = Convert(words[i], words[i + 1], options, line);
    line["ok"] = status.ok();
    if (!status.ok()) line["error"] = status.message();
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace edgeml

int main(int argc, char** argv) {
  return edgeml::Main({argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)});
}
