// Layers as compression sees them: nodes whose weights are constants, with their channels.
#ifndef EDGEML_COMPRESS_QUANTIZE_LAYERS_H_
#define EDGEML_COMPRESS_QUANTIZE_LAYERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/ir/graph.h"

namespace edgeml::quantize {

// Weights seen as [outputs, inputs] (of BATCH_MATMUL for each matrix): which channel of the layer's
// output and of its input each element belongs to.
struct LayerWeights {
  int32_t weights = -1, bias = -1;  // values; bias may be ir::kNoValue
  int32_t input = -1;               // the activation's value
  int64_t out_channels = 0;
  int64_t in_channels = 0;  // of the weights; a group's when the convolution is grouped
  bool depthwise = false;   // output channel o reads input channel o / multiplier alone
  bool columns = false;     // an output's weights are a column: [inputs, outputs]
  int32_t multiplier = 1;   // depthwise only
  int32_t groups = 1;

  int64_t OutChannel(int64_t element) const;
  // Of the whole input.
  int64_t InChannel(int64_t element) const;

  int64_t inner = 1;  // elements of the weights for one output channel (not depthwise)
};

// Null for nodes that are no layer, or whose weights or bias are not plain float32 constants.
// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, and BATCH_MATMUL whose second operand is constant.
std::optional<LayerWeights> LayerOf(const ir::Graph& graph, const ir::Node& node);

std::span<const float> FloatsOf(const ir::Value& value);
// Gives a value other numbers. REQUIRES: as many as it has.
void SetFloats(ir::Value& value, std::span<const float> numbers);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_LAYERS_H_
