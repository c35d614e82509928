// Recurrent layers, and the wrappers around layers that know time.
#include <algorithm>

#include "src/base/strings.h"
#include "src/formats/keras/layers/recurrent_loop.h"

namespace edgeml::keras {
namespace {

// A recurrent layer as its config and weights tell.
struct Recurrent {
  Recurrence run;
  bool return_sequences = false, return_state = false;
  int channels_first = 0;  // spatial dimensions that channels stand in front of
};

bool IsPlain(std::string_view name) {
  static constexpr std::string_view kNames[] = {"LSTM",       "GRU",       "SimpleRNN",
                                                "CuDNNLSTM",  "CuDNNGRU",  "ConvLSTM1D",
                                                "ConvLSTM2D", "ConvLSTM3D"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool IsCell(std::string_view name) {
  return name == "LSTMCell" || name == "GRUCell" || name == "SimpleRNNCell";
}

// The cells in the config of an RNN layer: one, or those of a StackedRNNCells.
Result<std::vector<LayerConfig>> CellsOf(const Json& config) {
  std::vector<LayerConfig> cells;
  const Json& cell = config["cell"];
  const bool stacked = cell["class_name"].text() == "StackedRNNCells";
  const Json& list = stacked ? cell["config"]["cells"] : cell;
  if (list.is_object()) {
    EDGEML_ASSIGN_OR_RETURN(LayerConfig one, ReadLayerConfig(list));
    cells.push_back(std::move(one));
  }
  for (const Json& item : list.items()) {
    EDGEML_ASSIGN_OR_RETURN(LayerConfig one, ReadLayerConfig(item));
    cells.push_back(std::move(one));
  }
  if (stacked && cell["config"]["reverse_state_order"].boolean().value_or(false))
    return Error(Code::kUnsupported, "states in reverse order");
  for (const LayerConfig& one : cells)
    if (!IsCell(one.class_name))
      return Error(Code::kUnsupported, "cells of the class '", one.class_name, "'");
  if (cells.empty()) return Error(Code::kInvalidModel, "no cell");
  return cells;
}

// How many weights a recurrent layer has.
size_t CountLayerWeights(const LayerConfig& layer) {
  if (IsPlain(layer.class_name)) return CountWeights(layer.config);
  auto cells = CellsOf(layer.config);
  size_t count = 0;
  if (cells.ok())
    for (const LayerConfig& cell : *cells) count += CountWeights(cell.config);
  return count;
}

// Reads a recurrent layer (c's own, or one inside of it).
Result<Recurrent> ReadRecurrent(LayerContext& c, const LayerConfig& layer, const Weights& weights) {
  LayerOptions options(layer.config);
  Recurrent out;
  if (IsPlain(layer.class_name)) {
    out.run.cells.push_back(ReadCell(c, layer.class_name, options, weights.OfPart("cell")));
    EDGEML_RETURN_IF_ERROR(options.status());
    EDGEML_RETURN_IF_ERROR(c.e.status());
    const Cell& cell = out.run.cells[0];
    if (cell.dims > 0 && options.Raw("data_format").text() == "channels_first")
      out.channels_first = static_cast<int>(cell.dims);
  } else if (layer.class_name == "RNN" || layer.class_name == "Recurrent") {
    EDGEML_ASSIGN_OR_RETURN(const std::vector<LayerConfig> cells, CellsOf(layer.config));
    const Weights all = weights.OfPart("cell");
    size_t at = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
      LayerOptions of_cell(cells[i].config);
      const size_t count = CountWeights(cells[i].config);
      // In an archive each cell of several has a group like a layer of a model.
      const Weights own = cells.size() == 1 ? all : all.OfItem("cells", cells, i);
      out.run.cells.push_back(ReadCell(c, cells[i].class_name, of_cell, own.OfRange(at, count)));
      EDGEML_RETURN_IF_ERROR(of_cell.Finish());
      EDGEML_RETURN_IF_ERROR(c.e.status());
      at += count;
    }
    options.Ignore({"cell"});
  } else {
    return Error(Code::kUnsupported, "a layer of the class '", layer.class_name, "' in it");
  }
  out.return_sequences = options.Bool("return_sequences", false);
  out.return_state = options.Bool("return_state", false);
  out.run.backwards = options.Bool("go_backwards", false);
  out.run.zero_masked = options.Bool("zero_output_for_mask", false);
  out.run.stateful = options.Bool("stateful", false);
  if (options.Bool("time_major", false))
    return Error(Code::kUnsupported, "time_major = true; transpose its input instead");
  if (options.Has("num_constants")) return Error(Code::kUnsupported, "constants of its cells");
  options.Ignore({"unroll", "num_constants"});
  EDGEML_RETURN_IF_ERROR(options.Finish());
  out.run.sequences = out.return_sequences;
  out.run.states = out.return_state;
  return out;
}

void CollectTensors(const LayerContext& c, const Argument& argument, std::vector<Tensor>& found) {
  if (argument.kind == Argument::Kind::kTensor)
    found.push_back(c.lowering.Resolve(argument.tensor));
  for (const Argument& item : argument.items) CollectTensors(c, item, found);
}

// The tensors of a call: sequences, initial states, mask. Keras 2 puts sequences and states into
// one list.
struct CallTensors {
  Tensor x;
  std::vector<int32_t> initial;
  int32_t mask = ir::kNoValue;
};

Result<CallTensors> ReadCallTensors(const LayerContext& c) {
  CallTensors out;
  if (c.inputs.empty()) return Error(Code::kInvalidModel, "no input");
  out.x = c.inputs[0];
  out.mask = out.x.mask;
  std::vector<Tensor> states, masks;
  if (!c.call.args.empty() && c.call.args[0].kind == Argument::Kind::kList)
    states.assign(c.inputs.begin() + 1, c.inputs.end());
  if (c.call.args.size() > 1) CollectTensors(c, c.call.args[1], states);
  if (c.call.args.size() > 2) CollectTensors(c, c.call.args[2], masks);
  for (const auto& [name, argument] : c.call.kwargs) {
    if (name == "initial_state") CollectTensors(c, argument, states);
    if (name == "mask") CollectTensors(c, argument, masks);
    if (name == "constants" && !argument.is_none())
      return Error(Code::kUnsupported, "constants of its cells");
  }
  for (const Tensor& state : states) out.initial.push_back(state.value);
  if (!masks.empty()) out.mask = masks[0].value;
  if (std::ranges::find(out.initial, ir::kNoValue) != out.initial.end() ||
      (!masks.empty() && out.mask == ir::kNoValue))
    return Error(Code::kUnsupported, "states or a mask that another layer lacks");
  return out;
}

// Moves the channels of [batch, time, channels, …] to the end, or of [batch, channels, …] for
// `time` = 0; or back.
int32_t MoveChannels(ir::Emitter& e, int32_t x, int dims, int time, bool to_end) {
  if (dims == 0 || !e.ok()) return x;
  const int first = 1 + time;
  if (e.rank(x) != first + 1 + dims) return x;  // said elsewhere
  std::vector<int32_t> order;
  for (int d = 0; d < first; ++d) order.push_back(d);
  if (!to_end) order.push_back(first + dims);
  for (int d = 0; d < dims; ++d) order.push_back(first + d + (to_end ? 1 : 0));
  if (to_end) order.push_back(first);
  return e.Transpose(x, order);
}

// Runs the layer; the first result is its output, the others the states.
std::vector<int32_t> RunRecurrent(LayerContext& c, Recurrent& layer, const CallTensors& tensors) {
  const int dims = layer.channels_first;
  layer.run.mask = tensors.mask;
  layer.run.initial = tensors.initial;
  for (int32_t& state : layer.run.initial) state = MoveChannels(c.e, state, dims, 0, true);
  RecurrenceResult result = Run(c, layer.run, MoveChannels(c.e, tensors.x.value, dims, 1, true));
  const int time = layer.return_sequences ? 1 : 0;
  std::vector<int32_t> out = {MoveChannels(c.e, result.output, dims, time, false)};
  for (const int32_t state : result.states) out.push_back(MoveChannels(c.e, state, dims, 0, false));
  return out;
}

Status LowerRecurrent(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(Recurrent layer, ReadRecurrent(c, c.layer, c.weights));
  EDGEML_ASSIGN_OR_RETURN(const CallTensors tensors, ReadCallTensors(c));
  const std::vector<int32_t> results = RunRecurrent(c, layer, tensors);
  c.outputs.clear();
  for (const int32_t v : results) c.outputs.push_back({v, ir::kNoValue});
  if (layer.return_sequences) c.outputs[0].mask = tensors.x.mask;
  return c.e.status();
}

// Bidirectional --------------------------------------------------------------------------------

int32_t Merge(ir::Emitter& e, const std::string& mode, int32_t a, int32_t b) {
  if (mode == "sum") return e.Add(a, b);
  if (mode == "mul") return e.Mul(a, b);
  if (mode == "ave") return e.Mul(e.Add(a, b), e.Float(0.5f));
  return e.Concatenate({a, b}, e.rank(a) - 1);
}

Status LowerBidirectional(LayerContext& c) {
  // None is a mode of its own here, not the default.
  const bool apart = c.layer.config.Has("merge_mode") && !c.options.Has("merge_mode");
  const std::string mode = c.options.OneOf("merge_mode", {"concat", "sum", "mul", "ave"}, "concat");
  EDGEML_ASSIGN_OR_RETURN(const LayerConfig forward, ReadLayerConfig(c.options.Raw("layer")));
  const bool has_backward = c.options.Has("backward_layer");
  LayerConfig backward = forward;
  if (has_backward) {
    EDGEML_ASSIGN_OR_RETURN(backward, ReadLayerConfig(c.options.Raw("backward_layer")));
  }
  c.options.Ignore({"backward_layer", "num_constants", "return_sequences", "return_state",
                    "stateful", "go_backwards", "unroll"});
  const size_t count = CountLayerWeights(forward);
  const Weights forward_weights = c.weights.OfRange(0, count).OfPart("forward_layer");
  const Weights backward_weights =
      c.weights.OfRange(count, CountLayerWeights(backward)).OfPart("backward_layer");
  const std::string name = c.layer.name;
  EDGEML_ASSIGN_OR_RETURN(Recurrent one, ReadRecurrent(c, forward, forward_weights));
  EDGEML_ASSIGN_OR_RETURN(Recurrent two, ReadRecurrent(c, backward, backward_weights));
  two.run.backwards = !one.run.backwards;
  two.run.in_input_order = true;
  // Keras 2 makes its layers put out zeros at masked steps.
  if (c.lowering.keras_major() < 3)
    one.run.zero_masked = two.run.zero_masked = one.return_sequences;
  if (one.run.backwards) return Error(Code::kUnsupported, "a forward layer that goes backwards");
  if (two.return_sequences != one.return_sequences || two.return_state != one.return_state)
    return Error(Code::kInvalidModel, "its layers return different things");
  EDGEML_ASSIGN_OR_RETURN(CallTensors tensors, ReadCallTensors(c));
  CallTensors reversed = tensors;
  if (tensors.initial.size() % 2 != 0)
    return Error(Code::kInvalidModel, tensors.initial.size(), " initial states");
  const auto half = static_cast<ptrdiff_t>(tensors.initial.size() / 2);
  reversed.initial.assign(tensors.initial.begin() + half, tensors.initial.end());
  tensors.initial.resize(static_cast<size_t>(half));
  const std::vector<int32_t> a = RunRecurrent(c, one, tensors);
  c.e.SetPrefix(c.Name("backward"));
  const std::vector<int32_t> b = RunRecurrent(c, two, reversed);
  c.e.SetPrefix(c.Name("merge"));
  const int32_t mask = one.return_sequences ? tensors.x.mask : ir::kNoValue;
  c.outputs.clear();
  if (apart) {
    c.outputs = {{a[0], mask}, {b[0], mask}};
  } else {
    c.outputs = {{Merge(c.e, mode, a[0], b[0]), mask}};
  }
  for (const auto* states : {&a, &b})
    for (size_t i = 1; i < states->size(); ++i) c.outputs.push_back({(*states)[i], ir::kNoValue});
  return c.Finish();
}

// TimeDistributed ------------------------------------------------------------------------------

// Layers that do the same on all but the last dimensions, so that time may stay where it is.
bool WorksOnAnyRank(const LayerConfig& layer) {
  static constexpr std::string_view kNames[] = {"Dense", "Dropout", "ReLU", "LeakyReLU", "ELU"};
  if (std::ranges::find(kNames, layer.class_name) != std::end(kNames)) return true;
  if (layer.class_name == "Activation")
    return layer.config["activation"].is_string();  // even softmax, which is of the last dimension
  const auto& axis = layer.config["axis"];
  return layer.class_name == "BatchNormalization" &&
         (axis.integer() == -1 || (axis.items().size() == 1 && axis[0].integer() == -1));
}

Status LowerTimeDistributed(LayerContext& c) {
  EDGEML_ASSIGN_OR_RETURN(LayerConfig inner, ReadLayerConfig(c.options.Raw("layer")));
  EDGEML_RETURN_IF_ERROR(c.options.Finish());
  // Named like the wrapper: weights of files without names are found by position.
  if (inner.name.empty()) inner.name = Concat(c.layer.name, "/layer");
  if (c.inputs.size() != 1)
    return Error(Code::kUnsupported, "a call with ", c.inputs.size(), " tensors");
  const Weights weights = c.weights.OfPart("layer");
  ir::Emitter& e = c.e;
  const Call none;
  const Shape in = e.shape(c.x());
  if (in.rank() < 2) return Error(Code::kInvalidModel, "an input of shape ", in.ToString());
  if (WorksOnAnyRank(inner)) {
    EDGEML_ASSIGN_OR_RETURN(
        c.outputs, c.lowering.LowerLayer(inner, weights, none, {{c.x(), ir::kNoValue}}, ""));
    if (!c.outputs.empty()) c.outputs[0].mask = c.inputs[0].mask;
    return Status::Ok();
  }
  Shape flat{kUnknownDim};
  if (in[0] != kUnknownDim && in[1] != kUnknownDim) {
    if (int64_t{in[0]} * in[1] > INT32_MAX) return Error(Code::kInvalidModel, "an input too large");
    flat = {in[0] * in[1]};
  }
  for (int d = 2; d < in.rank(); ++d) flat.push_back(in[d]);
  const int32_t x = e.Reshape(c.x(), flat);
  EDGEML_RETURN_IF_ERROR(e.status());
  EDGEML_ASSIGN_OR_RETURN(const std::vector<Tensor> made,
                          c.lowering.LowerLayer(inner, weights, none, {{x, ir::kNoValue}}, ""));
  for (const Tensor& tensor : made) {
    if (tensor.value == ir::kNoValue) return Status::Ok();  // not supported, and noted
    const Shape& shape = e.shape(tensor.value);
    if (shape.rank() < 1 || shape.rank() >= kMaxRank)
      return Error(Code::kUnsupported, "an output of shape ", shape.ToString(), " of its layer");
    Shape out{in[0], in[1]};
    for (int d = 1; d < shape.rank(); ++d) out.push_back(shape[d]);
    c.outputs.push_back({e.Reshape(tensor.value, out), c.inputs[0].mask});
  }
  return e.status();
}

constexpr LayerDef kLayers[] = {
    {"Bidirectional", LowerBidirectional},
    {"ConvLSTM1D", LowerRecurrent},
    {"ConvLSTM2D", LowerRecurrent},
    {"ConvLSTM3D", LowerRecurrent},
    {"CuDNNGRU", LowerRecurrent},
    {"CuDNNLSTM", LowerRecurrent},
    {"GRU", LowerRecurrent},
    {"LSTM", LowerRecurrent},
    {"RNN", LowerRecurrent},
    {"SimpleRNN", LowerRecurrent},
    {"TimeDistributed", LowerTimeDistributed},
};

}  // namespace

std::span<const LayerDef> RecurrentLayers() { return kLayers; }

}  // namespace edgeml::keras
