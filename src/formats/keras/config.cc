#include "src/formats/keras/config.h"

#include <algorithm>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

constexpr int kMaxNesting = 32;  // models in models, wrappers in wrappers

Result<LayerConfig> ReadLayer(const Json& json, int depth);
Result<ModelConfig> ReadModel(const Json& json, int depth);

bool IsModelClass(const LayerConfig& layer) {
  if (layer.class_name == "Functional" || layer.class_name == "Model" ||
      layer.class_name == "Sequential")
    return true;
  // A class of the user's that was made like a functional model and is described like one.
  return layer.config.Has("layers") && layer.config.Has("input_layers");
}

// ["name", call, tensor] or ["name", call, tensor, {…}].
bool IsReference(const Json& json) {
  return json.is_array() && json.items().size() >= 3 && json[0].is_string() &&
         json[1].integer().has_value() && json[2].integer().has_value();
}

Result<TensorRef> ReadReference(const Json& json) {
  const auto call = json[1].integer(), tensor = json[2].integer();
  if (!IsReference(json) || *call < 0 || *call > INT32_MAX || *tensor < 0 || *tensor > INT32_MAX)
    return Error(Code::kInvalidModel, "expected [layer, call, tensor], found ", json.ToString());
  return TensorRef{json[0].text(), static_cast<int32_t>(*call), static_cast<int32_t>(*tensor)};
}

Argument TensorArgument(TensorRef ref) {
  Argument out;
  out.kind = Argument::Kind::kTensor;
  out.tensor = std::move(ref);
  return out;
}

// An argument in the writing of Keras 3.
Result<Argument> ReadArgument(const Json& json, int depth) {
  if (depth > kMaxNesting) return Error(Code::kInvalidModel, "arguments nested too deeply");
  Argument out;
  if (json["class_name"].text() == "__keras_tensor__") {
    EDGEML_ASSIGN_OR_RETURN(TensorRef ref, ReadReference(json["config"]["keras_history"]));
    return TensorArgument(std::move(ref));
  }
  if (json["class_name"].text() == "__tuple__" || json.is_array()) {
    const Json& list = json.is_array() ? json : json["items"];
    bool any = false;
    for (const Json& item : list.items()) {
      EDGEML_ASSIGN_OR_RETURN(Argument argument, ReadArgument(item, depth + 1));
      any = any || argument.kind != Argument::Kind::kValue;
      out.items.push_back(std::move(argument));
    }
    if (any) {
      out.kind = Argument::Kind::kList;
      return out;
    }
    out.items.clear();
    out.value = list;
    return out;
  }
  out.value = json;
  return out;
}

// Keras 2 writes a tensor among the named arguments as a reference, perhaps in lists.
Argument ReadOldArgument(const Json& json, int depth) {
  Argument out;
  if (IsReference(json)) {
    if (auto ref = ReadReference(json); ref.ok()) return TensorArgument(std::move(ref).value());
  }
  if (json.is_array() && depth < kMaxNesting) {
    bool any = false;
    for (const Json& item : json.items()) {
      out.items.push_back(ReadOldArgument(item, depth + 1));
      any = any || out.items.back().kind != Argument::Kind::kValue;
    }
    if (any) {
      out.kind = Argument::Kind::kList;
      return out;
    }
    out.items.clear();
  }
  out.value = json;
  // A constant that was a tensor: ["_CONSTANT_VALUE", -1, value].
  if (json.is_array() && json[0].text() == "_CONSTANT_VALUE") out.value = json[2];
  return out;
}

// One call in the writing of Keras 1 and 2: references, each with named arguments, or one alone.
Result<Call> ReadOldCall(const Json& json) {
  Call call;
  const bool alone = IsReference(json) || json[0].text() == "_CONSTANT_VALUE";
  std::vector<Argument> tensors;
  const size_t count = alone ? 1 : json.items().size();
  for (size_t i = 0; i < count; ++i) {
    const Json& item = alone ? json : json[i];
    if (item[0].text() == "_CONSTANT_VALUE") {
      Argument constant;
      constant.value = item[2];
      tensors.push_back(std::move(constant));
    } else {
      EDGEML_ASSIGN_OR_RETURN(TensorRef ref, ReadReference(item));
      tensors.push_back(TensorArgument(std::move(ref)));
    }
    for (const auto& [name, value] : item[3].members())
      if (i == 0) call.kwargs.emplace_back(name, ReadOldArgument(value, 0));
  }
  if (tensors.size() == 1) {
    call.args = std::move(tensors);
  } else {
    Argument list;
    list.kind = Argument::Kind::kList;
    list.items = std::move(tensors);
    call.args.push_back(std::move(list));
  }
  return call;
}

Result<std::vector<Call>> ReadCalls(const Json& nodes) {
  std::vector<Call> calls;
  for (const Json& node : nodes.items()) {
    if (!node.is_object()) {
      EDGEML_ASSIGN_OR_RETURN(Call call, ReadOldCall(node));
      calls.push_back(std::move(call));
      continue;
    }
    Call call;
    for (const Json& item : node["args"].items()) {
      EDGEML_ASSIGN_OR_RETURN(Argument argument, ReadArgument(item, 0));
      call.args.push_back(std::move(argument));
    }
    for (const auto& [name, value] : node["kwargs"].members()) {
      EDGEML_ASSIGN_OR_RETURN(Argument argument, ReadArgument(value, 0));
      call.kwargs.emplace_back(name, std::move(argument));
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

Result<LayerConfig> ReadLayer(const Json& json, int depth) {
  if (depth > kMaxNesting)
    return Error(Code::kInvalidModel, "models nested more than ", kMaxNesting, " deep");
  LayerConfig layer;
  layer.class_name = json["class_name"].text();
  layer.config = json["config"];
  layer.build_config = json["build_config"];
  layer.module = json["module"].text();
  layer.registered_name = json["registered_name"].text();
  layer.name = json["name"].text();
  if (layer.name.empty()) layer.name = layer.config["name"].text();
  if (layer.class_name.empty())
    return Error(Code::kInvalidModel, "a layer without class_name: ", json.ToString());
  auto calls = ReadCalls(json["inbound_nodes"]);
  if (!calls.ok()) return Status(calls.status()).WithContext(Concat("layer '", layer.name, "'"));
  layer.calls = std::move(calls).value();
  if (!IsModelClass(layer)) return layer;
  EDGEML_ASSIGN_OR_RETURN(ModelConfig model, ReadModel(json, depth + 1));
  if (layer.name.empty()) layer.name = model.name;
  const bool old = !json["inbound_nodes"].items().empty() && !json["inbound_nodes"][0].is_object();
  const bool has_input = !model.layers.empty() && model.layers.front().class_name == "InputLayer";
  if (old && has_input) layer.first_call = 1;
  layer.model = std::make_shared<const ModelConfig>(std::move(model));
  return layer;
}

// References at the inputs or outputs of a model: one, a list, or names with them.
Status ReadEnds(const Json& json, const std::string& name,
                std::vector<std::pair<std::string, TensorRef>>& ends, int depth) {
  if (depth > kMaxNesting) return Error(Code::kInvalidModel, "outputs nested too deeply");
  if (IsReference(json)) {
    EDGEML_ASSIGN_OR_RETURN(TensorRef ref, ReadReference(json));
    ends.emplace_back(name, std::move(ref));
    return Status::Ok();
  }
  if (json["class_name"].text() == "__tuple__")
    return ReadEnds(json["items"], name, ends, depth + 1);
  if (!json.is_array() && !json.is_object())
    return Error(Code::kInvalidModel, "expected [layer, call, tensor], found ", json.ToString());
  for (const Json& item : json.items())
    EDGEML_RETURN_IF_ERROR(ReadEnds(item, name, ends, depth + 1));
  for (const auto& [key, item] : json.members())
    EDGEML_RETURN_IF_ERROR(ReadEnds(item, key, ends, depth + 1));
  return Status::Ok();
}

// A sequential model does without an input layer when its first layer tells the shape.
Status AddInputLayer(ModelConfig& model, const Json& json) {
  if (!model.layers.empty() && model.layers.front().class_name == "InputLayer") return Status::Ok();
  const Json& config = json["config"];
  const Json* shape = &config["build_input_shape"];
  if (!shape->is_array()) shape = &json["build_config"]["input_shape"];
  // Through wrappers and nested models to the innermost first layer.
  std::string type = "float32";
  const LayerConfig* first = model.layers.empty() ? nullptr : &model.layers.front();
  for (int depth = 0; first != nullptr && depth < kMaxNesting; ++depth) {
    for (const char* key : {"batch_input_shape", "batch_shape"}) {
      if (!first->config[key].is_array()) continue;
      shape = &first->config[key];
      if (first->config["input_dtype"].is_string()) type = first->config["input_dtype"].text();
      if (first->class_name == "InputLayer" && first->config["dtype"].is_string())
        type = first->config["dtype"].text();
    }
    if (first->class_name == "Embedding") type = "int32";
    first = first->model != nullptr && !first->model->layers.empty() ? &first->model->layers.front()
                                                                     : nullptr;
  }
  if (!shape->is_array())
    return Error(Code::kUnsupported, "the sequential model '", model.name,
                 "' does not tell its input shape; save it after it was called or built once");
  LayerConfig input;
  input.class_name = "InputLayer";
  input.name = Concat(model.layers.empty() ? model.name : model.layers.front().name, "_input");
  auto made = Json::Parse(Concat("{\"dtype\": \"", type, "\"}"));
  if (!made.ok()) return made.status();
  input.config = std::move(made).value();
  input.build_config = *shape;
  model.layers.insert(model.layers.begin(), std::move(input));
  return Status::Ok();
}

Result<ModelConfig> ReadModel(const Json& json, int depth) {
  const std::string& class_name = json["class_name"].text();
  const Json& config = json["config"];
  ModelConfig model;
  model.name = config["name"].is_string() ? config["name"].text() : json["name"].text();
  if (model.name.empty()) model.name = "model";
  // Keras 1 wrote the layers of a sequential model without more around them.
  const Json& layers = config.is_array() ? config : config["layers"];
  if (!layers.is_array())
    return Error(Code::kUnsupported, "the model is of the class '", class_name,
                 "', whose layers and calls are in its Python code alone; export it with "
                 "model.export(DIR) and convert that folder");
  for (const Json& item : layers.items()) {
    EDGEML_ASSIGN_OR_RETURN(LayerConfig layer, ReadLayer(item, depth));
    model.layers.push_back(std::move(layer));
  }
  model.is_sequential = class_name == "Sequential" || !config.Has("input_layers");
  if (model.is_sequential) {
    EDGEML_RETURN_IF_ERROR(AddInputLayer(model, json));
    // A chain.
    for (size_t i = 1; i < model.layers.size(); ++i) {
      LayerConfig& layer = model.layers[i];
      layer.first_call = 0;
      const LayerConfig& before = model.layers[i - 1];
      layer.calls = {Call{{TensorArgument({before.name, 0, 0})}, {}}};
    }
    model.layers.front().calls.clear();
    model.inputs = {{model.layers.front().name, 0, 0}};
    model.outputs = {{"", {model.layers.back().name, 0, 0}}};
    return model;
  }
  std::vector<std::pair<std::string, TensorRef>> inputs;
  EDGEML_RETURN_IF_ERROR(ReadEnds(config["input_layers"], "", inputs, 0));
  for (auto& end : inputs) model.inputs.push_back(std::move(end.second));
  EDGEML_RETURN_IF_ERROR(ReadEnds(config["output_layers"], "", model.outputs, 0));
  if (model.outputs.empty()) return Error(Code::kInvalidModel, "the model has no outputs");
  return model;
}

}  // namespace

Result<ModelConfig> ReadModelConfig(const Json& json) { return ReadModel(json, 0); }

Result<LayerConfig> ReadLayerConfig(const Json& json) { return ReadLayer(json, 0); }

}  // namespace edgeml::keras
