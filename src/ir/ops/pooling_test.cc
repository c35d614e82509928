#include <gtest/gtest.h>

#include <vector>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

Result<Shape> Infer(OpCode op, Attributes attributes, Shape input, const int32_t* size = nullptr) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<TensorView> inputs(1), outputs(1);
  inputs[0].type = outputs[0].type = DType::kFloat32;
  inputs[0].shape = input;
  if (op == OpCode::kResizeBilinear || op == OpCode::kResizeNearestNeighbor) {
    inputs.emplace_back();
    inputs[1].type = DType::kInt32;
    inputs[1].shape = {2};
    inputs[1].data = const_cast<int32_t*>(size);
  }
  InferContext context{.node = &node, .inputs = inputs, .outputs = outputs};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  if (context.needs_values) return Status(Code::kFailed, "needs values");
  return outputs[0].shape;
}

TEST(PoolingRules, Pools) {
  PoolAttrs attrs;
  attrs.filter_h = attrs.filter_w = 3;
  attrs.window.stride_h = 2;
  const auto out = Infer(OpCode::kMaxPool2D, attrs, {1, 5, 6, 3});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{1, 3, 6, 3}));
  EXPECT_FALSE(Infer(OpCode::kMaxPool2D, attrs, {5, 6, 3}).ok());
  attrs.filter_h = 0;
  EXPECT_FALSE(Infer(OpCode::kAveragePool2D, attrs, {1, 5, 6, 3}).ok());
  attrs.filter_h = 3;
  attrs.window.dilation_w = 2;
  EXPECT_EQ(Infer(OpCode::kAveragePool2D, attrs, {1, 5, 6, 3}).status().code(), Code::kUnsupported);
  // A window that would lie in the padding only.
  attrs.window = {.padding = Padding::kExplicit, .pad_bottom = 3};
  EXPECT_EQ(Infer(OpCode::kAveragePool2D, attrs, {1, 5, 6, 3}).status().code(),
            Code::kInvalidModel);
}

TEST(PoolingRules, Resize) {
  const int32_t size[] = {7, 8}, none[] = {0, 8};
  ResizeAttrs attrs;
  const auto out = Infer(OpCode::kResizeBilinear, attrs, {2, 3, 4, 5}, size);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{2, 7, 8, 5}));
  EXPECT_EQ(Infer(OpCode::kResizeBilinear, attrs, {2, 3, 4, 5}).status().message(), "needs values");
  EXPECT_FALSE(Infer(OpCode::kResizeBilinear, attrs, {2, 3, 4, 5}, none).ok());
  EXPECT_FALSE(Infer(OpCode::kResizeNearestNeighbor, attrs, {2, 0, 4, 5}, size).ok());
  attrs.align_corners = attrs.half_pixel_centers = true;
  EXPECT_FALSE(Infer(OpCode::kResizeBilinear, attrs, {2, 3, 4, 5}, size).ok());
  EXPECT_TRUE(Infer(OpCode::kResizeNearestNeighbor, attrs, {2, 3, 4, 5}, size).ok());
}

TEST(PoolingRules, L2NormalizationTakesNoScalar) {
  EXPECT_TRUE(Infer(OpCode::kL2Normalization, ActivationAttrs{}, {3, 4}).ok());
  EXPECT_FALSE(Infer(OpCode::kL2Normalization, ActivationAttrs{}, {}).ok());
}

}  // namespace
}  // namespace edgeml::ir
