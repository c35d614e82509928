// Fuzz target: operators with any attributes on tensors of any shape, type, quantization and value,
// written as a model, read again, prepared and run on both backends. It gets deeper into kernels
// than run_model, which spends much of its time on files that cannot be read.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/formats/tflite/writer.h"
#include "tests/fuzz/generate.h"
#include "tests/fuzz/session_run.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgeml;
  const ir::Module module = fuzz::GenerateModule({data, size});
  if (!ir::Verify(module).ok()) return 0;
  const Result<std::vector<std::byte>> file = tflite::WriteTflite(module);
  if (!file.ok()) {
    fuzz::CheckError(file.status());
    return 0;
  }
  LoadOptions options;
  options.memory_cap_bytes = fuzz::kMemoryCap;
  const auto model = Model::FromBytes(*file, options);
  if (!model.ok()) {
    fuzz::CheckError(model.status());
    return 0;
  }
  for (const bool exact : {true, false})
    fuzz::RunSession(*model, exact, {data, size}, static_cast<uint32_t>(size), /*resize=*/false);
  return 0;
}
