// SavedModels and frozen graphs as a TensorFlow graph.
#ifndef EDGEML_FORMATS_SAVEDMODEL_GRAPH_READER_H_
#define EDGEML_FORMATS_SAVEDMODEL_GRAPH_READER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/savedmodel/bundle.h"
#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {

struct GraphOptions {
  // The graph of a SavedModel that has exactly these tags; default "serve", or the only graph.
  std::vector<std::string> tags;
  // The signature; default "serving_default", or the only one.
  std::string signature;
  // Tensors to feed and to answer with instead of those of a signature: "node" or "node:1". With
  // one of the two given the other comes from the signature, or is guessed for a frozen graph:
  // all placeholders; all nodes that nothing reads.
  std::vector<std::string> inputs, outputs;
};

// Reads a SavedModel: FOLDER/saved_model.pb and FOLDER/variables. Functions are inlined, variables
// are constants that point into the mapped data file. Inputs and outputs of a signature stand in
// the order of their names.
// Errors name the file and the node: kNotFound for a missing file, a signature or tags that are not
// there; kInvalidModel for damaged files; kUnsupported for text files, control flow of TensorFlow
// 1, variables that change, sparse and composite inputs; kInvalidArgument for inputs and outputs
// that do not fit the graph. Safe on any bytes; no file outside of the folder is opened and no code
// run. Limits: kMaxMessageBytes, kMaxCallDepth, kMaxNodes, and Budget for what is copied.
Result<Model> ReadSavedModelGraph(const std::string& folder, const GraphOptions& options = {});

// The same of bytes in memory; `open` opens the variables when the first one is needed.
Result<Model> ParseSavedModelGraph(std::span<const std::byte> bytes,
                                   std::function<Result<std::unique_ptr<Bundle>>()> open,
                                   const GraphOptions& options = {});

// Reads a frozen graph: a file that holds a GraphDef without variables. Errors as above.
Result<Model> ReadFrozenGraph(const std::string& path, const GraphOptions& options = {});
Result<Model> ParseFrozenGraph(std::span<const std::byte> bytes, const GraphOptions& options = {});

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_GRAPH_READER_H_
