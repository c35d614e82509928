// Fuzz target: read a model from hostile bytes, prepare it, and run it on both backends
// (session_run.h). Input values come from a hash of the bytes.
#include <cstddef>
#include <cstdint>

#include "edgeml/edgeml.h"
#include "tests/fuzz/session_run.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  edgeml::LoadOptions options;
  options.memory_cap_bytes = edgeml::fuzz::kMemoryCap;
  const auto model =
      edgeml::Model::FromBytes({reinterpret_cast<const std::byte*>(data), size}, options);
  if (!model.ok()) {
    edgeml::fuzz::CheckError(model.status());
    return 0;
  }
  uint32_t seed = 2166136261u;
  for (size_t i = 0; i < size; ++i) seed = (seed ^ data[i]) * 16777619u;
  for (const bool exact : {true, false})
    edgeml::fuzz::RunSession(*model, exact, {}, seed, /*resize=*/false);
  return 0;
}
