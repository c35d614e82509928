// Factors on channels that go through a graph, from a node that can take them up to the layers
// whose weights make up for them: what cross-layer equalization and SmoothQuant share.
#ifndef EDGEML_COMPRESS_QUANTIZE_CHANNEL_FACTORS_H_
#define EDGEML_COMPRESS_QUANTIZE_CHANNEL_FACTORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/compress/quantize/layers.h"
#include "src/ir/rewriter.h"

namespace edgeml::quantize {

// Channels are not scaled further than this: beyond, single numbers decide on rounding noise.
inline constexpr double kMostScale = 1e4;
inline constexpr int32_t kNoChannel = -1;  // zeros, which any factor leaves as they are

// Where positive factors on the channels of a value, its last dimension, get to. Below, `channels`
// are those of that value, or kNoChannel.
struct FactorPath {
  // A layer that reads them: the channel of each of its inputs.
  struct Layer {
    int32_t node = 0;
    LayerWeights weights;
    std::vector<int32_t> channels;
  };
  // A constant that is added on the way and gets the factors too: the channel of each index of the
  // sum's last dimension.
  struct Addend {
    int32_t node = 0;
    size_t place = 0;  // of the constant among the node's inputs
    std::vector<int32_t> channels;
  };
  std::vector<Layer> layers;
  std::vector<Addend> addends;
  std::vector<int32_t> relu6;  // nodes that clamp at 6, as RELU6 or fused
  // What reads the values and lets no factor pass; empty = nothing does.
  std::string blocker;
};

// Follows the values of `v` through operators that let a positive factor on a channel pass: RELU
// and its like, pools, sums with constants, PAD with zeros, means over other dimensions, moves of
// elements, products of matrices that sum over other dimensions. RELU6 only with `through_relu6`.
FactorPath FollowFactors(const ir::Rewriter& graph, int32_t v, bool through_relu6);

// Whether the activation that is fused into the node lets positive factors pass.
bool ActivationLetsFactorsPass(const ir::Node& node, bool through_relu6);

// A node whose output channels can be scaled by scaling its constants.
struct FactorSource {
  int32_t node = 0;
  int64_t channels = 0;
  std::optional<LayerWeights> layer;  // else a MUL
  size_t place = 0;                   // of the MUL's constant among its inputs
};
// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and others of LayerOf, and MUL by a constant that has
// one number or one for each channel.
std::optional<FactorSource> FactorSourceOf(const ir::Rewriter& graph, int32_t n,
                                           bool through_relu6);

// The channels of a source divided and the layers' weights multiplied, so that nothing changes.
class ChannelScaler {
 public:
  // Makes copies of constants that other nodes read too. REQUIRES: the path is the source's and
  // nothing blocks it; the graph outlives this.
  ChannelScaler(ir::Rewriter& graph, FactorSource source, FactorPath path);

  int64_t channels() const { return source_.channels; }
  const FactorPath& path() const { return path_; }

  // The largest magnitude of the weights that make each channel; REQUIRES: the source is a layer.
  std::vector<double> LargestMaking() const;
  // Of those that read each channel.
  std::vector<double> LargestReading() const;
  // Channel c is divided by scales[c].
  void Apply(std::span<const double> scales);

 private:
  ir::Rewriter& graph_;
  FactorSource source_;
  FactorPath path_;
  int32_t factor_ = ir::kNoValue;  // the MUL's constant
  std::vector<int32_t> addends_;   // constants of path_.addends
};

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_CHANNEL_FACTORS_H_
