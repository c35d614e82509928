#include "src/ir/builder.h"

#include <gtest/gtest.h>

#include <limits>

namespace edgeml::ir {
namespace {

TEST(GraphBuilder, KeepsOpenDimensions) {
  GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kFloat32, {kUnknownDim, 32, kUnknownDim, 3});
  const std::vector<float> weights(8 * 3 * 3 * 3), bias(8);
  ConvAttrs conv;
  conv.window.stride_h = conv.window.stride_w = 2;
  const auto y = b.Add(OpCode::kConv2D,
                       {x, b.AddConstant("w", {8, 3, 3, 3}, std::span(weights)),
                        b.AddConstant("b", {8}, std::span(bias))},
                       conv, "y");
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(b.shape(*y), (Shape{kUnknownDim, 16, kUnknownDim, 8}));
  EXPECT_EQ(b.value(*y).shape, (Shape{1, 16, 1, 8}));
  const auto mean = b.Add(OpCode::kMean, {*y, b.AddInts({1, 2})}, ReduceAttrs{}, "mean");
  ASSERT_TRUE(mean.ok()) << mean.status().message();
  EXPECT_EQ(b.shape(*mean), (Shape{kUnknownDim, 8}));
  Module module;
  module.graphs.push_back(b.Finish({*mean}));
  EXPECT_EQ(Verify(module).message(), "");
}

TEST(GraphBuilder, ErrorsNameTheOperator) {
  GraphBuilder b("main");
  const int32_t x = b.AddInput("x", DType::kFloat32, {2, 3});
  const int32_t y = b.AddInput("y", DType::kFloat32, {2, 4});
  const auto sum = b.Add(OpCode::kAdd, {x, y});
  EXPECT_EQ(sum.status().code(), Code::kInvalidModel);
  EXPECT_EQ(sum.status().message().substr(0, 3), "ADD");
}

TEST(GraphBuilder, ShapesThatOverflowAreErrors) {
  GraphBuilder b("main");
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  const int32_t x = b.AddInput("x", DType::kFloat32, {kMost, kMost, kMost});
  EXPECT_EQ(b.Add(OpCode::kTanh, {x}).status().code(), Code::kInvalidModel);
  const int32_t rows = b.AddInput("rows", DType::kFloat32, {kMost, kMost / 8, 1});
  const int32_t columns = b.AddInput("columns", DType::kFloat32, {1, 1, kMost});
  EXPECT_EQ(b.Add(OpCode::kAdd, {rows, columns}).status().code(), Code::kInvalidModel);
}

// Sums of two integers stand in for an evaluator.
class Adder : public Evaluator {
 public:
  Result<std::vector<ConstantData>> Evaluate(const Node& node, std::span<const TensorView> inputs,
                                             std::span<const TensorView> outputs) override {
    if (node.op == OpCode::kPack) {
      std::vector<std::byte> all;
      for (const TensorView& view : inputs) {
        const auto* bytes = view.as<std::byte>();
        all.insert(all.end(), bytes, bytes + 4);
      }
      return std::vector{ConstantData::Own(std::move(all))};
    }
    if (node.op != OpCode::kGather) return Status(Code::kUnsupported, "no kernel");
    const auto* from = inputs[0].as<std::byte>() + 4 * inputs[1].as<int32_t>()[0];
    EXPECT_EQ(outputs[0].shape, Shape{});
    return std::vector{ConstantData::Own({from, from + 4})};
  }
};

TEST(GraphBuilder, AReshapeThatKeepsTheBatchNeedsNoShapeAtRunTime) {
  Adder adder;
  GraphBuilder b("main", &adder);
  const int32_t x = b.AddInput("x", DType::kFloat32, {kUnknownDim, 4, 5});
  const auto shape = b.Add(OpCode::kShape, {x}, TypeAttrs{{}, DType::kInt32}, "", DType::kInt32);
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  EXPECT_FALSE(b.KnownIntegers(*shape).has_value());
  const auto batch = b.Add(OpCode::kGather, {*shape, b.AddInt(0)}, GatherAttrs{});
  ASSERT_TRUE(batch.ok()) << batch.status().message();
  const auto width = b.Add(OpCode::kGather, {*shape, b.AddInt(2)}, GatherAttrs{});
  ASSERT_TRUE(width.ok()) << width.status().message();
  EXPECT_EQ(b.KnownIntegers(*width), std::vector<int64_t>{5});
  const auto target = b.Add(OpCode::kPack, {*batch, b.AddInt(20)}, AxisAttrs{0, 2});
  ASSERT_TRUE(target.ok()) << target.status().message();
  const auto y = b.Add(OpCode::kReshape, {x, *target});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(b.shape(*y), (Shape{kUnknownDim, 20}));
  const Graph graph = b.Finish({*y});
  const Value& replaced = graph.values[static_cast<size_t>(graph.nodes.back().inputs[1])];
  ASSERT_TRUE(replaced.is_constant());
  EXPECT_EQ(reinterpret_cast<const int32_t*>(replaced.data.bytes.data())[0], -1);
}

}  // namespace
}  // namespace edgeml::ir
