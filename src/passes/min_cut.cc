#include "src/passes/min_cut.h"

#include <algorithm>

namespace edgeml::passes {

bool MinCut::Augment(int64_t* flow) {
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> came_by(edges_of_.size(), kNone);
  std::vector<size_t> queue = {kSource};
  reached_.assign(edges_of_.size(), 0);
  reached_[kSource] = 1;
  for (size_t next = 0; next < queue.size() && reached_[kSink] == 0; ++next) {
    for (const size_t e : edges_of_[queue[next]]) {
      if (edges_[e].left == 0 || reached_[edges_[e].to] != 0) continue;
      reached_[edges_[e].to] = 1;
      came_by[edges_[e].to] = e;
      queue.push_back(edges_[e].to);
    }
  }
  if (reached_[kSink] == 0) return false;
  int32_t most = kInfinite;
  for (size_t v = kSink; v != kSource; v = edges_[came_by[v] ^ 1].to)
    most = std::min(most, edges_[came_by[v]].left);
  for (size_t v = kSink; v != kSource; v = edges_[came_by[v] ^ 1].to) {
    edges_[came_by[v]].left -= most;
    edges_[came_by[v] ^ 1].left += most;
  }
  *flow += most;
  return true;
}

int64_t MinCut::Solve() {
  int64_t flow = 0;
  while (flow < kInfinite && Augment(&flow)) {
  }
  return flow;
}

}  // namespace edgeml::passes
