#include "src/kernels/movement/scatter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace edgeml::kernels {
namespace {

constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();

TEST(ScatterNd, StopsAtAnIndexOutside) {
  const std::vector<float> updates = {1, 2};
  for (const int32_t bad : {-1, 3, kLow, kHigh}) {
    std::vector<float> output(6, 9.0f);
    const std::vector<int32_t> indices = {2, 1, 1, bad};
    const IndexFault fault = ScatterNd(Shape{3, 2}, 2, 2, DType::kFloat32, indices.data(),
                                       updates.data(), output.data());
    EXPECT_EQ(fault.at, 3);
    EXPECT_EQ(fault.value, bad);
    EXPECT_EQ(output, (std::vector<float>{0, 0, 0, 0, 0, 1}));
  }
}

TEST(ScatterNd, WrapsSums) {
  const std::vector<int64_t> updates = {std::numeric_limits<int64_t>::max(), 1};
  const std::vector<int32_t> indices = {0, 0};
  int64_t sum = 7;
  EXPECT_FALSE(
      ScatterNd(Shape{1}, 2, 1, DType::kInt64, indices.data(), updates.data(), &sum).found());
  EXPECT_EQ(sum, std::numeric_limits<int64_t>::min());
}

TEST(SparseToDense, StopsAtAnIndexOutside) {
  const int16_t value = 5, fill = 1;
  for (const int64_t bad : {int64_t{-1}, int64_t{2}, int64_t{1} << 32, INT64_MIN, INT64_MAX}) {
    std::vector<int16_t> output(4);
    const std::vector<int64_t> indices = {1, 0, bad, 1};
    const IndexFault fault = SparseToDense(Shape{2, 2}, 2, 2, 16, DType::kInt64, indices.data(),
                                           &value, true, &fill, output.data());
    EXPECT_EQ(fault.at, 2);
    EXPECT_EQ(fault.value, bad);
    EXPECT_EQ(output, (std::vector<int16_t>{1, 1, 5, 1}));
  }
}

TEST(ReverseSequence, StopsAtALengthAboveTheSequence) {
  const std::vector<int32_t> input = {1, 2, 3, 4, 5, 6};  // [batch 2, sequence 3]
  const ReverseSequenceShape shape = {.first = 2, .second = 3, .sequence_first = false};
  std::vector<int32_t> output(6);
  std::vector<int64_t> lengths = {2, 4};
  EXPECT_EQ(
      ReverseSequence(shape, 32, DType::kInt64, input.data(), lengths.data(), output.data()).at, 1);
  EXPECT_EQ(output, std::vector<int32_t>(6, 0));
  lengths = {3, INT64_MIN};
  EXPECT_FALSE(
      ReverseSequence(shape, 32, DType::kInt64, input.data(), lengths.data(), output.data())
          .found());
  EXPECT_EQ(output, (std::vector<int32_t>{3, 2, 1, 4, 5, 6}));
}

TEST(Unique, KeepsNansApartAndZerosTogether) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {2, nan, -0.0f, 0.0f, nan, 2};
  std::vector<UniqueSlot> slots(values.size());
  std::vector<int32_t> ids(values.size());
  ASSERT_EQ(Unique(DType::kFloat32, 6, values.data(), slots.data(), DType::kInt32, ids.data()), 4);
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 1, 2, 2, 3, 0}));
  EXPECT_EQ(slots[2].at, 2);
  EXPECT_EQ(slots[3].at, 4);
}

TEST(Bucketize, TakesWhatIsNoNumberOrHasNoBoundary) {
  const float boundary = 1.0f;
  const std::vector<double> values = {std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0 - 1e-12};
  std::vector<int32_t> output(3);
  Bucketize(DType::kFloat64, 3, values.data(), &boundary, 1, output.data());
  EXPECT_EQ(output, (std::vector<int32_t>{1, 1, 0}));
  Bucketize(DType::kFloat64, 3, values.data(), nullptr, 0, output.data());
  EXPECT_EQ(output, (std::vector<int32_t>{0, 0, 0}));
}

}  // namespace
}  // namespace edgeml::kernels
