#include "src/kernels/pooling/gradient.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;

Doubles Forward(const PoolShape& s, bool is_max, const Doubles& in) {
  Doubles out;
  for (int64_t p = 0; p < s.output_pixels(); ++p) {
    const int64_t b = p / s.out_w / s.out_h, oy = p / s.out_w % s.out_h, ox = p % s.out_w;
    for (int64_t c = 0; c < s.channels; ++c) {
      double sum = 0, most = -1e30, count = 0;
      for (int64_t fy = 0; fy < s.filter_h; ++fy)
        for (int64_t fx = 0; fx < s.filter_w; ++fx) {
          const int64_t y = oy * s.stride_h - s.pad_top + fy;
          const int64_t x = ox * s.stride_w - s.pad_left + fx;
          if (y < 0 || y >= s.in_h || x < 0 || x >= s.in_w) continue;
          const double v =
              in[static_cast<size_t>(((b * s.in_h + y) * s.in_w + x) * s.channels + c)];
          sum += v;
          most = std::max(most, v);
          ++count;
        }
      out.push_back(is_max ? most : sum / count);
    }
  }
  return out;
}

TEST(PoolGradient, AgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    PoolShape s;
    s.batch = random.Int(1, 3);
    s.in_h = random.Int(2, 7);
    s.in_w = random.Int(2, 7);
    s.channels = random.Int(1, 4);
    s.filter_h = random.Int(1, std::min(3, s.in_h));
    s.filter_w = random.Int(1, std::min(3, s.in_w));
    s.stride_h = random.Int(1, 3);
    s.stride_w = random.Int(1, 3);
    s.pad_top = random.Int(0, s.filter_h - 1);
    s.pad_left = random.Int(0, s.filter_w - 1);
    s.out_h = (s.in_h + s.pad_top - s.filter_h) / s.stride_h + 1;
    s.out_w = (s.in_w + s.pad_left - s.filter_w) / s.stride_w + 1;
    // No two values closer than the step of the differences.
    const int64_t size = int64_t{s.batch} * s.in_h * s.in_w * s.channels;
    std::vector<float> x(static_cast<size_t>(size));
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * static_cast<float>(i);
    for (size_t i = x.size(); i > 1; --i)
      std::swap(x[i - 1], x[static_cast<size_t>(random.Int(0, static_cast<int>(i) - 1))]);
    const auto dy = random.Reals(s.output_pixels() * s.channels, -1, 1);
    for (const bool is_max : {false, true}) {
      std::vector<float> dx(x.size());
      for (int64_t b = 0; b < s.batch; ++b) {
        if (is_max) {
          MaxPoolGradient(s, x.data(), dy.data(), dx.data(), b, b + 1);
        } else {
          AveragePoolGradient(s, dy.data(), dx.data(), b, b + 1);
        }
      }
      testing::CheckGradient([&](const Doubles& v) { return Forward(s, is_max, v); }, x, dy, dx);
    }
  }
}

TEST(PoolGradient, FirstOfEqualElementsGetsAll) {
  PoolShape s;
  s.in_w = s.filter_w = 3;
  const std::vector<float> x = {1, 2, 2};
  const float dy = 5;
  std::vector<float> dx = {1, 1, 1};
  MaxPoolGradient(s, x.data(), &dy, dx.data(), 0, 1);
  EXPECT_EQ(dx, (std::vector<float>{1, 6, 1}));
}

}  // namespace
}  // namespace edgeml::kernels
