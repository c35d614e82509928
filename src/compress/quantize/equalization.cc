#include "src/compress/quantize/equalization.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "src/compress/quantize/channel_factors.h"
#include "src/ir/op_def.h"
#include "src/ir/rewriter.h"
#include "src/passes/matching.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

constexpr double kSettled = 1e-3;

class Equalizer {
 public:
  Equalizer(ir::Graph& graph, const EqualizationOptions& options)
      : graph_(graph), options_(options) {}

  EqualizationReport Run() {
    std::vector<ChannelScaler> pairs = FindPairs();
    report_.pairs = static_cast<int64_t>(pairs.size());
    for (bool settled = false; !settled && report_.rounds < options_.max_rounds; ++report_.rounds) {
      settled = true;
      for (ChannelScaler& pair : pairs) settled = Equalize(pair) && settled;
    }
    return report_;
  }

 private:
  std::vector<ChannelScaler> FindPairs() {
    std::vector<ChannelScaler> pairs;
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      const auto source = FactorSourceOf(graph_, n, options_.relu6_to_relu);
      if (!source || !source->layer) continue;
      FactorPath path = FollowFactors(graph_, graph_.node(n).outputs[0], options_.relu6_to_relu);
      if (!path.blocker.empty() || path.layers.size() != 1) continue;
      if (ir::FusedActivation(graph_.node(n)) == ir::Activation::kRelu6) path.relu6.push_back(n);
      for (const int32_t clamp : path.relu6) BecomeRelu(clamp);
      pairs.emplace_back(graph_, *source, std::move(path));
    }
    return pairs;
  }

  void BecomeRelu(int32_t n) {
    ++report_.relu6;
    ir::Node& node = graph_.mutable_node(n);
    if (node.op == OpCode::kRelu6)
      node.op = OpCode::kRelu;
    else
      passes::SetFusedActivation(node, ir::Activation::kRelu);
  }

  // True when nothing was left to do.
  bool Equalize(ChannelScaler& pair) {
    const std::vector<double> first = pair.LargestMaking(), second = pair.LargestReading();
    std::vector<double> scale = first;
    bool settled = true;
    for (size_t c = 0; c < scale.size(); ++c) {
      scale[c] = 1;
      if (first[c] <= 0 || second[c] <= 0) continue;  // a channel that is dead
      scale[c] = std::clamp(std::sqrt(first[c] / second[c]), 1 / kMostScale, kMostScale);
      settled = settled && std::abs(scale[c] - 1) < kSettled;
      report_.largest_scale = std::max({report_.largest_scale, scale[c], 1 / scale[c]});
    }
    if (!settled) pair.Apply(scale);
    return settled;
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
