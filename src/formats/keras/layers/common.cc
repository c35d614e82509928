#include "src/formats/keras/layers/common.h"

#include <cstring>
#include <numeric>

#include "src/base/strings.h"

namespace edgeml::keras {

bool ChannelsFirst(LayerContext& c) {
  const std::string order =
      c.options.OneOf("data_format", {"channels_last", "channels_first"}, "channels_last");
  if (c.options.Has("dim_ordering"))
    return c.options.OneOf("dim_ordering", {"tf", "th", "default"}, "tf") == "th";
  return order == "channels_first";
}

int32_t ToChannelsLast(LayerContext& c, int32_t x, bool channels_first) {
  if (!channels_first) return x;
  std::vector<int32_t> order(static_cast<size_t>(c.e.rank(x)));
  if (order.size() < 3) return x;
  std::iota(order.begin() + 1, order.end(), 2);
  order.back() = 1;
  return c.e.Transpose(x, order);
}

int32_t FromChannelsLast(LayerContext& c, int32_t x, bool channels_first) {
  if (!channels_first) return x;
  std::vector<int32_t> order(static_cast<size_t>(c.e.rank(x)));
  if (order.size() < 3) return x;
  std::iota(order.begin() + 2, order.end(), 1);
  order[1] = static_cast<int32_t>(order.size()) - 1;
  return c.e.Transpose(x, order);
}

Weight MakeWeight(const Shape& shape, std::vector<float> values) {
  const auto bytes = std::as_bytes(std::span<const float>(values));
  return {DType::kFloat32, shape, ir::ConstantData::Own({bytes.begin(), bytes.end()})};
}

Weight Transposed(const Weight& weight, std::span<const int32_t> order) {
  const int rank = weight.shape.rank();
  if (static_cast<size_t>(rank) != order.size() || weight.data.bytes.empty()) return weight;
  Weight out;
  out.type = weight.type;
  std::array<size_t, kMaxRank> strides{}, steps{}, index{};
  size_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    strides[static_cast<size_t>(d)] = stride;
    stride *= static_cast<size_t>(weight.shape[d]);
  }
  for (size_t d = 0; d < order.size(); ++d) {
    out.shape.push_back(weight.shape[order[d]]);
    steps[d] = strides[static_cast<size_t>(order[d])];
  }
  const size_t width = static_cast<size_t>(BitsOf(weight.type)) / 8;
  std::vector<std::byte> bytes(weight.data.bytes.size());
  const std::byte* from = weight.data.bytes.data();
  // The innermost dimension in a loop of its own; the others like an odometer.
  const size_t inner = rank > 0 ? static_cast<size_t>(out.shape.back()) : 1;
  const size_t inner_step = rank > 0 ? steps[order.size() - 1] : 0;
  for (size_t at = 0, offset = 0; at < bytes.size();) {
    if (width == sizeof(float)) {
      for (size_t i = 0; i < inner; ++i, at += width)
        std::memcpy(bytes.data() + at, from + (offset + i * inner_step) * width, sizeof(float));
    } else {
      for (size_t i = 0; i < inner; ++i, at += width)
        std::memcpy(bytes.data() + at, from + (offset + i * inner_step) * width, width);
    }
    for (int d = rank - 2; d >= 0; --d) {
      const auto place = static_cast<size_t>(d);
      offset += steps[place];
      if (++index[place] < static_cast<size_t>(out.shape[d])) break;
      offset -= steps[place] * index[place];
      index[place] = 0;
    }
  }
  out.data = ir::ConstantData::Own(std::move(bytes));
  return out;
}

int32_t TakeBias(LayerContext& c, size_t index, int32_t size) {
  if (!c.options.Bool("use_bias", true)) return ir::kNoValue;
  return c.Constant(c.Take("bias", index, 1), {size}, "bias");
}

ir::Padding ReadPadding(LayerContext& c, bool* causal) {
  const std::string padding = causal != nullptr
                                  ? c.options.OneOf("padding", {"valid", "same", "causal"}, "valid")
                                  : c.options.OneOf("padding", {"valid", "same"}, "valid");
  if (causal != nullptr) *causal = padding == "causal";
  return padding == "same" ? ir::Padding::kSame : ir::Padding::kValid;
}

}  // namespace edgeml::keras
