#include "src/compress/quantize/smoothing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "src/base/strings.h"
#include "src/compress/quantize/channel_factors.h"
#include "src/ir/rewriter.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// The layers that smoothing is for.
std::optional<LayerWeights> DenseLayerOf(const ir::Graph& graph, const ir::Node& node) {
  auto layer = LayerOf(graph, node);
  if (!layer || layer->depthwise || layer->groups != 1) return std::nullopt;
  if (node.op == OpCode::kConv2D && layer->inner != layer->in_channels) return std::nullopt;
  return layer;
}

class Smoother {
 public:
  Smoother(ir::Graph& graph, const CalibrationResult& seen, const SmoothOptions& options)
      : graph_(graph), seen_(seen), options_(options) {}

  SmoothReport Run() {
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n))
      if (DenseLayerOf(graph_.graph(), graph_.node(n)))
        state_[n] = "nothing in front of it can take the factors";
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      auto source = FactorSourceOf(graph_, n, /*through_relu6=*/false);
      if (!source) continue;
      FactorPath path = FollowFactors(graph_, graph_.node(n).outputs[0], /*through_relu6=*/false);
      Smooth(*std::move(source), std::move(path));
    }
    for (const auto& [n, why] : state_)
      if (!why.empty())
        report_.left.push_back(Concat(graph_.value(graph_.node(n).outputs[0]).name, ": ", why));
    return std::move(report_);
  }

 private:
  void Smooth(FactorSource source, FactorPath path) {
    const std::vector<FactorPath::Layer>& layers = path.layers;
    const auto leave = [&](const std::string& why) {
      for (const FactorPath::Layer& layer : path.layers)
        if (const auto it = state_.find(layer.node); it != state_.end() && !it->second.empty())
          it->second = why;
    };
    for (const FactorPath::Layer& layer : layers)
      if (path.blocker.empty() && !state_.contains(layer.node))
        path.blocker = graph_.node(layer.node).name();
    if (!path.blocker.empty()) return leave(Concat("what it reads also goes to ", path.blocker));
    if (layers.empty()) return;
    const auto inputs = LargestInputs(source.channels, layers);
    if (!inputs) return leave("the extents of its channels are not known");
    ChannelScaler scaler(graph_, std::move(source), std::move(path));
    scaler.Apply(ScalesFor(*inputs, scaler.LargestReading()));
    ++report_.sources;
    report_.layers += static_cast<int64_t>(scaler.path().layers.size());
    for (const FactorPath::Layer& layer : scaler.path().layers) state_[layer.node].clear();
  }

  // The largest magnitude of each channel where the layers read it.
  std::optional<std::vector<double>> LargestInputs(
      int64_t channels, const std::vector<FactorPath::Layer>& layers) const {
    std::vector<double> largest(Index(channels), 0);
    for (const FactorPath::Layer& layer : layers) {
      const Observer* const observer = seen_.Find(0, layer.weights.input);
      const auto extents =
          observer != nullptr ? observer->channel_statistics() : std::optional<ChannelStatistics>();
      if (!extents || extents->max.empty()) return std::nullopt;
      // A dense layer may read several rows of its input as one.
      const size_t seen = extents->max.size(), read = layer.channels.size();
      if (read % seen != 0) return std::nullopt;
      for (size_t i = 0; i < read; ++i) {
        const int32_t c = layer.channels[i];
        if (c != layer.channels[i % seen]) return std::nullopt;
        if (c == kNoChannel) continue;
        const double most =
            std::max(-double{extents->min[i % seen]}, double{extents->max[i % seen]});
        largest[Index(c)] = std::max(largest[Index(c)], most);
      }
    }
    return largest;
  }

  std::vector<double> ScalesFor(const std::vector<double>& inputs,
                                const std::vector<double>& weights) {
    std::vector<double> scales(inputs.size(), 1);
    for (size_t c = 0; c < scales.size(); ++c) {
      if (inputs[c] <= 0 || weights[c] <= 0) continue;  // a channel that is dead
      scales[c] =
          std::clamp(std::pow(inputs[c], options_.alpha) / std::pow(weights[c], 1 - options_.alpha),
                     1 / kMostScale, kMostScale);
      report_.largest_scale = std::max({report_.largest_scale, scales[c], 1 / scales[c]});
    }
    return scales;
  }

  Rewriter graph_;
  const CalibrationResult& seen_;
  const SmoothOptions& options_;
  SmoothReport report_;
  std::map<int32_t, std::string> state_;  // of each dense layer: why it is left; empty = it is not
};

}  // namespace

std::vector<int32_t> SmoothedInputs(const ir::Module& module) {
  std::vector<int32_t> inputs;
  for (const ir::Node& node : module.graphs[0].nodes)
    if (const auto layer = DenseLayerOf(module.graphs[0], node)) inputs.push_back(layer->input);
  return inputs;
}

SmoothReport SmoothLayers(ir::Module& module, const CalibrationResult& seen,
                          const SmoothOptions& options) {
  return Smoother(module.graphs[0], seen, options).Run();
}

}  // namespace edgeml::quantize
