// Keras models into the graph: .h5 files of all versions, .keras archives, and model.json with a
// file of weights.
//
// No code of a file is ever run: Lambda layers and classes that Keras does not know are errors.
#ifndef EDGEML_FORMATS_KERAS_READER_H_
#define EDGEML_FORMATS_KERAS_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::keras {

// The shape of an input, batch included; without a name, of the input at this place of the list.
struct InputShape {
  std::string name;
  Shape shape;
};

struct ReadOptions {
  // The size of the batch dimension of all inputs; none: open where the model leaves it open.
  std::optional<int32_t> batch;
  // Empty: the model's own. Only dimensions that the model leaves open may be given another size.
  std::vector<InputShape> input_shapes;
  // Computes what follows from shapes; without one, more is left to run time.
  ir::Evaluator* evaluator = nullptr;
};

struct ReadReport {
  std::string format;         // "Keras HDF5", "Keras archive"
  std::string keras_version;  // as the file states it
  int layers = 0;             // of the outermost model
  std::vector<std::string> notes;
};

// Whether the bytes begin like a file that ReadKeras takes: HDF5, or a zip archive.
bool LooksLikeKeras(std::span<const std::byte> bytes);

// Reads a model from an .h5 file or a .keras archive. `owner` keeps `bytes` alive; constants point
// into them where they can. The graph has a signature "serving_default" with the names of the
// model's inputs and outputs. Nodes are as the layers state them, nothing folded or fused.
//
// kInvalidModel: damaged, or a file of weights alone. kUnsupported: layers, options and activations
// that are not known, all at once.
Result<ir::Module> ReadKeras(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                             const ReadOptions& options, ReadReport* report);

// The same from the JSON of a model (model.to_json()) and an HDF5 file of its weights.
Result<ir::Module> ReadKerasJson(std::string_view json, std::shared_ptr<const void> owner,
                                 std::span<const std::byte> weights, const ReadOptions& options,
                                 ReadReport* report);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_READER_H_
