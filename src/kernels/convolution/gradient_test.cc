// The plain gradients against finite differences, the fast ones against the plain.
#include "src/kernels/convolution/gradient.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "src/kernels/simd/simd_test_util.h"
#include "src/kernels/testing/finite_differences.h"

namespace edgeml::kernels {
namespace {

using testing::Doubles;

enum class Kind { kConv, kDepthwise, kDepthwiseOne };

size_t InputSize(const ConvShape& s) {
  return static_cast<size_t>(int64_t{s.batch} * s.in_h * s.in_w * s.in_c);
}
size_t OutputSize(const ConvShape& s) {
  return static_cast<size_t>(s.output_rows() * s.out_w * s.out_c);
}
size_t FilterSize(const ConvShape& s, Kind kind) {
  const int64_t taps = int64_t{s.filter_h} * s.filter_w * s.out_c;
  return static_cast<size_t>(kind == Kind::kConv ? taps * (s.in_c / s.groups) : taps);
}

ConvShape RandomShape(TestRandom& random, Kind kind, int channels) {
  ConvShape s;
  s.batch = random.Int(1, 3);
  s.in_h = random.Int(1, 6);
  s.in_w = random.Int(1, 6);
  s.filter_h = random.Int(1, 3);
  s.filter_w = random.Int(1, 3);
  s.stride_h = random.Int(1, 2);
  s.stride_w = random.Int(1, 2);
  s.dilation_h = random.Int(1, 2);
  s.dilation_w = random.Int(1, 2);
  if (kind == Kind::kConv) {
    s.groups = random.Int(0, 2) == 0 ? random.Int(2, 3) : 1;
    s.in_c = s.groups * random.Int(1, channels);
    s.out_c = s.groups * random.Int(1, channels);
  } else {
    s.in_c = random.Int(1, 3 * channels);
    s.depth_multiplier = kind == Kind::kDepthwise ? random.Int(1, 3) : 1;
    s.out_c = s.in_c * s.depth_multiplier;
  }
  // SAME or VALID, where there is room for that.
  const auto side = [&](int in, int filter, int stride, int dilation, int32_t* pad) {
    const int reach = (filter - 1) * dilation + 1;
    if (in < reach || random.Int(0, 1) == 0) {
      const int out = (in + stride - 1) / stride;
      *pad = std::max(0, (out - 1) * stride + reach - in) / 2;
      return out;
    }
    return (in - reach) / stride + 1;
  };
  s.out_h = side(s.in_h, s.filter_h, s.stride_h, s.dilation_h, &s.pad_top);
  s.out_w = side(s.in_w, s.filter_w, s.stride_w, s.dilation_w, &s.pad_left);
  return s;
}

// By the definition, in double.
Doubles Forward(const ConvShape& s, Kind kind, const Doubles& x, const Doubles& w) {
  Doubles out(OutputSize(s));
  const int64_t depth = kind == Kind::kConv ? s.in_c / s.groups : 1;
  size_t at = 0;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t oy = 0; oy < s.out_h; ++oy)
      for (int64_t ox = 0; ox < s.out_w; ++ox)
        for (int64_t o = 0; o < s.out_c; ++o, ++at)
          for (int64_t fy = 0; fy < s.filter_h; ++fy)
            for (int64_t fx = 0; fx < s.filter_w; ++fx) {
              const int64_t y = oy * s.stride_h - s.pad_top + fy * s.dilation_h;
              const int64_t ix = ox * s.stride_w - s.pad_left + fx * s.dilation_w;
              if (y < 0 || y >= s.in_h || ix < 0 || ix >= s.in_w) continue;
              const int64_t tap = fy * s.filter_w + fx;
              const int64_t first =
                  kind == Kind::kConv ? o / (s.out_c / s.groups) * depth : o / s.depth_multiplier;
              for (int64_t c = 0; c < depth; ++c) {
                const int64_t weight = kind == Kind::kConv
                                           ? (o * s.filter_h * s.filter_w + tap) * depth + c
                                           : tap * s.out_c + o;
                out[at] +=
                    x[static_cast<size_t>(((b * s.in_h + y) * s.in_w + ix) * s.in_c + first + c)] *
                    w[static_cast<size_t>(weight)];
              }
            }
  return out;
}

class ConvGradientTest : public ::testing::TestWithParam<Kind> {};

TEST_P(ConvGradientTest, PlainAgainstFiniteDifferences) {
  for (uint32_t seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomShape(random, GetParam(), 3);
    const auto x = random.Reals(static_cast<int64_t>(InputSize(s)), -1, 1);
    const auto w = random.Reals(static_cast<int64_t>(FilterSize(s, GetParam())), -1, 1);
    const auto dy = random.Reals(static_cast<int64_t>(OutputSize(s)), -1, 1);
    std::vector<float> dx(x.size()), dw(w.size());
    const bool depthwise = GetParam() != Kind::kConv;
    (depthwise ? DepthwiseInputGradient : ConvInputGradient)(s, w.data(), dy.data(), dx.data());
    (depthwise ? DepthwiseFilterGradient : ConvFilterGradient)(s, x.data(), dy.data(), dw.data());
    const Doubles xs = testing::ToDoubles(x), ws = testing::ToDoubles(w);
    testing::CheckGradient([&](const Doubles& v) { return Forward(s, GetParam(), v, ws); }, x, dy,
                           dx);
    testing::CheckGradient([&](const Doubles& v) { return Forward(s, GetParam(), xs, v); }, w, dy,
                           dw);
  }
}

void ExpectClose(const std::vector<float>& found, const std::vector<float>& expected) {
  float largest = 0;
  for (const float v : expected) largest = std::max(largest, std::abs(v));
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], 1e-5f * largest) << "element " << i;
}

class FastConvGradientTest : public ::testing::TestWithParam<Kind> {};

TEST_P(FastConvGradientTest, AgainstPlain) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    TestRandom random(seed + 1000);
    ConvShape s = RandomShape(random, GetParam(), 40);
    s.batch = random.Int(1, 40);
    const auto x = random.Reals(static_cast<int64_t>(InputSize(s)), -1, 1);
    const auto w = random.Reals(static_cast<int64_t>(FilterSize(s, GetParam())), -1, 1);
    const auto dy = random.Reals(static_cast<int64_t>(OutputSize(s)), -1, 1);
    const auto before_x = random.Reals(static_cast<int64_t>(x.size()), -1, 1);
    const auto before_w = random.Reals(static_cast<int64_t>(w.size()), -1, 1);
    const bool depthwise = GetParam() != Kind::kConv;
    auto expected_x = before_x, expected_w = before_w;
    (depthwise ? DepthwiseInputGradient : ConvInputGradient)(s, w.data(), dy.data(),
                                                             expected_x.data());
    (depthwise ? DepthwiseFilterGradient : ConvFilterGradient)(s, x.data(), dy.data(),
                                                               expected_w.data());
    std::vector<SimdLevel> levels = LevelsToTest();
    levels.push_back(SimdLevel::kNone);
    for (const SimdLevel level : levels) {
      SCOPED_TRACE(NameOf(level));
      auto dx = before_x, dw = before_w;
      if (depthwise) {
        const DepthwiseGradient gradient(level, s);
        for (int64_t i = 0; i < gradient.input_pieces(); ++i)
          gradient.RunInput(i, w.data(), dy.data(), dx.data());
        for (int64_t i = 0; i < gradient.filter_pieces(); ++i)
          gradient.RunFilter(i, x.data(), dy.data(), dw.data());
      } else {
        const ConvGradient gradient(level, s);
        AlignedBytes workspace(gradient.workspace_floats() * 4),
            packed(gradient.packed_floats() * 4);
        auto* const space = reinterpret_cast<float*>(workspace.data());
        auto* const filter = reinterpret_cast<float*>(packed.data());
        gradient.PackFilter(w.data(), filter);
        for (int64_t i = 0; i < gradient.input_pieces(); ++i)
          gradient.RunInput(i, filter, dy.data(), space, dx.data());
        ASSERT_EQ(gradient.filter_floats(), dw.size());
        std::vector<float> partial(static_cast<size_t>(gradient.filter_pieces()) * dw.size());
        for (int64_t i = gradient.filter_pieces() - 1; i >= 0; --i)
          gradient.RunFilter(i, x.data(), dy.data(), space, partial.data());
        for (size_t i = 0; i < partial.size(); ++i) dw[i % dw.size()] += partial[i];
      }
      ExpectClose(dx, expected_x);
      ExpectClose(dw, expected_w);
    }
  }
}

std::string NameOfKind(const ::testing::TestParamInfo<Kind>& kind) {
  static constexpr const char* kNames[] = {"Conv", "Depthwise", "DepthwiseOne"};
  return kNames[static_cast<size_t>(kind.param)];
}

INSTANTIATE_TEST_SUITE_P(Kinds, ConvGradientTest,
                         ::testing::Values(Kind::kConv, Kind::kDepthwise, Kind::kDepthwiseOne),
                         NameOfKind);
INSTANTIATE_TEST_SUITE_P(Kinds, FastConvGradientTest,
                         ::testing::Values(Kind::kConv, Kind::kDepthwiseOne), NameOfKind);

TEST(BiasGradient, SumsRows) {
  const std::vector<float> dy = {1, 2, 3, 4, 5, 6};
  std::vector<float> db = {10, 20};
  BiasGradient(3, 2, dy.data(), db.data());
  EXPECT_EQ(db, (std::vector<float>{19, 32}));
}

}  // namespace
}  // namespace edgeml::kernels
