#include "src/kernels/segment/segment.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace edgeml::kernels {
namespace {

TEST(ReduceSegments, StopsAtASegmentThatIsNotThere) {
  const std::vector<int32_t> data = {1, 2, 3, 4, 5, 6};
  for (const int32_t bad : {2, std::numeric_limits<int32_t>::max()}) {
    std::vector<int32_t> output(4);
    const std::vector<int32_t> ids = {1, std::numeric_limits<int32_t>::min(), bad};
    const IndexFault fault =
        ReduceSegments(SegmentReduction::kSum, {.count = 3, .inner = 2, .segments = 2},
                       DType::kInt32, data.data(), ids.data(), output.data());
    EXPECT_EQ(fault.at, 2);
    EXPECT_EQ(fault.value, bad);
    EXPECT_EQ(output, (std::vector<int32_t>{0, 0, 1, 2}));
  }
}

TEST(ReduceSegments, WrapsProductsAndPassesOverNans) {
  const std::vector<int32_t> numbers = {std::numeric_limits<int32_t>::min(), -1, 65536, 65536};
  const std::vector<int32_t> ids = {0, 0, 1, 1};
  std::vector<int32_t> products(2);
  ReduceSegments(SegmentReduction::kProd, {.count = 4, .segments = 2}, DType::kInt32,
                 numbers.data(), ids.data(), products.data());
  EXPECT_EQ(products, (std::vector<int32_t>{std::numeric_limits<int32_t>::min(), 0}));
  const std::vector<float> floats = {std::numeric_limits<float>::quiet_NaN(), 3, -1, 2};
  std::vector<float> highest(3);
  ReduceSegments(SegmentReduction::kMax, {.count = 4, .segments = 3}, DType::kFloat32,
                 floats.data(), ids.data(), highest.data());
  EXPECT_EQ(highest, (std::vector<float>{3, 2, std::numeric_limits<float>::lowest()}));
}

}  // namespace
}  // namespace edgeml::kernels
