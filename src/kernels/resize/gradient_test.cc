// What is linear and whose forward kernel is at hand: <A x, y> = <x, A^T y>.
#include <gtest/gtest.h>

#include "src/kernels/movement/strided_copy.h"
#include "src/kernels/resize/resize.h"
#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

TEST(ResizeGradient, IsTheTranspose) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    ResizeShape s;
    s.batch = random.Int(1, 3);
    s.in_h = random.Int(1, 6);
    s.in_w = random.Int(1, 6);
    s.out_h = random.Int(1, 9);
    s.out_w = random.Int(1, 9);
    s.channels = random.Int(1, 3);
    s.align_corners = seed % 3 == 1;
    s.half_pixel_centers = seed % 3 == 2;
    const bool nearest = random.Int(0, 1) == 1;
    const auto x = random.Reals(int64_t{s.batch} * s.in_h * s.in_w * s.channels, -1, 1);
    const auto dy = random.Reals(int64_t{s.batch} * s.out_h * s.out_w * s.channels, -1, 1);
    std::vector<float> y(dy.size()), dx(x.size());
    for (int32_t b = 0; b < s.batch; ++b)
      (nearest ? ResizeNearestGradient : ResizeBilinearGradient)(s, dy.data(), dx.data(), b, b + 1);
    if (nearest) {
      ResizeNearest(s, sizeof(float), x.data(), y.data());
    } else {
      ResizeBilinear(s, x.data(), y.data());
    }
    EXPECT_NEAR(testing::Inner(y, dy), testing::Inner(x, dx), 1e-4);
    // One element at a time: places, not only sums.
    std::vector<float> unit(x.size());
    const size_t at = static_cast<size_t>(random.Int(0, static_cast<int>(x.size()) - 1));
    unit[at] = 1;
    if (nearest) {
      ResizeNearest(s, sizeof(float), unit.data(), y.data());
    } else {
      ResizeBilinear(s, unit.data(), y.data());
    }
    EXPECT_NEAR(testing::Inner(y, dy), dx[at], 1e-5);
  }
}

TEST(StridedCopyGradient, IsTheTranspose) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    // A slice of a tensor, some of it repeated, into a part of a larger one.
    StridedCopy copy;
    const int rank = random.Int(0, 4);
    int64_t source_size = 1, target_size = 1;
    struct Loop {
      int64_t extent, source, target;
    };
    std::vector<Loop> loops;
    for (int d = 0; d < rank; ++d) {
      const int64_t extent = random.Int(1, 4), step = random.Int(1, 2);
      const bool repeats = random.Int(0, 3) == 0;
      loops.insert(loops.begin(), {extent, repeats ? 0 : source_size * step, target_size});
      if (!repeats) source_size *= extent * step;
      target_size *= extent + random.Int(0, 2);
    }
    for (const Loop& loop : loops) copy.AddLoop(loop.extent, loop.source, loop.target);
    copy.set_offsets(1, 2);
    const auto x = random.Reals(source_size + 1, -1, 1), dy = random.Reals(target_size + 2, -1, 1);
    std::vector<float> y(dy.size()), dx(x.size());
    CopyStrided(copy, x.data(), y.data(), 32);
    CopyStridedGradient(copy, dy.data(), dx.data());
    EXPECT_NEAR(testing::Inner(y, dy), testing::Inner(x, dx), 1e-4);
    EXPECT_EQ(dx[0], 0);
  }
}

}  // namespace
}  // namespace edgeml::kernels
