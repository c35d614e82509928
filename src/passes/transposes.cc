// Transposes: rows of them merged, and moved past everything that works in any order of dimensions,
// to where the fewest are needed. A model that is written channels first is one transpose in front
// of each operator that wants channels last and one behind it; what lies between changes its order
// instead.
//
// For one permutation P, each node that works in any order has a choice: to compute its tensors as
// they are, or "flipped": as ones that give them when transposed by P. A value whose maker has made
// the other choice than a reader costs one transpose, however many readers there are. The cheapest
// choice is a smallest cut.
#include <algorithm>
#include <map>
#include <set>

#include "src/passes/layout_nodes.h"
#include "src/passes/matching.h"
#include "src/passes/min_cut.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::OpCode;
using ir::Rewriter;

// Permutations tried in one round, and nodes with a choice in a cut: more are left alone.
constexpr size_t kMostPermutations = 16;
constexpr size_t kMostChoices = 20'000;

class Flipper {
 public:
  Flipper(Rewriter& graph, Permutation p)
      : graph_(graph), p_(std::move(p)), inverse_(Inverse(p_)) {}

  // Returns the number of transposes saved.
  int64_t Run() {
    Classify();
    if (choices_.empty() || choices_.size() > kMostChoices) return 0;
    Choose();
    const int64_t before = Cost(/*chosen=*/false), after = Cost(/*chosen=*/true);
    if (after >= before) return 0;
    Rewrite();
    graph_.RemoveDead();
    return before - after;
  }

 private:
  struct Choice {
    LayoutNode layout;
    size_t vertex = 0;
    bool flipped = false;
  };

  // A transpose by P gives a flipped value; one by the inverse wants its input flipped.
  void Classify() {
    std::vector<int32_t> both;
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      const Node& node = graph_.node(n);
      const bool makes = Transposes(node, p_), takes = Transposes(node, inverse_);
      if (makes && takes) {
        both.push_back(n);
      } else if (makes) {
        makers_.insert(n);
      } else if (takes) {
        takers_.insert(n);
      } else if (node.op != OpCode::kTranspose) {
        if (auto layout = LayoutOf(graph_, node, p_)) choices_[n] = {std::move(*layout), 0, false};
      }
    }
    // A permutation that is its own inverse: every other one makes, the next one takes.
    for (const int32_t n : both) (ComesFromMaker(n) ? takers_ : makers_).insert(n);
  }

  // By the operator, or by a reshape that comes to the same.
  bool Transposes(const Node& node, const Permutation& p) const {
    if (node.op != OpCode::kTranspose && !IsReshape(node.op)) return false;
    const int32_t in = node.inputs[0], out = node.outputs[0];
    if (graph_.is_constant(in) || !SameElements(graph_, in, out) ||
        !graph_.value(in).quantization.empty())
      return false;
    if (node.op == OpCode::kTranspose) return PermutationOf(graph_, node) == p;
    const Shape& shape = graph_.shape(in);
    if (shape.rank() != static_cast<int>(p.size()) || !(Transposed(shape, p) == graph_.shape(out)))
      return false;
    int last = -1;
    for (const int axis : p) {
      if (shape[axis] == 1) continue;
      if (axis < last) return false;
      last = axis;
    }
    return true;
  }

  // Whether a maker is reached from node `n` backwards through nodes with a choice.
  bool ComesFromMaker(int32_t n) const {
    std::vector<int32_t> pending = {graph_.Producer(graph_.node(n).inputs[0])};
    std::set<int32_t> seen;
    while (!pending.empty()) {
      const int32_t at = pending.back();
      pending.pop_back();
      if (at == ir::kNoNode || !seen.insert(at).second) continue;
      if (makers_.contains(at)) return true;
      const auto found = choices_.find(at);
      if (found == choices_.end()) continue;
      for (const size_t i : found->second.layout.inputs)
        pending.push_back(graph_.Producer(graph_.node(at).inputs[i]));
    }
    return false;
  }

  enum class Side { kPlain, kFlipped, kChoice };
  // In which form a value is made.
  Side MadeAs(int32_t v, const Choice** choice) const {
    const int32_t n = graph_.Producer(v);
    if (n == ir::kNoNode) return Side::kPlain;
    if (makers_.contains(n)) return Side::kFlipped;
    const auto found = choices_.find(n);
    if (found == choices_.end() || !found->second.layout.outputs) return Side::kPlain;
    *choice = &found->second;
    return Side::kChoice;
  }
  // In which form node `n` reads it.
  Side ReadAs(int32_t v, int32_t n, const Choice** choice) const {
    if (takers_.contains(n) && graph_.node(n).inputs[0] == v) return Side::kFlipped;
    const auto found = choices_.find(n);
    if (found == choices_.end()) return Side::kPlain;
    const std::vector<int32_t>& inputs = graph_.node(n).inputs;
    const std::vector<size_t>& moved = found->second.layout.inputs;
    const bool reads =
        std::any_of(moved.begin(), moved.end(), [&](size_t i) { return inputs[i] == v; });
    if (!reads) return Side::kPlain;
    *choice = &found->second;
    return Side::kChoice;
  }

  // The values that may be wanted in both forms.
  std::set<int32_t> Values() const {
    std::set<int32_t> values;
    for (const auto& [n, choice] : choices_) {
      for (const size_t i : choice.layout.inputs) values.insert(graph_.node(n).inputs[i]);
      if (choice.layout.outputs)
        values.insert(graph_.node(n).outputs.begin(), graph_.node(n).outputs.end());
    }
    for (const int32_t n : makers_) values.insert(graph_.node(n).outputs[0]);
    for (const int32_t n : takers_) values.insert(graph_.node(n).inputs[0]);
    return values;
  }

  void Choose() {
    MinCut cut;  // the source's side is flipped
    for (auto& [n, choice] : choices_) choice.vertex = cut.AddVertex();
    const auto vertex = [](Side side, const Choice* choice) {
      if (side == Side::kChoice) return choice->vertex;
      return side == Side::kFlipped ? MinCut::kSource : MinCut::kSink;
    };
    for (const int32_t v : Values()) {
      const Choice* choice = nullptr;
      const Side made = MadeAs(v, &choice);
      const size_t maker = vertex(made, choice);
      // One transpose if any reader differs, one way or the other.
      const size_t to_plain = cut.AddVertex(), to_flipped = cut.AddVertex();
      cut.AddEdge(maker, to_plain, 1);
      cut.AddEdge(to_flipped, maker, 1);
      const auto add_reader = [&](size_t reader) {
        cut.AddEdge(to_plain, reader, MinCut::kInfinite);
        cut.AddEdge(reader, to_flipped, MinCut::kInfinite);
      };
      for (const int32_t user : graph_.Users(v)) {
        const Choice* reads = nullptr;
        const Side side = ReadAs(v, user, &reads);
        add_reader(vertex(side, reads));
      }
      if (graph_.IsGraphOutput(v)) add_reader(MinCut::kSink);
    }
    if (cut.Solve() >= MinCut::kInfinite) return;
    for (auto& [n, choice] : choices_) choice.flipped = cut.OnSourceSide(choice.vertex);
  }

  int64_t Cost(bool chosen) const {
    const auto flipped = [&](Side side, const Choice* choice) {
      return side == Side::kFlipped || (side == Side::kChoice && chosen && choice->flipped);
    };
    int64_t cost = 0;
    for (const int32_t v : Values()) {
      const Choice* choice = nullptr;
      const Side made = MadeAs(v, &choice);
      const bool is_flipped = flipped(made, choice);
      bool differs = is_flipped && graph_.IsGraphOutput(v);
      for (const int32_t user : graph_.Users(v)) {
        const Choice* reads = nullptr;
        const Side side = ReadAs(v, user, &reads);
        differs = differs || flipped(side, reads) != is_flipped;
      }
      cost += differs ? 1 : 0;
    }
    return cost;
  }

  Node MakeTranspose(int32_t from, int32_t to, const Permutation& p) {
    Node node;
    node.op = OpCode::kTranspose;
    const std::vector<int32_t> numbers(p.begin(), p.end());
    node.inputs = {from, graph_.AddInts(graph_.value(to).name + "/perm", numbers)};
    node.outputs = {to};
    return node;
  }

  // The flipped form of a value, made in front of node `n` if there is none yet.
  int32_t FlippedFor(int32_t v, int32_t n) {
    const auto found = flipped_.find(v);
    if (found != flipped_.end()) return found->second;
    const int32_t made = graph_.AddLike(v, graph_.value(v).name + "/transposed",
                                        Transposed(graph_.shape(v), inverse_));
    graph_.InsertBefore(n, MakeTranspose(v, made, inverse_));
    flipped_[v] = made;
    return made;
  }

  void Rewrite() {
    for (int32_t n = graph_.First(); n != ir::kNoNode; n = graph_.Next(n)) {
      if (makers_.contains(n)) {
        flipped_[graph_.node(n).outputs[0]] = graph_.node(n).inputs[0];
        continue;
      }
      if (takers_.contains(n)) {
        const int32_t in = graph_.node(n).inputs[0], out = graph_.node(n).outputs[0];
        const auto found = flipped_.find(in);
        if (found == flipped_.end()) {
          flipped_[in] = out;  // may be read from here on
        } else if (graph_.CanReplace(out, found->second)) {
          const int32_t by = found->second;
          graph_.ReplaceNode(n, by);
          if (graph_.IsGraphOutput(out)) Rename(by, out);
        }
        continue;
      }
      const auto found = choices_.find(n);
      if (found != choices_.end() && found->second.flipped) Flip(n, found->second.layout);
    }
  }

  // A graph's output took the place of the value that it replaces.
  void Rename(int32_t old, int32_t now) {
    for (auto& [v, form] : flipped_)
      if (form == old) form = now;
    if (const auto own = flipped_.find(old); own != flipped_.end()) flipped_[now] = own->second;
  }

  void Flip(int32_t n, const LayoutNode& layout) {
    for (const size_t i : layout.inputs)
      graph_.SetInput(n, i, FlippedFor(graph_.node(n).inputs[i], n));
    ChangeOrder(graph_, n, layout, p_);
    graph_.mutable_node(n);
    if (!layout.outputs) return;
    for (size_t i = 0; i < graph_.node(n).outputs.size(); ++i) {
      const int32_t v = graph_.node(n).outputs[i];
      const int32_t made =
          graph_.AddLike(v, graph_.value(v).name, Transposed(graph_.shape(v), inverse_));
      graph_.SetOutput(n, i, made);
      flipped_[v] = made;
      // For readers that want it as it was; goes away when there are none.
      graph_.InsertAfter(n, MakeTranspose(made, v, p_));
    }
  }

  Rewriter& graph_;
  const Permutation p_, inverse_;
  std::map<int32_t, Choice> choices_;   // by node
  std::set<int32_t> makers_, takers_;   // transposes by P and by its inverse
  std::map<int32_t, int32_t> flipped_;  // value → its flipped form
};

// A transpose of a transpose, also with nodes between them that work element by element.
bool MergeTransposes(Rewriter& graph, int32_t n) {
  const auto second = PermutationOf(graph, graph.node(n));
  if (!second) return false;
  int32_t before = graph.Producer(graph.node(n).inputs[0]);
  if (before == ir::kNoNode) return false;
  const int32_t between = before;
  const bool elementwise = IsElementwiseUnary(graph.node(between).op);
  if (elementwise) {
    if (graph.SoleUser(graph.node(n).inputs[0]) != n) return false;
    before = graph.SoleProducer(between, 0);
    if (before == ir::kNoNode) return false;
  }
  const auto first = PermutationOf(graph, graph.node(before));
  if (!first) return false;
  const int32_t source = graph.node(before).inputs[0];
  const Permutation both = Composed(*first, *second);
  if (elementwise) {
    const int32_t old = graph.node(between).outputs[0];
    const int32_t made = graph.AddLike(old, graph.value(old).name, graph.shape(source));
    graph.SetInput(between, 0, source);
    graph.SetOutput(between, 0, made);
    graph.SetInput(n, 0, made);
  } else {
    graph.SetInput(n, 0, source);
  }
  const std::vector<int32_t> numbers(both.begin(), both.end());
  graph.SetInput(n, 1, graph.AddInts(graph.value(graph.node(n).inputs[1]).name, numbers));
  graph.mutable_node(n);
  return true;
}

// A transpose that is flattened and multiplied by a constant matrix: the matrix changes its order.
bool IntoMatrix(Rewriter& graph, int32_t n) {
  const Node& node = graph.node(n);
  if (node.op != OpCode::kFullyConnected || !IsFloatNode(graph, node)) return false;
  const int32_t reshape = graph.SoleProducer(n, 0);
  if (reshape == ir::kNoNode || !IsReshape(graph.node(reshape).op)) return false;
  const int32_t transpose = graph.SoleProducer(reshape, 0);
  if (transpose == ir::kNoNode) return false;
  const auto p = PermutationOf(graph, graph.node(transpose));
  const int32_t weights_value = node.inputs[1];
  const auto weights = Floats(graph, weights_value);
  if (!p || (*p)[0] != 0 || !weights || graph.Users(weights_value).size() != 1) return false;
  const Shape shape = graph.shape(graph.node(transpose).outputs[0]);  // of what is flattened
  const Shape flat = graph.shape(graph.node(reshape).outputs[0]);
  const Shape weights_shape = graph.shape(weights_value);
  int64_t columns = 1;
  for (int d = 1; d < shape.rank(); ++d) columns *= shape[d] == kUnknownDim ? 0 : shape[d];
  if (flat.rank() != 2 || flat[1] != columns || weights_shape.rank() != 2 ||
      weights_shape[1] != columns || columns == 0)
    return false;
  // Column k, counted in the order after the transpose, moves to where its element was before.
  const Shape before = Transposed(shape, Inverse(*p));
  std::vector<size_t> to(static_cast<size_t>(columns));
  for (size_t k = 0; k < to.size(); ++k) {
    size_t rest = k;
    std::vector<size_t> index(p->size());
    for (int d = shape.rank() - 1; d > 0; --d) {
      index[static_cast<size_t>((*p)[static_cast<size_t>(d)])] =
          rest % static_cast<size_t>(shape[d]);
      rest /= static_cast<size_t>(shape[d]);
    }
    for (int d = 1; d < before.rank(); ++d)
      to[k] = to[k] * static_cast<size_t>(before[d]) + index[static_cast<size_t>(d)];
  }
  std::vector<float> moved(weights->size());
  for (size_t row = 0; row < moved.size(); row += to.size())
    for (size_t k = 0; k < to.size(); ++k) moved[row + to[k]] = (*weights)[row + k];
  const std::string name = graph.value(weights_value).name;
  graph.SetInput(
      n, 1, graph.AddConstant(name, DType::kFloat32, weights_shape, std::span<const float>(moved)));
  graph.mutable_node(n);
  graph.DropIfUnused(weights_value);
  graph.SetInput(reshape, 0, graph.node(transpose).inputs[0]);
  graph.Remove(transpose);
  return true;
}

}  // namespace

Result<int64_t> MoveTransposes(PassContext& context) {
  Rewriter& graph = context.graph;
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n))
    changes += MergeTransposes(graph, n) || IntoMatrix(graph, n) ? 1 : 0;
  if (changes > 0) graph.RemoveDead();

  std::set<Permutation> permutations;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const auto p = PermutationOf(graph, graph.node(n));
    if (p && !IsIdentity(*p) && permutations.size() < kMostPermutations) permutations.insert(*p);
  }
  for (const Permutation& p : permutations) changes += Flipper(graph, p).Run();
  return changes;
}

}  // namespace edgeml::passes
