// Places blocks with known lifetimes into one arena, so that blocks alive at the same step never
// overlap. Pure arithmetic over sizes: used by the runtime and by generated code.
#ifndef EDGEML_PLAN_ARENA_H_
#define EDGEML_PLAN_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace edgeml::plan {

inline constexpr size_t kArenaAlignment = 64;

struct Block {
  size_t bytes = 0;  // a zero-size block gets offset 0
  // Steps at whose execution the block must exist, both included. first <= last.
  int32_t first = 0, last = 0;
};

struct ArenaPlan {
  std::vector<size_t> offsets;  // one per block, multiples of kArenaAlignment
  size_t total_bytes = 0;       // a multiple of kArenaAlignment
};

// bytes rounded up to kArenaAlignment; nullopt on overflow.
std::optional<size_t> AlignUp(size_t bytes);

// Largest sum of aligned block sizes alive at one step: no plan can be smaller. nullopt on
// overflow.
std::optional<size_t> LowerBound(std::span<const Block> blocks);

// Greedy best fit in several orders (size, lifetime, start), then local improvement while the best
// is above the bound; the smallest is kept; more than ten thousand blocks are placed as they come,
// in O(n log n) time. Deterministic. nullopt when sizes overflow size_t.
std::optional<ArenaPlan> PlanArena(std::span<const Block> blocks);

}  // namespace edgeml::plan

#endif  // EDGEML_PLAN_ARENA_H_
