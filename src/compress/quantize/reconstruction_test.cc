#include "src/compress/quantize/reconstruction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/compress/quantize/adaround.h"
#include "src/ir/builder.h"
#include "src/runtime/graph_executor.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

constexpr int32_t kSamples = 96, kSide = 8, kChannels = 8, kWide = 32;
constexpr int32_t kQMax = 7;  // 4 bits

const runtime::Backends& Backends() {
  static const runtime::Backends backends = {&backends::CpuBackend(),
                                             &backends::ReferenceBackend()};
  return backends;
}

// An inverted residual block: expansion, depthwise convolution, projection, sum.
class Block {
 public:
  Block() {
    ir::GraphBuilder b("block");
    input = b.AddInput("x", DType::kFloat32, {1, kSide, kSide, kChannels});
    ir::ConvAttrs conv;
    conv.activation = ir::Activation::kRelu6;
    ir::DepthwiseConvAttrs depthwise;
    depthwise.activation = ir::Activation::kRelu6;
    expand_w = Constant(b, {kWide, 1, 1, kChannels}, 0.5f);
    wide = *b.Add(OpCode::kConv2D, {input, expand_w, Constant(b, {kWide}, 0.1f)}, conv);
    depthwise_w = Constant(b, {1, 3, 3, kWide}, 0.5f);
    filtered = *b.Add(OpCode::kDepthwiseConv2D, {wide, depthwise_w, Constant(b, {kWide}, 0.1f)},
                      depthwise);
    project_w = Constant(b, {kChannels, 1, 1, kWide}, 0.3f);
    project_b = Constant(b, {kChannels}, 0.1f);
    const int32_t narrow =
        *b.Add(OpCode::kConv2D, {filtered, project_w, project_b}, ir::ConvAttrs());
    output = *b.Add(OpCode::kAdd, {narrow, input}, ir::BinaryAttrs());
    module.graphs.push_back(b.Finish({output}));
    EXPECT_TRUE(ir::Verify(module).ok());
    // Channels that depend on each other and on their neighbours.
    std::vector<float> mix(kChannels * kChannels);
    for (float& m : mix) m = normal(random);
    for (int32_t s = 0; s < kSamples; ++s) {
      std::vector<float> sources(kChannels);
      for (float& v : sources) v = normal(random);
      for (int32_t pixel = 0; pixel < kSide * kSide; ++pixel) {
        for (float& v : sources) v = 0.8f * v + 0.6f * normal(random);
        for (size_t c = 0; c < kChannels; ++c) {
          float sum = 0.1f * normal(random);
          for (size_t i = 0; i < 3; ++i) sum += mix[c * kChannels + i] * sources[i];
          x.push_back(sum);
        }
      }
    }
  }

  // A value for all samples, with these constants instead of the block's.
  std::vector<float> Compute(int32_t value, const std::map<int32_t, std::vector<float>>& other) {
    ir::Module changed = module;
    for (const auto& [v, numbers] : other) {
      const auto bytes = std::as_bytes(std::span(numbers));
      changed.graphs[0].values[static_cast<size_t>(v)].data =
          ir::ConstantData::Own({bytes.begin(), bytes.end()});
    }
    runtime::ExecutionContext context;
    context.program = std::make_shared<const runtime::Program>(std::move(changed));
    context.backends = Backends().run;
    context.folding = Backends().folding;
    context.pool = ThreadPool::Create(1);
    context.memory_cap = size_t{1} << 28;
    context.resources = std::make_shared<runtime::Resources>(context.memory_cap);
    context.preserve_all_tensors = true;
    runtime::GraphExecutor executor(context, 0, true);
    EXPECT_TRUE(executor.SetInputShape(0, {kSamples, kSide, kSide, kChannels}).ok());
    EXPECT_TRUE(executor.Prepare().ok());
    std::copy(x.begin(), x.end(), executor.input(0).mutable_elements<float>().begin());
    EXPECT_TRUE(executor.Run().ok());
    const auto found = executor.view(value).elements<float>();
    return {found.begin(), found.end()};
  }

  std::span<const float> Stored(int32_t v) const {
    const auto& bytes = module.graphs[0].values[static_cast<size_t>(v)].data.bytes;
    return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  }

  ir::Module module;
  int32_t input = 0, expand_w = 0, wide = 0, depthwise_w = 0, filtered = 0, project_w = 0;
  int32_t project_b = 0, output = 0;
  std::vector<float> x;

 private:
  int32_t Constant(ir::GraphBuilder& b, const Shape& shape, float size) {
    std::vector<float> values(static_cast<size_t>(shape.num_elements()));
    for (float& v : values) v = size * normal(random);
    return b.AddConstant("constant", shape, std::span<const float>(values));
  }
  std::mt19937 random{11};
  std::normal_distribution<float> normal;
};

// One of its layers: the constant with a scale per output.
struct Layer {
  int32_t value;
  int axis;
  kernels::ConvShape shape;
  std::vector<float> scales;
  std::vector<int8_t> rounded;  // by AdaRound, in the constant's layout
};

class ReconstructionTest : public testing::Test {
 protected:
  ReconstructionTest() {
    kernels::ConvShape s;
    s.batch = kSamples;
    s.in_h = s.in_w = s.out_h = s.out_w = kSide;
    s.in_c = kChannels;
    s.out_c = kWide;
    layers.push_back({block.expand_w, 0, s, {}, {}});
    s.in_c = s.groups = kWide;
    s.filter_h = s.filter_w = 3;
    s.pad_top = s.pad_left = 1;
    layers.push_back({block.depthwise_w, 3, s, {}, {}});
    s.groups = s.filter_h = s.filter_w = 1;
    s.pad_top = s.pad_left = 0;
    s.out_c = kChannels;
    layers.push_back({block.project_w, 0, s, {}, {}});
    target = block.Compute(block.output, {});
    for (Layer& layer : layers) {
      const auto weights = block.Stored(layer.value);
      const auto outputs = static_cast<size_t>(layer.shape.out_c);
      const size_t k = weights.size() / outputs;
      layer.scales.assign(outputs, 0);
      for (size_t i = 0; i < weights.size(); ++i) {
        float& scale = layer.scales[layer.axis == 0 ? i / k : i % outputs];
        scale = std::max(scale, std::abs(weights[i]) / kQMax);
      }
    }
  }

  std::vector<float> Dequantize(const Layer& layer, std::span<const int8_t> integers) const {
    const size_t outputs = layer.scales.size(), k = integers.size() / outputs;
    std::vector<float> out;
    for (size_t i = 0; i < integers.size(); ++i)
      out.push_back(layer.scales[layer.axis == 0 ? i / k : i % outputs] * integers[i]);
    return out;
  }

  // Layer by layer, each on what the ones before it give once they are rounded.
  void RoundLayerByLayer() {
    std::map<int32_t, std::vector<float>> quantized;
    const int32_t reads[] = {block.input, block.wide, block.filtered};
    const auto pool = ThreadPool::Create(1);
    for (size_t l = 0; l < layers.size(); ++l) {
      Layer& layer = layers[l];
      const auto x = block.Compute(reads[l], {}), xq = block.Compute(reads[l], quantized);
      GramAccumulator::Options options;
      options.centred = false;
      auto gram = GramAccumulator::Create(layer.shape, options);
      ASSERT_TRUE(gram.ok());
      ASSERT_TRUE(gram->Add(layer.shape, x.data(), xq.data(), *pool).ok());
      const auto matrices = std::move(*gram).Finish(*pool);
      ASSERT_TRUE(matrices.ok());
      const auto stored = block.Stored(layer.value);
      const size_t outputs = layer.scales.size(), k = stored.size() / outputs;
      const auto place = [&](size_t o, size_t i) {
        return layer.axis == 0 ? o * k + i : i * outputs + o;
      };
      std::vector<float> rows(stored.size());
      for (size_t o = 0; o < outputs; ++o)
        for (size_t i = 0; i < k; ++i) rows[o * k + i] = stored[place(o, i)];
      const AdaRoundProblem problem = {layer.shape.out_c, rows, layer.scales, 0, -kQMax, kQMax};
      const auto rounded = AdaRound(problem, *matrices, {}, *pool);
      ASSERT_TRUE(rounded.ok()) << rounded.status().message();
      layer.rounded.resize(stored.size());
      for (size_t o = 0; o < outputs; ++o)
        for (size_t i = 0; i < k; ++i) layer.rounded[place(o, i)] = rounded->values[o * k + i];
      quantized[layer.value] = Dequantize(layer, layer.rounded);
    }
  }

  std::vector<BlockWeights> Specs() const {
    std::vector<BlockWeights> specs;
    for (const Layer& layer : layers)
      specs.push_back({layer.value, layer.axis, layer.scales, 0, -kQMax, kQMax, layer.rounded});
    return specs;
  }
  BlockSamples Samples() const { return {kSamples, 0, {block.x}, {target}}; }

  Result<ReconstructedBlock> Reconstruct(const ReconstructionOptions& options, int threads = 1) {
    return ReconstructBlock(block.module.graphs[0], Samples(), Specs(), Backends(), options,
                            ThreadPool::Create(threads));
  }
  // Mean squared error of the block with these weights, by running it anew.
  double Measure(const ReconstructedBlock& result) {
    std::map<int32_t, std::vector<float>> constants;
    for (size_t l = 0; l < layers.size(); ++l)
      constants[layers[l].value] = Dequantize(layers[l], result.weights[l]);
    if (!result.trained.empty()) constants[block.project_b] = result.trained[0];
    const auto found = block.Compute(block.output, constants);
    double sum = 0;
    for (size_t i = 0; i < found.size(); ++i) sum += std::pow(double{found[i]} - target[i], 2);
    return sum / static_cast<double>(found.size());
  }

  Block block;
  std::vector<Layer> layers;
  std::vector<float> target;
};

TEST_F(ReconstructionTest, BetterThanLayerByLayer) {
  RoundLayerByLayer();
  ReconstructionOptions options;
  options.iterations = 400;
  const auto result = Reconstruct(options);
  ASSERT_TRUE(result.ok()) << result.status().message();
  RecordProperty("nearest", std::to_string(result->nearest_error));
  RecordProperty("layer_by_layer", std::to_string(result->start_error));
  RecordProperty("block", std::to_string(result->error));
  EXPECT_LT(result->start_error, 0.8 * result->nearest_error);
  EXPECT_LT(result->error, 0.95 * result->start_error);
  EXPECT_NEAR(Measure(*result), result->error, 1e-3 * result->error);
  for (const auto& weights : result->weights)
    for (const int8_t w : weights) EXPECT_LE(std::abs(w), kQMax);
}

TEST_F(ReconstructionTest, BiasesMayBeTrainedToo) {
  ReconstructionOptions options;
  options.iterations = 200;
  options.flip_trials = 20;
  const auto without = Reconstruct(options);
  options.trained = {block.project_b};
  options.trained_learning_rate = 3e-3f;
  const auto with = Reconstruct(options);
  ASSERT_TRUE(without.ok() && with.ok());
  ASSERT_EQ(with->trained.size(), 1u);
  EXPECT_LT(with->error, without->error);
  EXPECT_NEAR(Measure(*with), with->error, 1e-3 * with->error);
}

TEST_F(ReconstructionTest, NeverWorseAndTheSameForAnyThreads) {
  ReconstructionOptions options;
  options.iterations = 3;
  options.flip_trials = 10;
  options.batch = 7;  // the last batch is not full
  const auto one = Reconstruct(options, 1), two = Reconstruct(options, 2);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_LE(one->error, one->nearest_error);
  EXPECT_EQ(one->start_error, one->nearest_error);
  EXPECT_EQ(one->weights, two->weights);
  EXPECT_EQ(one->error, two->error);
  EXPECT_NEAR(Measure(*one), one->error, 1e-3 * one->error);
}

TEST_F(ReconstructionTest, SaysWhatIsWrong) {
  const ir::Graph& graph = block.module.graphs[0];
  const std::shared_ptr<ThreadPool> pool = ThreadPool::Create(1);
  const auto run = [&](const ir::Graph& g, const BlockSamples& samples,
                       const std::vector<BlockWeights>& specs, const ReconstructionOptions& o) {
    return ReconstructBlock(g, samples, specs, Backends(), o, pool).status().code();
  };
  ReconstructionOptions options;
  options.iterations = 1;
  EXPECT_EQ(run(graph, Samples(), Specs(), options), Code::kOk);
  BlockSamples samples = Samples();
  samples.count = 95;
  EXPECT_EQ(run(graph, samples, Specs(), options), Code::kInvalidArgument);
  samples = Samples();
  samples.targets.clear();
  EXPECT_EQ(run(graph, samples, Specs(), options), Code::kInvalidArgument);
  auto specs = Specs();
  specs[0].value = block.wide;
  EXPECT_EQ(run(graph, Samples(), specs, options), Code::kInvalidArgument);
  specs = Specs();
  specs[1].axis = 0;
  EXPECT_EQ(run(graph, Samples(), specs, options), Code::kInvalidArgument);
  specs = Specs();
  specs[1].value = specs[0].value;  // twice the same
  EXPECT_EQ(run(graph, Samples(), specs, options), Code::kInvalidArgument);
  ir::Graph unlearnable = graph;
  unlearnable.nodes[1].op = OpCode::kFloor;
  unlearnable.nodes[1].inputs = {block.wide};
  unlearnable.nodes[1].attributes = {};
  specs = {Specs()[0]};
  EXPECT_EQ(run(unlearnable, Samples(), specs, options), Code::kUnsupported);
  const std::atomic<bool> stop{true};
  options.cancel = &stop;
  EXPECT_EQ(run(graph, Samples(), Specs(), options), Code::kCancelled);
}

}  // namespace
}  // namespace edgeml::quantize
