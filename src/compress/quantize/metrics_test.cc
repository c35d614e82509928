#include "src/compress/quantize/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/compress/quantize/samples_test.h"
#include "src/ir/builder.h"

namespace edgeml::quantize {
namespace {

using ir::OpCode;

Quantization PerTensor(float scale, int64_t zero_point) {
  Quantization q;
  q.scale = {scale};
  q.zero_point = {zero_point};
  return q;
}

TEST(NoiseMeter, MeasuresDecibels) {
  NoiseMeter meter, other, both;
  meter.Add(std::vector<float>{3, -4}, std::vector<float>{3.5f, -4});
  EXPECT_NEAR(meter.sqnr_db(), 20, 1e-12);
  EXPECT_EQ(meter.mean_squared_error(), 0.125);
  EXPECT_EQ(meter.mean_error(), 0.25);
  EXPECT_EQ(meter.largest_error(), 0.5);
  other.Add(std::vector<float>{3, 4}, std::vector<float>{2.5f, 4});
  both.Add(meter);
  both.Add(other);
  EXPECT_EQ(both.count(), 4);
  EXPECT_EQ(both.mean_error(), 0);
  EXPECT_NEAR(both.sqnr_db(), 20, 1e-12);
  NoiseMeter none, odd;
  none.Add(std::vector<float>{1}, std::vector<float>{1});
  EXPECT_EQ(none.sqnr_db(), INFINITY);
  odd.Add(std::vector<float>{1, 2}, std::vector<float>{1, NAN});
  EXPECT_EQ(odd.sqnr_db(), -INFINITY);
}

TEST(Dequantize, KnowsTypesAndAxes) {
  Quantization q;
  q.scale = {0.5f, 2.0f, 0.25f};
  q.zero_point = {0, 0, 0};
  q.axis = 1;
  std::vector<int8_t> stored = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -128};
  TensorView view;
  view.type = DType::kInt8;
  view.shape = {2, 3, 2};
  view.data = stored.data();
  view.quantization = &q;
  std::vector<float> numbers;
  ASSERT_TRUE(Dequantize(view, numbers));
  EXPECT_EQ(numbers,
            (std::vector<float>{0.5f, 1, 6, 8, 1.25f, 1.5f, -0.5f, -1, -6, -8, -1.25f, -32}));
  std::vector<int8_t> again(stored.size());
  view.data = again.data();
  Requantize(numbers, view);
  EXPECT_EQ(again, stored);
  numbers.assign(12, 1000.0f);
  numbers[3] = 3.0f;  // 1.5 steps
  numbers[4] = NAN;
  Requantize(numbers, view);
  EXPECT_EQ(again[0], 127);
  EXPECT_EQ(again[3], 2);
  EXPECT_EQ(again[4], 0);
  q.axis = 2;  // of 2, with three scales
  EXPECT_FALSE(Dequantize(view, numbers));
  view.quantization = nullptr;
  EXPECT_FALSE(Dequantize(view, numbers));
  view.type = DType::kFloat16;
  EXPECT_FALSE(Dequantize(view, numbers));

  const Quantization whole = PerTensor(0.5f, 3);
  std::vector<uint8_t> bytes = {0, 3, 255};
  TensorView flat{bytes.data(), DType::kUInt8, {3}, {}, &whole};
  ASSERT_TRUE(Dequantize(flat, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{-1.5f, 0, 126}));
}

class CompareLayersTest : public testing::Test {
 protected:
  // x → a = relu(x) → b = a + x → c = relu(b), in float, or in int8 with these scales.
  static ir::Module Chain(const std::vector<float>& scales) {
    ir::Module module;
    ir::Graph& graph = module.graphs.emplace_back();
    for (size_t v = 0; v < 4; ++v) {
      ir::Value value;
      value.name = std::string(1, "xabc"[v]);
      value.shape = {1, 512};
      if (!scales.empty()) {
        value.type = DType::kInt8;
        value.quantization = PerTensor(scales[v], 0);
      }
      graph.values.push_back(std::move(value));
    }
    const auto add = [&](OpCode op, std::vector<int32_t> inputs, int32_t output,
                         ir::Attributes attributes) {
      ir::Node node;
      node.op = op;
      node.inputs = std::move(inputs);
      node.outputs = {output};
      node.attributes = std::move(attributes);
      graph.nodes.push_back(std::move(node));
    };
    add(OpCode::kRelu, {0}, 1, {});
    add(OpCode::kAdd, {1, 0}, 2, ir::BinaryAttrs{});
    add(OpCode::kRelu, {2}, 3, {});
    graph.inputs = {0};
    graph.outputs = {3};
    EXPECT_TRUE(ir::Verify(module).ok());
    return module;
  }
  static Result<std::vector<LayerError>> Run(const ir::Module& quantized,
                                             const CompareOptions& options = {}) {
    const std::vector<LayerPair> pairs = {{1, 1}, {2, 2}, {3, 3}};
    return CompareLayers(Chain({}), quantized, pairs, *MakeArraySamples(RandomSamples(9, {1, 512})),
                         options, TestBackends());
  }
  static const LayerError& Named(const std::vector<LayerError>& layers, std::string_view name) {
    return *std::ranges::find(layers, name, &LayerError::name);
  }
};

TEST_F(CompareLayersTest, FindsNoErrorWhereThereIsNone) {
  const auto layers = Run(Chain({}));
  ASSERT_TRUE(layers.ok()) << layers.status().message();
  ASSERT_EQ(layers->size(), 3u);
  for (const LayerError& layer : *layers) {
    EXPECT_EQ(layer.total.count(), 9 * 512);
    EXPECT_EQ(layer.total.sqnr_db(), INFINITY);
    EXPECT_EQ(layer.alone.sqnr_db(), INFINITY);
  }
}

TEST_F(CompareLayersTest, MeasuresWhatRoundingCosts) {
  constexpr float kScale = 4.0f / 127;
  const auto layers = Run(Chain({kScale, kScale, 2 * kScale, 2 * kScale}));
  ASSERT_TRUE(layers.ok()) << layers.status().message();
  NoiseMeter expected;
  for (const auto& sample : RandomSamples(9, {1, 512})) {
    std::vector<float> exact, rounded;
    for (const float x : sample[0].as<float>()) {
      const float steps = std::clamp(std::round(x / kScale), -128.0f, 127.0f);
      exact.push_back(std::max(x, 0.0f));
      rounded.push_back(std::max(steps * kScale, 0.0f));
    }
    expected.Add(exact, rounded);
  }
  EXPECT_NEAR(Named(*layers, "a").total.sqnr_db(), expected.sqnr_db(), 1e-3);
  EXPECT_GT(expected.sqnr_db(), 35);
  EXPECT_LT(expected.sqnr_db(), 50);
  const auto same = Run(Chain({kScale, kScale, 2 * kScale, 2 * kScale}), {.threads = 4});
  ASSERT_TRUE(same.ok());
  for (size_t i = 0; i < layers->size(); ++i) {
    EXPECT_EQ((*layers)[i].name, (*same)[i].name);
    EXPECT_EQ((*layers)[i].total.sqnr_db(), (*same)[i].total.sqnr_db());
    EXPECT_EQ((*layers)[i].alone.sqnr_db(), (*same)[i].alone.sqnr_db());
  }
}

// The sum is cut at 1.
TEST_F(CompareLayersTest, PutsTheWorstFirst) {
  constexpr float kScale = 4.0f / 127;
  const auto layers = Run(Chain({kScale, kScale, 1.0f / 127, 1.0f / 127}));
  ASSERT_TRUE(layers.ok()) << layers.status().message();
  EXPECT_EQ((*layers)[2].name, "a");
  EXPECT_LT(Named(*layers, "b").total.sqnr_db(), 10);
  EXPECT_LT(Named(*layers, "b").alone.sqnr_db(), 10);
  EXPECT_LT(Named(*layers, "c").total.sqnr_db(), 10);
  EXPECT_GT(Named(*layers, "a").alone.sqnr_db(), 35);
}

// The first layer rounds to 3 bits; the others, fed with exact inputs, to 8.
TEST_F(CompareLayersTest, TellsTheCulpritFromItsVictims) {
  constexpr float kScale = 4.0f / 127;
  ir::Module module = Chain({kScale, 1.0f, 2 * kScale, 2 * kScale});
  const auto layers = Run(module);
  ASSERT_TRUE(layers.ok()) << layers.status().message();
  EXPECT_EQ((*layers)[0].name, "a");
  EXPECT_LT(Named(*layers, "a").alone.sqnr_db(), 15);
  EXPECT_LT(Named(*layers, "c").total.sqnr_db(), 20);
  EXPECT_GT(Named(*layers, "c").alone.sqnr_db(), 30);
}

TEST_F(CompareLayersTest, SaysWhatDoesNotFit) {
  const std::vector<LayerPair> nowhere = {{1, 9}};
  const auto samples = MakeArraySamples(RandomSamples(3, {1, 512}));
  EXPECT_EQ(
      CompareLayers(Chain({}), Chain({}), nowhere, *samples, {}, TestBackends()).status().code(),
      Code::kInvalidArgument);
  const std::vector<LayerPair> unseen = {{0, 0}, {1, 1}};
  const auto layers = CompareLayers(Chain({}), Chain({}), unseen, *samples, {}, TestBackends());
  ASSERT_TRUE(layers.ok());
  EXPECT_EQ((*layers)[1].total.count(), 0);
  const auto narrow = MakeArraySamples(RandomSamples(3, {1, 7}));
  const auto refused = CompareLayers(Chain({}), Chain({}), unseen, *narrow, {}, TestBackends());
  EXPECT_EQ(refused.status().message(), "sample 0: input 0 ('x') takes shape [1, 512], not [1, 7]");
  EXPECT_EQ(CompareLayers(Chain({}), Chain({}), unseen, *MakeArraySamples({}), {}, TestBackends())
                .status()
                .code(),
            Code::kInvalidArgument);
  const auto stop = [](int64_t, int64_t) { return false; };
  EXPECT_EQ(CompareLayers(Chain({}), Chain({}), unseen, *samples, {}, TestBackends(), stop)
                .status()
                .code(),
            Code::kCancelled);
}

}  // namespace
}  // namespace edgeml::quantize
