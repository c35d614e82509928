#include "src/kernels/softmax/softmax.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace edgeml::kernels {
namespace {

std::vector<int8_t> SoftmaxOf(const std::vector<int8_t>& in) {
  std::vector<int8_t> out(in.size());
  Softmax8(DType::kInt8, in.data(), DType::kInt8, 1, static_cast<int64_t>(in.size()),
           MakeSoftmax8Params(0.1f, 1.0f), out.data());
  return out;
}

// 256 / n quanta for each of n equal elements: from n = 513 on less than half a quantum.
TEST(Softmax8, ManyEqualElements) {
  for (const size_t n : {2, 100, 400, 513, 1000, 3000, 5000, 100000}) {
    const std::vector<int8_t> out = SoftmaxOf(std::vector<int8_t>(n, 7));
    const int expected = n == 2 ? 0 : n == 100 ? -125 : n == 400 ? -127 : -128;
    EXPECT_TRUE(std::all_of(out.begin(), out.end(), [&](int8_t y) { return y == expected; })) << n;
  }
}

TEST(Softmax8, OneAboveManyEqualElements) {
  std::vector<int8_t> in(2000, -60);
  in[3] = 27;  // e^8.7 = 6003 times as much as another: 0.75 of all
  const std::vector<int8_t> out = SoftmaxOf(in);
  EXPECT_NEAR(out[3], -128 + 192, 1);
  EXPECT_EQ(out[0], -128);
}

}  // namespace
}  // namespace edgeml::kernels
