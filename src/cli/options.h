// Options that several commands share.
#ifndef EDGEML_CLI_OPTIONS_H_
#define EDGEML_CLI_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/data/preprocess.h"
#include "src/passes/sparse_weights.h"

namespace CLI {
class App;
}

namespace edgeml::cli {

// "1500", "64K", "512MB", "2GiB": K, M, G are decimal, Ki, Mi, Gi binary. kInvalidArgument.
Result<size_t> ParseBytes(std::string_view text);

// --exact, --threads, --memory-cap
struct EngineOptions {
  bool exact = false;
  int threads = 1;
  std::string memory_cap;

  void AddTo(CLI::App& app);
  Result<size_t> MemoryCap() const;  // 0 = the default
};

// --mean, --std, --resize
struct PixelOptions {
  std::vector<float> mean, std;
  std::string resize = "stretch";

  void AddTo(CLI::App& app);
  // Without the model's metadata.
  Result<data::PreprocessOptions> Preprocess() const;
};

// --sparse
struct SparseOption {
  std::string word = "auto";

  void AddTo(CLI::App& app);
  // None = no sparse weights. "auto" means TFLite files alone: C arrays are for devices that have
  // no DENSIFY, and weights by themselves need no place in a graph.
  Result<std::optional<passes::SparseOptions>> For(const std::filesystem::path& out) const;
};

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_OPTIONS_H_
