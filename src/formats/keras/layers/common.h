// What several families of layers share.
#ifndef EDGEML_FORMATS_KERAS_LAYERS_COMMON_H_
#define EDGEML_FORMATS_KERAS_LAYERS_COMMON_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "src/formats/keras/lowering.h"

namespace edgeml::keras {

// Whether the layer counts its channels first; reads data_format (of Keras 1: dim_ordering).
bool ChannelsFirst(LayerContext& c);

// [batch, channels, …] → [batch, …, channels] when `channels_first`, and back.
int32_t ToChannelsLast(LayerContext& c, int32_t x, bool channels_first);
int32_t FromChannelsLast(LayerContext& c, int32_t x, bool channels_first);

// The weight with its dimensions in this order.
Weight Transposed(const Weight& weight, std::span<const int32_t> order);

// A float32 weight of this shape.
Weight MakeWeight(const Shape& shape, std::vector<float> values);

// Bias and activation as the options use_bias and activation ask for: `index` is the bias's place
// among the weights. The bias is taken by name "bias". kNoValue without a bias.
int32_t TakeBias(LayerContext& c, size_t index, int32_t size);

// padding = "valid" or "same" (or "causal", where `causal` is given) into a window's padding.
ir::Padding ReadPadding(LayerContext& c, bool* causal = nullptr);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LAYERS_COMMON_H_
