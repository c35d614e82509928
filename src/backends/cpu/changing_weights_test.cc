// Float convolutions and dense layers whose weights are inputs: against the reference backend, with
// other weights at each run.
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

void Check(OpCode op, const std::vector<Shape>& inputs, const ir::Attributes& attributes,
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
  ASSERT_TRUE(ir::Verify(module).ok());
  Runner fast(module, {&CpuBackend(), &ReferenceBackend()}), plain(module, {&ReferenceBackend()});
  if (BestSimdLevel() != SimdLevel::kNone) {
    EXPECT_EQ(fast.executor->report(0).kernel.rfind(kernel, 0), 0u)
        << fast.executor->report(0).kernel;
  }
  for (int run = 0; run < 3; ++run) {
    for (int i = 0; i < fast.executor->num_inputs(); ++i) {
      for (float& x : fast.executor->input(i).mutable_elements<float>()) x = draw(random);
      const auto from = fast.executor->input(i).elements<float>();
      std::copy(from.begin(), from.end(),
                plain.executor->input(i).mutable_elements<float>().begin());
    }
    ASSERT_TRUE(fast.executor->Run().ok());
    ASSERT_TRUE(plain.executor->Run().ok());
    const auto expected = plain.executor->output(0).elements<float>();
    const auto found = fast.executor->output(0).elements<float>();
    float largest = 0;
    for (const float x : expected) largest = std::max(largest, std::abs(x));
    ASSERT_GT(largest, 0);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(found[i], expected[i], 1e-5f * largest);
  }
}

TEST(ChangingWeights, AsTheReference) {
  ir::ConvAttrs conv;
  conv.window.stride_h = 2;
  conv.activation = ir::Activation::kRelu;
  for (const bool constant_bias : {false, true}) {
    Check(OpCode::kConv2D, {{2, 7, 6, 5}, {9, 3, 3, 5}, {9}}, conv, "conv_2d.float32",
          constant_bias);
    Check(OpCode::kDepthwiseConv2D, {{2, 7, 6, 5}, {1, 3, 3, 5}, {5}}, ir::DepthwiseConvAttrs(),
          "depthwise_conv_2d.float32", constant_bias);
    Check(OpCode::kFullyConnected, {{9, 11}, {7, 11}, {7}}, ir::FullyConnectedAttrs(),
          "fully_connected.float32", constant_bias);
  }
  Check(OpCode::kConv2D, {{1, 4, 4, 3}, {2, 1, 1, 3}}, ir::ConvAttrs(), "conv_2d.float32", false);
}

}  // namespace
}  // namespace edgeml::backends
