// A model as Keras describes it: layers, the calls that connect them, inputs and outputs. The
// writings of Keras 1, 2 and 3 come out as one.
#ifndef EDGEML_FORMATS_KERAS_CONFIG_H_
#define EDGEML_FORMATS_KERAS_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/dtype.h"
#include "edgeml/status.h"
#include "src/base/json.h"

namespace edgeml::keras {

// Output `tensor` of the `call`-th call of a layer.
struct TensorRef {
  std::string layer;
  int32_t call = 0, tensor = 0;
};

// What a layer is called with: a tensor, a list of such, or a plain value.
struct Argument {
  enum class Kind : uint8_t { kValue, kTensor, kList };
  Kind kind = Kind::kValue;
  TensorRef tensor;
  std::vector<Argument> items;
  Json value;
  bool is_none() const { return kind == Kind::kValue && value.is_null(); }
};

struct Call {
  std::vector<Argument> args;
  std::vector<std::pair<std::string, Argument>> kwargs;
};

struct ModelConfig;

struct LayerConfig {
  std::string class_name, name;
  std::string module;           // "keras.layers", "keras.src.ops.numpy"; empty in older files
  std::string registered_name;  // of a custom class, "package>Name"
  Json config, build_config;
  std::vector<Call> calls;
  // Calls are counted from here on in references to the layer: older versions count the one with
  // which a nested model was made.
  int32_t first_call = 0;
  std::shared_ptr<const ModelConfig> model;  // of a nested model
};

struct ModelConfig {
  bool is_sequential = false;
  std::string name;
  std::vector<LayerConfig> layers;
  std::vector<TensorRef> inputs;
  std::vector<std::pair<std::string, TensorRef>> outputs;  // the name where outputs have one
};

// A model from its config: an object with class_name and config. kInvalidModel; kUnsupported for a
// model that is a class of its own, whose structure is only in its code.
Result<ModelConfig> ReadModelConfig(const Json& json);

// A layer inside of another one's config (a wrapper's).
Result<LayerConfig> ReadLayerConfig(const Json& json);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_CONFIG_H_
