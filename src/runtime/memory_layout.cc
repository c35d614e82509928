#include "src/runtime/memory_layout.h"

#include <algorithm>

#include "src/base/strings.h"
#include "src/plan/arena.h"

namespace edgeml::runtime {
namespace {

// Some wishes cost a bound computation. Past this many tensors, or blocks looked at in all, only
// free ones are granted.
constexpr size_t kManyTensors = 3000, kManyBounds = 2'000'000;

struct Group {
  size_t bytes = 0;
  int32_t first = 0, last = 0;
  bool has_graph_input = false, has_graph_output = false;
  std::vector<int32_t> members;  // empty: joined into another
};

class Groups {
 public:
  explicit Groups(const LayoutRequest& request) : request_(request) {
    const size_t n = request.tensors.size();
    group_of_.resize(n);
    offset_.assign(n, 0);
    groups_.resize(n);
    for (size_t v = 0; v < n; ++v) {
      const LayoutTensor& t = request.tensors[v];
      group_of_[v] = static_cast<int32_t>(v);
      if (!t.planned) continue;
      groups_[v] = {t.bytes,          t.first,           t.last,
                    t.is_graph_input, t.is_graph_output, {static_cast<int32_t>(v)}};
    }
  }

  void Grant(const SharingWish& wish) {
    const auto in = static_cast<size_t>(wish.input), out = static_cast<size_t>(wish.output);
    const LayoutTensor &ti = request_.tensors[in], &to = request_.tensors[out];
    if (!ti.planned || !to.planned || group_of_[in] == group_of_[out]) return;
    const Group &gi = GroupOf(in), &go = GroupOf(out);
    // Inputs and outputs may be bound to the caller's memory, each to its own.
    const bool both_faces =
        (gi.has_graph_input || gi.has_graph_output) && (go.has_graph_input || go.has_graph_output);
    if (both_faces) return;
    switch (wish.kind) {
      case SharingWish::Kind::kInPlace:
        if (ti.bytes != to.bytes || go.members.size() != 1 || gi.last > wish.node) return;
        for (const int32_t other : request_.node_inputs[static_cast<size_t>(wish.node)]) {
          if (other >= 0 && other != wish.input &&
              group_of_[static_cast<size_t>(other)] == group_of_[in])
            return;
        }
        Join(group_of_[out], group_of_[in], offset_[in]);
        return;
      case SharingWish::Kind::kAlias:
        if (ti.bytes != to.bytes || go.members.size() != 1) return;
        Join(group_of_[out], group_of_[in], offset_[in]);
        return;
      case SharingWish::Kind::kInputInOutput: {
        if (gi.has_graph_input || wish.offset > to.bytes || ti.bytes > to.bytes - wish.offset)
          return;
        // What shares memory with the part must not reach into the places of other parts.
        if (gi.bytes != ti.bytes) return;
        const size_t target = offset_[out] + wish.offset;
        if (target < offset_[in] || target - offset_[in] > go.bytes ||
            gi.bytes > go.bytes - (target - offset_[in]))
          return;
        JoinIfNoDearer(group_of_[in], group_of_[out], target - offset_[in]);
        return;
      }
      case SharingWish::Kind::kOutputInInput:
        if (go.members.size() != 1 || wish.offset > ti.bytes || to.bytes > ti.bytes - wish.offset)
          return;
        JoinIfNoDearer(group_of_[out], group_of_[in], offset_[in] + wish.offset);
        return;
    }
  }

  std::vector<plan::Block> Blocks() const {
    std::vector<plan::Block> blocks;
    blocks.reserve(groups_.size() + request_.scratch.size());
    for (const Group& group : groups_) {
      blocks.push_back(group.members.empty() ? plan::Block{}
                                             : plan::Block{group.bytes, group.first, group.last});
    }
    for (const auto& scratch : request_.scratch)
      blocks.push_back({scratch.bytes, scratch.node, scratch.node});
    return blocks;
  }

  int32_t group_of(size_t v) const { return group_of_[v]; }
  size_t offset(size_t v) const { return offset_[v]; }
  bool shared(size_t v) const { return GroupOf(v).members.size() > 1; }

 private:
  const Group& GroupOf(size_t v) const { return groups_[static_cast<size_t>(group_of_[v])]; }

  void Join(int32_t from, int32_t into, size_t shift) {
    Group& a = groups_[static_cast<size_t>(from)];
    Group& b = groups_[static_cast<size_t>(into)];
    for (const int32_t v : a.members) {
      group_of_[static_cast<size_t>(v)] = into;
      offset_[static_cast<size_t>(v)] += shift;
      b.members.push_back(v);
    }
    b.first = std::min(a.first, b.first);
    b.last = std::max(a.last, b.last);
    b.has_graph_input |= a.has_graph_input;
    b.has_graph_output |= a.has_graph_output;
    a = {};
  }

  // A part that lives inside its whole makes the whole live longer: refuse when that costs memory.
  void JoinIfNoDearer(int32_t from, int32_t into, size_t shift) {
    const Group& a = groups_[static_cast<size_t>(from)];
    const Group& b = groups_[static_cast<size_t>(into)];
    const bool free = a.first >= b.first && a.last <= b.last;
    if (!free) {
      if (request_.tensors.size() > kManyTensors || bounds_ > kManyBounds) return;
      std::vector<plan::Block> blocks = Blocks();
      bounds_ += blocks.size();
      const auto before = plan::LowerBound(blocks);
      plan::Block& whole = blocks[static_cast<size_t>(into)];
      whole.first = std::min(whole.first, a.first);
      whole.last = std::max(whole.last, a.last);
      blocks[static_cast<size_t>(from)] = {};
      const auto after = plan::LowerBound(blocks);
      if (!before || !after || *after > *before) return;
    }
    Join(from, into, shift);
  }

  const LayoutRequest& request_;
  std::vector<int32_t> group_of_;
  std::vector<size_t> offset_;
  std::vector<Group> groups_;
  size_t bounds_ = 0;  // blocks looked at for bounds so far
};

}  // namespace

Result<Layout> PlanLayout(const LayoutRequest& request) {
  const Status overflow(Code::kResourceExhausted,
                        "the tensors need more memory than can be addressed");
  Groups groups(request);
  const auto bound = plan::LowerBound(groups.Blocks());
  if (!bound) return overflow;
  for (const SharingWish& wish : request.wishes) groups.Grant(wish);
  const auto arena = plan::PlanArena(groups.Blocks());
  if (!arena) return overflow;

  Layout layout;
  const size_t n = request.tensors.size();
  layout.tensor_offset.assign(n, 0);
  layout.shares.assign(n, false);
  for (size_t v = 0; v < n; ++v) {
    if (!request.tensors[v].planned) continue;
    layout.tensor_offset[v] =
        arena->offsets[static_cast<size_t>(groups.group_of(v))] + groups.offset(v);
    layout.shares[v] = groups.shared(v);
  }
  layout.scratch_offset.assign(arena->offsets.begin() + static_cast<ptrdiff_t>(n),
                               arena->offsets.end());
  layout.arena_bytes = arena->total_bytes;
  layout.lower_bound_bytes = *bound;
  return layout;
}

}  // namespace edgeml::runtime
