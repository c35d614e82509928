#include "src/passes/biases.h"

#include <map>
#include <utility>

namespace edgeml::passes {

void AddMissingBiases(ir::Module& module) {
  for (ir::Graph& graph : module.graphs) {
    std::map<int32_t, int32_t> zeros;  // number of channels → value
    for (ir::Node& node : graph.nodes) {
      const bool depthwise = node.op == ir::OpCode::kDepthwiseConv2D;
      if (!depthwise && node.op != ir::OpCode::kConv2D) continue;
      if (node.inputs.size() < 2 || node.inputs[1] == ir::kNoValue) continue;
      if (node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue) continue;
      const ir::Value& filter = graph.values[static_cast<size_t>(node.inputs[1])];
      if (filter.type != DType::kFloat32 || filter.shape.rank() != 4) continue;
      const int32_t channels = depthwise ? filter.shape[3] : filter.shape[0];
      const auto [found, added] = zeros.emplace(channels, 0);
      if (added) {
        ir::Value value;
        value.name = "zeros_" + std::to_string(channels);
        value.type = DType::kFloat32;
        value.shape = Shape{channels};
        value.data = ir::ConstantData::Own(
            std::vector<std::byte>(static_cast<size_t>(channels) * sizeof(float)));
        found->second = static_cast<int32_t>(graph.values.size());
        graph.values.push_back(std::move(value));
      }
      node.inputs.resize(3);
      node.inputs[2] = found->second;
    }
  }
}

}  // namespace edgeml::passes
