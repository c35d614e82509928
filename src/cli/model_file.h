// What commands that turn one model file into another share: how to read it, what to put into it,
// how to write it.
#ifndef EDGEML_CLI_MODEL_FILE_H_
#define EDGEML_CLI_MODEL_FILE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/convert/converter.h"
#include "src/ir/graph.h"

namespace edgeml::cli {

// Options about reading a model of any format.
class ImportOptions {
 public:
  void AddTo(CLI::App& app);
  // What was given; fields that are not about reading stay as they are. Errors: kInvalidArgument.
  Status Apply(convert::Options& options) const;

 private:
  convert::Options given_;
  std::vector<std::string> input_shapes_;
  int32_t batch_ = 0;
  std::string memory_cap_;
};

// Labels and normalization for the metadata of the model that is written.
struct MetadataOptions {
  std::string labels;
  std::vector<float> mean, std;

  void AddTo(CLI::App& app);
  // The options without those that commands give to pixels as well.
  void AddLabelsTo(CLI::App& app);
  // Into the metadata of `module`. Errors: of reading the labels; kInvalidArgument.
  Status Apply(ir::Module& module) const;
};

// kUnsupported for a path whose extension names no format that is written.
Status CheckOutput(const std::string& path);
// Writes the module in the format that the extension names; returns the size of the file.
Result<uint64_t> WriteModel(const ir::Module& module, const std::string& path);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_MODEL_FILE_H_
