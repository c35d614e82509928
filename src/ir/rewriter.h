// Changes a graph in place for a pass: who makes a value, who reads it, new nodes and constants,
// replaced values, removed nodes. Values are appended only, so that the file's tensor indices stay;
// a graph output keeps its index and its name whatever computes it afterwards.
#ifndef EDGEML_IR_REWRITER_H_
#define EDGEML_IR_REWRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/ir/graph.h"

namespace edgeml::ir {

inline constexpr int32_t kNoNode = -1;

// While a Rewriter lives, the graph's nodes are in it; Finish gives them back in execution order.
// The graph must have passed Verify.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph);
  ~Rewriter() { Finish(); }
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  // The nodes in execution order; kNoNode at the end. A number stays with its node. Nodes may be
  // inserted and removed on the way: Next of a removed node leads on to one that is there.
  int32_t First() const { return SkipRemoved(first_); }
  int32_t Next(int32_t n) const { return SkipRemoved(next_[Index(n)]); }
  bool removed(int32_t n) const { return removed_[Index(n)]; }
  const Node& node(int32_t n) const { return nodes_[Index(n)]; }
  // For attributes and the operator; inputs and outputs are changed by the calls below. The node is
  // no longer the file's: what version of the operator it needs is to be found anew.
  Node& mutable_node(int32_t n) {
    nodes_[Index(n)].version = 1;
    nodes_[Index(n)].file_index = -1;
    return nodes_[Index(n)];
  }
  size_t num_nodes() const { return count_; }

  const Graph& graph() const { return graph_; }
  const Value& value(int32_t v) const { return graph_.values[Index(v)]; }
  Value& mutable_value(int32_t v) { return graph_.values[Index(v)]; }
  // With kUnknownDim where a dimension is open.
  const Shape& shape(int32_t v) const {
    return value(v).has_signature ? value(v).shape_signature : value(v).shape;
  }
  bool is_constant(int32_t v) const { return v != kNoValue && value(v).is_constant(); }

  // The node that computes a value; kNoNode for inputs, constants and variables. REQUIRES: v is a
  // value, not kNoValue (also below).
  int32_t Producer(int32_t v) const { return producer_[Index(v)]; }
  // The nodes that read a value, once for each time that they do, in no particular order.
  std::span<const int32_t> Users(int32_t v) const { return users_[Index(v)]; }
  bool IsGraphOutput(int32_t v) const { return output_uses_[Index(v)] > 0; }
  bool IsGraphInput(int32_t v) const { return is_input_[Index(v)]; }
  bool Unused(int32_t v) const { return Users(v).empty() && !IsGraphOutput(v); }
  // The only reader of a value that nothing else needs; else kNoNode.
  int32_t SoleUser(int32_t v) const {
    return !IsGraphOutput(v) && Users(v).size() == 1 ? Users(v)[0] : kNoNode;
  }
  // The node that computes input `i` of node `n` if nothing else needs that value; else kNoNode.
  int32_t SoleProducer(int32_t n, size_t i) const;

  int32_t AddValue(Value value);
  int32_t AddConstant(std::string name, DType type, const Shape& shape, ConstantData data);
  template <typename T>
  int32_t AddConstant(std::string name, DType type, const Shape& shape, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return AddConstant(std::move(name), type, shape,
                       ConstantData::Own({bytes.begin(), bytes.end()}));
  }
  int32_t AddInts(std::string name, std::span<const int32_t> values);
  // A value of the type of `like` and of that shape, for a node to compute.
  int32_t AddLike(int32_t like, std::string name, const Shape& shape);

  // Puts a node in front of node `before`. Its inputs must be computed earlier.
  int32_t InsertBefore(int32_t before, Node node);
  int32_t InsertAfter(int32_t after, Node node);
  void SetInput(int32_t n, size_t i, int32_t v);
  void SetInputs(int32_t n, std::vector<int32_t> inputs);  // as mutable_node()
  // Makes node `n` compute `v` instead of its output `i`; `v` must have lost its producer.
  void SetOutput(int32_t n, size_t i, int32_t v);
  // Outputs lose their producer; inputs lose a user.
  void Remove(int32_t n);

  // Whether every reader of `v`, and the graph if it is an output, can do with `by` instead. Says
  // nothing of their contents and shapes.
  bool CanReplace(int32_t v, int32_t by) const;
  // Removes a node of one output, whose readers get `by`. REQUIRES: CanReplace(output, by).
  void ReplaceNode(int32_t n, int32_t by);
  // Every reader of `v` reads `by` instead; graph outputs stay.
  void ReplaceUses(int32_t v, int32_t by);

  // Lets go of the bytes of a constant that nothing reads any more.
  void DropIfUnused(int32_t v) {
    if (Unused(v) && !IsGraphInput(v)) mutable_value(v).data = {};
  }

  // Removes nodes without effects whose outputs nobody needs. Returns how many.
  int64_t RemoveDead();
  void Finish();

 private:
  static size_t Index(int32_t i) { return static_cast<size_t>(i); }
  int32_t SkipRemoved(int32_t n) const {
    while (n != kNoNode && removed_[Index(n)]) n = next_[Index(n)];
    return n;
  }
  int32_t Insert(int32_t previous, int32_t next, Node node);
  void AddUser(int32_t v, int32_t n);
  void DropUser(int32_t v, int32_t n);

  Graph& graph_;
  std::vector<Node> nodes_;
  std::vector<int32_t> next_, previous_;  // the list of nodes in order
  int32_t first_ = kNoNode, last_ = kNoNode;
  std::vector<uint8_t> removed_;
  size_t count_ = 0;
  std::vector<int32_t> producer_;  // by value, as all below
  std::vector<std::vector<int32_t>> users_;
  std::vector<int32_t> output_uses_;
  std::vector<uint8_t> is_input_;
  bool finished_ = false;
};

// Whether removing or repeating a node could be seen: effects, randomness, state.
bool HasEffects(const Graph& graph, const Node& node);
// Whether a node gives the same outputs for the same inputs each time it runs.
bool IsPure(const Graph& graph, const Node& node);

// Drops values that nothing refers to and renumbers the rest; signatures follow. For graphs whose
// indices nobody knows yet.
void CompactValues(Module& module);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_REWRITER_H_
