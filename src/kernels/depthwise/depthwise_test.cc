// Depthwise convolutions at every SIMD level against the reference kernels, on random shapes.
#include "src/kernels/depthwise/depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/kernels/simd/simd_test_util.h"
#include "src/tensor/packed_int.h"

namespace edgeml::kernels {
namespace {

ConvShape RandomDepthwise(TestRandom& random) {
  ConvShape s;
  for (;;) {
    s.batch = random.Int(1, 2);
    s.in_h = random.Int(1, 12);
    s.in_w = random.Int(1, 24);
    s.in_c = s.out_c = random.Int(1, 140);
    s.filter_h = random.Int(0, 1) == 0 ? 3 : random.Int(1, 6);
    s.filter_w = random.Int(0, 1) == 0 ? 3 : random.Int(1, 6);
    s.stride_h = random.Int(1, 3);
    s.stride_w = random.Int(1, 3);
    s.dilation_h = random.Int(0, 4) == 0 ? 2 : 1;
    s.dilation_w = random.Int(0, 4) == 0 ? 2 : 1;
    s.pad_top = random.Int(0, s.filter_h - 1);
    s.pad_left = random.Int(0, s.filter_w - 1);
    const auto out = [](int in, int filter, int stride, int dilation, int pad) {
      const int room = in + 2 * pad - (filter - 1) * dilation - 1;
      return room < 0 ? 0 : room / stride + 1;
    };
    s.out_h = out(s.in_h, s.filter_h, s.stride_h, s.dilation_h, s.pad_top);
    s.out_w = out(s.in_w, s.filter_w, s.stride_w, s.dilation_w, s.pad_left);
    if (s.out_h >= 1 && s.out_w >= 1) return s;
  }
}

int64_t OutputSize(const ConvShape& s) { return s.output_rows() * s.out_w * s.out_c; }
int64_t InputSize(const ConvShape& s) { return int64_t{s.batch} * s.in_h * s.in_w * s.in_c; }
int64_t FilterSize(const ConvShape& s) { return int64_t{s.filter_h} * s.filter_w * s.in_c; }

template <typename T>
void CheckInteger(uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  TestRandom random(seed);
  constexpr bool kUnsigned = std::is_same_v<T, uint8_t>;
  constexpr int kLo = kUnsigned ? 0 : -128;
  const ConvShape s = RandomDepthwise(random);
  const auto input = random.Ints<T>(InputSize(s), kLo, kLo + 255);
  const bool narrow = !kUnsigned && random.Int(0, 2) == 0;
  const auto filter = random.Ints<T>(FilterSize(s), narrow ? -8 : kLo, narrow ? 7 : kLo + 255);
  std::vector<uint8_t> nibbles(PackedInt4Bytes(filter.size()));
  if (narrow)
    PackInt4(reinterpret_cast<const int8_t*>(filter.data()), filter.size(), nibbles.data());
  const DType type = narrow ? DType::kInt4 : kUnsigned ? DType::kUInt8 : DType::kInt8;
  const void* stored = narrow ? static_cast<const void*>(nibbles.data()) : filter.data();
  const auto bias = random.Ints<int32_t>(s.in_c, -20000, 20000);
  std::vector<FixedPointMultiplier> multipliers;
  const int kind = random.Int(0, 5);
  for (int c = 0; c < s.in_c; ++c) {
    double real = std::exp2(random.Real(-3, 1)) / 100;
    if (kind == 1) real = std::exp2(random.Real(-6, 2));
    if (kind == 2) real = random.Int(0, 9) == 0 ? 0 : std::exp2(random.Real(-32, 12));
    multipliers.push_back(ToFixedPoint(real));
  }
  ConvQuantization q;
  q.input_zero_point = random.Int(kLo, kLo + 255);
  if (kUnsigned) {
    const int zero_points[] = {0, 1, 127, 128, 129, 255, random.Int(0, 255), random.Int(0, 255)};
    q.filter_zero_point = zero_points[random.Int(0, 7)];
  }
  q.output_zero_point = random.Int(kLo, kLo + 255);
  q.multipliers = multipliers.data();
  q.output_min = random.Int(0, 1) == 0 ? kLo : random.Int(kLo, kLo + 100);
  q.output_max = random.Int(0, 1) == 0 ? kLo + 255 : random.Int(kLo + 100, kLo + 255);
  const int32_t* bias_data = random.Int(0, 4) == 0 ? nullptr : bias.data();

  std::vector<T> expected(static_cast<size_t>(OutputSize(s)));
  if constexpr (kUnsigned) {
    DepthwiseConvUInt8(s, q, input.data(), filter.data(), bias_data, expected.data(),
                       {0, s.output_rows()});
  } else {
    DepthwiseConvInt8(s, q, input.data(), filter.data(), bias_data, expected.data(),
                      {0, s.output_rows()});
  }
  for (SimdLevel level : LevelsToTest()) {
    SCOPED_TRACE(NameOf(level));
    const DepthwiseInt8Kernels& kernels = *DepthwiseInt8For(level);
    AlignedBytes packed(DepthwiseInt8Plan::PackedBytes(kernels, s, kUnsigned, q.filter_zero_point));
    DepthwiseInt8Plan::Pack(kernels, s, stored, type, q.filter_zero_point, packed.data());
    DepthwiseInt8Plan plan;
    plan.SettleInteger(kernels, s, q, kUnsigned, bias_data, packed.data());
    std::vector<T> actual(expected.size() + 1, T{77});
    const int64_t middle = s.output_rows() / 2;
    plan.Run(input.data(), actual.data(), {middle, s.output_rows()});
    plan.Run(input.data(), actual.data(), {0, middle});
    ASSERT_EQ(actual.back(), T{77});
    actual.pop_back();
    ASSERT_TRUE(WithinAQuantum(actual, expected));
  }
}

TEST(Depthwise, Int8MatchesReference) {
  for (uint32_t seed = 0; seed < 200; ++seed) CheckInteger<int8_t>(seed);
}

TEST(Depthwise, UInt8MatchesReference) {
  for (uint32_t seed = 1000; seed < 1200; ++seed) CheckInteger<uint8_t>(seed);
}

void ExpectClose(const std::vector<float>& actual, const std::vector<float>& expected) {
  float largest = 1e-6f;
  for (float v : expected) largest = std::max(largest, std::abs(v));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5f * largest) << "element " << i;
  }
}

TEST(Depthwise, FloatMatchesReference) {
  for (uint32_t seed = 2000; seed < 2200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomDepthwise(random);
    const auto input = random.Reals(InputSize(s), -1, 1);
    const auto filter = random.Reals(FilterSize(s), -1, 1);
    const auto bias = random.Reals(s.in_c, -1, 1);
    const FloatRange range = random.Int(0, 1) == 0 ? FloatRange{-1e30f, 1e30f} : FloatRange{0, 1};
    std::vector<float> expected(static_cast<size_t>(OutputSize(s)));
    DepthwiseConvFloat(s, range, input.data(), filter.data(), bias.data(), expected.data(),
                       {0, s.output_rows()});
    for (SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      DepthwiseFloatPlan plan;
      plan.Settle(*DepthwiseFloatFor(level), s, range, filter.data(), bias.data());
      std::vector<float> actual(expected.size() + 1, 77.0f);
      plan.Run(input.data(), actual.data(), {0, s.output_rows()});
      ASSERT_EQ(actual.back(), 77.0f);
      actual.pop_back();
      ExpectClose(actual, expected);
    }
  }
}

TEST(Depthwise, HybridMatchesReference) {
  for (uint32_t seed = 3000; seed < 3100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomDepthwise(random);
    const auto input = random.Ints<int8_t>(InputSize(s), -128, 127);
    const auto filter = random.Ints<int8_t>(FilterSize(s), -127, 127);
    const auto bias = random.Reals(s.in_c, -1, 1);
    const auto scales = random.Reals(s.batch, 0.01f, 0.1f);
    const auto zero_points = random.Ints<int32_t>(s.batch, -128, 127);
    const auto filter_scales = random.Reals(s.in_c, 0.001f, 0.01f);
    const FloatRange range = {-1e30f, random.Int(0, 1) == 0 ? 1.0f : 1e30f};
    std::vector<float> expected(static_cast<size_t>(OutputSize(s)));
    DepthwiseConvHybrid(s, {scales.data(), zero_points.data(), filter_scales.data()}, range,
                        input.data(), filter.data(), bias.data(), expected.data(),
                        {0, s.output_rows()});
    for (SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      const DepthwiseInt8Kernels& kernels = *DepthwiseInt8For(level);
      AlignedBytes packed(DepthwiseInt8Plan::PackedBytes(kernels, s, false, 0));
      DepthwiseInt8Plan::Pack(kernels, s, filter.data(), DType::kInt8, 0, packed.data());
      DepthwiseInt8Plan plan;
      plan.SettleHybrid(kernels, s, filter_scales.data(), range, bias.data(), packed.data());
      std::vector<float> actual(expected.size());
      for (int b = 0; b < s.batch; ++b) {
        const auto i = static_cast<size_t>(b);
        const std::vector<int8_t> pad(static_cast<size_t>(s.in_c),
                                      static_cast<int8_t>(zero_points[i]));
        plan.RunHybrid(input.data(), scales[i], zero_points[i], pad.data(), actual.data(),
                       {int64_t{b} * s.out_h, int64_t{b + 1} * s.out_h});
      }
      ExpectClose(actual, expected);
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
