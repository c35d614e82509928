#include "src/compress/quantize/equalization.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "src/compress/quantize/layers.h"
#include "src/ir/op_def.h"
#include "src/ir/rewriter.h"
#include "src/passes/matching.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

constexpr double kSettled = 1e-3;
// Channels are not scaled further than this: beyond, single weights decide on rounding noise.
constexpr double kMostScale = 1e4;

// Whether a positive factor on a channel of the input comes out on a channel of the output, which
// is the same or (flattened) the same modulo the number of channels.
bool LetsFactorsPass(const Rewriter& graph, const ir::Node& node, int64_t channels) {
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.outputs[0]);
  switch (node.op) {
    case OpCode::kRelu:
    case OpCode::kLeakyRelu:
    case OpCode::kPad:
      return true;
    case OpCode::kMaxPool2D:
    case OpCode::kAveragePool2D: {
      const ir::Activation activation = node.attrs<ir::PoolAttrs>().activation;
      return activation == ir::Activation::kNone || activation == ir::Activation::kRelu;
    }
    case OpCode::kMean: {
      const auto axes = passes::Integers(graph, node.inputs[1]);
      return axes && std::ranges::none_of(
                         *axes, [&](int64_t axis) { return axis == -1 || axis == in.rank() - 1; });
    }
    case OpCode::kReshape:
    case OpCode::kSqueeze:
      // The last dimension of the output is made of whole rows of channels.
      return out.rank() > 0 && out.back() != kUnknownDim && out.back() % channels == 0 &&
             in.rank() > 0 && in.back() == channels;
    default:
      return false;
  }
}

struct Pair {
  LayerWeights first, second;
  int64_t channels = 0;
};

class Equalizer {
 public:
  Equalizer(ir::Graph& graph, const EqualizationOptions& options)
      : graph_(graph), options_(options) {}

  EqualizationReport Run() {
    const std::vector<Pair> pairs = FindPairs();
    report_.pairs = static_cast<int64_t>(pairs.size());
    for (bool settled = false; !settled && report_.rounds < options_.max_rounds; ++report_.rounds) {
      settled = true;
      for (const Pair& pair : pairs) settled = Equalize(pair) && settled;
    }
    return report_;
  }

 private:
  bool ActivationFits(int32_t n) {
    const ir::Activation activation = ir::FusedActivation(graph_.node(n));
    if (activation == ir::Activation::kNone || activation == ir::Activation::kRelu) return true;
    return activation == ir::Activation::kRelu6 && options_.relu6_to_relu;
  }

  std::vector<Pair> FindPairs() {
    std::vector<Pair> pairs;
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      const auto first = LayerOf(graph_.graph(), graph_.node(n));
      if (!first || !ActivationFits(n)) continue;
      std::vector<int32_t> relu6;
      if (ir::FusedActivation(graph_.node(n)) == ir::Activation::kRelu6) relu6.push_back(n);
      int32_t user = graph_.SoleUser(graph_.node(n).outputs[0]);
      while (user != ir::kNoNode) {
        const ir::Node& node = graph_.node(user);
        const bool is_relu6 = node.op == OpCode::kRelu6 && options_.relu6_to_relu;
        if (is_relu6) relu6.push_back(user);
        if (!is_relu6 && !LetsFactorsPass(graph_, node, first->out_channels)) break;
        user = graph_.SoleUser(node.outputs[0]);
      }
      if (user == ir::kNoNode) continue;
      const auto second = LayerOf(graph_.graph(), graph_.node(user));
      if (!second || !Fits(*first, *second)) continue;
      for (const int32_t clamp : relu6) BecomeRelu(clamp);
      pairs.push_back({Own(n, *first), Own(user, *second), first->out_channels});
    }
    return pairs;
  }

  static bool Fits(const LayerWeights& first, const LayerWeights& second) {
    const int64_t inputs = second.in_channels * second.groups;
    // A dense layer may read the channels many times over.
    return inputs % first.out_channels == 0 &&
           (inputs == first.out_channels || (!second.depthwise && second.groups == 1));
  }

  void BecomeRelu(int32_t n) {
    ++report_.relu6;
    ir::Node& node = graph_.mutable_node(n);
    if (node.op == OpCode::kRelu6)
      node.op = OpCode::kRelu;
    else
      passes::SetFusedActivation(node, ir::Activation::kRelu);
  }

  // The layer with constants that nobody else reads.
  LayerWeights Own(int32_t n, LayerWeights layer) {
    const auto own = [&](size_t place, int32_t v) {
      if (graph_.Users(v).size() == 1 && !graph_.IsGraphOutput(v)) return v;
      const ir::Value copy = graph_.value(v);
      const int32_t made = graph_.AddValue(copy);
      graph_.SetInput(n, place, made);
      return made;
    };
    layer.weights = own(1, layer.weights);
    if (layer.bias != ir::kNoValue) layer.bias = own(2, layer.bias);
    return layer;
  }

  // The largest magnitude of the weights that make each output channel of the first layer, or that
  // read it in the second.
  std::vector<double> Largest(const LayerWeights& layer, int64_t channels, bool outputs) const {
    std::vector<double> largest(static_cast<size_t>(channels), 0);
    const std::span<const float> weights = FloatsOf(graph_.value(layer.weights));
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto element = static_cast<int64_t>(i);
      const int64_t c = outputs ? layer.OutChannel(element) : layer.InChannel(element) % channels;
      double& most = largest[static_cast<size_t>(c)];
      most = std::max(most, std::abs(static_cast<double>(weights[i])));
    }
    return largest;
  }

  // True when nothing was left to do.
  bool Equalize(const Pair& pair) {
    const std::vector<double> first = Largest(pair.first, pair.channels, true);
    const std::vector<double> second = Largest(pair.second, pair.channels, false);
    std::vector<double> scale = first;
    bool settled = true;
    for (size_t c = 0; c < scale.size(); ++c) {
      scale[c] = 1;
      if (first[c] <= 0 || second[c] <= 0) continue;  // a channel that is dead
      scale[c] = std::clamp(std::sqrt(first[c] / second[c]), 1 / kMostScale, kMostScale);
      settled = settled && std::abs(scale[c] - 1) < kSettled;
      report_.largest_scale = std::max({report_.largest_scale, scale[c], 1 / scale[c]});
    }
    if (settled) return true;
    Scale(pair.first.weights,
          [&](int64_t i) { return 1 / scale[static_cast<size_t>(pair.first.OutChannel(i))]; });
    if (pair.first.bias != ir::kNoValue)
      Scale(pair.first.bias, [&](int64_t i) { return 1 / scale[static_cast<size_t>(i)]; });
    Scale(pair.second.weights, [&](int64_t i) {
      return scale[static_cast<size_t>(pair.second.InChannel(i) % pair.channels)];
    });
    return false;
  }

  template <typename Factor>
  void Scale(int32_t v, Factor factor) {
    ir::Value& value = graph_.mutable_value(v);
    const std::span<const float> old = FloatsOf(value);
    std::vector<float> numbers(old.begin(), old.end());
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = static_cast<float>(numbers[i] * factor(static_cast<int64_t>(i)));
    SetFloats(value, numbers);
  }

  Rewriter graph_;
  const EqualizationOptions& options_;
  EqualizationReport report_;
};

}  // namespace

EqualizationReport EqualizeLayers(ir::Module& module, const EqualizationOptions& options) {
  return Equalizer(module.graphs[0], options).Run();
}

}  // namespace edgeml::quantize
