// Functions into one flat list of nodes, variables into constants.
#ifndef EDGEML_FORMATS_SAVEDMODEL_INLINER_H_
#define EDGEML_FORMATS_SAVEDMODEL_INLINER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/formats/savedmodel/body.h"
#include "src/formats/savedmodel/budget.h"
#include "src/formats/savedmodel/tf_graph.h"

namespace edgeml::savedmodel {

// Functions that call functions, and control flow in control flow.
inline constexpr int kMaxCallDepth = 64;
// Nodes of all graphs after inlining, and those looked at on the way. The largest networks have
// some ten thousand.
inline constexpr int64_t kMaxNodes = 1 << 20;

struct Variable {
  std::string node;         // its node in the main graph, or the path to it
  std::string shared_name;  // as its handle states it; empty when it does not
};

// What a variable is restored from: a tensor of the bundle, or a part of it (ParseSliceSpec).
struct Restored {
  std::string key, slice;
};

// Gives the value of a variable. Asked once for each variable that the outputs depend on.
using VariableLoader = std::function<Result<Constant>(const Variable&)>;

class Inliner {
 public:
  // `graph` must outlive the inliner and be kept alive by `messages`; `functions` finds those of
  // its library.
  Inliner(const pb::GraphDef& graph, std::shared_ptr<const void> messages, Budget& budget);

  // The graph from the fed to the fetched tensors, and the graphs of its control flow behind it.
  // The specs' names are those of the signature; `fed` and `fetched` the tensors they stand for.
  // Variables are constants of what `load` gives. Errors name the node: those of Body, and
  // kUnsupported for variables that change while the model runs, for placeholders that are not fed,
  // and for functions deeper than kMaxCallDepth or larger than kMaxNodes.
  Result<std::vector<Graph>> Inline(std::span<const TensorSpec> inputs,
                                    std::span<const std::string> fed,
                                    std::span<const TensorSpec> outputs,
                                    std::span<const std::string> fetched,
                                    const VariableLoader& load);

  // Runs node `target` of the graph, which restores the variables from a bundle, in the mind alone:
  // what each variable is assigned, by Variable::node. Assignments that it does not understand are
  // left out.
  Result<std::map<std::string, Restored>> FindRestored(std::string_view target);
  // Likewise node `target`, which fills the lookup tables: those that get constants.
  Result<std::map<std::string, LookupTable>> FindTables(std::string_view target);

 private:
  // A value while nodes are gone through. Not every one is a tensor of the graph that comes out.
  struct Value {
    enum class Kind : uint8_t {
      kEffect,    // of a node that is run for its effect only
      kTensor,    // `at`
      kVariable,  // the handle of variable `index`, or with `is_ref` also its value
      kRestored,  // output `at.output` of RestoreV2 number `index`
      kNever,     // of a branch of TensorFlow 1 that a constant condition never takes
    };
    Kind kind = Kind::kEffect;
    bool is_ref = false;
    Endpoint at;
    int32_t index = 0;
    const pb::NodeDef* effect = nullptr;  // kEffect
    friend bool operator==(const Value&, const Value&) = default;
  };
  // The outputs of a node: all those of a node of the graph, or a value for each.
  struct Outputs {
    int32_t node = -1;
    std::vector<Value> values;
    bool never = false;  // each is a kNever
  };
  struct BuiltNode {
    Node node;
    int32_t variable = -1;  // kConstOp: it is the value of this variable
    int32_t argument = -1;  // kInputOp: its number
  };
  struct Built {
    std::string name;
    std::vector<BuiltNode> nodes;
    std::vector<int32_t> inputs;  // kInputOp nodes
    std::vector<Endpoint> outputs;
    std::map<int32_t, int32_t> reads;  // variable → the constant that reads it
  };
  struct BuiltVariable {
    Variable variable;
    const pb::NodeDef* writer = nullptr;  // changes it
    std::string writer_path;
    Constant value;  // once it was loaded
  };
  // Where nodes go: a graph, and the path to the function they are from.
  struct Place {
    int32_t graph = 0;
    std::string path;
    int depth = 0;
  };
  struct RestoreNode {
    Value names, slices;
  };

  const pb::FunctionDef* Function(std::string_view name) const;
  Result<const Body*> BodyOf(std::string_view function);
  Status ChargeNodes(int64_t count);

  Status Expand(const Body& body, std::span<const Value> args, const Place& place,
                std::vector<Value>& results);
  Status ExpandNode(const BodyNode& node, std::vector<Value> inputs, const Place& place,
                    Outputs& outputs);
  // Calls `function`; its nodes go to `place`.
  Status Call(std::string_view function, std::span<const Value> args, const Place& place,
              std::vector<Value>& results);
  Status ExpandWhile(const pb::NodeDef& def, std::span<const Value> inputs, const Place& place,
                     Outputs& outputs);
  Status ExpandBranches(const pb::NodeDef& def, std::span<const Value> inputs, const Place& place,
                        Outputs& outputs);
  // Makes a graph of a function. Arguments that are tensors become its inputs, in their order.
  // `results` are values in that graph.
  Result<int32_t> MakeGraph(std::string_view function, std::span<const Value> args,
                            const Place& caller, std::vector<Value>& results);
  // The number of the branch that a constant condition chooses; -1 when it is not constant.
  Result<int32_t> ConstantBranch(const pb::NodeDef& def, const Value& condition,
                                 const Place& place);
  // Switch and Merge of a constant condition, which are all of TensorFlow 1's that is understood.
  Status ExpandSwitch(std::span<const Value> inputs, const Place& place, Outputs& outputs);
  static Status ExpandMerge(std::span<const Value> inputs, Outputs& outputs);
  // The value of a constant; kUnsupported when it is none.
  Result<Constant> ConstantValue(const Value& value, const Place& place);
  // Makes input `input` of a graph a copy of the constant that it is always fed.
  void Bind(int32_t graph, int32_t input, const BuiltNode& constant);
  // For each input of a graph, whether a node reads it or it is one of `outputs`.
  std::vector<bool> ReadInputs(int32_t graph, std::span<const Value> outputs) const;
  // Leaves only the inputs that `keep` names.
  void KeepInputs(int32_t graph, const std::vector<bool>& keep);

  Status HandleNode(const pb::NodeDef& def, const Place& place, Outputs& outputs);
  Status WriteVariable(const BodyNode& node, std::span<const Value> inputs, const Place& place,
                       Outputs& outputs);
  Status Emit(BuiltNode node, const Place& place, Outputs& outputs);
  Status EmitOp(const pb::NodeDef& def, std::span<const Value> inputs, const Place& place,
                Outputs& outputs);
  // The value as a tensor of that graph; a variable is read.
  Result<Endpoint> TensorOf(const Value& value, const Place& place);
  Result<Value> OutputOf(const Outputs& outputs, int32_t number) const;
  BuiltNode* ConstantAt(const Value& value, int32_t graph);

  // What the outputs of the main graph need of all graphs, with the values of constants.
  Result<std::vector<Graph>> Prune(const VariableLoader& load);
  // The live nodes of a graph, renumbered; graphs that they call get numbers in `order`.
  Graph Compact(int32_t graph, std::vector<int32_t>& order, std::vector<int32_t>& variables);
  Result<Constant> ConstantOf(const Node& node, int32_t variable, const VariableLoader& load);

  const pb::GraphDef& graph_;
  std::shared_ptr<const void> messages_;
  Budget& budget_;
  std::unordered_map<std::string_view, const pb::FunctionDef*> functions_;
  std::unordered_map<std::string_view, std::unique_ptr<Body>> bodies_;
  // Variables of the main graph: shared name → node.
  std::unordered_map<std::string_view, std::string_view> handles_;
  std::vector<Built> built_;
  std::vector<BuiltVariable> variables_;
  std::map<std::string, int32_t> variable_by_node_;
  std::vector<RestoreNode> restores_;
  std::vector<std::pair<int32_t, Value>> assigned_;  // variable, what it was assigned
  std::vector<int32_t> new_graph_;  // by the number in built_; -1 for those that nobody calls
  int64_t nodes_left_ = kMaxNodes;
};

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_INLINER_H_
