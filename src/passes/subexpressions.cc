// Nodes that compute what another one has computed already.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "src/passes/matching.h"
#include "src/passes/pass.h"

namespace edgeml::passes {
namespace {

using ir::Node;
using ir::Rewriter;

// Constants up to this size are compared byte by byte, larger ones by where they lie.
constexpr size_t kMostCompared = 4096;

// Numbers values so that equal constants have the same number.
class Numbers {
 public:
  explicit Numbers(const Rewriter& graph) : graph_(graph) {}

  int32_t Of(int32_t v) {
    if (v == ir::kNoValue || !graph_.value(v).is_constant() || graph_.value(v).sparsity != nullptr)
      return v;
    const ir::Value& value = graph_.value(v);
    if (!value.quantization.empty()) return v;
    std::string key(1, static_cast<char>(value.type));
    key.append(reinterpret_cast<const char*>(value.shape.dims().data()),
               value.shape.dims().size_bytes());
    key += ';';
    const auto bytes = value.data.bytes;
    if (bytes.size() <= kMostCompared) {
      key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      const void* const at = bytes.data();
      key.append(reinterpret_cast<const char*>(&at), sizeof at);
    }
    return first_.try_emplace(std::move(key), v).first->second;
  }

 private:
  const Rewriter& graph_;
  std::map<std::string, int32_t, std::less<>> first_;
};

bool SameResults(const Rewriter& graph, const Node& a, const Node& b) {
  if (!(a.attributes == b.attributes) || a.outputs.size() != b.outputs.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    const int32_t v = a.outputs[i], w = b.outputs[i];
    if (v == ir::kNoValue || w == ir::kNoValue) return false;
    // Several results keep their places; one may take over that of an output of the graph.
    if (!SameElements(graph, v, w) ||
        (b.outputs.size() > 1 ? graph.IsGraphOutput(w) : !graph.CanReplace(w, v)))
      return false;
  }
  return true;
}

}  // namespace

Result<int64_t> MergeSubexpressions(PassContext& context) {
  Rewriter& graph = context.graph;
  Numbers numbers(graph);
  std::map<std::vector<int32_t>, std::vector<int32_t>> seen;  // operator and inputs → nodes
  int64_t changes = 0;
  for (int32_t n = graph.First(); n != ir::kNoNode; n = graph.Next(n)) {
    const Node& node = graph.node(n);
    if (!ir::IsPure(graph.graph(), node) || !node.intermediates.empty()) continue;
    std::vector<int32_t> key = {static_cast<int32_t>(node.op)};
    for (const int32_t v : node.inputs) key.push_back(numbers.Of(v));
    std::vector<int32_t>& others = seen[std::move(key)];
    const auto same = std::find_if(others.begin(), others.end(), [&](int32_t other) {
      return SameResults(graph, graph.node(other), node);
    });
    if (same == others.end()) {
      others.push_back(n);
      continue;
    }
    ++changes;
    if (node.outputs.size() == 1) {
      graph.ReplaceNode(n, graph.node(*same).outputs[0]);
      continue;
    }
    const std::vector<int32_t> outputs = node.outputs;
    graph.Remove(n);
    for (size_t i = 0; i < outputs.size(); ++i)
      graph.ReplaceUses(outputs[i], graph.node(*same).outputs[i]);
  }
  return changes;
}

}  // namespace edgeml::passes
