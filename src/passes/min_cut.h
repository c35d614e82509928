// The smallest cut between two ends of a directed graph.
#ifndef EDGEML_PASSES_MIN_CUT_H_
#define EDGEML_PASSES_MIN_CUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeml::passes {

// By augmenting paths (Edmonds and Karp): fine for cuts of some hundreds.
class MinCut {
 public:
  static constexpr int32_t kInfinite = INT32_MAX / 4;
  static constexpr size_t kSource = 0, kSink = 1;

  size_t AddVertex() {
    edges_of_.emplace_back();
    return edges_of_.size() - 1;
  }
  void AddEdge(size_t from, size_t to, int32_t capacity) {
    edges_of_[from].push_back(edges_.size());
    edges_.push_back({to, capacity});
    edges_of_[to].push_back(edges_.size());
    edges_.push_back({from, 0});
  }

  // The capacity of the smallest cut; kInfinite or more when there is none.
  int64_t Solve();
  // Whether a vertex is on the source's side, of all smallest cuts the one with the smallest side.
  // After Solve.
  bool OnSourceSide(size_t vertex) const { return reached_[vertex] != 0; }

 private:
  struct Edge {
    size_t to;
    int32_t left;  // capacity
  };
  bool Augment(int64_t* flow);

  std::vector<Edge> edges_;  // edge i ^ 1 is edge i backwards
  std::vector<std::vector<size_t>> edges_of_{2};
  std::vector<uint8_t> reached_;
};

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_MIN_CUT_H_
