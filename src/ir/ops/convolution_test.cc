#include <gtest/gtest.h>

#include <vector>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

TensorView Tensor(Shape shape, DType type = DType::kFloat32, void* data = nullptr) {
  TensorView view;
  view.type = type;
  view.shape = shape;
  view.data = data;
  return view;
}

// Runs the shape rule; the output's shape, or the error.
Result<Shape> Infer(OpCode op, Attributes attributes, std::vector<TensorView> inputs,
                    int64_t* macs = nullptr) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<TensorView> outputs = {Tensor({})};
  InferContext context{.node = &node, .inputs = inputs, .outputs = outputs};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  if (context.needs_values) return Status(Code::kFailed, "needs values");
  if (macs != nullptr) *macs = DefOf(op).macs({&node, inputs, outputs});
  return outputs[0].shape;
}

ConvAttrs Same(int32_t stride) {
  ConvAttrs attrs;
  attrs.window.stride_h = attrs.window.stride_w = stride;
  return attrs;
}

TEST(ConvolutionRules, Conv2D) {
  int64_t macs = 0;
  const auto out = Infer(OpCode::kConv2D, Same(2),
                         {Tensor({1, 9, 8, 4}), Tensor({6, 3, 3, 2}), Tensor({6})}, &macs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{1, 5, 4, 6}));
  EXPECT_EQ(macs, 5 * 4 * 6 * 3 * 3 * 2);
  ConvAttrs attrs;
  attrs.window = {.padding = Padding::kExplicit, .dilation_h = 2, .pad_top = 1, .pad_left = 3};
  const auto padded = Infer(OpCode::kConv2D, attrs, {Tensor({2, 5, 5, 1}), Tensor({1, 3, 3, 1})});
  ASSERT_TRUE(padded.ok()) << padded.status().message();
  EXPECT_EQ(*padded, (Shape{2, 2, 6, 1}));
}

TEST(ConvolutionRules, Conv2DRefuses) {
  const TensorView input = Tensor({1, 9, 9, 4}), filter = Tensor({6, 3, 3, 4});
  const auto refuses = [](Attributes attrs, std::vector<TensorView> inputs) {
    const auto out = Infer(OpCode::kConv2D, std::move(attrs), std::move(inputs));
    return !out.ok() && out.status().code() == Code::kInvalidModel;
  };
  EXPECT_TRUE(refuses(Same(1), {Tensor({9, 9, 4}), filter}));
  EXPECT_TRUE(refuses(Same(1), {input, Tensor({6, 3, 3, 3})}));  // 4 % 3
  EXPECT_TRUE(refuses(Same(1), {input, Tensor({5, 3, 3, 2})}));  // 5 channels, 2 groups
  EXPECT_TRUE(refuses(Same(1), {input, Tensor({6, 3, 0, 4})}));
  EXPECT_TRUE(refuses(Same(1), {input, filter, Tensor({5})}));
  EXPECT_TRUE(refuses(Same(0), {input, filter}));
  ConvAttrs attrs;
  attrs.window.dilation_h = 2147483647;
  EXPECT_TRUE(refuses(attrs, {input, filter}));
  attrs.window = {.padding = Padding::kExplicit, .pad_top = -1};
  EXPECT_TRUE(refuses(attrs, {input, filter}));
  attrs.window = {.padding = Padding::kExplicit, .pad_top = 2147483647, .pad_bottom = 2147483647};
  EXPECT_TRUE(refuses(attrs, {input, filter}));
}

TEST(ConvolutionRules, DepthwiseConv2D) {
  int64_t macs = 0;
  DepthwiseConvAttrs attrs;
  attrs.window.padding = Padding::kValid;
  const auto out =
      Infer(OpCode::kDepthwiseConv2D, attrs, {Tensor({1, 5, 5, 3}), Tensor({1, 3, 2, 6})}, &macs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{1, 3, 4, 6}));
  EXPECT_EQ(macs, 3 * 4 * 6 * 3 * 2);
  EXPECT_FALSE(
      Infer(OpCode::kDepthwiseConv2D, attrs, {Tensor({1, 5, 5, 4}), Tensor({1, 3, 2, 6})}).ok());
  EXPECT_FALSE(
      Infer(OpCode::kDepthwiseConv2D, attrs, {Tensor({1, 5, 5, 3}), Tensor({2, 3, 2, 6})}).ok());
}

TEST(ConvolutionRules, TransposeConv) {
  std::vector<int32_t> size = {1, 5, 4, 3};
  const TensorView filter = Tensor({3, 3, 3, 2}), input = Tensor({1, 3, 2, 2});
  const auto out = Infer(OpCode::kTransposeConv, Same(2),
                         {Tensor({4}, DType::kInt32, size.data()), filter, input});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{1, 5, 4, 3}));
  EXPECT_EQ(Infer(OpCode::kTransposeConv, Same(2), {Tensor({4}, DType::kInt32), filter, input})
                .status()
                .message(),
            "needs values");
  for (const std::vector<int32_t>& bad : std::vector<std::vector<int32_t>>{
           {1, 7, 4, 3}, {1, 5, 4, 2}, {2, 5, 4, 3}, {1, -5, 4, 3}, {1, 0, 4, 3}}) {
    size = bad;
    EXPECT_FALSE(Infer(OpCode::kTransposeConv, Same(2),
                       {Tensor({4}, DType::kInt32, size.data()), filter, input})
                     .ok());
  }
}

TEST(ConvolutionRules, Conv3D) {
  int64_t macs = 0;
  Conv3DAttrs attrs;
  attrs.stride_d = 2;
  attrs.window.dilation_w = 2;
  attrs.window.padding = Padding::kValid;
  const TensorView input = Tensor({2, 7, 5, 6, 3}), filter = Tensor({3, 1, 2, 3, 4});
  const auto out = Infer(OpCode::kConv3D, attrs, {input, filter, Tensor({4})}, &macs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{2, 3, 5, 4, 4}));
  EXPECT_EQ(macs, 2 * 3 * 5 * 4 * 4 * (3 * 1 * 2 * 3));
  EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {input, Tensor({3, 1, 2, 2, 4})}).ok());
  EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {input, Tensor({3, 0, 2, 3, 4})}).ok());
  EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {Tensor({7, 5, 6, 3}), filter}).ok());
  EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {input, filter, Tensor({5})}).ok());
  for (const int32_t wrong : {0, -1}) {
    attrs.stride_d = wrong;
    EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {input, filter}).ok());
  }
  attrs.stride_d = 1;
  attrs.dilation_d = 2147483647;
  EXPECT_FALSE(Infer(OpCode::kConv3D, attrs, {input, filter}).ok());
}

TEST(ConvolutionRules, Conv3DTranspose) {
  Conv3DAttrs attrs;
  attrs.stride_d = 2;
  std::vector<int32_t> size = {1, 5, 4, 3, 6};
  const TensorView filter = Tensor({3, 3, 3, 6, 2}), input = Tensor({1, 3, 4, 3, 2});
  const auto infer = [&] {
    return Infer(OpCode::kConv3DTranspose, attrs,
                 {Tensor({5}, DType::kInt32, size.data()), filter, input});
  };
  ASSERT_TRUE(infer().ok()) << infer().status().message();
  EXPECT_EQ(*infer(), (Shape{1, 5, 4, 3, 6}));
  for (const std::vector<int32_t>& bad : std::vector<std::vector<int32_t>>{
           {1, 7, 4, 3, 6}, {1, 5, 4, 3, 5}, {2, 5, 4, 3, 6}, {1, -5, 4, 3, 6}, {1, 5, 4, 0, 6}}) {
    size = bad;
    EXPECT_FALSE(infer().ok());
  }
}

TEST(ConvolutionRules, FullyConnected) {
  int64_t macs = 0;
  FullyConnectedAttrs attrs;
  auto out = Infer(OpCode::kFullyConnected, attrs, {Tensor({2, 3, 4}), Tensor({5, 6}), Tensor({5})},
                   &macs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{4, 5}));
  EXPECT_EQ(macs, 4 * 5 * 6);
  attrs.keep_num_dims = true;
  EXPECT_FALSE(Infer(OpCode::kFullyConnected, attrs, {Tensor({2, 3, 4}), Tensor({5, 6})}).ok());
  out = Infer(OpCode::kFullyConnected, attrs, {Tensor({2, 3, 4}), Tensor({5, 4})});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, (Shape{2, 3, 5}));
  attrs.keep_num_dims = false;
  out = Infer(OpCode::kFullyConnected, attrs, {Tensor({2, 3, 0}), Tensor({5, 0})});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, (Shape{6, 5}));
  EXPECT_FALSE(Infer(OpCode::kFullyConnected, attrs, {Tensor({}), Tensor({5, 0})}).ok());
  EXPECT_FALSE(Infer(OpCode::kFullyConnected, attrs, {Tensor({7}), Tensor({5, 3})}).ok());
  EXPECT_FALSE(Infer(OpCode::kFullyConnected, attrs, {Tensor({6}), Tensor({5, 3, 1})}).ok());
}

TEST(ConvolutionRules, BatchMatMul) {
  int64_t macs = 0;
  BatchMatMulAttrs attrs;
  attrs.adj_x = true;
  const auto out =
      Infer(OpCode::kBatchMatMul, attrs, {Tensor({7, 1, 3, 2}), Tensor({4, 3, 5})}, &macs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(*out, (Shape{7, 4, 2, 5}));
  EXPECT_EQ(macs, 7 * 4 * 2 * 5 * 3);
  attrs.adj_x = false;
  EXPECT_FALSE(Infer(OpCode::kBatchMatMul, attrs, {Tensor({3, 2}), Tensor({3, 5})}).ok());
  EXPECT_FALSE(Infer(OpCode::kBatchMatMul, attrs, {Tensor({2, 3, 2}), Tensor({3, 2, 5})}).ok());
  EXPECT_FALSE(Infer(OpCode::kBatchMatMul, attrs, {Tensor({3}), Tensor({3, 5})}).ok());
}

}  // namespace
}  // namespace edgeml::ir
