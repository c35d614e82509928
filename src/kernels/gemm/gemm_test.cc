// Convolutions and products at every SIMD level against the reference kernels, on random shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/kernels/gemm/gemm_plan.h"
#include "src/kernels/matmul/matmul.h"
#include "src/kernels/simd/simd_test_util.h"
#include "src/tensor/packed_int.h"

namespace edgeml::kernels {
namespace {

int32_t WindowOut(int in, int filter, int stride, int dilation, int pad) {
  return (in + 2 * pad - (filter - 1) * dilation - 1) / stride + 1;
}

ConvShape RandomConv(TestRandom& random) {
  ConvShape s;
  for (;;) {
    const bool pointwise = random.Int(0, 2) == 0;
    s.batch = random.Int(1, 2);
    s.in_h = random.Int(1, 11);
    s.in_w = random.Int(1, 11);
    s.in_c = random.Int(0, 3) == 0 ? random.Int(1, 4) : random.Int(1, 90);
    s.out_c = random.Int(1, 150);
    s.filter_h = pointwise ? 1 : random.Int(1, 4);
    s.filter_w = pointwise ? 1 : random.Int(1, 4);
    s.stride_h = pointwise ? 1 : random.Int(1, 2);
    s.stride_w = random.Int(1, 2);
    s.dilation_h = random.Int(0, 4) == 0 ? 2 : 1;
    s.dilation_w = random.Int(0, 4) == 0 ? 2 : 1;
    const int pad = pointwise ? 0 : random.Int(0, s.filter_h - 1);
    s.pad_top = pad;
    s.pad_left = pad;
    s.out_h = WindowOut(s.in_h, s.filter_h, s.stride_h, s.dilation_h, pad);
    s.out_w = WindowOut(s.in_w, s.filter_w, s.stride_w, s.dilation_w, pad);
    if (s.out_h >= 1 && s.out_w >= 1) return s;
  }
}

int64_t Depth(const ConvShape& s) { return int64_t{s.in_c} * s.filter_h * s.filter_w; }
int64_t Rows(const ConvShape& s) { return int64_t{s.batch} * s.out_h * s.out_w; }
int64_t InputSize(const ConvShape& s) { return int64_t{s.batch} * s.in_h * s.in_w * s.in_c; }

std::vector<FixedPointMultiplier> RandomMultipliers(TestRandom& random, int n, int64_t depth) {
  std::vector<FixedPointMultiplier> out;
  // 0: the usual range; 1: shifts of zero and above occur; 2: anything.
  const int kind = random.Int(0, 5);
  for (int i = 0; i < n; ++i) {
    double real = std::exp2(random.Real(-3, 1)) / (30.0 * std::sqrt(static_cast<double>(depth)));
    if (kind == 1) real = std::exp2(random.Real(-6, 2));
    if (kind == 2) real = random.Int(0, 9) == 0 ? 0 : std::exp2(random.Real(-32, 12));
    out.push_back(ToFixedPoint(real));
  }
  return out;
}

template <typename T>
void CheckIntegerConv(uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  TestRandom random(seed);
  constexpr bool kUnsigned = std::is_same_v<T, uint8_t>;
  constexpr int kLo = kUnsigned ? 0 : -128;
  const ConvShape s = RandomConv(random);
  const auto input = random.Ints<T>(InputSize(s), kLo, kLo + 255);
  const bool narrow = !kUnsigned && random.Int(0, 2) == 0;
  const auto filter = random.Ints<T>(Depth(s) * s.out_c, narrow ? -8 : kLo, narrow ? 7 : kLo + 255);
  const int bias_range = random.Int(0, 9) == 0 ? 2147483647 : 20000;
  const auto bias = random.Ints<int32_t>(s.out_c, -bias_range, bias_range);
  const auto multipliers = RandomMultipliers(random, s.out_c, Depth(s));
  ConvQuantization q;
  q.input_zero_point = random.Int(kLo, kLo + 255);
  q.filter_zero_point = kUnsigned ? (random.Int(0, 3) == 0 ? 128 : random.Int(0, 255)) : 0;
  q.output_zero_point = random.Int(kLo, kLo + 255);
  q.multipliers = multipliers.data();
  q.output_min = random.Int(0, 1) == 0 ? kLo : random.Int(kLo, kLo + 100);
  q.output_max = random.Int(0, 1) == 0 ? kLo + 255 : random.Int(kLo + 100, kLo + 255);
  const int32_t* bias_data = random.Int(0, 4) == 0 ? nullptr : bias.data();

  std::vector<T> expected(static_cast<size_t>(Rows(s) * s.out_c));
  if constexpr (kUnsigned) {
    ConvUInt8(s, q, input.data(), filter.data(), bias_data, expected.data(), {0, s.output_rows()});
  } else {
    ConvInt8(s, q, input.data(), filter.data(), bias_data, expected.data(), {0, s.output_rows()});
  }
  WeightMatrix weights = {filter.data(), s.out_c, Depth(s), Depth(s), 1};
  if (kUnsigned) weights.type = DType::kUInt8;
  std::vector<uint8_t> nibbles(PackedInt4Bytes(filter.size()));
  if (narrow) {
    PackInt4(reinterpret_cast<const int8_t*>(filter.data()), filter.size(), nibbles.data());
    weights.type = DType::kInt4;
    weights.data = nibbles.data();
  }
  for (SimdLevel level : LevelsToTest()) {
    SCOPED_TRACE(NameOf(level));
    const GemmKernels& kernels = *GemmFor(level);
    AlignedBytes packed(GemmInt8Plan::PackedBytes(kernels, weights.n, weights.k));
    GemmInt8Plan::Pack(kernels, weights, packed.data());
    GemmInt8Plan plan;
    plan.SettleInteger(kernels, PatchOf(s, 1), Rows(s), weights.n, weights.k, q, kUnsigned,
                       bias_data, packed.data(), random.Int(1, 3));
    AlignedBytes workspace(plan.workspace_bytes());
    std::vector<T> actual(expected.size() + 1, T{77});
    for (int64_t i = 0; i < plan.split().pieces(); ++i) {
      plan.Run(i, input.data(), actual.data(), workspace.data());
    }
    ASSERT_EQ(actual.back(), T{77});
    actual.pop_back();
    ASSERT_TRUE(WithinAQuantum(actual, expected));
  }
}

TEST(Gemm, Int8ConvolutionMatchesReference) {
  for (uint32_t seed = 0; seed < 150; ++seed) CheckIntegerConv<int8_t>(seed);
}

TEST(Gemm, UInt8ConvolutionMatchesReference) {
  for (uint32_t seed = 1000; seed < 1150; ++seed) CheckIntegerConv<uint8_t>(seed);
}

float Largest(const std::vector<float>& values) {
  float largest = 0;
  for (float v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

void ExpectClose(const std::vector<float>& actual, const std::vector<float>& expected) {
  const float bound = 1e-5f * std::max(Largest(expected), 1e-6f);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], bound) << "element " << i;
  }
}

TEST(Gemm, FloatConvolutionMatchesReference) {
  for (uint32_t seed = 2000; seed < 2150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomConv(random);
    const auto input = random.Reals(InputSize(s), -1, 1);
    const auto filter = random.Reals(Depth(s) * s.out_c, -1, 1);
    const auto bias = random.Reals(s.out_c, -1, 1);
    const FloatRange range = random.Int(0, 1) == 0 ? FloatRange{-1e30f, 1e30f} : FloatRange{0, 6};
    std::vector<float> expected(static_cast<size_t>(Rows(s) * s.out_c));
    ConvFloat(s, range, input.data(), filter.data(), bias.data(), expected.data(),
              {0, s.output_rows()});
    const WeightMatrix weights = {filter.data(), s.out_c, Depth(s), Depth(s), 1};
    for (SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      const GemmKernels& kernels = *GemmFor(level);
      AlignedBytes packed(GemmFloatPlan::PackedBytes(kernels, weights.n, weights.k));
      GemmFloatPlan::Pack(kernels, weights, packed.data());
      std::vector<float> first;
      for (int threads : {1, 2, 4}) {
        GemmFloatPlan plan;
        plan.Settle(kernels, PatchOf(s, 4), Rows(s), weights.n, weights.k, range, bias.data(),
                    packed.data(), threads);
        AlignedBytes workspace(plan.workspace_bytes());
        std::vector<float> actual(expected.size() + 1, 77.0f);
        for (int64_t i = 0; i < plan.split().pieces(); ++i) {
          plan.Run(i, input.data(), actual.data(), workspace.data());
        }
        ASSERT_EQ(actual.back(), 77.0f);
        actual.pop_back();
        ExpectClose(actual, expected);
        if (threads == 1) first = actual;
        ASSERT_EQ(actual, first);  // results do not depend on the split
      }
    }
  }
}

TEST(Gemm, HybridConvolutionMatchesReference) {
  for (uint32_t seed = 3000; seed < 3080; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const ConvShape s = RandomConv(random);
    const auto input = random.Ints<int8_t>(InputSize(s), -128, 127);
    const auto filter = random.Ints<int8_t>(Depth(s) * s.out_c, -127, 127);
    const auto bias = random.Reals(s.out_c, -1, 1);
    const auto scales = random.Reals(s.batch, 0.01f, 0.1f);
    const auto zero_points = random.Ints<int32_t>(s.batch, -128, 127);
    const auto filter_scales = random.Reals(s.out_c, 0.001f, 0.01f);
    const FloatRange range = {-1e30f, random.Int(0, 1) == 0 ? 1.0f : 1e30f};
    std::vector<float> expected(static_cast<size_t>(Rows(s) * s.out_c));
    ConvHybrid(s, {scales.data(), zero_points.data(), filter_scales.data()}, range, input.data(),
               filter.data(), bias.data(), expected.data(), {0, s.output_rows()});
    std::vector<int32_t> row_terms;
    std::vector<int8_t> pads;
    for (int32_t z : zero_points) {
      row_terms.push_back(-(z + 128));
      pads.push_back(static_cast<int8_t>(z));
    }
    const WeightMatrix weights = {filter.data(), s.out_c, Depth(s), Depth(s), 1};
    for (SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      const GemmKernels& kernels = *GemmFor(level);
      AlignedBytes packed(GemmInt8Plan::PackedBytes(kernels, weights.n, weights.k));
      GemmInt8Plan::Pack(kernels, weights, packed.data());
      GemmInt8Plan plan;
      plan.SettleHybrid(kernels, PatchOf(s, 1), Rows(s), int64_t{s.out_h} * s.out_w, weights.n,
                        weights.k, filter_scales.data(), range, bias.data(), packed.data(), 1);
      AlignedBytes workspace(plan.workspace_bytes());
      std::vector<float> actual(expected.size());
      for (int64_t i = 0; i < plan.split().pieces(); ++i) {
        plan.RunHybrid(i, input.data(), scales.data(), row_terms.data(), pads.data(), actual.data(),
                       workspace.data());
      }
      ExpectClose(actual, expected);
    }
  }
}

TEST(Gemm, BlocksMatchReference) {
  for (uint32_t seed = 6000; seed < 6060; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    TestRandom random(seed);
    const int rows = random.Int(1, 70), n = random.Int(1, 150);
    const int block = random.Int(0, 2) == 0 ? random.Int(16, 40) : 32;
    const int blocks = random.Int(1, 5), k = block * blocks;
    const auto input = random.Ints<int8_t>(rows * k, -128, 127);
    const auto filter = random.Ints<int8_t>(n * k, -8, 7);
    std::vector<uint8_t> nibbles(PackedInt4Bytes(filter.size()));
    PackInt4(filter.data(), filter.size(), nibbles.data());
    const auto bias = random.Reals(n, -1, 1);
    const auto scales = random.Reals(rows, 0.01f, 0.1f);
    const auto block_scales = random.Reals(n * blocks, 0.01f, 0.1f);
    const auto zero_points = random.Ints<int32_t>(rows, -128, 127);
    const FloatRange range = {-1e30f, random.Int(0, 1) == 0 ? 1.0f : 1e30f};
    const float* bias_data = random.Int(0, 3) == 0 ? nullptr : bias.data();
    std::vector<float> expected(static_cast<size_t>(rows * n));
    FullyConnectedShape shape;
    shape.batch = shape.row_end = rows;
    shape.depth = k;
    shape.units = n;
    FullyConnectedHybridBlocks(shape, block, block_scales.data(), scales.data(), zero_points.data(),
                               range.min, range.max, input.data(), filter.data(), bias_data,
                               expected.data());
    std::vector<int32_t> row_terms;
    for (int32_t z : zero_points) row_terms.push_back(-(z + 128));
    const WeightMatrix weights = {nibbles.data(), n, k, k, 1, DType::kInt4};
    for (SimdLevel level : LevelsToTest()) {
      SCOPED_TRACE(NameOf(level));
      const GemmKernels& kernels = *GemmFor(level);
      AlignedBytes packed(GemmBlocksPlan::PackedBytes(kernels, n, k, block));
      GemmBlocksPlan::Pack(kernels, weights, block, packed.data());
      GemmBlocksPlan plan;
      plan.Settle(kernels, rows, n, k, block, block_scales.data(), range, bias_data, packed.data(),
                  random.Int(1, 3));
      AlignedBytes workspace(plan.workspace_bytes());
      std::vector<float> actual(expected.size() + 1, 77.0f);
      for (int64_t i = 0; i < plan.split().pieces(); ++i)
        plan.Run(i, input.data(), scales.data(), row_terms.data(), actual.data(), workspace.data());
      ASSERT_EQ(actual.back(), 77.0f);
      actual.pop_back();
      ExpectClose(actual, expected);
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
