// The vector pools at every SIMD level against the reference kernels, on random shapes.
#include "src/kernels/pooling/vector_pool.h"

#include <gtest/gtest.h>

#include "src/kernels/simd/simd_test_util.h"

namespace edgeml::kernels {
namespace {

PoolShape RandomPool(TestRandom& random) {
  PoolShape s;
  s.batch = random.Int(1, 2);
  s.in_h = random.Int(1, 10);
  s.in_w = random.Int(1, 10);
  s.channels = random.Int(1, 90);
  s.filter_h = random.Int(1, s.in_h);
  s.filter_w = random.Int(1, s.in_w);
  s.stride_h = random.Int(1, 3);
  s.stride_w = random.Int(1, 3);
  s.pad_top = random.Int(0, s.filter_h - 1);
  s.pad_left = random.Int(0, s.filter_w - 1);
  s.out_h = (s.in_h + 2 * s.pad_top - s.filter_h) / s.stride_h + 1;
  s.out_w = (s.in_w + 2 * s.pad_left - s.filter_w) / s.stride_w + 1;
  return s;
}

template <typename T, typename Bound>
void Check(uint32_t seed, PoolElement element, Bound lo, Bound hi) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  TestRandom random(seed);
  const PoolShape s = RandomPool(random);
  const int64_t in_size = int64_t{s.batch} * s.in_h * s.in_w * s.channels;
  std::vector<T> input;
  if constexpr (std::is_floating_point_v<T>) {
    input = random.Reals(in_size, -5, 5);
  } else {
    input = random.Ints<T>(in_size, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  }
  const auto out_size = static_cast<size_t>(s.output_rows() * s.out_w * s.channels);
  VectorPoolArgs args = PoolArgsOf(s);
  args.element = element;
  args.lo = static_cast<int32_t>(lo);
  args.hi = static_cast<int32_t>(hi);
  args.float_lo = static_cast<float>(lo);
  args.float_hi = static_cast<float>(hi);
  for (bool is_max : {false, true}) {
    args.is_max = is_max;
    std::vector<T> expected(out_size), actual(out_size + 1, T{7});
    if (is_max) {
      MaxPool(s, lo, hi, input.data(), expected.data(), 0, s.output_pixels());
    } else {
      AveragePool(s, lo, hi, input.data(), expected.data(), 0, s.output_pixels());
    }
    for (SimdLevel level : LevelsToTest()) {
      VectorPoolFor(level)->pool(args, input.data(), actual.data(), 0, s.output_rows());
      ASSERT_EQ(actual.back(), T{7});
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), actual.begin()))
          << NameOf(level) << (is_max ? " max" : " average");
    }
  }
}

TEST(VectorPool, EqualsReference) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    Check<float, float>(seed, PoolElement::kFloat, -1.0f, 2.0f);
    Check<int8_t, int32_t>(seed, PoolElement::kInt8, -100, 90);
    Check<uint8_t, int32_t>(seed, PoolElement::kUInt8, 20, 250);
  }
}

TEST(VectorPool, AveragesOfTheLargestWindowsAreExact) {
  PoolShape s;
  s.in_h = s.filter_h = 256;
  s.in_w = s.filter_w = 255;
  s.channels = 3;
  std::vector<uint8_t> input(256 * 255 * 3, 255);
  for (size_t i = 0; i < input.size(); i += 3) input[i] = i % 2;
  // One short of a half: rounds down.
  int64_t sum = 0;
  for (size_t i = 1; i < input.size(); i += 3) sum += input[i];
  for (size_t i = 1; sum > 65280 * 128 - 32641; i += 3) sum -= input[i], input[i] = 0;
  std::vector<uint8_t> expected(3), actual(3);
  AveragePool(s, 0, 255, input.data(), expected.data(), 0, 1);
  VectorPoolArgs args = PoolArgsOf(s);
  args.element = PoolElement::kUInt8;
  args.hi = 255;
  for (SimdLevel level : LevelsToTest()) {
    VectorPoolFor(level)->pool(args, input.data(), actual.data(), 0, 1);
    EXPECT_EQ(actual, expected) << NameOf(level);
  }
}

TEST(VectorPool, ColumnSums) {
  TestRandom random(1);
  const auto input = random.Ints<int8_t>(50 * 37, -128, 127);
  std::vector<int32_t> expected(37), actual(37);
  for (size_t i = 0; i < input.size(); ++i) expected[i % 37] += input[i];
  for (SimdLevel level : LevelsToTest()) {
    VectorPoolFor(level)->column_sums(input.data(), false, 50, 37, actual.data());
    EXPECT_EQ(actual, expected) << NameOf(level);
  }
}

}  // namespace
}  // namespace edgeml::kernels
