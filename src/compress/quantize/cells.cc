#include "src/compress/quantize/cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/compress/quantize/layers.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

// Inputs of an LSTM by position; gates in the order input, forget, cell, output.
constexpr size_t kGates = 4;
constexpr size_t kInputWeights = 1, kRecurrentWeights = 5, kPeepholes = 9, kBiases = 12;
constexpr size_t kProjection = 16, kProjectionBias = 17, kOutputState = 18, kCellState = 19;
constexpr size_t kLayerNorm = 20;
constexpr size_t kHidden = 4;  // of the intermediates; the gates' sums come before it
// Of an SVDF.
constexpr size_t kFeatures = 1, kTimeWeights = 2, kSvdfBias = 3, kSvdfState = 4;

constexpr double kMostInt16 = 32767;
// Biases keep so many bits free for the sum that they are added to.
constexpr double kLargestBias = 1 << 30;

size_t Index(int32_t i) { return static_cast<size_t>(i); }

bool Has(const ir::Node& node, size_t i) {
  return i < node.inputs.size() && node.inputs[i] != ir::kNoValue;
}
bool Normalizes(const ir::Node& node) { return Has(node, kLayerNorm + 1); }
bool IsLstm(const ir::Node& node) {
  return node.op == OpCode::kLstm || node.op == OpCode::kUnidirectionalSequenceLstm;
}
bool IsFullLstm(const ir::Node& node) {
  return IsLstm(node) && !node.attrs<ir::LstmAttrs>().basic_kernel;
}

// The intermediates whose range matters.
std::vector<size_t> InsideOf(const ir::Node& node) {
  std::vector<size_t> inside;
  for (size_t g = 0; Normalizes(node) && g < kGates; ++g)
    if (Has(node, kInputWeights + g)) inside.push_back(g);
  if (Has(node, kProjection)) inside.push_back(kHidden);
  return inside;
}

const char* WhyNotStates(const ir::Graph& graph, const ir::Node& node,
                         std::initializer_list<size_t> states) {
  for (const size_t i : states) {
    if (!Has(node, i) || !graph.values[Index(node.inputs[i])].is_variable)
      return "its state is no variable";
    const int32_t v = node.inputs[i];
    const auto reads = [v](const ir::Node& other) { return std::ranges::count(other.inputs, v); };
    int64_t uses = std::ranges::count(graph.outputs, v);
    for (const ir::Node& other : graph.nodes) uses += reads(other);
    if (uses != 1) return "others share its state";
  }
  return nullptr;
}

// Its weights are all inputs but the first and the states.
const char* WhyNotWeights(const ir::Graph& graph, const ir::Node& node,
                          std::initializer_list<size_t> states) {
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (!Has(node, i) || std::ranges::find(states, i) != states.end()) continue;
    const ir::Value& value = graph.values[Index(node.inputs[i])];
    if (!value.is_constant()) return "its weights are computed";
    if (value.type != DType::kFloat32) return "its weights are no floats";
  }
  return nullptr;
}

const char* WhyNotLstm(const ir::Graph& graph, const ir::Node& node) {
  const auto& attributes = node.attrs<ir::LstmAttrs>();
  if (attributes.basic_kernel) return "the basic kernel has no int8 form";
  if (attributes.activation != ir::Activation::kTanh) return "its activation";
  for (size_t i = kRecurrentWeights; i < kPeepholes; ++i)
    if (Has(node, i) && graph.values[Index(node.inputs[i])].shape.rank() != 2)
      return "diagonal recurrent weights";
  for (const size_t i : InsideOf(node))
    if (node.intermediates.size() <= i || node.intermediates[i] == ir::kNoValue)
      return "its intermediates have no names";
  if (const char* why = WhyNotWeights(graph, node, {kOutputState, kCellState})) return why;
  return WhyNotStates(graph, node, {kOutputState, kCellState});
}

const char* WhyNotSvdf(const ir::Graph& graph, const ir::Node& node) {
  if (node.attrs<ir::SvdfAttrs>().activation != ir::Activation::kRelu) return "its activation";
  if (const char* why = WhyNotWeights(graph, node, {kSvdfState})) return why;
  return WhyNotStates(graph, node, {kSvdfState});
}

// The parameters of a symmetric int16.
float ScaleInt16(double largest) {
  return AffineOf({static_cast<float>(-largest), static_cast<float>(largest)}, DType::kInt16).scale;
}

double LargestOf(std::span<const float> values) {
  double largest = 0;
  for (const float value : values)
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

// The cell state's scale is a power of two, which kernels shift by. Its 16 bits hold [-1, 1) at
// least, the finest that LiteRT's kernel takes the hyperbolic tangent of, and [-64, 64) at most,
// where that is 1.
float CellScale(const Range& range) {
  const double largest = std::max(std::abs(double{range.min}), std::abs(double{range.max}));
  const double bound = std::exp2(std::ceil(std::log2(std::clamp(largest, 1.0, 64.0))));
  return static_cast<float>(bound / 32768);
}

class CellQuantizer {
 public:
  CellQuantizer(Rewriter& graph, int32_t n, const Ranges& ranges) : graph_(graph), n_(n) {
    // As it was: values change below.
    node_ = graph.node(n);
    for (const int32_t v : {InputOr(kCellState), InputOr(kSvdfState)})
      if (v != ir::kNoValue && ranges[Index(v)]) state_range_ = *ranges[Index(v)];
    for (const int32_t v : node_.intermediates)
      intermediates_.push_back(v == ir::kNoValue ? std::nullopt : ranges[Index(v)]);
  }

  Status Lstm(const Affine& input, const Affine& output) {
    const bool project = Has(node_, kProjection), normalize = Normalizes(node_);
    // Without projection the hidden activations are the output.
    Affine hidden = output;
    if (project) {
      // LiteRT's kernel subtracts this zero point where it should add it, and takes that back in
      // the projection: the negative one keeps the values within 8 bits.
      hidden = AffineOf(*intermediates_[kHidden], DType::kInt8);
      hidden.zero_point = std::min(-hidden.zero_point, 127);
    }
    for (size_t g = 0; g < kGates; ++g) {
      if (!Has(node_, kInputWeights + g)) continue;  // coupled to the forget gate
      EDGEML_ASSIGN_OR_RETURN(
          const float weights,
          Int8(kInputWeights + g, normalize ? 0 : Least(kBiases + g, input.scale)));
      EDGEML_RETURN_IF_ERROR(Int8(kRecurrentWeights + g, 0).status());
      float bias = input.scale * weights;
      if (normalize) {
        // Normalized sums have 10 more bits.
        constexpr float kNormalized = 1.0f / 1024;
        bias = Int16(kLayerNorm + g, Least(kBiases + g, kNormalized)) * kNormalized;
      }
      Bias(kBiases + g, bias);
    }
    for (size_t i = kPeepholes; i < kBiases; ++i)
      if (Has(node_, i)) Int16(i, 0);
    if (project) {
      EDGEML_ASSIGN_OR_RETURN(const float weights,
                              Int8(kProjection, Least(kProjectionBias, hidden.scale)));
      if (Has(node_, kProjectionBias)) Bias(kProjectionBias, weights * hidden.scale);
    }
    Retype(node_.inputs[kOutputState], DType::kInt8, output);
    Retype(node_.inputs[kCellState], DType::kInt16, {CellScale(state_range_), 0});
    std::vector<int32_t> intermediates(kHidden + 1, Carrier("hidden", DType::kInt8, hidden));
    static constexpr const char* kNames[kGates] = {"input_sums", "forget_sums", "cell_sums",
                                                   "output_sums"};
    for (size_t g = 0; normalize && g < kGates; ++g)
      if (Has(node_, kInputWeights + g))
        intermediates[g] =
            Carrier(kNames[g], DType::kInt16, AffineOf(*intermediates_[g], DType::kInt16));
    graph_.mutable_node(n_).intermediates = std::move(intermediates);
    return Status::Ok();
  }

  Status Svdf() {
    EDGEML_RETURN_IF_ERROR(Int8(kFeatures, 0).status());
    const Affine state{ScaleInt16(std::max(-state_range_.min, state_range_.max)), 0};
    // The kernel's 32 bits hold the products of a whole row with states as large as can be.
    const ir::Value& weights = graph_.value(node_.inputs[kTimeWeights]);
    const std::span<const float> values = FloatsOf(weights);
    const auto memory = static_cast<size_t>(std::max(weights.shape.back(), 1));
    const auto rank = static_cast<size_t>(std::max(node_.attrs<ir::SvdfAttrs>().rank, 1));
    double most = 0;
    for (size_t first = 0; first + memory * rank <= values.size(); first += memory * rank) {
      double sum = 0;
      for (const float weight : values.subspan(first, memory * rank)) sum += std::abs(weight);
      most = std::max(most, sum);
    }
    const double room = (kLargestBias - 1) / kMostInt16;
    const double least = std::max(most / room, double{Least(kSvdfBias, state.scale)});
    const float time = Int16(kTimeWeights, least);
    if (Has(node_, kSvdfBias)) Bias(kSvdfBias, time * state.scale);
    Retype(node_.inputs[kSvdfState], DType::kInt16, state);
    return Status::Ok();
  }

 private:
  int32_t InputOr(size_t i) const { return Has(node_, i) ? node_.inputs[i] : ir::kNoValue; }

  // The scale of weights below which their bias, whose scale is that times `scale`, grows too
  // large.
  double Least(size_t bias, double scale) const {
    if (!Has(node_, bias)) return 0;
    return LargestOf(FloatsOf(graph_.value(node_.inputs[bias]))) / (scale * kLargestBias);
  }

  void Replace(size_t i, ir::Value value) {
    const int32_t old = node_.inputs[i];
    graph_.SetInput(n_, i, graph_.AddValue(std::move(value)));
    graph_.DropIfUnused(old);
  }

  // Weights, one scale for all; returns it.
  Result<float> Int8(size_t i, double least) {
    const ir::Value& value = graph_.value(node_.inputs[i]);
    const std::array<float, 1> at_least = {static_cast<float>(least)};
    auto weights = QuantizeWeights(FloatsOf(value), value.shape, WeightFormat{}, at_least);
    if (!weights.ok()) return Status(weights.status()).WithContext(value.name);
    Replace(i, MakeConstant(*weights, value.name, value.shape));
    return weights->scale[0];
  }

  // Numbers of a fixed width and scale.
  template <typename T>
  void Store(size_t i, DType type, float scale, double largest) {
    const ir::Value& value = graph_.value(node_.inputs[i]);
    const std::span<const float> values = FloatsOf(value);
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    for (size_t k = 0; k < values.size(); ++k) {
      const double q = std::round(values[k] / double{scale});
      const T stored = static_cast<T>(std::clamp(q, -largest, largest));
      std::memcpy(bytes.data() + k * sizeof(T), &stored, sizeof(T));
    }
    ir::Value made;
    made.name = value.name;
    made.type = type;
    made.shape = value.shape;
    made.data = ir::ConstantData::Own(std::move(bytes));
    made.quantization = PerTensor(scale, 0);
    Replace(i, std::move(made));
  }
  float Int16(size_t i, double least) {
    const double largest = LargestOf(FloatsOf(graph_.value(node_.inputs[i])));
    const float scale = ScaleInt16(std::max(largest, least * kMostInt16));
    Store<int16_t>(i, DType::kInt16, scale, kMostInt16);
    return scale;
  }
  void Bias(size_t i, float scale) { Store<int32_t>(i, DType::kInt32, scale, kLargestBias); }

  void Retype(int32_t v, DType type, const Affine& affine) {
    ir::Value& value = graph_.mutable_value(v);
    value.type = type;
    value.quantization = PerTensor(affine.scale, affine.zero_point);
  }

  // A value without elements that carries a scale.
  int32_t Carrier(const char* what, DType type, const Affine& affine) {
    ir::Value value;
    value.name = graph_.value(node_.outputs[0]).name + "/" + what;
    value.type = type;
    value.shape = {0};
    value.quantization = PerTensor(affine.scale, affine.zero_point);
    return graph_.AddValue(std::move(value));
  }

  Rewriter& graph_;
  const int32_t n_;
  ir::Node node_;
  Range state_range_;
  std::vector<std::optional<Range>> intermediates_;
};

}  // namespace

void NameIntermediates(ir::Graph& graph) {
  for (ir::Node& node : graph.nodes) {
    if (!IsFullLstm(node) || node.intermediates.size() == kHidden + 1) continue;
    if (!Normalizes(node) && !Has(node, kProjection)) continue;
    node.intermediates.clear();
    for (size_t i = 0; i <= kHidden; ++i) {
      ir::Value value;
      value.name = graph.values[Index(node.outputs[0])].name + "/inside";
      value.shape = {0};
      node.intermediates.push_back(static_cast<int32_t>(graph.values.size()));
      graph.values.push_back(std::move(value));
    }
  }
}

const char* WhyNotCell(const ir::Graph& graph, const ir::Node& node) {
  return IsLstm(node) ? WhyNotLstm(graph, node) : WhyNotSvdf(graph, node);
}

int32_t UnknownInCell(const ir::Node& node, const Ranges& ranges) {
  const int32_t state = node.inputs[IsLstm(node) ? kCellState : kSvdfState];
  if (!ranges[Index(state)]) return state;
  if (!IsLstm(node)) return ir::kNoValue;
  for (const size_t i : InsideOf(node))
    if (!ranges[Index(node.intermediates[i])]) return node.intermediates[i];
  return ir::kNoValue;
}

Status QuantizeCell(Rewriter& graph, int32_t n, const Ranges& ranges, const Affine& input,
                    const Affine& output) {
  CellQuantizer cell(graph, n, ranges);
  return IsLstm(graph.node(n)) ? cell.Lstm(input, output) : cell.Svdf();
}

}  // namespace edgeml::quantize
