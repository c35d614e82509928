#include "src/compress/quantize/layers.h"

#include <utility>

namespace edgeml::quantize {
namespace {

using ir::OpCode;

bool IsPlain(const ir::Graph& graph, int32_t v) {
  if (v == ir::kNoValue) return false;
  const ir::Value& value = graph.values[static_cast<size_t>(v)];
  return value.is_constant() && value.type == DType::kFloat32 && value.sparsity == nullptr;
}

}  // namespace

int64_t LayerWeights::OutChannel(int64_t element) const {
  return depthwise || columns ? element % out_channels : element / inner % out_channels;
}

int64_t LayerWeights::InChannel(int64_t element) const {
  if (depthwise) return element % out_channels / multiplier;
  if (columns) return element / out_channels % in_channels;
  const int64_t group = OutChannel(element) / (out_channels / groups);
  return group * in_channels + element % in_channels;
}

std::optional<LayerWeights> LayerOf(const ir::Graph& graph, const ir::Node& node) {
  if (node.op != OpCode::kConv2D && node.op != OpCode::kDepthwiseConv2D &&
      node.op != OpCode::kFullyConnected && node.op != OpCode::kBatchMatMul)
    return std::nullopt;
  LayerWeights layer;
  layer.input = node.inputs[0];
  layer.weights = node.inputs[1];
  layer.bias = node.inputs.size() > 2 ? node.inputs[2] : ir::kNoValue;
  if (!IsPlain(graph, layer.weights) || layer.input == ir::kNoValue ||
      (layer.bias != ir::kNoValue && !IsPlain(graph, layer.bias)))
    return std::nullopt;
  const Shape& shape = graph.values[static_cast<size_t>(layer.weights)].shape;
  if (shape.rank() == 0 || shape.num_elements() == 0) return std::nullopt;
  if (node.op == OpCode::kDepthwiseConv2D) {
    layer.depthwise = true;
    layer.multiplier = node.attrs<ir::DepthwiseConvAttrs>().depth_multiplier;
    layer.out_channels = shape.back();
    if (layer.multiplier < 1 || layer.out_channels % layer.multiplier != 0) return std::nullopt;
    layer.in_channels = layer.out_channels / layer.multiplier;
    return layer;
  }
  if (node.op == OpCode::kBatchMatMul) {
    const auto& attributes = node.attrs<ir::BatchMatMulAttrs>();
    if (shape.rank() < 2 || attributes.adj_x) return std::nullopt;
    layer.columns = !attributes.adj_y;
    layer.out_channels = shape.back(attributes.adj_y ? 1 : 0);
    layer.inner = layer.in_channels = shape.back(attributes.adj_y ? 0 : 1);
    return layer;
  }
  layer.out_channels = shape[0];
  layer.in_channels = shape.back();
  layer.inner = shape.num_elements() / shape[0];
  if (node.op == OpCode::kConv2D) {
    const ir::Value& input = graph.values[static_cast<size_t>(layer.input)];
    const int32_t channels = input.shape.rank() > 0 ? input.shape.back() : 0;
    if (channels < 1 || channels % layer.in_channels != 0) return std::nullopt;
    layer.groups = channels / static_cast<int32_t>(layer.in_channels);
    if (layer.out_channels % layer.groups != 0) return std::nullopt;
  }
  return layer;
}

std::span<const float> FloatsOf(const ir::Value& value) {
  return {reinterpret_cast<const float*>(value.data.bytes.data()),
          value.data.bytes.size() / sizeof(float)};
}

void SetFloats(ir::Value& value, std::span<const float> numbers) {
  const auto bytes = std::as_bytes(numbers);
  value.data = ir::ConstantData::Own({bytes.begin(), bytes.end()});
}

}  // namespace edgeml::quantize
