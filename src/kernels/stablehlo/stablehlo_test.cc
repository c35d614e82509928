// What the comparison with LiteRT cannot reach.
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "src/kernels/stablehlo/bit_generator.h"
#include "src/kernels/stablehlo/combine.h"
#include "src/kernels/stablehlo/reduce_window.h"
#include "src/kernels/stablehlo/slices.h"

namespace edgeml::kernels {
namespace {

// The known answers that come with the paper's own implementation.
TEST(BitGenerator, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0}, {0, 0, 0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Threefry2x32({0, 0}, {0, 0}), (std::array<uint32_t, 2>{0x6b200159, 0x99ba4efe}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox4x32({kOnes, kOnes}, {kOnes, kOnes, kOnes, kOnes}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Threefry2x32({kOnes, kOnes}, {kOnes, kOnes}),
            (std::array<uint32_t, 2>{0x1cb996fc, 0xbb002be7}));
}

TEST(BitGenerator, WrapsItsCounterInPlace) {
  uint64_t state[] = {1, std::numeric_limits<uint64_t>::max()};
  uint32_t bits[9];
  PhiloxBits(state, 2, 9, bits, state);
  EXPECT_EQ(state[0], 1u);
  EXPECT_EQ(state[1], 2u);  // three blocks
  const auto second = Philox4x32({1, 0}, {0, 0, 1, 0});
  EXPECT_TRUE(std::equal(second.begin(), second.end(), bits + 4));
}

TEST(ShiftLeft, GivesZeroBeyondTheType) {
  const int32_t a[] = {1, -1, 5, 5, 5}, b[] = {31, 1, 32, -1, 1000};
  int32_t out[5];
  ShiftLeft(32, a, b, out, 5);
  EXPECT_EQ(std::vector<int32_t>(out, out + 5),
            (std::vector<int32_t>{std::numeric_limits<int32_t>::min(), -2, 0, 0, 0}));
}

TEST(Combine, KeepsBooleansAtZeroAndOne) {
  const uint8_t a[] = {0, 1, 1}, b[] = {0, 0, 1};
  uint8_t out[3];
  for (const Combination c : {Combination::kAdd, Combination::kMaximum, Combination::kAny}) {
    FindCombiner(c, DType::kBool)(a, 1, b, 1, out, 1, 3);
    EXPECT_EQ(std::vector<uint8_t>(out, out + 3), (std::vector<uint8_t>{0, 1, 1}));
  }
  for (const Combination c : {Combination::kMul, Combination::kMinimum, Combination::kBitAnd}) {
    FindCombiner(c, DType::kBool)(a, 1, b, 1, out, 1, 3);
    EXPECT_EQ(std::vector<uint8_t>(out, out + 3), (std::vector<uint8_t>{0, 0, 1}));
  }
  EXPECT_EQ(FindCombiner(Combination::kBitAnd, DType::kFloat32).run, nullptr);
  EXPECT_EQ(FindCombiner(Combination::kAdd, DType::kComplex64).run, nullptr);
  EXPECT_EQ(FindCombiner(Combination::kAdd, DType::kInt4).run, nullptr);
}

TEST(ScatterSlices, LeavesOutWhatTheLargestIndicesName) {
  for (const int64_t far :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), int64_t{-1}}) {
    SliceScatter scatter;
    scatter.rank = 1;
    scatter.dims[0] = {3, 0, 0};  // a window of three
    scatter.vectors.size = 1;
    scatter.target = Shape{4};
    const int32_t updates[] = {7, 8, 9};
    int32_t target[] = {0, 0, 0, 0};
    ScatterSlices(scatter, FindCombiner(Combination::kAdd, DType::kInt32), DType::kInt64, &far,
                  updates, target);
    const std::vector<int32_t> expected =
        far == -1 ? std::vector<int32_t>{8, 9, 0, 0} : std::vector<int32_t>{0, 0, 0, 0};
    EXPECT_EQ(std::vector<int32_t>(target, target + 4), expected);
  }
}

TEST(ReduceWindow, CountsEveryHole) {
  WindowReduction reduction;
  reduction.rank = 2;
  // [2, 2] with holes between, one place cut off in front and three added behind of dimension 1.
  reduction.dims[0] = {2, 1, 3, 1, 1, 2, 0};
  reduction.dims[1] = {2, 2, 2, 2, 1, 3, -1};
  const int32_t input[] = {1, 2, 4, 8}, initial = 100;
  int32_t out[2];
  ReduceWindow(reduction, FindCombiner(Combination::kAdd, DType::kInt32), input, &initial, 0, 2,
               out);
  EXPECT_EQ(out[0], 700);                // places 1 and 2 of each row: holes all
  EXPECT_EQ(out[1], 100 + 400 + 2 + 8);  // place 3: the second elements
}

}  // namespace
}  // namespace edgeml::kernels
