#include "src/plan/arena.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace edgeml::plan {
namespace {

void ExpectNoOverlap(const std::vector<Block>& blocks, const ArenaPlan& plan) {
  for (size_t a = 0; a < blocks.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kArenaAlignment, 0u);
    EXPECT_LE(plan.offsets[a] + blocks[a].bytes, plan.total_bytes);
    for (size_t b = a + 1; b < blocks.size(); ++b) {
      const bool meet = blocks[a].first <= blocks[b].last && blocks[b].first <= blocks[a].last;
      const bool overlap = plan.offsets[a] < plan.offsets[b] + blocks[b].bytes &&
                           plan.offsets[b] < plan.offsets[a] + blocks[a].bytes;
      EXPECT_FALSE(meet && overlap && blocks[a].bytes > 0 && blocks[b].bytes > 0)
          << "blocks " << a << " and " << b;
    }
  }
}

TEST(PlanArena, ChainReachesTheBound) {
  std::vector<Block> blocks;
  for (int i = 0; i < 20; ++i) blocks.push_back({static_cast<size_t>(100 + 37 * i), i, i + 1});
  const auto plan = PlanArena(blocks);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->total_bytes, *LowerBound(blocks));
  ExpectNoOverlap(blocks, *plan);
}

TEST(PlanArena, RandomLifetimesNeverOverlap) {
  const unsigned seed = 20261;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  double worst = 1.0;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<Block> blocks(rng() % 60 + 1);
    for (Block& block : blocks) {
      block.bytes = rng() % 5 == 0 ? 0 : rng() % 10000;
      block.first = static_cast<int32_t>(rng() % 40);
      block.last = block.first + static_cast<int32_t>(rng() % 6);
    }
    const auto plan = PlanArena(blocks);
    ASSERT_TRUE(plan.has_value());
    ExpectNoOverlap(blocks, *plan);
    const size_t bound = *LowerBound(blocks);
    EXPECT_GE(plan->total_bytes, bound);
    if (bound > 0) worst = std::max(worst, static_cast<double>(plan->total_bytes) / bound);
  }
  EXPECT_LT(worst, 1.35);
}

// A file may claim any number of tensors: planning must not take the square of it.
TEST(PlanArena, ManyBlocksArePlacedSoon) {
  std::mt19937 rng(20262);
  std::vector<Block> blocks(200'000);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto first = static_cast<int32_t>(i);
    blocks[i] = {rng() % 5000, first, first + static_cast<int32_t>(rng() % 50)};
  }
  const auto plan = PlanArena(blocks);
  ASSERT_TRUE(plan.has_value());
  EXPECT_LT(static_cast<double>(plan->total_bytes), 1.5 * static_cast<double>(*LowerBound(blocks)));
}

TEST(PlanArena, ManyBlocksNeverOverlap) {
  std::mt19937 rng(20263);
  std::vector<Block> blocks(10'100);
  for (Block& block : blocks) {
    block.first = static_cast<int32_t>(rng() % 3000);
    block.last = block.first + static_cast<int32_t>(rng() % 6);
    block.bytes = rng() % 4 == 0 ? 0 : rng() % 3000;
  }
  const auto plan = PlanArena(blocks);
  ASSERT_TRUE(plan.has_value());
  std::vector<std::vector<size_t>> alive(3006);
  for (size_t i = 0; i < blocks.size(); ++i)
    for (int32_t step = blocks[i].first; step <= blocks[i].last; ++step)
      alive[static_cast<size_t>(step)].push_back(i);
  for (const auto& together : alive) {
    for (size_t a = 0; a < together.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        const size_t i = together[a], j = together[b];
        if (blocks[i].bytes == 0 || blocks[j].bytes == 0) continue;
        ASSERT_TRUE(plan->offsets[i] + blocks[i].bytes <= plan->offsets[j] ||
                    plan->offsets[j] + blocks[j].bytes <= plan->offsets[i])
            << "blocks " << i << " and " << j;
      }
    }
  }
}

TEST(PlanArena, RefusesOverflow) {
  const std::vector<Block> blocks = {{std::numeric_limits<size_t>::max() / 2 - 10, 0, 1},
                                     {std::numeric_limits<size_t>::max() / 2 - 10, 0, 1}};
  EXPECT_FALSE(LowerBound(blocks).has_value());
  EXPECT_FALSE(PlanArena(blocks).has_value());
}

}  // namespace
}  // namespace edgeml::plan
