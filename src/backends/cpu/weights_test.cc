// Convolutions and dense layers against the reference backend: float ones whose weights are inputs,
// with other weights at each run, and those of int4 weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "src/backends/cpu/cpu_backend.h"
#include "src/backends/reference/reference_backend.h"
#include "src/base/cpu_features.h"
#include "src/ir/builder.h"
#include "src/runtime/graph_executor.h"
#include "src/tensor/packed_int.h"

namespace edgeml::backends {
namespace {

using ir::OpCode;

struct Runner {
  Runner(const ir::Module& module, std::vector<const runtime::Backend*> list) {
    context.program = std::make_shared<const runtime::Program>(module);
    context.backends = std::move(list);
    context.folding = &ReferenceBackend();
    context.pool = ThreadPool::Create(2);
    context.memory_cap = size_t{1} << 26;
    context.resources = std::make_shared<runtime::Resources>(context.memory_cap);
    executor = std::make_unique<runtime::GraphExecutor>(context, 0, true);
    const Status prepared = executor->Prepare();
    EXPECT_TRUE(prepared.ok()) << prepared.message();
  }
  runtime::ExecutionContext context;
  std::unique_ptr<runtime::GraphExecutor> executor;
};

// Runs the module with and without the cpu kernel of that name, on random inputs of floats in
// [-1, 1] or any int8. Floats may differ by 1e-5 of the largest, integers by one.
void Compare(const ir::Module& module, const char* kernel, std::mt19937& random) {
  ASSERT_TRUE(ir::Verify(module).ok()) << ir::Verify(module).message();
  Runner fast(module, {&CpuBackend(), &ReferenceBackend()}), plain(module, {&ReferenceBackend()});
  if (BestSimdLevel() != SimdLevel::kNone) {
    EXPECT_EQ(fast.executor->report(0).kernel.rfind(kernel, 0), 0u)
        << fast.executor->report(0).kernel;
  }
  std::uniform_real_distribution<float> reals(-1, 1);
  std::uniform_int_distribution<int> integers(-128, 127);
  for (int run = 0; run < 3; ++run) {
    for (int i = 0; i < fast.executor->num_inputs(); ++i) {
      const TensorView x = fast.executor->input(i), same = plain.executor->input(i);
      for (int64_t e = 0; e < x.num_elements(); ++e) {
        if (x.type == DType::kFloat32) {
          x.as_mutable<float>()[e] = same.as_mutable<float>()[e] = reals(random);
        } else {
          x.as_mutable<int8_t>()[e] = same.as_mutable<int8_t>()[e] =
              static_cast<int8_t>(integers(random));
        }
      }
    }
    ASSERT_TRUE(fast.executor->Run().ok());
    ASSERT_TRUE(plain.executor->Run().ok());
    const TensorView found = fast.executor->output(0), expected = plain.executor->output(0);
    if (found.type == DType::kFloat32) {
      float largest = 0;
      for (const float x : expected.elements<float>()) largest = std::max(largest, std::abs(x));
      ASSERT_GT(largest, 0);
      for (size_t i = 0; i < expected.elements<float>().size(); ++i)
        ASSERT_NEAR(found.elements<float>()[i], expected.elements<float>()[i], 1e-5f * largest);
    } else {
      for (size_t i = 0; i < expected.elements<int8_t>().size(); ++i)
        ASSERT_NEAR(found.elements<int8_t>()[i], expected.elements<int8_t>()[i], 1);
    }
  }
}

void CheckChanging(OpCode op, const std::vector<Shape>& inputs, const ir::Attributes& attributes,
                   const char* kernel, bool constant_bias) {
  SCOPED_TRACE(kernel);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-1, 1);
  ir::GraphBuilder b("main");
  std::vector<int32_t> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<float> bias(static_cast<size_t>(inputs[i].num_elements()));
    for (float& x : bias) x = draw(random);
    values.push_back(i == 2 && constant_bias
                         ? b.AddConstant("bias", inputs[i], std::span<const float>(bias))
                         : b.AddInput("x", DType::kFloat32, inputs[i]));
  }
  const auto y = b.Add(op, values, attributes);
  ASSERT_TRUE(y.ok()) << y.status().message();
  ir::Module module;
  module.graphs.push_back(b.Finish({*y}));
  Compare(module, kernel, random);
}

TEST(ChangingWeights, AsTheReference) {
  ir::ConvAttrs conv;
  conv.window.stride_h = 2;
  conv.activation = ir::Activation::kRelu;
  for (const bool constant_bias : {false, true}) {
    CheckChanging(OpCode::kConv2D, {{2, 7, 6, 5}, {9, 3, 3, 5}, {9}}, conv, "conv_2d.float32",
                  constant_bias);
    CheckChanging(OpCode::kDepthwiseConv2D, {{2, 7, 6, 5}, {1, 3, 3, 5}, {5}},
                  ir::DepthwiseConvAttrs(), "depthwise_conv_2d.float32", constant_bias);
    CheckChanging(OpCode::kFullyConnected, {{9, 11}, {7, 11}, {7}}, ir::FullyConnectedAttrs(),
                  "fully_connected.float32", constant_bias);
  }
  CheckChanging(OpCode::kConv2D, {{1, 4, 4, 3}, {2, 1, 1, 3}}, ir::ConvAttrs(), "conv_2d.float32",
                false);
}

// A layer of int4 weights, int8 or (`hybrid`) float activations, a bias and a scale per channel or,
// if `block` is not 0, per block of the depth.
void CheckInt4(OpCode op, const Shape& input, const Shape& filter, const ir::Attributes& attributes,
               const char* kernel, bool hybrid, int32_t block = 0) {
  SCOPED_TRACE(kernel);
  std::mt19937 random(2);
  std::uniform_int_distribution<int> weight(-8, 7), bias(-900, 900);
  std::uniform_real_distribution<float> scale(0.005f, 0.02f);
  const DType type = hybrid ? DType::kFloat32 : DType::kInt8;
  const auto count = static_cast<size_t>(filter.num_elements());
  const int axis = op == OpCode::kDepthwiseConv2D ? 3 : 0;
  const int32_t channels = filter[axis];

  std::vector<int8_t> weights(count);
  for (int8_t& w : weights) w = static_cast<int8_t>(weight(random));
  std::vector<std::byte> nibbles(PackedInt4Bytes(count));
  PackInt4(weights.data(), count, nibbles.data());
  Quantization q;
  q.axis = axis;
  q.block_size = block;
  q.scale.resize(block == 0 ? static_cast<size_t>(channels) : count / static_cast<size_t>(block));
  for (float& s : q.scale) s = scale(random);
  q.zero_point.assign(q.scale.size(), 0);

  ir::GraphBuilder b("main");
  const int32_t x = b.AddInput("x", type, input);
  const int32_t w =
      b.AddConstant("w", DType::kInt4, filter, ir::ConstantData::Own(std::move(nibbles)), q);
  int32_t c = 0;
  if (hybrid) {
    std::vector<float> values(static_cast<size_t>(channels));
    for (float& v : values) v = scale(random);
    c = b.AddConstant("b", Shape{channels}, std::span<const float>(values));
  } else {
    std::vector<int32_t> values(static_cast<size_t>(channels));
    for (int32_t& v : values) v = bias(random);
    c = b.AddConstant("b", Shape{channels}, std::span<const int32_t>(values));
  }
  const auto y = b.Add(op, {x, w, c}, attributes);
  ASSERT_TRUE(y.ok()) << y.status().message();
  ir::Module module;
  module.graphs.push_back(b.Finish({*y}));
  if (!hybrid) {
    module.graphs[0].values[static_cast<size_t>(x)].quantization = {{0.03f}, {-7}};
    module.graphs[0].values[static_cast<size_t>(*y)].quantization = {{0.05f}, {11}};
  }
  Compare(module, kernel, random);
}

TEST(Int4Weights, AsTheReference) {
  ir::ConvAttrs conv;
  conv.window.stride_h = 2;
  conv.activation = ir::Activation::kRelu;
  const Shape image{2, 7, 6, 5};
  CheckInt4(OpCode::kConv2D, image, {9, 3, 3, 5}, conv, "conv_2d.int8", false);
  CheckInt4(OpCode::kConv2D, image, {9, 3, 3, 5}, conv, "conv_2d.hybrid_int4", true);
  CheckInt4(OpCode::kDepthwiseConv2D, image, {1, 3, 3, 5}, ir::DepthwiseConvAttrs(),
            "depthwise_conv_2d.int8", false);
  CheckInt4(OpCode::kDepthwiseConv2D, {2, 7, 6, 1}, {1, 3, 3, 5}, ir::DepthwiseConvAttrs(),
            "depthwise_conv_2d.one_channel.int8", false);
  CheckInt4(OpCode::kFullyConnected, {9, 11}, {7, 11}, ir::FullyConnectedAttrs(),
            "fully_connected.int8", false);
  for (const bool asymmetric : {false, true}) {
    ir::FullyConnectedAttrs dense;
    dense.asymmetric_quantize_inputs = asymmetric;
    CheckInt4(OpCode::kFullyConnected, {9, 11}, {7, 11}, dense, "fully_connected.hybrid_int4",
              true);
    CheckInt4(OpCode::kFullyConnected, {9, 64}, {7, 64}, dense,
              "fully_connected.hybrid_int4_blocks", true, 32);
  }
}

}  // namespace
}  // namespace edgeml::backends
