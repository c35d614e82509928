#include "src/compress/quantize/integer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/cells.h"
#include "src/compress/quantize/integer_plan.h"
#include "src/compress/quantize/layers.h"
#include "src/ir/op_def.h"
#include "src/ir/rewriter.h"
#include "src/passes/matching.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

// Biases keep so many bits free for the sum that they are added to.
constexpr double kLargestBias = 1 << 30;

template <typename T>
ir::ConstantData RoundTo(std::span<const float> values, double inverse_scale, int32_t zero_point,
                         double lowest, double highest) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const double q = std::round(values[i] * inverse_scale) + zero_point;
    const T stored = static_cast<T>(std::clamp(q, lowest, highest));
    std::memcpy(bytes.data() + i * sizeof(T), &stored, sizeof(T));
  }
  return ir::ConstantData::Own(std::move(bytes));
}

class Quantizer {
 public:
  // `inputs` gets, by layer, the value that its weights multiply.
  Quantizer(ir::Graph& graph, const IntegerPlan& plan, const IntegerOptions& options,
            std::map<int32_t, int32_t>& inputs)
      : graph_(graph), plan_(plan), options_(options), inputs_(inputs) {
    stored_.resize(graph.values.size());
  }

  Status Run() {
    StoreInputs();
    const size_t nodes = plan_.nodes.size();  // numbers of the nodes that were there before
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      if (static_cast<size_t>(n) >= nodes) continue;
      if (plan_.nodes[static_cast<size_t>(n)].quantized) {
        EDGEML_RETURN_IF_ERROR(Quantize(n));
      } else {
        FeedFloat(n);
      }
    }
    return Status::Ok();
  }

 private:
  // A value of the float graph as the new one has it.
  struct Stored {
    int32_t value = ir::kNoValue;  // quantized; kNoValue = it is float
    Affine affine;
  };

  Stored& stored(int32_t v) { return stored_[static_cast<size_t>(v)]; }

  void SetQuantized(int32_t v, DType type, const Affine& affine) {
    ir::Value& value = graph_.mutable_value(v);
    value.type = type;
    value.quantization = PerTensor(affine.scale, affine.zero_point);
  }
  int32_t AddQuantized(int32_t like, const char* suffix, DType type, const Affine& affine) {
    const int32_t v = graph_.AddLike(like, graph_.value(like).name + suffix, graph_.shape(like));
    SetQuantized(v, type, affine);
    return v;
  }
  void InsertConversion(OpCode op, int32_t from, int32_t to, int32_t before) {
    ir::Node node;
    node.op = op;
    node.inputs = {from};
    node.outputs = {to};
    graph_.InsertBefore(before, std::move(node));
  }

  // Inputs of the model that are integers change in place.
  void StoreInputs() {
    if (options_.input_type == DType::kFloat32) return;
    for (const int32_t v : std::vector<int32_t>(graph_.graph().inputs)) {
      if (graph_.value(v).type != DType::kFloat32 || !plan_.affine_of(v)) continue;
      Affine affine = *plan_.affine_of(v);
      if (options_.input_type == DType::kUInt8) affine.zero_point += 128;
      SetQuantized(v, options_.input_type, affine);
      stored(v) = {v, affine};
    }
  }

  // `v` quantized so, for a node; made in front of it if need be.
  int32_t Have(int32_t v, const Affine& affine, int32_t before) {
    const DType type = plan_.activations;
    const Stored& now = stored(v);
    if (now.value != ir::kNoValue && now.affine == affine && graph_.value(now.value).type == type)
      return now.value;
    const auto key = std::tuple(v, affine.scale, affine.zero_point, type);
    if (const auto it = copies_.find(key); it != copies_.end()) return it->second;
    const int32_t from = now.value == ir::kNoValue ? v : now.value;
    const int32_t made = AddQuantized(v, "_quantized", type, affine);
    InsertConversion(OpCode::kQuantize, from, made, before);
    return copies_[key] = made;
  }

  int32_t HaveConstant(int32_t v, const Affine& affine, DType type) {
    const auto key = std::tuple(v, affine.scale, affine.zero_point, type);
    if (const auto it = copies_.find(key); it != copies_.end()) return it->second;
    const ir::Value& value = graph_.value(v);
    const bool wide = type == DType::kInt16;
    const double inverse = 1.0 / affine.scale;
    ir::ConstantData data =
        wide ? RoundTo<int16_t>(FloatsOf(value), inverse, 0, -32767, 32767)
             : RoundTo<int8_t>(FloatsOf(value), inverse, affine.zero_point, -128, 127);
    const int32_t made = graph_.AddConstant(value.name, type, value.shape, std::move(data));
    SetQuantized(made, type, affine);
    return copies_[key] = made;
  }

  // Inputs of a node that stays float.
  void FeedFloat(int32_t n) {
    for (size_t i = 0; i < graph_.node(n).inputs.size(); ++i) {
      const int32_t v = graph_.node(n).inputs[i];
      if (v == ir::kNoValue || static_cast<size_t>(v) >= stored_.size()) continue;
      const Stored& now = stored(v);
      if (now.value == ir::kNoValue) continue;
      if (now.value != v) continue;  // `v` itself is float
      auto [it, added] = floats_.emplace(v, ir::kNoValue);
      if (added) {
        it->second = graph_.AddLike(v, graph_.value(v).name + "_float", graph_.shape(v));
        graph_.mutable_value(it->second).type = DType::kFloat32;
        graph_.mutable_value(it->second).quantization = {};
        InsertConversion(OpCode::kDequantize, v, it->second, n);
      }
      graph_.SetInput(n, i, it->second);
    }
  }

  Status Quantize(int32_t n) {
    const IntegerPlan::Node& plan = plan_.nodes[static_cast<size_t>(n)];
    const Convention& convention = *ConventionOf(graph_.node(n).op);
    const std::vector<int32_t> inputs = graph_.node(n).inputs;
    ir::Node& changed = graph_.mutable_node(n);
    // Else the kernels want powers of two as scales.
    if (auto* const binary = std::get_if<ir::BinaryAttrs>(&changed.attributes);
        binary != nullptr && plan_.activations == DType::kInt16)
      binary->pot_scale_int16 = false;
    Affine fed;  // of the input that the weights are multiplied by
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int32_t v = inputs[i];
      const auto place = static_cast<int8_t>(i);
      if (v == ir::kNoValue || !plan.inputs[i] || place == convention.weights ||
          place == convention.bias)
        continue;
      const Affine& affine = *plan.inputs[i];
      fed = affine;
      const DType constants = ConstantTypeOf(graph_.node(n).op, plan_.activations);
      graph_.SetInput(
          n, i, graph_.is_constant(v) ? HaveConstant(v, affine, constants) : Have(v, affine, n));
      graph_.DropIfUnused(v);
      if (convention.weights >= 0) inputs_[n] = graph_.node(n).inputs[i];
    }
    if (convention.weights >= 0) EDGEML_RETURN_IF_ERROR(QuantizeWeightsOf(n, convention, fed));
    if (convention.cell)
      EDGEML_RETURN_IF_ERROR(QuantizeCell(graph_, n, plan_.ranges, fed, *plan.outputs[0]));
    for (size_t i = 0; i < graph_.node(n).outputs.size(); ++i)
      if (plan.outputs[i]) StoreOutput(n, i, *plan.outputs[i]);
    if (!plan.outputs.empty() && plan.outputs[0]) DropIdleClamp(n, plan.outputs[0]->scale);
    return Status::Ok();
  }

  // An output that is far below 6 throughout needs no RELU6, and LiteRT cannot say 6 in its scale.
  void DropIdleClamp(int32_t n, float scale) {
    constexpr float kLeast = 6.0f / (1 << 24);
    if (scale >= kLeast) return;
    ir::Node& node = graph_.mutable_node(n);
    if (node.op == OpCode::kRelu6) node.op = OpCode::kRelu;
    if (ir::FusedActivation(node) == ir::Activation::kRelu6)
      passes::SetFusedActivation(node, ir::Activation::kRelu);
    if (ir::FusedActivation(node) == ir::Activation::kReluN1To1)
      passes::SetFusedActivation(node, ir::Activation::kNone);
  }

  void StoreOutput(int32_t n, size_t i, const Affine& affine) {
    const int32_t v = graph_.node(n).outputs[i];
    const DType type = plan_.activations;
    if (!graph_.IsGraphOutput(v) || options_.output_type == type) {
      SetQuantized(v, type, affine);
      stored(v) = {v, affine};
      return;
    }
    // The output keeps its place, the node makes another value.
    const int32_t made = AddQuantized(v, "_quantized", type, affine);
    graph_.SetOutput(n, i, made);
    ir::Node conversion;
    conversion.inputs = {made};
    conversion.outputs = {v};
    if (options_.output_type == DType::kFloat32) {
      conversion.op = OpCode::kDequantize;
    } else {
      conversion.op = OpCode::kQuantize;
      Affine out = affine;
      if (options_.output_type == DType::kUInt8) out.zero_point += 128;
      SetQuantized(v, options_.output_type, out);
    }
    graph_.InsertAfter(n, std::move(conversion));
    stored(v) = {made, affine};
  }

  Status QuantizeWeightsOf(int32_t n, const Convention& convention, const Affine& fed) {
    const ir::Node& node = graph_.node(n);
    const int32_t w = node.inputs[static_cast<size_t>(convention.weights)];
    const auto place = static_cast<size_t>(convention.bias);
    const int32_t b = node.inputs.size() > place ? node.inputs[place] : ir::kNoValue;
    const bool wide = plan_.activations == DType::kInt16;
    const WeightFormat format = *WeightFormatOf(plan_.graph, n, options_);
    const Shape shape = graph_.value(w).shape;
    QuantizedWeights weights;
    if (const auto it = options_.rounded.find(n); it != options_.rounded.end()) {
      weights = it->second;
      weights.format.packed = format.packed;
      if (weights.values.size() != static_cast<size_t>(shape.num_elements()))
        return Error(Code::kInvalidArgument, "rounded weights of another size");
    } else {
      // A bias that does not fit asks for a larger scale.
      std::vector<float> least;
      if (b != ir::kNoValue && !wide) {
        for (const float bias : FloatsOf(graph_.value(b)))
          least.push_back(static_cast<float>(std::abs(bias) / (fed.scale * kLargestBias)));
        if (format.axis < 0 && !least.empty()) least = {*std::ranges::max_element(least)};
      }
      auto quantized = QuantizeWeights(FloatsOf(graph_.value(w)), shape, format, least);
      if (!quantized.ok()) return Status(quantized.status()).WithContext(graph_.value(w).name);
      weights = *std::move(quantized);
    }
    graph_.SetInput(n, static_cast<size_t>(convention.weights), WeightsConstant(w, weights));
    graph_.DropIfUnused(w);
    if (b == ir::kNoValue) return Status::Ok();
    graph_.SetInput(n, place, BiasConstant(n, b, weights, fed.scale, wide));
    graph_.DropIfUnused(b);
    return Status::Ok();
  }

  int32_t WeightsConstant(int32_t w, const QuantizedWeights& weights) {
    for (const auto& [made, same] : weights_[w])
      if (same.values == weights.values && same.scale == weights.scale &&
          same.format == weights.format)
        return made;
    const ir::Value constant = MakeConstant(weights, graph_.value(w).name, graph_.value(w).shape);
    const int32_t made = graph_.AddValue(constant);
    weights_[w].emplace_back(made, weights);
    return made;
  }

  int32_t BiasConstant(int32_t n, int32_t b, const QuantizedWeights& weights, float input_scale,
                       bool wide) {
    const ir::Value& value = graph_.value(b);
    std::vector<float> values(FloatsOf(value).begin(), FloatsOf(value).end());
    if (const auto it = options_.bias_shift.find(n); it != options_.bias_shift.end())
      for (size_t i = 0; i < std::min(values.size(), it->second.size()); ++i)
        values[i] += it->second[i];
    Quantization quantization;
    std::vector<std::byte> bytes(values.size() * (wide ? sizeof(int64_t) : sizeof(int32_t)));
    for (size_t i = 0; i < values.size(); ++i) {
      // As LiteRT checks it: the product in float.
      const float scale = input_scale * weights.scale[weights.scale.size() > 1 ? i : 0];
      if (i < weights.scale.size()) quantization.scale.push_back(scale);
      const double q = std::round(static_cast<double>(values[i]) / scale);
      if (wide) {
        constexpr double kMost = 1LL << 47;  // what the kernels' multipliers take
        const auto stored = static_cast<int64_t>(std::clamp(q, -kMost, kMost));
        std::memcpy(bytes.data() + i * sizeof stored, &stored, sizeof stored);
      } else {
        constexpr double kMost = std::numeric_limits<int32_t>::max();
        const auto stored = static_cast<int32_t>(std::clamp(q, -kMost, kMost));
        std::memcpy(bytes.data() + i * sizeof stored, &stored, sizeof stored);
      }
    }
    quantization.zero_point.assign(quantization.scale.size(), 0);
    const int32_t made = graph_.AddConstant(value.name, wide ? DType::kInt64 : DType::kInt32,
                                            value.shape, ir::ConstantData::Own(std::move(bytes)));
    graph_.mutable_value(made).quantization = std::move(quantization);
    return made;
  }

  Rewriter graph_;
  const IntegerPlan& plan_;
  const IntegerOptions& options_;
  std::map<int32_t, int32_t>& inputs_;
  std::vector<Stored> stored_;  // by value of the float graph
  std::map<std::tuple<int32_t, float, int32_t, DType>, int32_t> copies_;
  std::map<int32_t, int32_t> floats_;
  std::map<int32_t, std::vector<std::pair<int32_t, QuantizedWeights>>> weights_;
};

Status CheckOptions(const IntegerOptions& options) {
  const auto check = [&](DType type, const char* what) -> Status {
    const bool fits = type == DType::kFloat32 || type == options.activations ||
                      (type == DType::kUInt8 && options.activations == DType::kInt8);
    if (fits) return Status::Ok();
    return Error(Code::kInvalidArgument, what, " cannot be ", NameOf(type), " with activations of ",
                 NameOf(options.activations));
  };
  if (options.activations != DType::kInt8 && options.activations != DType::kInt16)
    return Error(Code::kInvalidArgument, "activations are int8 or int16, not ",
                 NameOf(options.activations));
  EDGEML_RETURN_IF_ERROR(check(options.input_type, "inputs"));
  return check(options.output_type, "outputs");
}

// All operators that would stay float, with their numbers.
Status RefuseFloat(const std::vector<LayerReport>& layers) {
  std::map<std::pair<std::string, std::string>, std::pair<int, std::string>> found;
  for (const LayerReport& layer : layers) {
    if (layer.quantized) continue;
    auto& [count, first] = found[{layer.op, layer.reason}];
    if (count++ == 0) first = layer.name;
  }
  if (found.empty()) return Status::Ok();
  std::string text;
  for (const auto& [what, where] : found)
    text += Concat(text.empty() ? "" : "; ", what.first, " (", where.first, "x, first ",
                   where.second, ": ", what.second, ")");
  return Error(Code::kUnsupported, "these operators cannot be integers only: ", text,
               ". Use int8-float, or keep them out of the model");
}

}  // namespace

Result<ir::Module> QuantizeToIntegers(const ir::Module& module, const Ranges& ranges,
                                      const IntegerOptions& options,
                                      std::vector<LayerReport>* report) {
  EDGEML_RETURN_IF_ERROR(CheckOptions(options));
  ir::Module out = module;  // shares the constants
  std::vector<LayerReport> layers;
  const IntegerPlan plan = MakeIntegerPlan(module.graphs[0], ranges, options, layers);
  if (options.integer_only) EDGEML_RETURN_IF_ERROR(RefuseFloat(layers));
  std::map<int32_t, int32_t> inputs;
  EDGEML_RETURN_IF_ERROR(Quantizer(out.graphs[0], plan, options, inputs).Run());
  for (LayerReport& layer : layers)
    if (const auto it = inputs.find(layer.node); it != inputs.end())
      layer.quantized_input = it->second;
  const Status status = ir::Verify(out);
  if (!status.ok()) return Error(Code::kInternal, "quantized graph: ", status.message());
  if (report != nullptr) *report = std::move(layers);
  return out;
}

}  // namespace edgeml::quantize
