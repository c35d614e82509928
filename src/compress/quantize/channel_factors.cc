#include "src/compress/quantize/channel_factors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "src/base/strings.h"
#include "src/ir/op_def.h"
#include "src/passes/matching.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;
using ir::Rewriter;

// Values with more elements are not followed where elements move.
constexpr int64_t kMostElements = int64_t{1} << 24;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// The channel of element e of a value is channels[e % size]: values of any shape, and in particular
// of any batch, look the same so.
using Channels = std::vector<int32_t>;

using Strides = std::array<int64_t, kMaxRank>;

Strides StridesOf(const Shape& shape) {
  Strides strides{};
  int64_t stride = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    strides[Index(d)] = stride;
    stride *= shape[d];
  }
  return strides;
}

// f(element, its coordinates), for each element in order.
template <typename F>
void ForEachElement(const Shape& shape, F f) {
  std::array<int32_t, kMaxRank> at{};
  const int64_t elements = shape.num_elements();
  for (int64_t e = 0; e < elements; ++e) {
    f(e, at);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      if (++at[Index(d)] < shape[d]) break;
      at[Index(d)] = 0;
    }
  }
}

// The same channels with the shortest period that is made of whole dimensions.
Channels Shortest(const Channels& channels, const Shape& shape) {
  int64_t period = 1;
  for (int d = shape.rank() - 1; d > 0; --d) {
    period *= shape[d];
    bool same = true;
    for (size_t e = Index(period); e < channels.size() && same; ++e)
      same = channels[e] == channels[e - Index(period)];
    if (same) return {channels.begin(), channels.begin() + period};
  }
  return channels;
}

// Element of the input at coordinates `at` goes to `begin + at * strides` of an output of this
// shape, which has zeros where none goes. Nothing when elements of two channels would meet.
std::optional<Channels> Scatter(const Channels& in, const Shape& shape, const Shape& out_shape,
                                int64_t begin, const Strides& strides) {
  Channels out(Index(out_shape.num_elements()), kNoChannel);
  std::vector<bool> set(out.size());
  bool fits = true;
  ForEachElement(shape, [&](int64_t e, const auto& at) {
    int64_t to = begin;
    for (int d = 0; d < shape.rank(); ++d) to += at[Index(d)] * strides[Index(d)];
    const int32_t channel = in[Index(e) % in.size()];
    if (to < 0 || to >= static_cast<int64_t>(out.size()) ||
        (set[Index(to)] && out[Index(to)] != channel)) {
      fits = false;
      return;
    }
    set[Index(to)] = true;
    out[Index(to)] = channel;
  });
  if (!fits) return std::nullopt;
  return Shortest(out, out_shape);
}

// Whether a constant has a number for each index of a last dimension of this size, or one for all.
bool IsPerChannel(const Rewriter& graph, int32_t v, int64_t channels) {
  const auto numbers = passes::Floats(graph, v);
  if (!numbers) return false;
  const auto count = static_cast<int64_t>(numbers->size());
  return count == 1 || (count == channels && graph.value(v).shape.back() == count);
}

class Follower {
 public:
  Follower(const Rewriter& graph, bool through_relu6)
      : graph_(graph), through_relu6_(through_relu6) {}

  FactorPath Run(int32_t v) {
    const Shape& shape = graph_.value(v).shape;
    if (shape.rank() == 0 || !IsSmall(shape)) {
      Block(shape.ToString());
      return std::move(path_);
    }
    Channels channels(Index(shape.back()));
    for (size_t c = 0; c < channels.size(); ++c) channels[c] = static_cast<int32_t>(c);
    reached_.emplace_back(v, std::move(channels));
    while (!reached_.empty()) {
      const auto [value, its] = std::move(reached_.back());
      reached_.pop_back();
      if (graph_.IsGraphOutput(value)) Block("the model's outputs");
      for (const int32_t user : graph_.Users(value)) {
        // Twice the same node would have the factors twice.
        if (visited_.insert(user).second && Visit(user, value, its)) continue;
        const ir::Node& node = graph_.node(user);
        const bool named = !node.outputs.empty() && node.outputs[0] != ir::kNoValue;
        Block(Concat(node.name(), named ? Concat(" ", graph_.value(node.outputs[0]).name) : ""));
      }
    }
    return std::move(path_);
  }

 private:
  void Block(std::string by) {
    if (path_.blocker.empty()) path_.blocker = std::move(by);
  }
  static bool IsSmall(const Shape& shape) {
    return CheckedByteSize(shape, DType::kFloat32).has_value() && shape.num_elements() > 0 &&
           shape.num_elements() <= kMostElements;
  }
  // Sizes that are open may not move: what is stored for them says nothing of how they fall.
  bool HasOpenInside(int32_t v) const {
    const Shape& shape = graph_.shape(v);
    for (int d = 1; d < shape.rank(); ++d)
      if (shape[d] == kUnknownDim) return true;
    return false;
  }

  bool Visit(int32_t n, int32_t v, const Channels& channels) {
    const ir::Node& node = graph_.node(n);
    if (const auto layer = LayerOf(graph_.graph(), node); layer && layer->input == v)
      return VisitLayer(n, *layer, channels);
    if (node.outputs.size() != 1 || node.outputs[0] == ir::kNoValue ||
        !ActivationLetsFactorsPass(node, through_relu6_) || !graph_.value(v).shape.known())
      return false;
    const int32_t out = node.outputs[0];
    if (!IsSmall(graph_.value(out).shape)) return false;
    std::optional<Channels> passed =
        Pass(n, v, channels, graph_.value(v).shape, graph_.value(out).shape);
    if (!passed) return false;
    if (node.op == OpCode::kRelu6 || ir::FusedActivation(node) == ir::Activation::kRelu6)
      path_.relu6.push_back(n);
    reached_.emplace_back(out, *std::move(passed));
    return true;
  }

  bool VisitLayer(int32_t n, const LayerWeights& layer, const Channels& channels) {
    const size_t inputs = Index(layer.in_channels * layer.groups);
    Channels read(inputs);
    const size_t all = Index(graph_.value(layer.input).shape.num_elements());
    if (all % inputs != 0) return false;
    // A dense layer reads row after row of the elements.
    const size_t most = std::max(inputs, channels.size());
    if (most % inputs != 0 || most % channels.size() != 0) return false;
    for (size_t e = 0; e < most; ++e) {
      const int32_t channel = channels[e % channels.size()];
      if (e < inputs) read[e] = channel;
      if (read[e % inputs] != channel) return false;
    }
    path_.layers.push_back({n, layer, std::move(read)});
    return true;
  }

  // What becomes of the channels of input `v` in the node's output.
  std::optional<Channels> Pass(int32_t n, int32_t v, const Channels& channels, const Shape& in,
                               const Shape& out) {
    const ir::Node& node = graph_.node(n);
    switch (node.op) {
      case OpCode::kRelu6:
        if (!through_relu6_) return std::nullopt;
        return channels;
      case OpCode::kRelu:
      case OpCode::kLeakyRelu:
      case OpCode::kAbs:
      case OpCode::kNeg:
      case OpCode::kReshape:
      case OpCode::kSqueeze:
      case OpCode::kExpandDims:
        if (v != node.inputs[0] || in.num_elements() != out.num_elements()) return std::nullopt;
        return channels;
      case OpCode::kPrelu:
        if (v != node.inputs[0] || !graph_.is_constant(node.inputs[1])) return std::nullopt;
        return channels;
      case OpCode::kAdd:
      case OpCode::kSub:
        return PassSum(n, v, channels, in, out);
      case OpCode::kMaxPool2D:
      case OpCode::kAveragePool2D:
        if (in.rank() == 0 || in.back() % static_cast<int64_t>(channels.size()) != 0)
          return std::nullopt;
        return channels;
      case OpCode::kMean:
      case OpCode::kSum:
        return PassReduction(node, v, channels, in, out);
      case OpCode::kTranspose:
        return PassTranspose(node, v, channels, in, out);
      case OpCode::kPad:
        return PassPad(node, v, channels, in, out);
      case OpCode::kBatchMatMul:
        return PassProduct(node, v, channels, in, out);
      default:
        return std::nullopt;
    }
  }

  // A sum with a constant that can be scaled as well.
  std::optional<Channels> PassSum(int32_t n, int32_t v, const Channels& channels, const Shape& in,
                                  const Shape& out) {
    const ir::Node& node = graph_.node(n);
    const size_t place = node.inputs[0] == v ? 1 : 0;
    const int32_t constant = node.inputs[place];
    if (in != out || !IsPerChannel(graph_, constant, out.back()) ||
        out.back() % static_cast<int64_t>(channels.size()) != 0)
      return std::nullopt;
    Channels added(Index(out.back()));
    for (size_t c = 0; c < added.size(); ++c) {
      added[c] = channels[c % channels.size()];
      if (added[c] == kNoChannel) return std::nullopt;  // no longer zeros afterwards
    }
    path_.addends.push_back({n, place, std::move(added)});
    return channels;
  }

  std::optional<Channels> PassReduction(const ir::Node& node, int32_t v, const Channels& channels,
                                        const Shape& in, const Shape& out) {
    const auto axes = passes::Integers(graph_, node.inputs[1]);
    if (!axes || HasOpenAmong(v, channels)) return std::nullopt;
    Shape kept = in;
    for (const int64_t axis : *axes) {
      if (axis < -in.rank() || axis >= in.rank()) return std::nullopt;
      kept[static_cast<int>(axis < 0 ? axis + in.rank() : axis)] = 1;
    }
    if (kept.num_elements() != out.num_elements()) return std::nullopt;
    Strides strides = StridesOf(kept);
    for (int d = 0; d < in.rank(); ++d)
      if (kept[d] != in[d]) strides[Index(d)] = 0;
    return Scatter(channels, in, kept, 0, strides);
  }

  std::optional<Channels> PassTranspose(const ir::Node& node, int32_t v, const Channels& channels,
                                        const Shape& in, const Shape& out) {
    const auto order = passes::Integers(graph_, node.inputs[1]);
    if (!order || static_cast<int>(order->size()) != in.rank() || out.rank() != in.rank() ||
        HasOpenInside(v) || (graph_.shape(v)[0] == kUnknownDim && (*order)[0] != 0))
      return std::nullopt;
    const Strides out_strides = StridesOf(out);
    Strides strides{};
    for (int d = 0; d < in.rank(); ++d) {
      const int64_t from = (*order)[Index(d)];
      if (from < 0 || from >= in.rank() || in[static_cast<int>(from)] != out[d])
        return std::nullopt;
      strides[Index(from)] = out_strides[Index(d)];
    }
    return Scatter(channels, in, out, 0, strides);
  }

  std::optional<Channels> PassPad(const ir::Node& node, int32_t v, const Channels& channels,
                                  const Shape& in, const Shape& out) {
    const auto pads = passes::Integers(graph_, node.inputs[1]);
    if (!pads || pads->size() != 2 * Index(in.rank()) || out.rank() != in.rank())
      return std::nullopt;
    const int last = in.rank() - 1;
    const auto pad = [&](int d, int side) { return (*pads)[2 * Index(d) + Index(side)]; };
    // The common case, whatever the sizes: the channels stay as they are.
    if (in.back() % static_cast<int64_t>(channels.size()) == 0 && pad(last, 0) == 0 &&
        pad(last, 1) == 0)
      return channels;
    if (HasOpenInside(v)) return std::nullopt;
    const Strides strides = StridesOf(out);
    int64_t begin = 0;
    for (int d = 0; d < in.rank(); ++d) {
      if (pad(d, 0) < 0 || pad(d, 1) < 0 || in[d] + pad(d, 0) + pad(d, 1) != out[d])
        return std::nullopt;
      begin += pad(d, 0) * strides[Index(d)];
    }
    return Scatter(channels, in, out, begin, strides);
  }

  // A product with another value. Factors go through where the sum is not over them.
  std::optional<Channels> PassProduct(const ir::Node& node, int32_t v, const Channels& channels,
                                      const Shape& in, const Shape& out) {
    const auto& attributes = node.attrs<ir::BatchMatMulAttrs>();
    const bool right = node.inputs[1] == v;
    const int rank = in.rank();
    if (rank < 2 || out.rank() < rank || HasOpenInside(v) || HasOpenInside(node.outputs[0]))
      return std::nullopt;
    // The dimension that is summed over.
    const bool last = right ? attributes.adj_y : !attributes.adj_x;
    const int summed = last ? rank - 1 : rank - 2, kept = last ? rank - 2 : rank - 1;
    Shape one = in;
    one[summed] = 1;
    Strides strides = StridesOf(one);
    strides[Index(summed)] = 0;
    const auto sums = Scatter(channels, in, one, 0, strides);
    if (!sums) return std::nullopt;
    const int lead = out.rank() - rank, place = right ? out.rank() - 1 : out.rank() - 2;
    if (out[place] != in[kept]) return std::nullopt;
    for (int d = 0; d < rank - 2; ++d)
      if (one[d] != 1 && one[d] != out[lead + d]) return std::nullopt;
    const Strides from = StridesOf(one);
    Channels made(Index(out.num_elements()));
    ForEachElement(out, [&](int64_t e, const auto& at) {
      int64_t element = at[Index(place)] * from[Index(kept)];
      for (int d = 0; d < rank - 2; ++d)
        if (one[d] != 1) element += at[Index(lead + d)] * from[Index(d)];
      made[Index(e)] = (*sums)[Index(element) % sums->size()];
    });
    return Shortest(made, out);
  }

  // Whether an open dimension lies inside the period of the channels.
  bool HasOpenAmong(int32_t v, const Channels& channels) const {
    const Shape& stored = graph_.value(v).shape;
    const Shape& shape = graph_.shape(v);
    int64_t period = 1;
    for (int d = shape.rank() - 1; d >= 0 && period < static_cast<int64_t>(channels.size()); --d) {
      if (shape[d] == kUnknownDim) return true;
      period *= stored[d];
    }
    return false;
  }

  const Rewriter& graph_;
  const bool through_relu6_;
  FactorPath path_;
  std::vector<std::pair<int32_t, Channels>> reached_;
  std::set<int32_t> visited_;
};

// The constant at this place among the node's inputs, made one that nobody else reads.
int32_t OwnConstant(Rewriter& graph, int32_t n, size_t place) {
  const int32_t v = graph.node(n).inputs[place];
  if (graph.Users(v).size() == 1 && !graph.IsGraphOutput(v)) return v;
  const ir::Value copy = graph.value(v);
  const int32_t made = graph.AddValue(copy);
  graph.SetInput(n, place, made);
  return made;
}

LayerWeights OwnConstants(Rewriter& graph, int32_t n, LayerWeights layer) {
  layer.weights = OwnConstant(graph, n, 1);
  if (layer.bias != ir::kNoValue) layer.bias = OwnConstant(graph, n, 2);
  return layer;
}

// A number for each of the channels, where there may be one for all.
void ExpandChannels(ir::Value& value, int64_t channels) {
  const std::span<const float> numbers = FloatsOf(value);
  if (numbers.size() != 1 || channels == 1) return;
  const std::vector<float> all(Index(channels), numbers[0]);
  if (value.shape.rank() == 0)
    value.shape.push_back(static_cast<int32_t>(channels));
  else
    value.shape[value.shape.rank() - 1] = static_cast<int32_t>(channels);
  value.has_signature = false;
  SetFloats(value, all);
}

// Multiplies element i of a float constant by factor(i).
template <typename Factor>
void ScaleConstant(Rewriter& graph, int32_t v, Factor factor) {
  ir::Value& value = graph.mutable_value(v);
  const std::span<const float> old = FloatsOf(value);
  std::vector<float> numbers(old.begin(), old.end());
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<float>(numbers[i] * factor(static_cast<int64_t>(i)));
  SetFloats(value, numbers);
}

}  // namespace

FactorPath FollowFactors(const Rewriter& graph, int32_t v, bool through_relu6) {
  return Follower(graph, through_relu6).Run(v);
}

bool ActivationLetsFactorsPass(const ir::Node& node, bool through_relu6) {
  const ir::Activation activation = ir::FusedActivation(node);
  return activation == ir::Activation::kNone || activation == ir::Activation::kRelu ||
         (activation == ir::Activation::kRelu6 && through_relu6);
}

std::optional<FactorSource> FactorSourceOf(const Rewriter& graph, int32_t n, bool through_relu6) {
  const ir::Node& node = graph.node(n);
  if (!ActivationLetsFactorsPass(node, through_relu6)) return std::nullopt;
  auto layer = LayerOf(graph.graph(), node);
  if (!layer && node.op != OpCode::kMul) return std::nullopt;
  const Shape& shape = graph.value(node.outputs[0]).shape;
  if (shape.rank() == 0) return std::nullopt;
  const int64_t channels = shape.back();
  if (layer) {
    if (layer->out_channels != channels) return std::nullopt;
    return FactorSource{n, channels, std::move(layer), 0};
  }
  for (const size_t place : {size_t{0}, size_t{1}}) {
    const int32_t other = node.inputs[1 - place];
    if (IsPerChannel(graph, node.inputs[place], channels) && !graph.is_constant(other) &&
        graph.value(other).shape == shape)
      return FactorSource{n, channels, std::nullopt, place};
  }
  return std::nullopt;
}

ChannelScaler::ChannelScaler(Rewriter& graph, FactorSource source, FactorPath path)
    : graph_(graph), source_(std::move(source)), path_(std::move(path)) {
  if (source_.layer) {
    source_.layer = OwnConstants(graph_, source_.node, *source_.layer);
  } else {
    factor_ = OwnConstant(graph_, source_.node, source_.place);
    ExpandChannels(graph_.mutable_value(factor_), source_.channels);
  }
  for (FactorPath::Layer& layer : path_.layers)
    layer.weights = OwnConstants(graph_, layer.node, layer.weights);
  for (const FactorPath::Addend& addend : path_.addends) {
    addends_.push_back(OwnConstant(graph_, addend.node, addend.place));
    ExpandChannels(graph_.mutable_value(addends_.back()),
                   static_cast<int64_t>(addend.channels.size()));
  }
}

std::vector<double> ChannelScaler::LargestMaking() const {
  std::vector<double> largest(Index(source_.channels), 0);
  const std::span<const float> weights = FloatsOf(graph_.value(source_.layer->weights));
  for (size_t i = 0; i < weights.size(); ++i) {
    double& most = largest[Index(source_.layer->OutChannel(static_cast<int64_t>(i)))];
    most = std::max(most, std::abs(static_cast<double>(weights[i])));
  }
  return largest;
}

std::vector<double> ChannelScaler::LargestReading() const {
  std::vector<double> largest(Index(source_.channels), 0);
  for (const FactorPath::Layer& layer : path_.layers) {
    const std::span<const float> weights = FloatsOf(graph_.value(layer.weights.weights));
    for (size_t i = 0; i < weights.size(); ++i) {
      const int32_t c = layer.channels[Index(layer.weights.InChannel(static_cast<int64_t>(i)))];
      if (c == kNoChannel) continue;
      double& most = largest[Index(c)];
      most = std::max(most, std::abs(static_cast<double>(weights[i])));
    }
  }
  return largest;
}

void ChannelScaler::Apply(std::span<const double> scales) {
  const auto divide = [&](int64_t c) { return 1 / scales[Index(c)]; };
  if (source_.layer) {
    const LayerWeights& layer = *source_.layer;
    ScaleConstant(graph_, layer.weights, [&](int64_t i) { return divide(layer.OutChannel(i)); });
    if (layer.bias != ir::kNoValue) ScaleConstant(graph_, layer.bias, divide);
  } else {
    ScaleConstant(graph_, factor_, divide);
  }
  for (size_t a = 0; a < addends_.size(); ++a)
    ScaleConstant(graph_, addends_[a],
                  [&](int64_t i) { return divide(path_.addends[a].channels[Index(i)]); });
  for (const FactorPath::Layer& layer : path_.layers) {
    ScaleConstant(graph_, layer.weights.weights, [&](int64_t i) {
      const int32_t c = layer.channels[Index(layer.weights.InChannel(i))];
      return c == kNoChannel ? 1.0 : scales[Index(c)];
    });
  }
}

}  // namespace edgeml::quantize
