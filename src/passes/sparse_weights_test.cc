#include "src/passes/sparse_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "src/ir/builder.h"
#include "src/ir/densify.h"

namespace edgeml::passes {
namespace {

using ir::OpCode;

class SparseWeightsTest : public testing::Test {
 protected:
  SparseWeightsTest() : b_("main") {}

  // [64, 64], one in eight of them not zero.
  int32_t Weights(DType type = DType::kFloat32) {
    std::vector<std::byte> bytes(size_t{64} * 64 * static_cast<size_t>(BitsOf(type)) / 8);
    for (size_t i = 0; i < bytes.size(); i += 37) bytes[i] = std::byte{1};
    Quantization quantization;
    if (type == DType::kInt8) quantization.scale = {0.5f}, quantization.zero_point = {0};
    return b_.AddConstant("weights", type, {64, 64}, ir::ConstantData::Own(std::move(bytes)),
                          quantization);
  }
  int32_t Dense(int32_t weights, DType type = DType::kFloat32) {
    ir::GraphBuilder::Output output{type, "y", std::nullopt, {}};
    const int32_t x = b_.AddInput("x", type, {1, 64});
    auto made = b_.Add(OpCode::kFullyConnected, {x, weights}, ir::FullyConnectedAttrs{},
                       std::vector{output});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? made->at(0) : 0;
  }
  // How many constants were stored sparse.
  int64_t Store(std::vector<int32_t> outputs, const SparseOptions& options = {}) {
    module_ = {};
    module_.graphs.push_back(b_.Finish(std::move(outputs)));
    auto report = StoreSparse(module_, options);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? report->constants : -1;
  }
  int64_t Count(OpCode op) const {
    return std::ranges::count(module_.graphs[0].nodes, op, &ir::Node::op);
  }

  ir::GraphBuilder b_;
  ir::Module module_;
};

TEST_F(SparseWeightsTest, OneDensifyForAllReaders) {
  const int32_t w = Weights();
  const int32_t y = Dense(w), z = Dense(w);
  EXPECT_EQ(Store({y, z}), 1);
  EXPECT_EQ(Count(OpCode::kDensify), 1);
  const ir::Graph& graph = module_.graphs[0];
  const ir::Node& densify = graph.nodes[0];
  ASSERT_EQ(densify.op, OpCode::kDensify);
  EXPECT_EQ(densify.outputs[0], w);
  EXPECT_FALSE(graph.values[static_cast<size_t>(w)].is_constant());
  const ir::Value& stored = graph.values[static_cast<size_t>(densify.inputs[0])];
  EXPECT_EQ(stored.name, "weights");
  EXPECT_TRUE(ir::Densify(stored).ok());
}

TEST_F(SparseWeightsTest, ThroughDequantize) {
  for (const DType type : {DType::kFloat16, DType::kInt8}) {
    b_ = ir::GraphBuilder("main");
    auto floats = b_.Add(OpCode::kDequantize, {Weights(type)}, {}, {}, DType::kFloat32);
    ASSERT_TRUE(floats.ok()) << floats.status().message();
    EXPECT_EQ(Store({Dense(*floats)}), 1);
    EXPECT_EQ(module_.graphs[0].nodes[0].op, OpCode::kDensify);
    EXPECT_EQ(module_.graphs[0].nodes[1].op, OpCode::kDequantize);
  }
}

// What XNNPACK refuses is stored so only when asked for.
TEST_F(SparseWeightsTest, Int8MatricesOnlyWithoutDelegates) {
  for (const DType activations : {DType::kInt8, DType::kFloat32}) {
    for (const bool without_delegates : {false, true}) {
      b_ = ir::GraphBuilder("main");
      EXPECT_EQ(Store({Dense(Weights(DType::kInt8), activations)}, {without_delegates}),
                without_delegates ? 1 : 0);
    }
  }
  b_ = ir::GraphBuilder("main");
  EXPECT_EQ(Store({Dense(Weights(DType::kInt8), DType::kInt16)}), 1);
}

TEST_F(SparseWeightsTest, LeavesOtherConstantsAlone) {
  const int32_t x = b_.AddInput("x", DType::kFloat32, {64, 64});
  const int32_t w = Weights();
  auto sum = b_.Add(OpCode::kAdd, {x, w}, ir::BinaryAttrs{});
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(Store({*sum, Dense(w)}), 0);  // read as something else too
  b_ = ir::GraphBuilder("main");
  const int32_t given = Weights();
  EXPECT_EQ(Store({Dense(given), given}), 0);  // the graph gives it away
  b_ = ir::GraphBuilder("main");
  std::vector<float> few(16);
  few[0] = 1;
  const int32_t y = b_.AddInput("y", DType::kFloat32, {1, 4});
  auto small =
      b_.Add(OpCode::kFullyConnected, {y, b_.AddConstant("w", {4, 4}, std::span<const float>(few))},
             ir::FullyConnectedAttrs{});
  ASSERT_TRUE(small.ok());
  EXPECT_EQ(Store({*small}), 0);  // the node costs more
}

TEST_F(SparseWeightsTest, Words) {
  EXPECT_FALSE(ParseSparse("off")->has_value());
  EXPECT_FALSE((*ParseSparse("auto"))->without_delegates);
  EXPECT_TRUE((*ParseSparse("all"))->without_delegates);
  EXPECT_EQ(ParseSparse("some").status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace edgeml::passes
