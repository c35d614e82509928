#include "src/tensor/packed_int.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/tensor/inverse_sqrt.h"

namespace edgeml {
namespace {

TEST(PackedInt, LowBitsFirstWithSign) {
  const uint8_t nibbles[] = {0x81, 0x0F};
  std::vector<int8_t> out(3);
  UnpackInt4(nibbles, 3, out.data());
  EXPECT_EQ(out, (std::vector<int8_t>{1, -8, -1}));
  const uint8_t pairs[] = {0b11'10'01'00, 0b10};
  out.resize(5);
  UnpackInt2(pairs, 5, out.data());
  EXPECT_EQ(out, (std::vector<int8_t>{0, 1, -2, -1, -2}));
}

TEST(InverseSqrt, IsCloseToTheRealOne) {
  for (int32_t x : {2, 3, 4, 100, 65535, 1 << 20, (1 << 29) + 1, 2147483647}) {
    const FixedPointMultiplier m = InverseSqrt(x);
    const double value = std::ldexp(m.mantissa, m.shift - 31);
    EXPECT_NEAR(value * std::sqrt(static_cast<double>(x)), 1.0, 1e-5) << x;
    EXPECT_LE(m.shift, 0);
  }
  EXPECT_EQ(InverseSqrt(0).mantissa, 2147483647);
  EXPECT_EQ(InverseSqrt(-5).shift, 0);
}

}  // namespace
}  // namespace edgeml
