#include "src/passes/freeze_variables.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "src/ir/rewriter.h"
#include "src/passes/matching.h"

namespace edgeml::passes {
namespace {

using ir::OpCode;

using Key = std::pair<std::string, std::string>;  // container, name

struct Content {
  DType type = DType::kInvalid;
  Shape shape;
  ir::ConstantData data;
  bool operator==(const Content& other) const {
    return type == other.type && shape == other.shape &&
           std::ranges::equal(data.bytes, other.data.bytes);
  }
};
using Contents = std::map<Key, Content>;

ir::Value& ValueOf(ir::Graph& graph, int32_t v) { return graph.values[static_cast<size_t>(v)]; }
const ir::Value& ValueOf(const ir::Graph& graph, int32_t v) {
  return graph.values[static_cast<size_t>(v)];
}

bool IsAccess(const ir::Node& node) {
  return node.op == OpCode::kReadVariable || node.op == OpCode::kAssignVariable;
}

// Which variable each handle of a graph is for.
std::map<int32_t, Key> Handles(const ir::Graph& graph) {
  std::map<int32_t, Key> handles;
  for (const ir::Node& node : graph.nodes) {
    if (node.op != OpCode::kVarHandle) continue;
    const auto& attributes = node.attrs<ir::VarHandleAttrs>();
    handles[node.outputs[0]] = {attributes.container, attributes.shared_name};
  }
  return handles;
}

std::optional<Content> ContentOf(const ir::Value& value) {
  if (!value.is_constant() || value.sparsity != nullptr || value.type == DType::kString ||
      BitsOf(value.type) < 8)
    return std::nullopt;
  return Content{value.type, value.shape, value.data};
}

// Variables that are set up with a constant once, and that nothing but reads and assignments of the
// main graph uses.
Contents FindCandidates(const ir::Module& module) {
  Contents candidates;
  std::set<Key> others;
  std::set<int32_t> setups;
  for (const ir::Node& node : module.graphs[0].nodes)
    if (node.op == OpCode::kCallOnce) setups.insert(node.attrs<ir::CallOnceAttrs>().init_subgraph);
  for (size_t g = 0; g < module.graphs.size(); ++g) {
    const ir::Graph& graph = module.graphs[g];
    const std::map<int32_t, Key> handles = Handles(graph);
    const auto lose = [&](const std::vector<int32_t>& values) {
      for (const int32_t v : values)
        if (const auto it = handles.find(v); it != handles.end()) others.insert(it->second);
    };
    lose(graph.outputs);
    const bool is_setup = setups.contains(static_cast<int32_t>(g));
    for (const ir::Node& node : graph.nodes) {
      if (!IsAccess(node) || (g != 0 && !is_setup)) {
        lose(node.inputs);
        continue;
      }
      if (!is_setup) continue;
      const auto it = handles.find(node.inputs[0]);
      if (it == handles.end()) continue;
      auto content = node.op == OpCode::kAssignVariable ? ContentOf(ValueOf(graph, node.inputs[1]))
                                                        : std::nullopt;
      if (!content || !candidates.emplace(it->second, std::move(*content)).second)
        others.insert(it->second);
    }
  }
  for (const Key& key : others) candidates.erase(key);
  return candidates;
}

// Computes a node whose inputs have data; false when it cannot be.
bool Compute(ir::Graph& graph, const ir::Node& node, ir::Evaluator& evaluator) {
  std::vector<TensorView> inputs, outputs;
  for (const int32_t v : node.inputs) {
    if (v == ir::kNoValue) {
      inputs.emplace_back();
      continue;
    }
    if (!ContentOf(ValueOf(graph, v))) return false;
    inputs.push_back(ConstantView(ValueOf(graph, v)));
  }
  for (const int32_t v : node.outputs) {
    if (v == ir::kNoValue) return false;
    outputs.push_back(ConstantView(ValueOf(graph, v)));
  }
  auto computed = evaluator.Evaluate(node, inputs, outputs);
  if (!computed.ok()) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    ValueOf(graph, node.outputs[i]).data = std::move((*computed)[i]);
  return true;
}

// One run of the main graph as far as it is about the variables in `contents`; those that are
// assigned what cannot be told beforehand are dropped. False when any was.
bool Simulate(const ir::Graph& main, ir::Evaluator& evaluator, Contents& contents) {
  ir::Graph graph = main;  // shares the constants
  const std::map<int32_t, Key> handles = Handles(graph);
  // What assignments need, backwards.
  std::set<int32_t> needed;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool makes =
        std::ranges::any_of(node->outputs, [&](int32_t v) { return needed.contains(v); });
    if (makes || node->op == OpCode::kAssignVariable)
      needed.insert(node->inputs.begin(), node->inputs.end());
  }
  bool all = true;
  for (const ir::Node& node : graph.nodes) {
    if (IsAccess(node)) {
      const auto handle = handles.find(node.inputs[0]);
      const auto it = handle == handles.end() ? contents.end() : contents.find(handle->second);
      if (it == contents.end()) continue;
      if (node.op == OpCode::kReadVariable) {
        ir::Value& value = ValueOf(graph, node.outputs[0]);
        if (value.type == it->second.type && value.shape == it->second.shape) {
          value.data = it->second.data;
          continue;
        }
      } else if (auto content = ContentOf(ValueOf(graph, node.inputs[1]))) {
        it->second = std::move(*content);
        continue;
      }
      contents.erase(it);
      all = false;
    } else if (!node.outputs.empty() && needed.contains(node.outputs[0]) &&
               ir::IsPure(graph, node)) {
      Compute(graph, node, evaluator);
    }
  }
  return all;
}

// Whether the reads of a variable before it is first assigned lead to nothing but assignments.
bool EarlyReadsAreUnseen(const ir::Graph& graph, const Key& key) {
  const std::map<int32_t, Key> handles = Handles(graph);
  std::set<int32_t> reached;
  bool assigned = false;
  for (const ir::Node& node : graph.nodes) {
    const auto handle = node.inputs.empty() ? handles.end() : handles.find(node.inputs[0]);
    const bool ours = IsAccess(node) && handle != handles.end() && handle->second == key;
    if (ours && node.op == OpCode::kReadVariable && !assigned) reached.insert(node.outputs[0]);
    if (node.op == OpCode::kAssignVariable) {
      assigned = assigned || ours;
      continue;
    }
    if (std::ranges::none_of(node.inputs, [&](int32_t v) { return reached.contains(v); })) continue;
    if (!ir::IsPure(graph, node)) return false;
    reached.insert(node.outputs.begin(), node.outputs.end());
  }
  return std::ranges::none_of(graph.outputs, [&](int32_t v) { return reached.contains(v); });
}

// What each variable holds after any number of runs.
Contents FindFixed(const ir::Module& module, ir::Evaluator& evaluator) {
  const ir::Graph& main = module.graphs[0];
  Contents first = FindCandidates(module);
  while (!first.empty()) {
    Contents once = first;
    bool all = Simulate(main, evaluator, once);
    Contents twice = once;
    all = Simulate(main, evaluator, twice) && all;
    Contents fixed;
    for (const auto& [key, content] : once) {
      const auto again = twice.find(key);
      if (again != twice.end() && again->second == content &&
          (first.at(key) == content || EarlyReadsAreUnseen(main, key)))
        fixed.emplace(key, content);
    }
    if (all && fixed.size() == first.size()) return fixed;
    // Others may have been computed from one that is not fixed.
    std::erase_if(first, [&](const auto& entry) { return !fixed.contains(entry.first); });
  }
  return first;
}

// Takes the accesses of fixed variables out of a graph; what is read are constants.
void Freeze(ir::Graph& graph, const Contents& fixed) {
  const std::map<int32_t, Key> handles = Handles(graph);
  ir::Rewriter rewriter(graph);
  std::map<Key, int32_t> constants;
  for (int32_t n = rewriter.First(); n != ir::kNoNode; n = rewriter.Next(n)) {
    const ir::Node& node = rewriter.node(n);
    if (!IsAccess(node)) continue;
    const auto handle = handles.find(node.inputs[0]);
    const auto it = handle == handles.end() ? fixed.end() : fixed.find(handle->second);
    if (it == fixed.end()) continue;
    if (node.op == OpCode::kReadVariable) {
      const int32_t read = node.outputs[0];
      rewriter.Remove(n);
      const auto [known, made] = constants.emplace(it->first, read);
      if (made || rewriter.IsGraphOutput(read))
        rewriter.mutable_value(read).data = it->second.data;
      else
        rewriter.ReplaceUses(read, known->second);
    } else {
      rewriter.Remove(n);
    }
  }
  for (int32_t n = rewriter.First(); n != ir::kNoNode; n = rewriter.Next(n)) {
    const ir::Node& node = rewriter.node(n);
    if (node.op == OpCode::kVarHandle && rewriter.Unused(node.outputs[0])) rewriter.Remove(n);
  }
  rewriter.RemoveDead();
}

// Takes out CALL_ONCE of graphs that do nothing any more, and such graphs from the end of the list,
// so that no number of a graph changes.
void DropEmptySetups(ir::Module& module) {
  std::set<int32_t> dropped;
  for (ir::Graph& graph : module.graphs) {
    std::erase_if(graph.nodes, [&](const ir::Node& node) {
      if (node.op != OpCode::kCallOnce) return false;
      const int32_t setup = node.attrs<ir::CallOnceAttrs>().init_subgraph;
      const bool empty = module.graphs[static_cast<size_t>(setup)].nodes.empty();
      if (empty) dropped.insert(setup);
      return empty;
    });
  }
  const auto has_signature = [&](size_t g) {
    return std::ranges::any_of(module.signatures, [g](const ir::Signature& signature) {
      return static_cast<size_t>(signature.subgraph) == g;
    });
  };
  while (module.graphs.size() > 1 &&
         dropped.contains(static_cast<int32_t>(module.graphs.size()) - 1) &&
         !has_signature(module.graphs.size() - 1))
    module.graphs.pop_back();
}

}  // namespace

std::vector<std::string> FreezeVariables(ir::Module& module, ir::Evaluator& evaluator) {
  const Contents fixed = FindFixed(module, evaluator);
  if (fixed.empty()) return {};
  for (ir::Graph& graph : module.graphs) Freeze(graph, fixed);
  DropEmptySetups(module);
  std::vector<std::string> names;
  for (const auto& [key, content] : fixed) names.push_back(key.second);
  std::ranges::sort(names);
  return names;
}

}  // namespace edgeml::passes
