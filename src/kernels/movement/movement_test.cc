#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "src/kernels/movement/indexing.h"
#include "src/kernels/movement/strided_copy.h"

namespace edgeml::kernels {
namespace {

TEST(StridedCopy, TransposesAndReverses) {
  const std::vector<int16_t> in = {1, 2, 3, 4, 5, 6};  // [2, 3]
  std::vector<int16_t> out(6);
  StridedCopy transpose;
  transpose.AddLoop(3, 1, 2);
  transpose.AddLoop(2, 3, 1);
  CopyStrided(transpose, in.data(), out.data(), 16);
  EXPECT_EQ(out, (std::vector<int16_t>{1, 4, 2, 5, 3, 6}));
  StridedCopy reverse;
  reverse.AddLoop(6, -1, 1);
  reverse.set_offsets(5, 0);
  CopyStrided(reverse, in.data(), out.data(), 16);
  EXPECT_EQ(out, (std::vector<int16_t>{6, 5, 4, 3, 2, 1}));
}

TEST(StridedCopy, MergesLoopsThatContinueEachOther) {
  StridedCopy copy;
  copy.AddLoop(4, 6, 6);
  copy.AddLoop(1, 99, 7);
  copy.AddLoop(2, 3, 3);
  copy.AddLoop(3, 1, 1);
  EXPECT_EQ(copy.num_loops(), 1);
  EXPECT_TRUE(copy.contiguous());
  copy = StridedCopy();
  copy.AddLoop(4, 8, 6);
  copy.AddLoop(6, 1, 1);
  EXPECT_FALSE(copy.contiguous());
  copy.AddLoop(0, 1, 1);
  EXPECT_TRUE(copy.empty());
}

TEST(StridedCopy, MovesPackedElements) {
  const uint8_t in[] = {0x21, 0x43};  // int4: 1, 2, 3, 4
  uint8_t out[] = {0, 0};
  StridedCopy copy;
  copy.AddLoop(4, -1, 1);
  copy.set_offsets(3, 0);
  CopyStrided(copy, in, out, 4);
  EXPECT_EQ(out[0], 0x34);
  EXPECT_EQ(out[1], 0x12);
}

TEST(FillElements, RepeatsAnElement) {
  std::vector<int32_t> out(7, 0);
  const int32_t value = -5;
  FillElements(out.data(), 6, &value, 32);
  EXPECT_EQ(out, (std::vector<int32_t>{-5, -5, -5, -5, -5, -5, 0}));
}

TEST(Gather, TakesRowsAndReportsTheFirstFault) {
  const std::vector<float> in = {0, 1, 2, 3, 4, 5};  // [3, 2]
  std::vector<float> out(4, -1);
  GatherShape shape;
  shape.axis_size = 3;
  shape.inner = 2;
  shape.count = 2;
  const int64_t good[] = {2, 0};
  EXPECT_FALSE(Gather(shape, 32, DType::kInt64, in.data(), good, out.data()).found());
  EXPECT_EQ(out, (std::vector<float>{4, 5, 0, 1}));
  const int64_t bad[] = {0, 3};
  const IndexFault fault = Gather(shape, 32, DType::kInt64, in.data(), bad, out.data());
  EXPECT_EQ(fault.at, 1);
  EXPECT_EQ(fault.value, 3);
  const int16_t negative[] = {-1, 0};
  EXPECT_EQ(Gather(shape, 32, DType::kInt16, in.data(), negative, out.data()).at, 0);
}

TEST(GatherNd, IndexesTheLeadingDimensions) {
  const std::vector<int8_t> in = {1, 2, 3, 4};  // [2, 2]
  std::vector<int8_t> out(2);
  const int32_t indices[] = {1, 0, 0, 1};
  EXPECT_FALSE(
      GatherNd(Shape{2, 2}, 2, 2, 8, DType::kInt32, in.data(), indices, out.data()).found());
  EXPECT_EQ(out, (std::vector<int8_t>{3, 2}));
  const int32_t beyond[] = {0, 2};
  EXPECT_EQ(GatherNd(Shape{2, 2}, 1, 2, 8, DType::kInt32, in.data(), beyond, out.data()).at, 1);
}

TEST(EmbeddingLookup, DequantizesInt4Rows) {
  const uint8_t bytes[] = {0xF1, 0x72};  // [2, 2]: 1, -1; 2, 7
  const float scales[] = {0.5f, 2.0f};
  const EmbeddingTable table{
      .rows = 2, .row_size = 2, .run = 2, .type = DType::kInt4, .data = bytes, .scales = scales};
  const int32_t lookup[] = {1, 0};
  std::vector<float> out(4);
  EXPECT_FALSE(EmbeddingLookupDequantized(table, 2, lookup, DType::kFloat32, out.data()).found());
  EXPECT_EQ(out, (std::vector<float>{4.0f, 14.0f, 0.5f, -0.5f}));
  std::vector<uint16_t> halves(4);
  const int32_t beyond[] = {0, 2};
  EXPECT_EQ(EmbeddingLookupDequantized(table, 2, beyond, DType::kFloat16, halves.data()).at, 1);
  EXPECT_EQ(halves[0], 0x3800);  // 0.5
}

TEST(MirrorPad, ReflectsWithAndWithoutTheEdge) {
  const std::vector<int32_t> in = {1, 2, 3};
  std::vector<int32_t> out(7);
  MirrorPad(Shape{3}, {2}, Shape{7}, 1, 32, in.data(), out.data());
  EXPECT_EQ(out, (std::vector<int32_t>{3, 2, 1, 2, 3, 2, 1}));
  MirrorPad(Shape{3}, {2}, Shape{7}, 0, 32, in.data(), out.data());
  EXPECT_EQ(out, (std::vector<int32_t>{2, 1, 1, 2, 3, 3, 2}));
}

TEST(Where, ListsCoordinatesInOrder) {
  const uint8_t condition[] = {0, 1, 1, 0, 0, 2};
  std::vector<int64_t> out(6);
  EXPECT_EQ(WhereNonZero(Shape{2, 3}, DType::kUInt8, condition, 3, out.data()), 3);
  EXPECT_EQ(out, (std::vector<int64_t>{0, 1, 0, 2, 1, 2}));
}

TEST(OneHot, PutsTheDepthInTheMiddle) {
  const int32_t indices[] = {0, 2};  // [1, 2]
  const int8_t on = 7, off = -1;
  std::vector<int8_t> out(6);
  OneHot(1, 3, 2, 8, DType::kInt32, indices, &on, &off, out.data());
  EXPECT_EQ(out, (std::vector<int8_t>{7, -1, -1, -1, -1, 7}));
}

TEST(Range, WrapsIntegers) {
  std::vector<int32_t> out(3);
  RangeInt32(INT32_MAX - 1, 1, 3, out.data());
  EXPECT_EQ(out, (std::vector<int32_t>{INT32_MAX - 1, INT32_MAX, INT32_MIN}));
}

TEST(RescaleUInt8, RoundsAwayFromZeroAndClamps) {
  const uint8_t in[] = {1, 3, 255};
  uint8_t out[3];
  RescaleUInt8(in, 3, 0.5f, 0.0f, 1, out);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 3);
  EXPECT_EQ(out[2], 129);
  RescaleUInt8(in, 3, 1e30f, 0.0f, INT32_MAX, out);
  EXPECT_EQ(out[2], 255);
}

}  // namespace
}  // namespace edgeml::kernels
