#include "src/kernels/lookup/lookup.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "src/kernels/lookup/fingerprint.h"

namespace edgeml::kernels {
namespace {

constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();

TEST(FindKey, ComparesWithoutOverflow) {
  const std::vector<int32_t> keys = {kLow, -1, 0, kHigh};
  for (size_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(FindKey(keys, keys[i]), static_cast<int64_t>(i));
  EXPECT_EQ(FindKey(keys, 1), -1);
  EXPECT_EQ(FindKey({}, 1), -1);
}

// Two lookups of depth 3 into output [2, 3, row 1].
class SparseTest : public testing::Test {
 protected:
  SparseFault Run() {
    lookup_.rows = 2;
    lookup_.row_size = 1;
    lookup_.depth = 3;
    lookup_.buckets = 6;
    lookup_.ids = ids_.data();
    lookup_.indices = indices_.data();
    lookup_.dense_shape = dense_shape_.data();
    lookup_.weights = weights_.data();
    lookup_.table = table_.data();
    lookup_.output = output_.data();
    SparseBucket bucket;
    const SparseFault fault = LookUpSparse(lookup_, 0, 2, bucket);
    if (!fault.fault.found()) FinishBucket(lookup_, bucket);
    return fault;
  }
  SparseLookup lookup_;
  std::vector<int32_t> ids_ = {1, 0}, indices_ = {0, 2, 7, 1, 0, -5}, dense_shape_ = {2, 3, 4};
  std::vector<float> weights_ = {2, 4}, table_ = {10, 20}, output_ = std::vector<float>(6);
};

TEST_F(SparseTest, PutsEachLookupIntoItsBucket) {
  lookup_.combiner = SparseCombiner::kMean;
  EXPECT_FALSE(Run().fault.found());
  EXPECT_EQ(output_, (std::vector<float>{0, 0, 20, 10, 0, 0}));
}

TEST_F(SparseTest, RefusesIdsAndBucketsThatAreNotThere) {
  for (const int32_t bad : {-1, 2, kLow, kHigh}) {
    ids_[1] = bad;
    const SparseFault fault = Run();
    EXPECT_TRUE(fault.in_ids);
    EXPECT_EQ(fault.fault.at, 1);
  }
  ids_[1] = 0;
  for (const int32_t bad : {-1, 6, kLow, kHigh}) {
    indices_[4] = bad;
    const SparseFault fault = Run();
    EXPECT_FALSE(fault.in_ids);
    EXPECT_EQ(fault.fault.at, 4);
    EXPECT_EQ(fault.fault.value, bad);
  }
  // Past the end of its own dimension, but in the tensor: what LiteRT takes.
  indices_[3] = 0;
  indices_[4] = 5;
  EXPECT_FALSE(Run().fault.found());
  EXPECT_EQ(output_[5], 40.0f);
  indices_[3] = 1;
  EXPECT_EQ(Run().fault.at, 3);
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  size_t begin = 0;
  while (true) {
    const std::string_view word = NextWord(text, begin);
    if (word.empty()) return words;
    words.emplace_back(word);
  }
}

TEST(NextWord, SplitsAsLiteRtDoes) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(Words(""), Strings());
  EXPECT_EQ(Words("a"), Strings({"a"}));
  EXPECT_EQ(Words(" "), Strings({" "}));
  EXPECT_EQ(Words("a \t b\n"), Strings({"a", "b"}));
  EXPECT_EQ(Words(" a b"), Strings({"b"}));
  EXPECT_EQ(Words(" a"), Strings({" a"}));
}

TEST(SkipGrams, StopsWhenItsStepsAreSpent) {
  std::vector<int32_t> stack(30);
  SkipGrams grams(30, kHigh, true, 1000, stack.data());
  int64_t steps = 10000, found = 0;
  while (!grams.Next(steps).empty()) ++found;
  EXPECT_EQ(steps, 0);
  EXPECT_GT(found, 1000);
}

// That the values are FarmHash's own shows in LSH_PROJECTION, whose bits they are.
TEST(Fingerprint64, ChangesWithEveryByteAtEveryLength) {
  std::vector<uint8_t> bytes(200);
  std::iota(bytes.begin(), bytes.end(), uint8_t{3});
  for (size_t size = 4; size <= bytes.size(); ++size) {
    const uint64_t whole = Fingerprint64(bytes.data(), size);
    for (size_t i = 0; i < size; ++i) {
      bytes[i] ^= 0x40;
      EXPECT_NE(Fingerprint64(bytes.data(), size), whole) << size << " " << i;
      bytes[i] ^= 0x40;
    }
  }
}

}  // namespace
}  // namespace edgeml::kernels
