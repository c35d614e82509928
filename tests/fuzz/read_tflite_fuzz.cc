// Reads any bytes as a TFLite model; what can be read must pass the verifier, and what can be
// written again must read as the same number of things.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "src/formats/tflite/metadata.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"
#include "src/ir/densify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgeml;
  const auto* const begin = reinterpret_cast<const std::byte*>(data);
  const ir::ConstantData file = ir::ConstantData::Own({begin, begin + size});
  const Result<ir::Module> module = tflite::ReadTflite(file.owner, file.bytes);
  if (!module.ok()) {
    if (module.status().message().empty()) std::abort();
    return 0;
  }
  (void)tflite::ReadModelMetadata(*module);
  for (const ir::AssociatedFile& associated : module->associated_files)
    (void)tflite::ReadLabels(*module, associated.name);
  for (const ir::Graph& graph : module->graphs) {
    (void)ir::ToString(graph);
    for (const ir::Value& value : graph.values)
      if (value.sparsity != nullptr) (void)ir::Densify(value, 1 << 24);
  }
  const Result<std::vector<std::byte>> written = tflite::WriteTflite(*module);
  if (!written.ok()) return 0;
  const ir::ConstantData copy = ir::ConstantData::Own(*written);
  const Result<ir::Module> again = tflite::ReadTflite(copy.owner, copy.bytes);
  if (!again.ok() || again->graphs.size() != module->graphs.size()) std::abort();
  for (size_t g = 0; g < module->graphs.size(); ++g) {
    if (again->graphs[g].values.size() != module->graphs[g].values.size() ||
        again->graphs[g].nodes.size() != module->graphs[g].nodes.size())
      std::abort();
  }
  return 0;
}
