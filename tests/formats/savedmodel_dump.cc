// Shows what the reader of SavedModels makes of a file, for tests.
//   savedmodel_dump graph PATH [SIGNATURE]   a listing of the graph (PATH.pb: a frozen one)
//   savedmodel_dump bundle PREFIX            each tensor as a line: key, type, shape, bytes in hex
#include <cstdio>
#include <string>

#include "src/formats/savedmodel/bundle.h"
#include "src/formats/savedmodel/graph_reader.h"

namespace {

using namespace edgeml;

int Fail(const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return ExitCode(status.code());
}

int DumpGraph(const std::string& path, const std::string& signature) {
  savedmodel::GraphOptions options;
  options.signature = signature;
  const auto model = path.ends_with(".pb") || path.ends_with(".pbtxt")
                         ? savedmodel::ReadFrozenGraph(path, options)
                         : savedmodel::ReadSavedModelGraph(path, options);
  if (!model.ok()) return Fail(model.status());
  std::printf("%s", savedmodel::ToString(*model).c_str());
  return 0;
}

int DumpBundle(const std::string& prefix) {
  const auto bundle = savedmodel::Bundle::Open(prefix);
  if (!bundle.ok()) return Fail(bundle.status());
  for (const std::string_view key : (*bundle)->Keys()) {
    const auto constant = (*bundle)->Load(key);
    if (!constant.ok()) return Fail(constant.status());
    std::printf("%s\t%s\t%s\t", std::string(key).c_str(),
                std::string(NameOf(constant->type)).c_str(), constant->shape.ToString().c_str());
    for (const std::byte b : constant->data.bytes) std::printf("%02x", std::to_integer<int>(b));
    std::printf("\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  if (what == "graph") return DumpGraph(argv[2], argc > 3 ? argv[3] : "");
  if (what == "bundle") return DumpBundle(argv[2]);
  std::fprintf(stderr, "usage: savedmodel_dump graph PATH [SIGNATURE] | bundle PREFIX\n");
  return 2;
}
