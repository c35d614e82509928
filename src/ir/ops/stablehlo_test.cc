// Attributes that no converter writes, but a file may hold.
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

// The output shape of an operator on inputs of these shapes, none of whose values is known.
template <typename Attrs>
Result<Shape> Infer(OpCode op, const Attrs& attrs, std::initializer_list<Shape> shapes) {
  Node node;
  node.op = op;
  node.attributes = attrs;
  std::vector<TensorView> inputs, outputs(1);
  for (const Shape& shape : shapes) {
    TensorView& view = inputs.emplace_back();
    view.type = DType::kInt32;
    view.shape = shape;
  }
  outputs[0].type = DType::kInt32;
  InferContext context{&node, inputs, outputs, false};
  EDGEML_RETURN_IF_ERROR(InferShapes(context));
  return context.needs_values ? Shape{kUnknownDim} : outputs[0].shape;
}

TEST(StablehloPad, ChecksThatSizesFit) {
  const auto pad = [](std::vector<int64_t> low, std::vector<int64_t> high,
                      std::vector<int64_t> interior, Shape input = {3, 4}) {
    return Infer(OpCode::kStablehloPad, StablehloPadAttrs{low, high, interior}, {input, Shape{}});
  };
  EXPECT_EQ(*pad({1, -2}, {0, 1}, {2, 1}), (Shape{8, 6}));
  EXPECT_EQ(*pad({1, -9}, {0, 0}, {0, 0}), (Shape{0, 0}));  // one cut off whole empties all
  EXPECT_EQ(*pad({-1, 0}, {0, 0}, {5, 0}, {0, 2}), (Shape{0, 0}));
  EXPECT_FALSE(pad({1}, {0, 0}, {0, 0}).ok());
  EXPECT_FALSE(pad({1, 1}, {0}, {0, 0}).ok());
  EXPECT_FALSE(pad({1, 1}, {0, 0}, {0, 0, 0}).ok());
  EXPECT_FALSE(pad({}, {}, {}, {}).ok());
  EXPECT_FALSE(pad({0, 0}, {0, 0}, {0, -1}).ok());
  for (const int64_t far : {kMost, kLeast, int64_t{1} << 31}) {
    EXPECT_FALSE(pad({far, 0}, {0, 0}, {0, 0}).ok());
    EXPECT_FALSE(pad({0, 0}, {0, far}, {0, 0}).ok());
    EXPECT_FALSE(pad({0, 0}, {0, 0}, {far, 0}).ok());
  }
  EXPECT_FALSE(Infer(OpCode::kStablehloPad, StablehloPadAttrs{{0}, {0}, {0}}, {{3}, {2}}).ok());
}

TEST(Dilate, WaitsForItsDilations) {
  const auto dilate = [](Shape input, Shape dilations, Shape value) {
    return Infer(OpCode::kDilate, std::monostate{}, {input, dilations, value});
  };
  EXPECT_EQ(*dilate({2, 3}, {2}, {}), Shape{kUnknownDim});
  EXPECT_FALSE(dilate({2, 3}, {3}, {}).ok());
  EXPECT_FALSE(dilate({}, {0}, {}).ok());
  EXPECT_FALSE(dilate({2, 3}, {2}, {0}).ok());
}

TEST(StablehloGather, ChecksThatTheSlicesFit) {
  const StablehloGatherAttrs good{{1}, {0}, {0}, 1, {1, 2}, false};
  const auto gather = [](const StablehloGatherAttrs& attrs, Shape indices = {5, 1}) {
    return Infer(OpCode::kStablehloGather, attrs, {{4, 3}, indices});
  };
  EXPECT_EQ(*gather(good), (Shape{5, 2}));
  StablehloGatherAttrs attrs = good;
  attrs.index_vector_dim = 2;        // vectors of one entry, without a dimension of their own
  EXPECT_FALSE(gather(attrs).ok());  // the result has one more dimension then…
  attrs.offset_dims = {2};
  EXPECT_EQ(*gather(attrs), (Shape{5, 1, 2}));  // …which may come last
  for (const int64_t dim : {int64_t{-1}, int64_t{3}, kMost, kLeast}) {
    attrs = good;
    attrs.index_vector_dim = dim;
    EXPECT_FALSE(gather(attrs).ok());
    attrs = good;
    attrs.offset_dims = {dim};
    EXPECT_FALSE(gather(attrs).ok());
    attrs = good;
    attrs.collapsed_slice_dims = {dim};
    EXPECT_FALSE(gather(attrs).ok());
    attrs = good;
    attrs.start_index_map = {dim};
    EXPECT_FALSE(gather(attrs).ok());
    if (dim == 3) continue;
    attrs = good;
    attrs.slice_sizes = {1, dim};
    EXPECT_FALSE(gather(attrs).ok());
  }
  attrs = good;
  attrs.slice_sizes = {0, 2};  // nothing to collapse
  EXPECT_FALSE(gather(attrs).ok());
  attrs.slice_sizes = {1, 4};
  EXPECT_FALSE(gather(attrs).ok());
  attrs.slice_sizes = {1};
  EXPECT_FALSE(gather(attrs).ok());
  attrs = good;
  attrs.offset_dims = {1, 1};
  EXPECT_FALSE(gather(attrs).ok());
  attrs.offset_dims = {};
  EXPECT_FALSE(gather(attrs).ok());
  attrs = good;
  attrs.start_index_map = {0, 1};  // more than a vector holds
  EXPECT_FALSE(gather(attrs).ok());
  EXPECT_EQ(gather(good, {1, 1, 1, 1, 1, 1, 1, 1}).status().code(), Code::kInvalidModel);
  attrs = good;
  attrs.index_vector_dim = 8;
  EXPECT_EQ(gather(attrs, {1, 1, 1, 1, 1, 1, 1, 1}).status().code(), Code::kUnsupported);
}

TEST(StablehloScatter, ChecksThatTheUpdatesFit) {
  const StablehloScatterAttrs good{false, {1}, {0}, {0}, 1, false, 0};
  const auto scatter = [](const StablehloScatterAttrs& attrs, Shape updates = {5, 2}) {
    return Infer(OpCode::kStablehloScatter, attrs, {{4, 3}, {5, 1}, updates});
  };
  EXPECT_EQ(*scatter(good), (Shape{4, 3}));
  EXPECT_EQ(*scatter(good, {5, 9}), (Shape{4, 3}));  // what falls outside is left out
  EXPECT_FALSE(scatter(good, {6, 2}).ok());          // more updates than index vectors
  EXPECT_FALSE(scatter(good, {5}).ok());
  EXPECT_FALSE(scatter(good, {5, 2, 1}).ok());
  for (const int64_t dim : {int64_t{-1}, int64_t{2}, kMost, kLeast}) {
    StablehloScatterAttrs attrs = good;
    attrs.update_window_dims = {dim};
    EXPECT_FALSE(scatter(attrs).ok());
    attrs = good;
    attrs.inserted_window_dims = {dim};
    EXPECT_FALSE(scatter(attrs).ok());
    attrs = good;
    attrs.scatter_dims_to_operand_dims = {dim};
    EXPECT_FALSE(scatter(attrs).ok());
    if (dim == 2) continue;
    attrs = good;
    attrs.index_vector_dim = dim;
    EXPECT_FALSE(scatter(attrs).ok());
  }
  StablehloScatterAttrs attrs = good;
  attrs.inserted_window_dims = {};
  EXPECT_FALSE(scatter(attrs).ok());
  attrs.inserted_window_dims = {0, 0};
  EXPECT_FALSE(scatter(attrs).ok());
}

TEST(StablehloReduceWindow, ChecksItsWindow) {
  const auto reduce = [](StablehloReduceWindowAttrs attrs, Shape input = {4, 6}) {
    return Infer(OpCode::kStablehloReduceWindow, attrs, {input, Shape{}});
  };
  EXPECT_EQ(*reduce({{2, 3}, {}, {}, {}, {}, 0}), (Shape{3, 4}));
  EXPECT_EQ(*reduce({{2, 3}, {2, 1}, {2, 1}, {1, 2}, {1, 0, -1, 0}, 0}), (Shape{4, 1}));
  EXPECT_EQ(*reduce({{9, 1}, {}, {}, {}, {}, 0}), (Shape{0, 6}));
  EXPECT_EQ(*reduce({{1, 1}, {}, {3, 3}, {}, {}, 0}, {0, 2}), (Shape{0, 4}));
  EXPECT_FALSE(reduce({{2}, {}, {}, {}, {}, 0}).ok());
  EXPECT_FALSE(reduce({{}, {}, {}, {}, {}, 0}, {}).ok());
  EXPECT_FALSE(reduce({{2, 3}, {1}, {}, {}, {}, 0}).ok());
  EXPECT_FALSE(reduce({{2, 3}, {}, {}, {}, {0, 0}, 0}).ok());
  for (const int64_t bad : {int64_t{0}, int64_t{-1}, int64_t{1} << 31, kMost, kLeast}) {
    EXPECT_FALSE(reduce({{2, bad}, {}, {}, {}, {}, 0}).ok());
    EXPECT_FALSE(reduce({{2, 3}, {1, bad}, {}, {}, {}, 0}).ok());
    EXPECT_FALSE(reduce({{2, 3}, {}, {bad, 1}, {}, {}, 0}).ok());
    EXPECT_FALSE(reduce({{2, 3}, {}, {}, {bad, 1}, {}, 0}).ok());
    if (bad == 0 || bad == -1) continue;
    EXPECT_FALSE(reduce({{2, 3}, {}, {}, {}, {0, 0, 0, bad}, 0}).ok());
    EXPECT_FALSE(reduce({{2, 3}, {}, {}, {}, {bad, 0, 0, 0}, 0}).ok());
  }
  EXPECT_FALSE(reduce({{2, 3}, {}, {}, {}, {-3, -2, 0, 0}, 0}).ok());  // less than nothing is left
}

TEST(RngBitGenerator, ChecksItsState) {
  const auto generate = [](RngAlgorithm algorithm, Shape state) {
    Node node;
    node.op = OpCode::kStablehloRngBitGenerator;
    node.attributes = RngBitGeneratorAttrs{algorithm};
    std::vector<TensorView> inputs(1), outputs(2);
    inputs[0].type = outputs[0].type = DType::kUInt64;
    inputs[0].shape = state;
    outputs[1].shape = Shape{7};
    InferContext context{&node, inputs, outputs, false};
    const bool fits = InferShapes(context).ok();
    return fits && outputs[0].shape == state && outputs[1].shape == Shape{7};
  };
  EXPECT_TRUE(generate(RngAlgorithm::kDefault, {3}));
  EXPECT_TRUE(generate(RngAlgorithm::kThreefry, {2}));
  EXPECT_FALSE(generate(RngAlgorithm::kThreefry, {3}));
  EXPECT_FALSE(generate(RngAlgorithm::kPhilox, {4}));
  EXPECT_FALSE(generate(RngAlgorithm::kPhilox, {1}));
  EXPECT_FALSE(generate(RngAlgorithm::kPhilox, {2, 1}));
}

}  // namespace
}  // namespace edgeml::ir
