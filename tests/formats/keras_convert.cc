// `edgeml convert` for many models in one process: keras_convert [--batch N] IN OUT [IN OUT …].
//
// One line of JSON for each pair on stdout: {"file", "ok", "error", "code", "notes", "ops"}. The
// exit code tells whether the program could do its work, not whether the models could be converted.
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/convert/converter.h"
#include "src/formats/tflite/writer.h"

namespace edgeml {
namespace {

Status Convert(const std::string& in, const std::string& out, const convert::Options& options,
               nlohmann::json& line) {
  convert::Report report;
  auto module = convert::Convert(in, options, &report);
  line["notes"] = report.notes;
  if (!module.ok()) return module.status();
  std::vector<std::string> ops;
  for (const ir::Graph& graph : module->graphs)
    for (const ir::Node& node : graph.nodes) ops.emplace_back(node.name());
  line["ops"] = ops;
  return tflite::WriteTfliteFile(*module, out);
}

int Main(std::span<char* const> words) {
  convert::Options options;
  if (words.size() >= 2 && std::string_view(words[0]) == "--batch") {
    options.batch = std::atoi(words[1]);
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
    line["code"] = static_cast<int>(status.code());
    if (!status.ok()) line["error"] = status.message();
    std::printf("%s\n",
                line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace edgeml

int main(int argc, char** argv) {
  return edgeml::Main({argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)});
}
