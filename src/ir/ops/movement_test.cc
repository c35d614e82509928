#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "src/ir/ops/movement_rules.h"

namespace edgeml::ir {
namespace {

TensorView Indices(const std::vector<int32_t>& values) {
  TensorView view;
  view.type = DType::kInt32;
  view.shape = Shape{static_cast<int32_t>(values.size())};
  view.data = const_cast<int32_t*>(values.data());
  return view;
}

TEST(Reshape, WorksOutTheOneUnknown) {
  const std::vector<int32_t> target = {2, -1};
  EXPECT_EQ(*ResolveReshape(Shape{3, 4}, target), (Shape{2, 6}));
  EXPECT_EQ(*ResolveReshape(Shape{0, 4}, target), (Shape{2, 0}));
  EXPECT_FALSE(ResolveReshape(Shape{3, 3}, target).ok());
  EXPECT_FALSE(ResolveReshape(Shape{4}, std::vector<int32_t>{-1, -1}).ok());
  EXPECT_FALSE(ResolveReshape(Shape{4}, std::vector<int32_t>{-2, -2}).ok());
  EXPECT_FALSE(ResolveReshape(Shape{4}, std::vector<int32_t>(8, INT32_MAX)).ok());
  EXPECT_EQ(ResolveReshape(Shape{4}, std::vector<int32_t>(9, 1)).status().code(),
            Code::kUnsupported);
}

TEST(Slice, ChecksItsRange) {
  const std::vector<int32_t> begin = {1, 0}, size = {-1, 2}, far = {3, 2};
  const auto range = ResolveSlice(Shape{3, 2}, Indices(begin), Indices(size));
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->size[0], 2);
  EXPECT_EQ(range->size[1], 2);
  EXPECT_FALSE(ResolveSlice(Shape{3, 2}, Indices(begin), Indices(far)).ok());
  EXPECT_FALSE(ResolveSlice(Shape{3, 2}, Indices(size), Indices(begin)).ok());
}

TEST(StridedSlice, FollowsTheMasks) {
  // x[..., newaxis, ::-1, 1] of [2, 3, 4].
  StridedSliceAttrs attrs;
  attrs.ellipsis_mask = 0b0001;
  attrs.new_axis_mask = 0b0010;
  attrs.begin_mask = attrs.end_mask = 0b0100;
  attrs.shrink_axis_mask = 0b1000;
  const std::vector<int32_t> begin = {0, 0, 0, -3}, end = {0, 0, 0, 0}, strides = {1, 1, -1, 1};
  const TensorView from = Indices(begin);
  const auto ranges =
      ResolveStridedSlice(attrs, Shape{2, 3, 4}, &from, Indices(end), Indices(strides));
  ASSERT_TRUE(ranges.ok()) << ranges.status().message();
  EXPECT_EQ(ranges->output, (Shape{2, 1, 3}));
  EXPECT_EQ(ranges->start[1], 2);
  EXPECT_EQ(ranges->stride[1], -1);
  EXPECT_EQ(ranges->start[2], 1);
}

TEST(StridedSlice, GivesAnEllipsisOneDimensionAtLeast) {
  StridedSliceAttrs attrs;
  attrs.ellipsis_mask = 0b001;
  const std::vector<int32_t> begin = {0, 1, 7}, end = {0, 2, 8}, strides = {1, 1, 1};
  const TensorView from = Indices(begin);
  const auto ranges =
      ResolveStridedSlice(attrs, Shape{2, 3}, &from, Indices(end), Indices(strides));
  ASSERT_TRUE(ranges.ok()) << ranges.status().message();
  EXPECT_EQ(ranges->output, (Shape{2, 1}));  // the last entry is ignored
  attrs.new_axis_mask = 0b100;
  const auto beyond = ResolveStridedSlice(attrs, Shape{2}, &from, Indices(end), Indices(strides));
  EXPECT_FALSE(beyond.ok());  // the second entry has no dimension left, a new axis follows
}

TEST(StridedSlice, RefusesWhatLeavesTheTensor) {
  StridedSliceAttrs attrs;
  attrs.shrink_axis_mask = 1;
  const std::vector<int32_t> zero = {0}, two = {2}, one = {1};
  const TensorView from = Indices(two);
  EXPECT_FALSE(ResolveStridedSlice(attrs, Shape{2}, &from, Indices(one), Indices(one)).ok());
  EXPECT_FALSE(ResolveStridedSlice(attrs, Shape{2}, &from, Indices(one), Indices(zero)).ok());
  attrs = {};
  attrs.offset = true;  // two elements from index 2 of two
  EXPECT_FALSE(ResolveStridedSlice(attrs, Shape{2}, &from, Indices(two), Indices(one)).ok());
}

TEST(SplitV, WorksOutTheRest) {
  std::vector<int64_t> sizes(3);
  const std::vector<int32_t> rest = {1, -1, 2}, wrong = {1, 1, 1};
  ASSERT_TRUE(ResolveSplitSizes(Indices(rest), 6, sizes).ok());
  EXPECT_EQ(sizes, (std::vector<int64_t>{1, 3, 2}));
  EXPECT_FALSE(ResolveSplitSizes(Indices(wrong), 6, sizes).ok());
}

TEST(Range, CountsWithoutOverflow) {
  const std::vector<int32_t> low = {INT32_MIN}, high = {INT32_MAX}, step = {3}, back = {-1};
  EXPECT_EQ(*RangeSize(Indices(low), Indices(high), Indices(step)), 1431655765);
  EXPECT_FALSE(RangeSize(Indices(low), Indices(high), Indices(back)).ok());
  EXPECT_FALSE(RangeSize(Indices(high), Indices(low), Indices(back)).ok());  // 2^32 - 1 elements
}

TEST(Gather, NormalizesNegativeAttributes) {
  GatherAttrs attrs;
  attrs.axis = -1;
  attrs.batch_dims = -1;
  const auto axes = ResolveGather(attrs, Shape{2, 3}, Shape{2, 5});
  ASSERT_TRUE(axes.ok());
  EXPECT_EQ(axes->axis, 1);
  EXPECT_EQ(axes->batch_dims, 1);
  attrs.axis = 2;
  EXPECT_FALSE(ResolveGather(attrs, Shape{2, 3}, Shape{2, 5}).ok());
}

}  // namespace
}  // namespace edgeml::ir
