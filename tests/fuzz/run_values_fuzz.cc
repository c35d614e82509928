// Fuzz target: run known models on hostile values, which they use as indices, sizes, axes, paddings
// and loop bounds. The models are the *.tflite files of the folder EDGEML_FUZZ_MODELS (default:
// seeds beside the folder of this program). The first four bytes pick the model, by a hash of its
// name so that a corpus keeps its meaning when models are added; the fifth says how it runs; the
// rest are the bytes of its inputs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "edgeml/edgeml.h"
#include "tests/fuzz/session_run.h"

namespace {

struct Named {
  uint32_t hash;
  std::string name;
  edgeml::Model model;
};
std::vector<Named>& Models() {
  static auto& models = *new std::vector<Named>;
  return models;
}

uint32_t Hash(const std::string& name) {
  uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  (void)argc;
  const char* given = std::getenv("EDGEML_FUZZ_MODELS");
  const std::filesystem::path folder =
      given != nullptr ? std::filesystem::path(given)
                       : std::filesystem::absolute((*argv)[0]).parent_path() / "../seeds/models";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".tflite") continue;
    auto model = edgeml::Model::Load(entry.path().string());
    const std::string name = entry.path().stem().string();
    if (model.ok()) Models().push_back({Hash(name), name, std::move(*model)});
  }
  if (Models().empty()) {
    std::fprintf(stderr, "no model in %s; see EDGEML_FUZZ_MODELS\n", folder.c_str());
    std::exit(1);
  }
  std::sort(Models().begin(), Models().end(), [](const Named& a, const Named& b) {
    return std::tie(a.hash, a.name) < std::tie(b.hash, b.name);
  });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5) return 0;
  uint32_t key = 0;
  std::memcpy(&key, data, sizeof key);
  auto chosen = std::lower_bound(Models().begin(), Models().end(), key,
                                 [](const Named& model, uint32_t k) { return model.hash < k; });
  if (chosen == Models().end()) chosen = Models().begin();
  if (std::getenv("EDGEML_FUZZ_VERBOSE") != nullptr)
    std::fprintf(stderr, "model: %s\n", chosen->name.c_str());
  edgeml::fuzz::RunSession(chosen->model, /*exact=*/(data[4] & 1) != 0, {data + 5, size - 5}, key,
                           /*resize=*/(data[4] & 6) == 2);
  return 0;
}
