#include "src/kernels/convolution/patches.h"

#include <gtest/gtest.h>

#include "src/kernels/simd/simd_test_util.h"

namespace edgeml::kernels {
namespace {

ConvShape RandomShape(TestRandom& random) {
  ConvShape s;
  s.batch = random.Int(1, 3);
  s.in_h = random.Int(1, 7);
  s.in_w = random.Int(1, 7);
  s.in_c = random.Int(1, 5);
  s.filter_h = random.Int(1, 4);
  s.filter_w = random.Int(1, 4);
  s.stride_h = random.Int(1, 3);
  s.stride_w = random.Int(1, 3);
  s.dilation_h = random.Int(1, 3);
  s.dilation_w = random.Int(1, 3);
  s.pad_top = random.Int(0, 3);
  s.pad_left = random.Int(0, 3);
  s.out_h = random.Int(1, 6);  // some windows lie outside altogether
  s.out_w = random.Int(1, 6);
  return s;
}

TEST(Patches, GatherAgainstTheDefinition) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomShape(random);
    const int32_t first = random.Int(0, s.in_c - 1);
    const ChannelRange channels = {first, random.Int(1, s.in_c - first)};
    const auto input = random.Reals(int64_t{s.batch} * s.in_h * s.in_w * s.in_c, -1, 1);
    const int64_t pixels = s.output_rows() * s.out_w;
    const int64_t length = int64_t{s.filter_h} * s.filter_w * channels.count;
    std::vector<float> rows(static_cast<size_t>(pixels * length), 9.0f);
    GatherPatches(s, channels, input.data(), 0, pixels, rows.data());
    size_t at = 0;
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t oy = 0; oy < s.out_h; ++oy)
        for (int64_t ox = 0; ox < s.out_w; ++ox)
          for (int64_t fy = 0; fy < s.filter_h; ++fy)
            for (int64_t fx = 0; fx < s.filter_w; ++fx)
              for (int64_t c = 0; c < channels.count; ++c) {
                const int64_t y = oy * s.stride_h - s.pad_top + fy * s.dilation_h;
                const int64_t x = ox * s.stride_w - s.pad_left + fx * s.dilation_w;
                const bool inside = y >= 0 && y < s.in_h && x >= 0 && x < s.in_w;
                const float expected =
                    inside ? input[static_cast<size_t>(((b * s.in_h + y) * s.in_w + x) * s.in_c +
                                                       channels.first + c)]
                           : 0.0f;
                ASSERT_EQ(rows[at++], expected);
              }
    // Single pixels.
    const std::vector<int64_t> some = {pixels - 1, 0, pixels / 2};
    std::vector<float> few(some.size() * static_cast<size_t>(length), 9.0f);
    GatherPatches(s, channels, input.data(), some, few.data());
    for (size_t i = 0; i < some.size(); ++i)
      for (int64_t j = 0; j < length; ++j)
        ASSERT_EQ(few[i * static_cast<size_t>(length) + static_cast<size_t>(j)],
                  rows[static_cast<size_t>(some[i] * length + j)]);
  }
}

// <gather(x), y> = <x, scatter(y)>.
TEST(Patches, ScatterIsTheTranspose) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomShape(random);
    const ChannelRange channels = {0, s.in_c};
    const auto x = random.Reals(int64_t{s.batch} * s.in_h * s.in_w * s.in_c, -1, 1);
    const int64_t pixels = s.output_rows() * s.out_w;
    const auto y = random.Reals(pixels * s.filter_h * s.filter_w * s.in_c, -1, 1);
    std::vector<float> rows(y.size()), scattered(x.size(), 0.0f);
    GatherPatches(s, channels, x.data(), 0, pixels, rows.data());
    ScatterPatches(s, channels, y.data(), 0, pixels, scattered.data());
    double left = 0, right = 0;
    for (size_t i = 0; i < y.size(); ++i) left += double{rows[i]} * y[i];
    for (size_t i = 0; i < x.size(); ++i) right += double{scattered[i]} * x[i];
    EXPECT_NEAR(left, right, 1e-4);
  }
}

}  // namespace
}  // namespace edgeml::kernels
