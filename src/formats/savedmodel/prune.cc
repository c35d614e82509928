// What is left of the graphs when all is inlined, and the values of its constants.
#include <algorithm>
#include <utility>

#include "src/base/strings.h"
#include "src/formats/savedmodel/attributes.h"
#include "src/formats/savedmodel/inliner.h"
#include "src/formats/savedmodel/tensors.h"

namespace edgeml::savedmodel {

Graph Inliner::Compact(int32_t graph, std::vector<int32_t>& order,
                       std::vector<int32_t>& variables) {
  Built& built = built_[static_cast<size_t>(graph)];
  std::vector<bool> live(built.nodes.size(), false);
  for (const int32_t input : built.inputs) live[static_cast<size_t>(input)] = true;
  for (const Endpoint& output : built.outputs) live[static_cast<size_t>(output.node)] = true;
  // Inputs stand before their readers.
  for (size_t i = built.nodes.size(); i-- > 0;)
    if (live[i])
      for (const Endpoint& input : built.nodes[i].node.inputs)
        live[static_cast<size_t>(input.node)] = true;
  std::vector<int32_t> number(built.nodes.size(), -1);
  Graph out;
  out.name = std::move(built.name);
  for (size_t i = 0; i < built.nodes.size(); ++i) {
    if (!live[i]) continue;
    number[i] = static_cast<int32_t>(out.nodes.size());
    Node& node = out.nodes.emplace_back(std::move(built.nodes[i].node));
    variables.push_back(built.nodes[i].variable);
    for (Endpoint& input : node.inputs) input.node = number[static_cast<size_t>(input.node)];
    for (int32_t& called : node.graphs) {
      int32_t& renumbered = new_graph_[static_cast<size_t>(called)];
      if (renumbered < 0) {
        renumbered = static_cast<int32_t>(order.size());
        order.push_back(called);
      }
      called = renumbered;
    }
  }
  for (const int32_t input : built.inputs) {
    Graph::Input& made = out.inputs.emplace_back();
    made.node = number[static_cast<size_t>(input)];
    made.spec.name = out.nodes[static_cast<size_t>(made.node)].name;
  }
  for (const Endpoint& output : built.outputs) {
    Graph::Output& made = out.outputs.emplace_back();
    made.value = {number[static_cast<size_t>(output.node)], output.output};
    made.spec.name = out.nodes[static_cast<size_t>(made.value.node)].name;
  }
  return out;
}

Result<Constant> Inliner::ConstantOf(const Node& node, int32_t variable,
                                     const VariableLoader& load) {
  if (variable >= 0) {
    BuiltVariable& of = variables_[static_cast<size_t>(variable)];
    if (of.writer != nullptr)
      return Error(Code::kUnsupported, "variable '", of.variable.node, "' is changed by '",
                   of.writer_path, of.writer->name(), "' (", of.writer->op(),
                   ") while the model runs; export it without state");
    if (!of.value.data.present()) {
      EDGEML_ASSIGN_OR_RETURN(of.value, load(of.variable));
    }
    return of.value;
  }
  const pb::AttrValue* const value = node.def == nullptr ? nullptr : FindAttr(*node.def, "value");
  if (value == nullptr || !value->has_tensor())
    return Error(Code::kInvalidModel, "a constant without a value");
  return ReadTensor(value->tensor(), messages_, budget_);
}

Result<std::vector<Graph>> Inliner::Prune(const VariableLoader& load) {
  new_graph_.assign(built_.size(), -1);
  new_graph_[0] = 0;
  std::vector<int32_t> order = {0};
  std::vector<Graph> graphs;
  std::string unfed;
  int unfed_count = 0;
  while (graphs.size() < order.size()) {
    std::vector<int32_t> variables;
    Graph& graph = graphs.emplace_back(Compact(order[graphs.size()], order, variables));
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      Node& node = graph.nodes[i];
      if (node.op == "Placeholder" || node.op == "PlaceholderV2") {
        if (unfed_count++ < 5) unfed += Concat(unfed.empty() ? "'" : ", '", node.name, "'");
      }
      if (node.op != kConstOp) continue;
      Result<Constant> constant = ConstantOf(node, variables[i], load);
      if (!constant.ok()) {
        Status status = constant.status();
        return std::move(status).WithContext(Concat("node '", node.name, "'"));
      }
      node.constant = *std::move(constant);
    }
  }
  if (unfed_count > 0)
    return Error(Code::kInvalidArgument, "the outputs depend on ", unfed_count,
                 " placeholder(s) that are not among the inputs: ", unfed,
                 "; name them among the inputs, or inputs behind them");
  return graphs;
}

}  // namespace edgeml::savedmodel
