// What conformance cannot reach: LiteRT's Python module has no bfloat16.
#include "src/kernels/elementwise/bits.h"

#include <gtest/gtest.h>

#include <cmath>

#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

TEST(Atan2, BFloat16IsRoundedFloat) {
  const float y[] = {1.0f, -2.0f, 0.0f, 0.5f}, x[] = {1.0f, -3.0f, -1.0f, 0.0f};
  uint16_t narrow_y[4], narrow_x[4], out[4];
  for (int i = 0; i < 4; ++i) {
    narrow_y[i] = FloatToBFloat16(y[i]);
    narrow_x[i] = FloatToBFloat16(x[i]);
  }
  Atan2(DType::kBFloat16, 4, narrow_y, narrow_x, out);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], FloatToBFloat16(std::atan2(y[i], x[i])));
}

}  // namespace
}  // namespace edgeml::kernels
