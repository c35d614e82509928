#include "src/plan/arena.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace edgeml::plan {
namespace {

constexpr size_t kLimit = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max());
// Beyond this many blocks one order is tried only, and beyond the second number blocks are placed
// as they come, so that a hostile graph cannot stall planning.
constexpr size_t kManyBlocks = 4000, kTooManyBlocks = 10'000;
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

// Places the blocks in the order in which they come to life, each in the smallest gap that the dead
// have left. Seldom as tight as the above, but O(n log n).
class PlaceAsTheyCome {
 public:
  explicit PlaceAsTheyCome(std::span<const Block> blocks) : blocks_(blocks) {
    plan_.offsets.assign(blocks.size(), 0);
  }

  ArenaPlan Run(std::span<const uint32_t> by_first) {
    std::multimap<int32_t, uint32_t> alive;  // last step → block
    for (const uint32_t i : by_first) {
      if (blocks_[i].bytes == 0) continue;
      while (!alive.empty() && alive.begin()->first < blocks_[i].first) {
        const uint32_t dead = alive.begin()->second;
        Free(plan_.offsets[dead], *AlignUp(blocks_[dead].bytes));
        alive.erase(alive.begin());
      }
      plan_.offsets[i] = Take(*AlignUp(blocks_[i].bytes));
      alive.emplace(blocks_[i].last, i);
    }
    return std::move(plan_);
  }

 private:
  using Gaps = std::map<size_t, size_t>;  // offset → bytes; no two touch

  size_t Take(size_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit == by_size_.end()) {  // at the end, with the gap that may be there
      size_t offset = plan_.total_bytes;
      if (!gaps_.empty()) {
        const auto last = std::prev(gaps_.end());
        if (last->first + last->second == plan_.total_bytes) {
          offset = last->first;
          Remove(last);
        }
      }
      plan_.total_bytes = offset + bytes;
      return offset;
    }
    const auto [gap_bytes, offset] = *fit;
    Remove(gaps_.find(offset));
    if (gap_bytes > bytes) Add(offset + bytes, gap_bytes - bytes);
    return offset;
  }

  void Free(size_t offset, size_t bytes) {
    auto next = gaps_.upper_bound(offset);
    if (next != gaps_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        offset = before->first;
        bytes += before->second;
        Remove(before);
      }
    }
    if (next != gaps_.end() && offset + bytes == next->first) {
      bytes += next->second;
      Remove(next);
    }
    Add(offset, bytes);
  }

  void Add(size_t offset, size_t bytes) {
    gaps_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  void Remove(Gaps::iterator gap) {
    by_size_.erase({gap->second, gap->first});
    gaps_.erase(gap);
  }

  std::span<const Block> blocks_;
  ArenaPlan plan_;
  Gaps gaps_;
  std::set<std::pair<size_t, size_t>> by_size_;  // (bytes, offset) of every gap
};

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
  if (blocks.size() > kTooManyBlocks) {
    return PlaceAsTheyCome(blocks).Run(Ordered(
        blocks.size(), [&](uint32_t a, uint32_t b) { return blocks[a].first < blocks[b].first; }));
  }
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
