#include "src/plan/arena.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

namespace edgeml::plan {
namespace {

constexpr size_t kLimit = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max());
// Beyond this many blocks one order is tried only, so that a hostile graph cannot stall planning.
constexpr size_t kManyBlocks = 4000;
constexpr int kImprovementRounds = 60;

// Places the blocks in `order`, each at the lowest offset of the smallest gap that takes it among
// the blocks already placed whose lifetimes meet its own. Stops early once the total reaches
// `give_up_at`.
ArenaPlan PlaceInOrder(std::span<const Block> blocks, std::span<const uint32_t> order,
                       size_t give_up_at) {
  struct Placed {
    size_t offset, end;
    int32_t first, last;
  };
  ArenaPlan plan;
  plan.offsets.assign(blocks.size(), 0);
  std::vector<Placed> placed;  // by offset
  placed.reserve(blocks.size());
  for (const uint32_t i : order) {
    const Block& block = blocks[i];
    if (block.bytes == 0) continue;
    const size_t bytes = *AlignUp(block.bytes);
    size_t best_offset = std::numeric_limits<size_t>::max();
    size_t best_gap = std::numeric_limits<size_t>::max();
    size_t free_from = 0;
    for (const Placed& other : placed) {
      if (other.last < block.first || other.first > block.last) continue;
      if (other.offset > free_from) {
        const size_t gap = other.offset - free_from;
        if (gap >= bytes && gap < best_gap) {
          best_gap = gap;
          best_offset = free_from;
        }
      }
      free_from = std::max(free_from, other.end);
    }
    if (best_offset == std::numeric_limits<size_t>::max()) best_offset = free_from;
    plan.offsets[i] = best_offset;
    plan.total_bytes = std::max(plan.total_bytes, best_offset + bytes);
    if (plan.total_bytes >= give_up_at) return plan;
    const Placed entry{best_offset, best_offset + bytes, block.first, block.last};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), entry,
                         [](const Placed& a, const Placed& b) { return a.offset < b.offset; }),
        entry);
  }
  return plan;
}

template <typename Less>
std::vector<uint32_t> Ordered(size_t n, Less less) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), less);
  return order;
}

}  // namespace

std::optional<size_t> AlignUp(size_t bytes) {
  if (bytes > kLimit - kArenaAlignment) return std::nullopt;
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

std::optional<size_t> LowerBound(std::span<const Block> blocks) {
  // Sweep over lifetime starts and ends.
  std::map<int64_t, std::pair<size_t, size_t>> events;  // step → (begins, ended before it)
  size_t all = 0;
  for (const Block& block : blocks) {
    const auto bytes = AlignUp(block.bytes);
    if (!bytes || *bytes > kLimit - all) return std::nullopt;
    all += *bytes;
    events[block.first].first += *bytes;
    events[int64_t{block.last} + 1].second += *bytes;
  }
  size_t alive = 0, peak = 0;
  for (const auto& [step, change] : events) {
    alive = alive - change.second + change.first;
    peak = std::max(peak, alive);
  }
  return peak;
}

std::optional<ArenaPlan> PlanArena(std::span<const Block> blocks) {
  const auto bound = LowerBound(blocks);
  if (!bound) return std::nullopt;
  const auto span_of = [&](uint32_t i) { return int64_t{blocks[i].last} - blocks[i].first; };
  const auto by_size = Ordered(blocks.size(), [&](uint32_t a, uint32_t b) {
    return blocks[a].bytes != blocks[b].bytes ? blocks[a].bytes > blocks[b].bytes
                                              : span_of(a) > span_of(b);
  });
  ArenaPlan best = PlaceInOrder(blocks, by_size, std::numeric_limits<size_t>::max());
  if (best.total_bytes == *bound || blocks.size() > kManyBlocks) return best;

  std::vector<uint32_t> best_order = by_size;
  const auto attempt = [&](std::vector<uint32_t> order) {
    ArenaPlan plan = PlaceInOrder(blocks, order, best.total_bytes);
    if (plan.total_bytes >= best.total_bytes) return false;
    best = std::move(plan);
    best_order = std::move(order);
    return true;
  };
  attempt(Ordered(blocks.size(), [&](uint32_t a, uint32_t b) {
    const double wa = static_cast<double>(blocks[a].bytes) * static_cast<double>(span_of(a) + 1);
    const double wb = static_cast<double>(blocks[b].bytes) * static_cast<double>(span_of(b) + 1);
    return wa > wb;
  }));
  attempt(Ordered(blocks.size(), [&](uint32_t a, uint32_t b) {
    return span_of(a) != span_of(b) ? span_of(a) > span_of(b) : blocks[a].bytes > blocks[b].bytes;
  }));
  attempt(Ordered(blocks.size(), [&](uint32_t a, uint32_t b) {
    return blocks[a].first != blocks[b].first ? blocks[a].first < blocks[b].first
                                              : blocks[a].bytes > blocks[b].bytes;
  }));

  // The block that reaches the top was placed too late: move it forward and try again.
  const int rounds = blocks.size() > 500 ? 10 : kImprovementRounds;
  for (int round = 0; round < rounds && best.total_bytes > *bound; ++round) {
    std::vector<uint32_t> order = best_order;
    size_t top = order.size();
    for (size_t k = 0; k < order.size(); ++k) {
      const uint32_t i = order[k];
      if (blocks[i].bytes > 0 && best.offsets[i] + *AlignUp(blocks[i].bytes) == best.total_bytes) {
        top = k;
        break;
      }
    }
    if (top == order.size() || top == 0) break;
    bool improved = false;
    for (const size_t target : {size_t{0}, top / 2, top - 1}) {
      std::vector<uint32_t> moved = order;
      std::rotate(moved.begin() + static_cast<ptrdiff_t>(target),
                  moved.begin() + static_cast<ptrdiff_t>(top),
                  moved.begin() + static_cast<ptrdiff_t>(top) + 1);
      if (attempt(std::move(moved))) {
        improved = true;
        break;
      }
    }
    if (!improved) break;
  }
  return best;
}

}  // namespace edgeml::plan
