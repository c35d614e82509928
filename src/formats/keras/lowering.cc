#include "src/formats/keras/lowering.h"

#include <algorithm>

#include "src/base/strings.h"

namespace edgeml::keras {
namespace {

constexpr int kMaxDepth = 64;  // layers in wrappers in models in …
// Calls of layers in all. Models that call models several times would else take time and memory out
// of all proportion to the file.
constexpr int kMaxCalls = 1 << 17;

void CollectReferences(const Argument& argument, std::vector<TensorRef>& refs) {
  if (argument.kind == Argument::Kind::kTensor) refs.push_back(argument.tensor);
  for (const Argument& item : argument.items) CollectReferences(item, refs);
}

// All tensors that a call takes, positional ones first.
std::vector<TensorRef> ReferencesOf(const Call& call, bool with_keywords) {
  std::vector<TensorRef> refs;
  for (const Argument& argument : call.args) CollectReferences(argument, refs);
  if (with_keywords)
    for (const auto& keyword : call.kwargs) CollectReferences(keyword.second, refs);
  return refs;
}

std::string Describe(const LayerConfig& layer) {
  return Concat("layer '", layer.name, "' (", layer.class_name, ")");
}

}  // namespace

void Problems::Add(const std::string& what, const std::string& where, const std::string& advice) {
  for (Entry& entry : entries_) {
    if (entry.what != what) continue;
    ++entry.count;
    return;
  }
  entries_.push_back({what, where, advice, 1});
}

Status Problems::ToStatus() const {
  if (entries_.empty()) return Status::Ok();
  std::string text;
  for (const Entry& entry : entries_) {
    text += Concat(text.empty() ? "" : "; ", entry.what, " (", entry.count,
                   entry.count == 1 ? " time, " : " times, first ", entry.first, ")");
    if (!entry.advice.empty()) text += Concat(": ", entry.advice);
  }
  return Error(Code::kUnsupported, "not supported: ", text);
}

Tensor LayerContext::Argument(std::string_view keyword, size_t position) const {
  for (const auto& [name, argument] : call.kwargs) {
    if (name != keyword) continue;
    if (argument.kind == Argument::Kind::kTensor) return lowering.Resolve(argument.tensor);
    return {};
  }
  if (position < call.args.size() && call.args[position].kind == Argument::Kind::kTensor)
    return lowering.Resolve(call.args[position].tensor);
  return {};
}

std::string LayerContext::Name(std::string_view suffix) const {
  return suffix.empty() ? layer.name : Concat(layer.name, "/", suffix);
}

Weight LayerContext::Take(std::string_view name, size_t index, int rank) {
  auto weight = weights.Take(name, index, rank);
  if (weight.ok()) return std::move(weight).value();
  e.Fail(weight.status());
  return {};
}

int32_t LayerContext::Constant(const Weight& weight, const Shape& shape, std::string_view suffix) {
  if (!e.ok()) return ir::kNoValue;
  const auto bytes = CheckedByteSize(shape, weight.type);
  if (!bytes || *bytes != weight.data.bytes.size()) {
    e.Fail(Error(Code::kInvalidModel, "the weight '", suffix, "' has the shape ",
                 weight.shape.ToString(), ", which does not fit; expected ", shape.ToString()));
    return ir::kNoValue;
  }
  return e.builder().AddConstant(Name(suffix), weight.type, shape, weight.data);
}

Status LayerContext::Check() const {
  EDGEML_RETURN_IF_ERROR(options.status());
  return e.status();
}

Status LayerContext::Finish() const {
  EDGEML_RETURN_IF_ERROR(options.Finish());
  return e.status();
}

const LayerDef* FindLayer(std::string_view class_name) {
  // Layers of Keras 1 that were only renamed.
  static constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
      {"Convolution1D", "Conv1D"},
      {"Convolution2D", "Conv2D"},
      {"Convolution3D", "Conv3D"},
      {"Deconvolution2D", "Conv2DTranspose"},
      {"Convolution2DTranspose", "Conv2DTranspose"},
      {"Convolution3DTranspose", "Conv3DTranspose"},
      {"SeparableConvolution1D", "SeparableConv1D"},
      {"SeparableConvolution2D", "SeparableConv2D"},
      {"DepthwiseConvolution2D", "DepthwiseConv2D"},
      {"BatchNormalizationV1", "BatchNormalization"},
      {"BatchNormalizationV2", "BatchNormalization"},
      {"SyncBatchNormalization", "BatchNormalization"},
      {"AvgPool1D", "AveragePooling1D"},
      {"AvgPool2D", "AveragePooling2D"},
      {"AvgPool3D", "AveragePooling3D"},
      {"MaxPool1D", "MaxPooling1D"},
      {"MaxPool2D", "MaxPooling2D"},
      {"MaxPool3D", "MaxPooling3D"},
      {"GlobalAvgPool2D", "GlobalAveragePooling2D"},
      {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
      {"CuDNNLSTM", "LSTM"},
      {"CuDNNGRU", "GRU"},
  };
  for (const auto& [old, name] : kRenamed)
    if (class_name == old) class_name = name;
  for (const auto& list :
       {ActivationLayers(), AttentionLayers(), ConvolutionLayers(), CoreLayers(), MergeLayers(),
        NormalizationLayers(), OperationLayers(), PoolingLayers(), PreprocessingLayers(),
        QuantizeLayers(), RecurrentLayers(), ReshapingLayers()})
    for (const LayerDef& def : list)
      if (class_name == def.class_name) return &def;
  return nullptr;
}

const LayerDef* FindLayer(const LayerConfig& layer) {
  const LayerDef* operation = FindKerasOperation(layer);
  return operation != nullptr ? operation : FindLayer(layer.class_name);
}

void Lowering::Note(const std::string& note) {
  if (std::ranges::find(notes_, note) == notes_.end()) notes_.push_back(note);
}

Tensor Lowering::Resolve(const TensorRef& ref) const {
  if (frames_.empty()) return {};
  const Frame& frame = frames_.back();
  const auto layer = frame.by_name.find(ref.layer);
  if (layer == frame.by_name.end()) return {};
  const auto done =
      frame.done.find({layer->second, ref.call - frame.model->layers[layer->second].first_call});
  if (done == frame.done.end()) return {};
  const auto index = static_cast<size_t>(ref.tensor);
  return index < done->second.size() ? done->second[index] : Tensor{};
}

// The calls that the outputs need, each after those that it needs.
Result<std::vector<Lowering::CallKey>> Lowering::Order(const Frame& frame) const {
  const ModelConfig& model = *frame.model;
  const auto find = [&](const TensorRef& ref) -> Result<CallKey> {
    const auto found = frame.by_name.find(ref.layer);
    if (found == frame.by_name.end())
      return Error(Code::kInvalidModel, "there is no layer '", ref.layer, "'");
    const LayerConfig& layer = model.layers[found->second];
    const int32_t call = ref.call - layer.first_call;
    const size_t calls = layer.class_name == "InputLayer" ? 1 : layer.calls.size();
    if (call < 0 || static_cast<size_t>(call) >= calls)
      return Error(Code::kInvalidModel, Describe(layer), " has no call ", ref.call);
    return CallKey{found->second, call};
  };
  enum class State : uint8_t { kOpen, kDone };
  std::map<CallKey, State> states;
  std::vector<CallKey> order, stack;
  for (auto it = model.outputs.rbegin(); it != model.outputs.rend(); ++it) {
    EDGEML_ASSIGN_OR_RETURN(const CallKey key, find(it->second));
    stack.push_back(key);
  }
  while (!stack.empty()) {
    const CallKey key = stack.back();
    const auto state = states.find(key);
    if (state != states.end()) {
      stack.pop_back();
      if (state->second == State::kOpen) {
        state->second = State::kDone;
        order.push_back(key);
      }
      continue;
    }
    states[key] = State::kOpen;
    const LayerConfig& layer = model.layers[key.first];
    if (layer.class_name == "InputLayer") continue;
    std::vector<TensorRef> refs =
        ReferencesOf(layer.calls[static_cast<size_t>(key.second)], /*with_keywords=*/true);
    std::ranges::reverse(refs);
    for (const TensorRef& ref : refs) {
      EDGEML_ASSIGN_OR_RETURN(const CallKey needed, find(ref));
      const auto seen = states.find(needed);
      if (seen == states.end()) {
        stack.push_back(needed);
      } else if (seen->second == State::kOpen) {
        return Error(Code::kInvalidModel, Describe(layer), " depends on itself");
      }
    }
  }
  return order;
}

Result<std::vector<Tensor>> Lowering::LowerModel(const ModelConfig& model, const Weights& weights,
                                                 std::span<const Tensor> inputs,
                                                 const std::string& scope) {
  if (inputs.size() != model.inputs.size())
    return Error(Code::kInvalidModel, "the model '", model.name, "' has ", model.inputs.size(),
                 " inputs but is called with ", inputs.size());
  frames_.emplace_back();
  frames_.back().model = &model;
  for (size_t i = 0; i < model.layers.size(); ++i)
    frames_.back().by_name.emplace(model.layers[i].name, i);
  EDGEML_ASSIGN_OR_RETURN(const std::vector<CallKey> order, Order(frames_.back()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto found = frames_.back().by_name.find(model.inputs[i].layer);
    if (found == frames_.back().by_name.end())
      return Error(Code::kInvalidModel, "there is no input layer '", model.inputs[i].layer, "'");
    frames_.back().done[{found->second, 0}] = {inputs[i]};
  }
  for (const CallKey& key : order) {
    if (frames_.back().done.contains(key)) continue;
    const LayerConfig& layer = model.layers[key.first];
    if (layer.class_name == "InputLayer")
      return Error(Code::kInvalidModel, Describe(layer), " is not among the model's inputs");
    const Call& call = layer.calls[static_cast<size_t>(key.second)];
    std::vector<Tensor> tensors;
    bool complete = true;
    for (const TensorRef& ref : ReferencesOf(call, /*with_keywords=*/false)) {
      tensors.push_back(Resolve(ref));
      complete = complete && tensors.back().value != ir::kNoValue;
    }
    std::vector<Tensor> outputs;
    if (complete) {
      auto lowered =
          LowerLayer(layer, weights.OfLayer(model, key.first), call, std::move(tensors), scope);
      if (!lowered.ok()) return lowered.status();
      outputs = std::move(lowered).value();
    } else if (layer.model == nullptr && FindLayer(layer) == nullptr) {
      problems_.Add(Concat("layer class ", layer.class_name), Concat("'", layer.name, "'"));
    }
    frames_.back().done[key] = std::move(outputs);
  }
  std::vector<Tensor> results;
  for (const auto& output : model.outputs) results.push_back(Resolve(output.second));
  frames_.pop_back();
  return results;
}

Result<std::vector<Tensor>> Lowering::LowerLayer(const LayerConfig& layer, const Weights& weights,
                                                 const Call& call, std::vector<Tensor> inputs,
                                                 const std::string& scope) {
  if (depth_ >= kMaxDepth)
    return Error(Code::kInvalidModel, "layers are nested more than ", kMaxDepth, " deep");
  if (++calls_ > kMaxCalls)
    return Error(Code::kUnsupported, "more than ", kMaxCalls, " calls of layers");
  LayerConfig scoped;  // names inside of nested models begin with the model's
  const LayerConfig* named = &layer;
  if (!scope.empty()) {
    scoped = layer;
    scoped.name = Concat(scope, layer.name);
    named = &scoped;
  }
  ++depth_;
  const auto leave = [&](auto result) {
    --depth_;
    return result;
  };
  using Outputs = Result<std::vector<Tensor>>;
  if (layer.model != nullptr)
    return leave(LowerModel(*layer.model, weights, inputs, Concat(named->name, "/")));
  const LayerDef* def = FindLayer(layer);
  if (def == nullptr) {
    const bool custom =
        !layer.registered_name.empty() && layer.registered_name.find('>') != std::string::npos;
    problems_.Add(Concat("layer class ", layer.class_name), Concat("'", named->name, "'"),
                  custom ? "a class of your own; its code is not in the file. Export the model "
                           "with model.export(DIR) and convert that folder"
                         : "");
    return leave(Outputs(std::vector<Tensor>{}));
  }
  LayerContext context{*this,
                       *named,
                       LayerOptions(layer.config),
                       weights,
                       call,
                       std::move(inputs),
                       {},
                       ir::Emitter(*builder_)};
  context.e.SetPrefix(named->name);
  Status status = def->lower(context);
  if (status.ok()) return leave(Outputs(std::move(context.outputs)));
  if (status.code() == Code::kUnsupported) {
    problems_.Add(Concat(layer.class_name, ": ", status.message()), Concat("'", named->name, "'"));
    return leave(Outputs(std::vector<Tensor>{}));
  }
  return leave(Outputs(std::move(status).WithContext(Describe(*named))));
}

}  // namespace edgeml::keras
