// What the tests of passes share: a graph made with ir::GraphBuilder runs before and after the
// passes on random inputs, and the results are compared.
#ifndef EDGEML_PASSES_PASS_TEST_H_
#define EDGEML_PASSES_PASS_TEST_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/convert/evaluator.h"
#include "src/ir/builder.h"
#include "src/passes/passes.h"
#include "src/runtime/module_runner.h"

namespace edgeml::passes {

using ir::OpCode;

class PassTest : public testing::Test {
 protected:
  PassTest() : b("main") {}

  int32_t Input(const Shape& shape, DType type = DType::kFloat32) {
    return b.AddInput("input", type, shape);
  }
  // Random numbers in [low, high).
  int32_t Weights(const Shape& shape, float low = -1.0f, float high = 1.0f) {
    std::vector<float> values(static_cast<size_t>(shape.num_elements()));
    std::uniform_real_distribution<float> draw(low, high);
    for (float& value : values) value = draw(random_);
    return b.AddConstant("weights", shape, std::span<const float>(values));
  }
  int32_t Op(OpCode op, std::vector<int32_t> inputs, ir::Attributes attributes = {},
             DType type = DType::kInvalid) {
    auto made = b.Add(op, std::move(inputs), std::move(attributes), {}, type);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *made : 0;
  }
  int32_t Transpose(int32_t x, std::initializer_list<int32_t> permutation) {
    return Op(OpCode::kTranspose, {x, b.AddInts(permutation)});
  }
  int32_t Reshape(int32_t x, std::initializer_list<int32_t> shape) {
    return Op(OpCode::kReshape, {x, b.AddInts(shape)});
  }

  // Runs all passes over the graph with these outputs; its results must stay within `tolerance` of
  // their largest magnitude. Open dimensions are run with size 2.
  void Optimize(std::vector<int32_t> outputs, double tolerance = 1e-5) {
    before_ = {};
    before_.graphs.push_back(b.Finish(std::move(outputs)));
    ASSERT_TRUE(ir::Verify(before_).ok());
    after_ = before_;
    Options options;
    options.verify_each = true;
    auto report = RunPasses(after_, options, &evaluator_);
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_LE(report->nodes_after, report->nodes_before);
    EXPECT_LT(report->rounds, options.max_rounds) << ir::ToString(after_.graphs[0]);
    EXPECT_EQ(after_.graphs[0].outputs, before_.graphs[0].outputs);
    report_ = std::move(*report);
    Compare(tolerance);
  }

  // The operators that are left, in order.
  std::vector<OpCode> Ops() const {
    std::vector<OpCode> ops;
    for (const ir::Node& node : after_.graphs[0].nodes) ops.push_back(node.op);
    return ops;
  }
  void ExpectOps(std::initializer_list<OpCode> ops) const {
    EXPECT_EQ(Ops(), std::vector<OpCode>(ops)) << ir::ToString(after_.graphs[0]);
  }
  const ir::Graph& after() const { return after_.graphs[0]; }

  ir::GraphBuilder b;
  convert::ReferenceEvaluator evaluator_;
  ir::Module before_, after_;
  Report report_;
  float low_ = -3.0f, high_ = 3.0f;  // of the inputs

 private:
  static std::vector<std::vector<std::byte>> RunModule(const ir::Module& module, uint32_t seed,
                                                       float low, float high) {
    runtime::ModuleRunner runner(module, {&backends::ReferenceBackend()});
    EXPECT_TRUE(runner.SizeOpenDimensions(2, 2).ok());
    runtime::GraphExecutor& executor = runner.executor();
    const ir::Graph& graph = runner.graph();
    Status status = executor.Prepare();
    EXPECT_TRUE(status.ok()) << status.message() << "\n" << ir::ToString(graph);
    if (!status.ok()) return {};
    std::mt19937 random(seed);
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      const TensorView view = executor.input(static_cast<int>(i));
      if (view.type == DType::kFloat32) {
        std::uniform_real_distribution<float> draw(low, high);
        for (float& x : view.mutable_elements<float>()) x = draw(random);
      } else {
        const size_t bytes = CheckedByteSize(view.shape, view.type).value();
        std::memset(view.data, 1, bytes);
      }
    }
    status = executor.Run();
    EXPECT_TRUE(status.ok()) << status.message();
    std::vector<std::vector<std::byte>> results;
    for (size_t i = 0; i < graph.outputs.size(); ++i) {
      const TensorView view = executor.output(static_cast<int>(i));
      const size_t bytes = CheckedByteSize(view.shape, view.type).value();
      const auto* const data = static_cast<const std::byte*>(view.data);
      results.emplace_back(data, data + bytes);
    }
    return results;
  }

  void Compare(double tolerance) {
    const auto expected = RunModule(before_, 7, low_, high_);
    const auto actual = RunModule(after_, 7, low_, high_);
    ASSERT_EQ(expected.size(), actual.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const int32_t v = before_.graphs[0].outputs[i];
      if (before_.graphs[0].values[static_cast<size_t>(v)].type != DType::kFloat32) {
        EXPECT_EQ(expected[i], actual[i]);
        continue;
      }
      ASSERT_EQ(expected[i].size(), actual[i].size());
      std::vector<float> a(expected[i].size() / 4), c(a.size());
      std::memcpy(a.data(), expected[i].data(), expected[i].size());
      std::memcpy(c.data(), actual[i].data(), actual[i].size());
      double largest = 0, difference = 0;
      for (size_t k = 0; k < a.size(); ++k) {
        ASSERT_TRUE(std::isfinite(a[k]));
        largest = std::max(largest, std::abs(static_cast<double>(a[k])));
        difference = std::max(difference, std::abs(static_cast<double>(a[k]) - c[k]));
      }
      EXPECT_GT(largest, 0) << "a test that could not fail";
      EXPECT_LE(difference, tolerance * largest) << ir::ToString(after_.graphs[0]);
    }
  }

  std::mt19937 random_{1};
};

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_PASS_TEST_H_
