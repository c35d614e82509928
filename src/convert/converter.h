// From a trained model to a TFLite module: reads it, rewrites the graph, and proves that rewriting
// changed nothing.
#ifndef EDGEML_CONVERT_CONVERTER_H_
#define EDGEML_CONVERT_CONVERTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"
#include "src/passes/passes.h"
#include "src/passes/sparse_weights.h"
#include "src/tensor/shape.h"

namespace edgeml::convert {

// The shape of an input; without a name, of the input at this place of the list.
struct InputShape {
  std::string name;
  Shape shape;
};

struct Options {
  std::optional<int32_t> batch;          // of inputs whose batch is open; none: stays open
  std::vector<InputShape> input_shapes;  // empty: as the model says
  std::string weights;                   // for a model as JSON: the HDF5 file of its weights
  std::string signature;                 // SavedModel; empty: serving_default, or the only one
  std::vector<std::string> tags;         // SavedModel; empty: serve
  // SavedModel and GraphDef: tensors to feed and to answer with, "node" or "node:1".
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> disabled_passes;
  // Operators of TensorFlow that we lack become custom operators of TFLite of the same name.
  bool allow_custom = false;
  bool float16 = false;  // weights are stored as float16 and computed with in float32
  // Pruned weights are stored without their zeros where that is smaller (passes::StoreSparse).
  std::optional<passes::SparseOptions> sparse;
  // Random inputs on which the graph as imported and the result are compared; 0 = not at all.
  int verify_runs = 1;
  // What they may differ by, as a share of the largest output.
  double tolerance = 1e-4;
  size_t memory_cap = 0;  // 0 = 80 % of the machine's memory
};

struct Report {
  std::string format, version;  // "Keras HDF5", "2.13.1"
  std::vector<std::string> notes;
  uint64_t input_bytes = 0;
  int64_t imported_ops = 0, ops = 0;
  std::vector<passes::PassReport> passes;
  int verified_runs = 0;
  double largest_difference = 0, relative_difference = 0;
  // Of the result with float16 weights, from that with float32 ones.
  double float16_difference = 0;
};

// Reads the model at `path` (.tflite, .h5, .keras, .json, a SavedModel's folder, .pb) and rewrites
// it. A TFLite model is taken as it is but for what pruning left in it
// (passes::FreezeVariables). Errors: of reading; kFailed when the results differ by more
// than the tolerance, which is our mistake.
Result<ir::Module> Convert(const std::string& path, const Options& options, Report* report);

}  // namespace edgeml::convert

#endif  // EDGEML_CONVERT_CONVERTER_H_
