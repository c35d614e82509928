// Shape rules of operators whose output shape is the value of an input, on values that a stranger
// may have chosen.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

TensorView Tensor(Shape shape, DType type = DType::kFloat32) {
  TensorView view;
  view.type = type;
  view.shape = shape;
  return view;
}
TensorView Values(const std::vector<int32_t>& values) {
  TensorView view = Tensor({static_cast<int32_t>(values.size())}, DType::kInt32);
  view.data = const_cast<int32_t*>(values.data());
  return view;
}
TensorView Scalar(const int32_t& value) {
  TensorView view = Tensor({}, DType::kInt32);
  view.data = const_cast<int32_t*>(&value);
  return view;
}

Result<Shape> Infer(OpCode op, Attributes attributes, std::vector<TensorView> inputs,
                    size_t num_outputs = 1) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<TensorView> outputs(num_outputs, Tensor({}));
  InferContext context{.node = &node, .inputs = inputs, .outputs = outputs};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  if (context.needs_values) return Status(Code::kFailed, "needs values");
  return outputs[0].shape;
}

TEST(VariableRules, HandlesAreOneElementWhateverTheFileSays) {
  Node node;
  node.op = OpCode::kVarHandle;
  node.attributes = VarHandleAttrs{};
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  for (const auto& [stated, settled] :
       std::vector<std::pair<Shape, Shape>>{{{1, 1}, {1, 1}},
                                            {{}, {}},
                                            {{kMost, kMost, kMost}, {}},
                                            {{kUnknownDim}, {}},
                                            {{0}, {}}}) {
    std::vector<TensorView> outputs(1, Tensor(stated, DType::kResource));
    InferContext context{.node = &node, .inputs = {}, .outputs = outputs};
    ASSERT_TRUE(InferShapes(context).ok());
    EXPECT_EQ(outputs[0].shape, settled);
  }
}

TEST(RandomRules, ShapeOfTheOutput) {
  const auto infer = [](const TensorView& shape) {
    return Infer(OpCode::kRandomUniform, RandomAttrs{}, {shape});
  };
  const std::vector<int32_t> good = {2, 0, 3}, negative = {2, -1}, long_shape(kMaxRank + 1, 1);
  ASSERT_TRUE(infer(Values(good)).ok());
  EXPECT_EQ(*infer(Values(good)), (Shape{2, 0, 3}));
  EXPECT_EQ(infer(Tensor({2}, DType::kInt32)).status().message(), "needs values");
  EXPECT_FALSE(infer(Values(negative)).ok());
  EXPECT_FALSE(infer(Values(long_shape)).ok());
  EXPECT_FALSE(infer(Tensor({2}, DType::kInt64)).ok());
  EXPECT_FALSE(infer(Scalar(good[0])).ok());
}

TEST(RandomRules, Multinomial) {
  const auto infer = [](Shape logits, const TensorView& samples) {
    return Infer(OpCode::kMultinomial, RandomAttrs{}, {Tensor(logits), samples});
  };
  const std::vector<int32_t> counts = {5, -1};
  ASSERT_TRUE(infer({2, 3}, Scalar(counts[0])).ok());
  EXPECT_EQ(*infer({2, 3}, Scalar(counts[0])), (Shape{2, 5}));
  EXPECT_FALSE(infer({2, 3}, Scalar(counts[1])).ok());
  EXPECT_FALSE(infer({2, 0}, Scalar(counts[0])).ok());
  EXPECT_FALSE(infer({6}, Scalar(counts[0])).ok());
  EXPECT_FALSE(infer({2, 3}, Values(counts)).ok());
}

TEST(SpectralRules, Rfft2d) {
  const auto infer = [](Shape input, const std::vector<int32_t>& lengths) {
    return Infer(OpCode::kRfft2d, std::monostate{}, {Tensor(input), Values(lengths)});
  };
  ASSERT_TRUE(infer({3, 5, 7}, {4, 8}).ok());
  EXPECT_EQ(*infer({3, 5, 7}, {4, 8}), (Shape{3, 4, 5}));
  EXPECT_EQ(*infer({5, 7}, {1, 1}), (Shape{1, 1}));
  for (const std::vector<int32_t>& bad :
       std::vector<std::vector<int32_t>>{{4, 6}, {0, 4}, {4, -4}, {4, INT32_MIN}, {4}, {2, 2, 2}})
    EXPECT_FALSE(infer({5, 7}, bad).ok());
  EXPECT_FALSE(infer({7}, {4, 8}).ok());
}

TEST(DetectionRules, NonMaxSuppression) {
  const std::vector<int32_t> counts = {4, -1};
  std::vector<TensorView> inputs = {Tensor({9, 4}), Tensor({9}), Scalar(counts[0]), Tensor({}),
                                    Tensor({})};
  const auto infer = [&](size_t outputs) {
    return Infer(OpCode::kNonMaxSuppressionV4, std::monostate{}, inputs, outputs);
  };
  ASSERT_TRUE(infer(2).ok());
  EXPECT_EQ(*infer(2), (Shape{4}));
  EXPECT_FALSE(infer(3).ok());
  inputs.push_back(Tensor({}));  // sigma
  EXPECT_TRUE(infer(3).ok());
  EXPECT_FALSE(infer(2).ok());
  inputs[5].shape = {1};
  EXPECT_FALSE(infer(3).ok());
  inputs.pop_back();
  inputs[2] = Scalar(counts[1]);
  EXPECT_FALSE(infer(2).ok());
  inputs[2] = Scalar(counts[0]);
  inputs[2].type = DType::kInt64;
  EXPECT_FALSE(infer(2).ok());
  inputs[2].type = DType::kInt32;
  inputs[1].shape = {8};
  EXPECT_FALSE(infer(2).ok());
  inputs[0].shape = {8, 5};
  EXPECT_FALSE(infer(2).ok());
}

}  // namespace
}  // namespace edgeml::ir
