#include "src/formats/savedmodel/inliner.h"

#include <algorithm>
#include <optional>

#include "src/base/strings.h"
#include "src/formats/savedmodel/attributes.h"
#include "src/formats/savedmodel/tensors.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::savedmodel {
namespace {

// A handle of this shared name is a variable of its own (tensorflow/core/framework/resource_base).
constexpr std::string_view kAnonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

template <size_t N>
bool IsOneOf(std::string_view op, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

// Each output is the input of the same number.
constexpr std::string_view kPassOn[] = {
    "CheckNumerics",   "EnsureShape", "Identity",       "IdentityN", "PlaceholderWithDefault",
    "PreventGradient", "Print",       "ReadVariableOp", "Snapshot",  "StopGradient"};
// Run for their effect on something outside of the model's results.
constexpr std::string_view kEffects[] = {
    "Assert",       "AudioSummary",       "AudioSummaryV2", "HistogramSummary",
    "ImageSummary", "MergeV2Checkpoints", "NoOp",           "PrintV2",
    "Save",         "SaveSlices",         "SaveV2",         "ScalarSummary",
    "WriteFile"};
constexpr std::string_view kHandles[] = {"VarHandleOp", "Variable", "VariableV2"};
// Read the variable that their first input is a handle of.
constexpr std::string_view kReadThrough[] = {"ResourceGather", "ResourceGatherNd", "VariableShape"};
constexpr std::string_view kLoops[] = {"StatelessWhile", "While"};
constexpr std::string_view kBranches[] = {"Case", "If", "StatelessCase", "StatelessIf"};
constexpr std::string_view kCalls[] = {"PartitionedCall", "StatefulPartitionedCall"};

// Operators that change the reference they get: Assign, ScatterAdd, ApplyAdam …
bool ChangesReference(std::string_view op) {
  for (const std::string_view start :
       {"Apply", "Assign", "CountUpTo", "ScatterAdd", "ScatterDiv", "ScatterMax", "ScatterMin",
        "ScatterMul", "ScatterNdAdd", "ScatterNdSub", "ScatterNdUpdate", "ScatterSub",
        "ScatterUpdate", "SparseApply", "StridedSliceAssign"})
    if (op.starts_with(start)) return true;
  return false;
}

std::string_view StringAttr(const pb::NodeDef& def, std::string_view name) {
  const pb::AttrValue* const value = FindAttr(def, name);
  return value == nullptr ? std::string_view() : std::string_view(value->s());
}

}  // namespace

Inliner::Inliner(const pb::GraphDef& graph, std::shared_ptr<const void> messages, Budget& budget)
    : graph_(graph), messages_(std::move(messages)), budget_(budget) {
  for (const pb::FunctionDef& function : graph.library().function())
    functions_.emplace(function.signature().name(), &function);
  for (const pb::NodeDef& node : graph.node())
    if (IsOneOf(node.op(), kHandles))
      handles_.emplace(StringAttr(node, "shared_name"), node.name());
}

const pb::FunctionDef* Inliner::Function(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second;
}

Result<const Body*> Inliner::BodyOf(std::string_view function) {
  std::unique_ptr<Body>& body = bodies_[function];
  if (body == nullptr) {
    const pb::FunctionDef* const def = Function(function);
    if (def == nullptr)
      return Error(Code::kInvalidModel, "the file has no function '", function, "'");
    EDGEML_ASSIGN_OR_RETURN(Body made, MakeFunctionBody(*def, [this](std::string_view name) {
                              return Function(name);
                            }));
    body = std::make_unique<Body>(std::move(made));
  }
  return body.get();
}

Status Inliner::ChargeNodes(int64_t count) {
  if (count > nodes_left_)
    return Error(Code::kUnsupported, "its functions come to more than ", kMaxNodes, " nodes");
  nodes_left_ -= count;
  return Status::Ok();
}

Result<std::vector<Graph>> Inliner::Inline(std::span<const TensorSpec> inputs,
                                           std::span<const std::string> fed,
                                           std::span<const TensorSpec> outputs,
                                           std::span<const std::string> fetched,
                                           const VariableLoader& load) {
  EDGEML_ASSIGN_OR_RETURN(const Body body,
                          MakeGraphBody(graph_, fed, fetched,
                                        [this](std::string_view name) { return Function(name); }));
  built_.assign(1, {});
  std::vector<Value> args;
  for (size_t i = 0; i < inputs.size(); ++i) {
    BuiltNode input;
    input.node.name = inputs[i].name;
    input.node.op = kInputOp;
    Outputs made;
    EDGEML_RETURN_IF_ERROR(Emit(std::move(input), Place{}, made));
    built_[0].inputs.push_back(made.node);
    args.push_back({.kind = Value::Kind::kTensor, .at = {made.node, 0}});
  }
  std::vector<Value> results;
  EDGEML_RETURN_IF_ERROR(Expand(body, args, Place{}, results));
  for (size_t i = 0; i < results.size(); ++i) {
    Result<Endpoint> tensor = TensorOf(results[i], Place{});
    if (!tensor.ok()) {
      Status status = tensor.status();
      return std::move(status).WithContext(Concat("output '", outputs[i].name, "'"));
    }
    built_[0].outputs.push_back(*tensor);
  }
  EDGEML_ASSIGN_OR_RETURN(std::vector<Graph> graphs, Prune(load));
  for (size_t i = 0; i < inputs.size(); ++i) graphs[0].inputs[i].spec = inputs[i];
  for (size_t i = 0; i < outputs.size(); ++i) graphs[0].outputs[i].spec = outputs[i];
  return graphs;
}

// One after the other what `body` needs, with `args` as its arguments.
Status Inliner::Expand(const Body& body, std::span<const Value> args, const Place& place,
                       std::vector<Value>& results) {
  if (place.depth > kMaxCallDepth)
    return Error(Code::kUnsupported, "functions call each other more than ", kMaxCallDepth,
                 " deep");
  EDGEML_RETURN_IF_ERROR(ChargeNodes(static_cast<int64_t>(body.nodes.size())));
  std::vector<Outputs> outputs(body.nodes.size());
  const auto value_of = [&](const BodyInput& input) -> Result<Value> {
    if (input.node != kArgument)
      return OutputOf(outputs[static_cast<size_t>(input.node)], input.output);
    if (static_cast<size_t>(input.output) < args.size())
      return args[static_cast<size_t>(input.output)];
    return Error(Code::kInvalidModel, "a function is called with ", args.size(), " arguments");
  };
  const auto expand = [&](int32_t index) -> Status {
    const BodyNode& node = body.nodes[static_cast<size_t>(index)];
    std::vector<Value> inputs;
    for (const BodyInput& input : node.inputs) {
      EDGEML_ASSIGN_OR_RETURN(const Value value, value_of(input));
      inputs.push_back(value);
    }
    // In a branch that is never taken even constants wait for its beginning.
    for (const int32_t before : node.control)
      if (outputs[static_cast<size_t>(before)].never) {
        outputs[static_cast<size_t>(index)].never = true;
        return Status::Ok();
      }
    return ExpandNode(node, std::move(inputs), place, outputs[static_cast<size_t>(index)]);
  };
  for (const int32_t index : body.order) {
    Status status = expand(index);
    if (status.ok()) continue;
    const pb::NodeDef& def = *body.nodes[static_cast<size_t>(index)].def;
    // The innermost node is what the reader of the message looks for.
    if (status.message().starts_with("node '")) return status;
    return std::move(status).WithContext(
        Concat("node '", place.path, def.name(), "' (", def.op(), ")"));
  }
  results.clear();
  for (const BodyInput& result : body.results) {
    EDGEML_ASSIGN_OR_RETURN(const Value value, value_of(result));
    results.push_back(value);
  }
  return Status::Ok();
}

Status Inliner::ExpandNode(const BodyNode& node, std::vector<Value> inputs, const Place& place,
                           Outputs& outputs) {
  const pb::NodeDef& def = *node.def;
  const std::string_view op = def.op();
  if (op == "Merge") return ExpandMerge(inputs, outputs);
  outputs.never = std::any_of(inputs.begin(), inputs.end(),
                              [](const Value& input) { return input.kind == Value::Kind::kNever; });
  if (outputs.never) return Status::Ok();
  if (op == "Switch") return ExpandSwitch(inputs, place, outputs);
  if (IsOneOf(op, kHandles)) return HandleNode(def, place, outputs);
  if (IsOneOf(op, kPassOn)) {
    if (inputs.empty()) return Error(Code::kInvalidModel, "it has no input");
    if (op == "ReadVariableOp") {
      if (inputs[0].kind != Value::Kind::kVariable)
        return Error(Code::kUnsupported, "it reads something that is no variable of the file");
      inputs[0].is_ref = true;
    }
    outputs.values = std::move(inputs);
    return Status::Ok();
  }
  if (IsOneOf(op, kEffects)) {
    outputs.values.assign(1, Value{.effect = &def});
    return Status::Ok();
  }
  const bool library = functions_.contains(op);
  if (library || IsOneOf(op, kCalls)) {
    const Place inside{place.graph, Concat(place.path, def.name(), "/"), place.depth + 1};
    return Call(library ? op : FunctionAttr(def, "f"), inputs, inside, outputs.values);
  }
  if (IsOneOf(op, kLoops)) return ExpandWhile(def, inputs, place, outputs);
  if (IsOneOf(op, kBranches)) return ExpandBranches(def, inputs, place, outputs);
  if (op == "RestoreV2" && inputs.size() == 3) {
    const auto number = static_cast<int32_t>(restores_.size());
    restores_.push_back({inputs[1], inputs[2]});
    const pb::AttrValue* const types = FindAttr(def, "dtypes");
    const int count = types == nullptr ? 0 : types->list().type_size();
    for (int32_t i = 0; i < std::min(count, kMaxOutputs); ++i)
      outputs.values.push_back({.kind = Value::Kind::kRestored, .at = {-1, i}, .index = number});
    return Status::Ok();
  }
  const bool on_variable = !inputs.empty() && inputs[0].kind == Value::Kind::kVariable;
  if (on_variable && IsOneOf(op, kReadThrough)) inputs[0].is_ref = true;
  if (on_variable && (!inputs[0].is_ref || ChangesReference(op)))
    return WriteVariable(node, inputs, place, outputs);
  return EmitOp(def, inputs, place, outputs);
}

Status Inliner::Call(std::string_view function, std::span<const Value> args, const Place& place,
                     std::vector<Value>& results) {
  EDGEML_ASSIGN_OR_RETURN(const Body* const body, BodyOf(function));
  return Expand(*body, args, place, results);
}

// A variable is what one node of the main graph makes. A handle inside of a function finds it by
// the name they share.
Status Inliner::HandleNode(const pb::NodeDef& def, const Place& place, Outputs& outputs) {
  std::string node = place.path + def.name();
  const std::string_view shared = StringAttr(def, "shared_name");
  const bool named = !shared.empty() && shared != kAnonymous;
  if (!place.path.empty() && named) {
    const auto found = handles_.find(shared);
    if (found != handles_.end()) node = found->second;
  }
  const auto [at, is_new] =
      variable_by_node_.emplace(node, static_cast<int32_t>(variables_.size()));
  if (is_new) {
    EDGEML_RETURN_IF_ERROR(budget_.Charge(node.size() + shared.size() + sizeof(BuiltVariable)));
    variables_.push_back({Variable{node, named ? std::string(shared) : std::string()}});
  }
  outputs.values.assign(1, Value{.kind = Value::Kind::kVariable,
                                 .is_ref = def.op() != "VarHandleOp",
                                 .index = at->second});
  return Status::Ok();
}

Status Inliner::WriteVariable(const BodyNode& node, std::span<const Value> inputs,
                              const Place& place, Outputs& outputs) {
  const pb::NodeDef& def = *node.def;
  BuiltVariable& variable = variables_[static_cast<size_t>(inputs[0].index)];
  variable.writer = &def;
  variable.writer_path = place.path;
  if (inputs.size() > 1) assigned_.emplace_back(inputs[0].index, inputs[1]);
  outputs.values.assign(1, Value{.effect = &def});
  return Status::Ok();
}

Status Inliner::Emit(BuiltNode node, const Place& place, Outputs& outputs) {
  EDGEML_RETURN_IF_ERROR(ChargeNodes(1));
  EDGEML_RETURN_IF_ERROR(budget_.Charge(node.node.name.size() + node.node.op.size() +
                                        node.node.inputs.size() * sizeof(Endpoint)));
  Built& graph = built_[static_cast<size_t>(place.graph)];
  outputs.node = static_cast<int32_t>(graph.nodes.size());
  graph.nodes.push_back(std::move(node));
  return Status::Ok();
}

Status Inliner::EmitOp(const pb::NodeDef& def, std::span<const Value> inputs, const Place& place,
                       Outputs& outputs) {
  BuiltNode made;
  made.node.name = place.path + def.name();
  made.node.op = def.op();
  made.node.def = &def;
  for (const Value& input : inputs) {
    EDGEML_ASSIGN_OR_RETURN(const Endpoint at, TensorOf(input, place));
    made.node.inputs.push_back(at);
  }
  return Emit(std::move(made), place, outputs);
}

Result<Endpoint> Inliner::TensorOf(const Value& value, const Place& place) {
  switch (value.kind) {
    case Value::Kind::kTensor:
      return value.at;
    case Value::Kind::kVariable:
      break;
    case Value::Kind::kRestored:
      return Error(Code::kUnsupported, "it reads a checkpoint while the model runs");
    case Value::Kind::kNever:
      return Error(Code::kUnsupported, "it reads a branch that is never taken");
    case Value::Kind::kEffect:
      return Error(Code::kUnsupported, "it reads the result of '",
                   value.effect == nullptr ? "" : value.effect->name(), "' (",
                   value.effect == nullptr ? "" : value.effect->op(),
                   "), which changes something while the model runs");
  }
  const Variable& variable = variables_[static_cast<size_t>(value.index)].variable;
  if (!value.is_ref)
    return Error(Code::kUnsupported, "it uses variable '", variable.node,
                 "' other than to read it");
  auto& reads = built_[static_cast<size_t>(place.graph)].reads;
  const auto found = reads.find(value.index);
  if (found != reads.end()) return Endpoint{found->second, 0};
  BuiltNode read;
  read.node.name = variable.node;
  read.node.op = kConstOp;
  read.variable = value.index;
  Outputs outputs;
  EDGEML_RETURN_IF_ERROR(Emit(std::move(read), place, outputs));
  built_[static_cast<size_t>(place.graph)].reads.emplace(value.index, outputs.node);
  return Endpoint{outputs.node, 0};
}

Result<Inliner::Value> Inliner::OutputOf(const Outputs& outputs, int32_t number) const {
  if (outputs.never) return Value{.kind = Value::Kind::kNever};
  if (outputs.node >= 0) return Value{.kind = Value::Kind::kTensor, .at = {outputs.node, number}};
  if (static_cast<size_t>(number) < outputs.values.size())
    return outputs.values[static_cast<size_t>(number)];
  return Error(Code::kInvalidModel, "it reads output ", number, " of a node with ",
               outputs.values.size());
}

Inliner::BuiltNode* Inliner::ConstantAt(const Value& value, int32_t graph) {
  if (value.kind != Value::Kind::kTensor) return nullptr;
  BuiltNode& node = built_[static_cast<size_t>(graph)].nodes[static_cast<size_t>(value.at.node)];
  return node.node.op == kConstOp ? &node : nullptr;
}

Result<std::map<std::string, Restored>> Inliner::FindRestored(std::string_view target) {
  EDGEML_ASSIGN_OR_RETURN(
      const Body body,
      MakeEffectBody(graph_, target, [this](std::string_view name) { return Function(name); }));
  built_.assign(1, {});
  std::vector<Value> results;
  EDGEML_RETURN_IF_ERROR(Expand(body, {}, Place{}, results));
  const auto strings = [this](const Value& value) -> Result<std::vector<std::string>> {
    const BuiltNode* const node = ConstantAt(value, 0);
    const pb::AttrValue* const stated =
        node == nullptr || node->node.def == nullptr ? nullptr : FindAttr(*node->node.def, "value");
    if (stated == nullptr) return Error(Code::kUnsupported, "names that are computed");
    EDGEML_ASSIGN_OR_RETURN(const Constant constant,
                            ReadTensor(stated->tensor(), messages_, budget_));
    EDGEML_ASSIGN_OR_RETURN(const auto list,
                            ReadStringBuffer(constant.data.bytes, constant.shape.num_elements()));
    return std::vector<std::string>(list.begin(), list.end());
  };
  std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> restores;
  for (const RestoreNode& restore : restores_) {
    EDGEML_ASSIGN_OR_RETURN(auto names, strings(restore.names));
    EDGEML_ASSIGN_OR_RETURN(auto slices, strings(restore.slices));
    restores.emplace_back(std::move(names), std::move(slices));
  }
  std::map<std::string, Restored> found;
  for (const auto& [variable, value] : assigned_) {
    if (value.kind != Value::Kind::kRestored) continue;
    const auto& [names, slices] = restores[static_cast<size_t>(value.index)];
    const auto i = static_cast<size_t>(value.at.output);
    if (i < names.size() && i < slices.size())
      found[variables_[static_cast<size_t>(variable)].variable.node] = {names[i], slices[i]};
  }
  return found;
}

Result<std::map<std::string, LookupTable>> Inliner::FindTables(std::string_view target) {
  EDGEML_ASSIGN_OR_RETURN(
      const Body body,
      MakeEffectBody(graph_, target, [this](std::string_view name) { return Function(name); }));
  built_.assign(1, {});
  std::vector<Value> results;
  EDGEML_RETURN_IF_ERROR(Expand(body, {}, Place{}, results));
  std::map<std::string, LookupTable> found;
  for (const BuiltNode& built : built_[0].nodes) {
    const Node& node = built.node;
    if ((node.op != "LookupTableImportV2" && node.op != "InitializeTableV2") ||
        node.inputs.size() != 3)
      continue;
    const auto value = [&](size_t input) {
      return ConstantValue({.kind = Value::Kind::kTensor, .at = node.inputs[input]}, Place{});
    };
    Result<Constant> keys = value(1), values = value(2);
    if (!keys.ok() || !values.ok()) continue;  // the table is missing, which is told there
    const auto table = static_cast<size_t>(node.inputs[0].node);
    found[built_[0].nodes[table].node.name] = {*std::move(keys), *std::move(values)};
  }
  return found;
}

}  // namespace edgeml::savedmodel
