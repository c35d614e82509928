// Loops and branches: graphs of their own, freed of arguments that need not be passed.
#include <algorithm>

#include "src/base/strings.h"
#include "src/formats/savedmodel/attributes.h"
#include "src/formats/savedmodel/inliner.h"
#include "src/formats/savedmodel/tensors.h"

namespace edgeml::savedmodel {

Result<int32_t> Inliner::MakeGraph(std::string_view function, std::span<const Value> args,
                                   const Place& caller, std::vector<Value>& results) {
  const auto graph = static_cast<int32_t>(built_.size());
  built_.emplace_back().name = function;
  const Place place{graph, Concat(caller.path, function, "/"), caller.depth + 1};
  std::vector<Value> inside;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].kind != Value::Kind::kTensor) {
      inside.push_back(args[i]);
      continue;
    }
    BuiltNode input;
    input.node.name = Concat(place.path, "arg_", i);
    input.node.op = kInputOp;
    Outputs made;
    EDGEML_RETURN_IF_ERROR(Emit(std::move(input), place, made));
    built_[static_cast<size_t>(graph)].inputs.push_back(made.node);
    inside.push_back({.kind = Value::Kind::kTensor, .at = {made.node, 0}});
  }
  EDGEML_RETURN_IF_ERROR(Call(function, inside, place, results));
  return graph;
}

void Inliner::Bind(int32_t graph, int32_t input, const BuiltNode& constant) {
  Built& built = built_[static_cast<size_t>(graph)];
  built.nodes[static_cast<size_t>(built.inputs[static_cast<size_t>(input)])] = constant;
}

std::vector<bool> Inliner::ReadInputs(int32_t graph, std::span<const Value> outputs) const {
  const Built& built = built_[static_cast<size_t>(graph)];
  std::vector<bool> read(built.nodes.size(), false);
  for (const BuiltNode& node : built.nodes)
    for (const Endpoint& input : node.node.inputs) read[static_cast<size_t>(input.node)] = true;
  for (const Value& output : outputs)
    if (output.kind == Value::Kind::kTensor) read[static_cast<size_t>(output.at.node)] = true;
  std::vector<bool> inputs;
  for (const int32_t node : built.inputs) inputs.push_back(read[static_cast<size_t>(node)]);
  return inputs;
}

void Inliner::KeepInputs(int32_t graph, const std::vector<bool>& keep) {
  std::vector<int32_t>& inputs = built_[static_cast<size_t>(graph)].inputs;
  std::vector<int32_t> kept;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (keep[i]) kept.push_back(inputs[i]);
  inputs = std::move(kept);
}

Status Inliner::ExpandWhile(const pb::NodeDef& def, std::span<const Value> inputs,
                            const Place& place, Outputs& outputs) {
  // A handle of a variable is not passed: the graphs see the variable itself.
  std::vector<Value> args(inputs.begin(), inputs.end());
  for (Value& arg : args) {
    if (arg.kind == Value::Kind::kVariable && !arg.is_ref) continue;
    EDGEML_ASSIGN_OR_RETURN(const Endpoint at, TensorOf(arg, place));
    arg = {.kind = Value::Kind::kTensor, .at = at};
  }
  const Place inside{place.graph, Concat(place.path, def.name(), "/"), place.depth};
  std::vector<Value> condition, results;
  EDGEML_ASSIGN_OR_RETURN(const int32_t cond,
                          MakeGraph(FunctionAttr(def, "cond"), args, inside, condition));
  EDGEML_ASSIGN_OR_RETURN(const int32_t body,
                          MakeGraph(FunctionAttr(def, "body"), args, inside, results));
  if (condition.size() != 1 || results.size() != args.size())
    return Error(Code::kInvalidModel, "its functions do not fit its ", args.size(), " inputs");

  // What the body passes on unchanged is the same all the time.
  std::vector<bool> same;  // for each tensor among the arguments
  std::vector<Value> changing;
  std::vector<size_t> tensors;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].kind != Value::Kind::kTensor) {
      if (results[i] != args[i])
        return Error(Code::kUnsupported, "it changes which variable argument ", i, " is");
      continue;
    }
    const int32_t input = built_[static_cast<size_t>(body)].inputs[tensors.size()];
    const Value passed{.kind = Value::Kind::kTensor, .at = {input, 0}};
    same.push_back(results[i] == passed);
    if (!same.back()) changing.push_back(results[i]);
    tensors.push_back(i);
  }
  const std::vector<bool> read_in_body = ReadInputs(body, changing);
  const std::vector<bool> read_in_cond = ReadInputs(cond, condition);
  std::vector<bool> keep(tensors.size(), true);
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!same[k]) continue;
    if (const BuiltNode* const constant = ConstantAt(args[tensors[k]], place.graph)) {
      const BuiltNode copy = *constant;
      Bind(cond, static_cast<int32_t>(k), copy);
      Bind(body, static_cast<int32_t>(k), copy);
      keep[k] = false;
    } else {
      keep[k] = read_in_body[k] || read_in_cond[k];
    }
  }
  KeepInputs(cond, keep);
  KeepInputs(body, keep);
  const auto in = [&inside](int32_t graph) { return Place{graph, inside.path, inside.depth}; };
  EDGEML_ASSIGN_OR_RETURN(const Endpoint goes_on, TensorOf(condition[0], in(cond)));
  built_[static_cast<size_t>(cond)].outputs = {goes_on};
  BuiltNode made;
  made.node.name = place.path + def.name();
  made.node.op = def.op();
  made.node.def = &def;
  made.node.graphs = {cond, body};
  outputs.values = std::move(args);
  std::vector<std::pair<size_t, int32_t>> changed;
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!keep[k]) continue;
    const size_t i = tensors[k];
    if (!same[k]) changed.emplace_back(i, static_cast<int32_t>(made.node.inputs.size()));
    made.node.inputs.push_back(outputs.values[i].at);
    EDGEML_ASSIGN_OR_RETURN(const Endpoint next, TensorOf(results[i], in(body)));
    built_[static_cast<size_t>(body)].outputs.push_back(next);
  }
  Outputs loop;
  EDGEML_RETURN_IF_ERROR(Emit(std::move(made), place, loop));
  for (const auto& [i, number] : changed) outputs.values[i].at = {loop.node, number};
  return Status::Ok();
}

Result<Constant> Inliner::ConstantValue(const Value& value, const Place& place) {
  const BuiltNode* const node = ConstantAt(value, place.graph);
  const pb::AttrValue* const stated =
      node == nullptr || node->node.def == nullptr ? nullptr : FindAttr(*node->node.def, "value");
  if (stated == nullptr) return Error(Code::kUnsupported, "it is no constant");
  return ReadTensor(stated->tensor(), messages_, budget_);
}

// Inputs: data, condition. Output 0 is the data where the condition is false, output 1 where true.
Status Inliner::ExpandSwitch(std::span<const Value> inputs, const Place& place, Outputs& outputs) {
  if (inputs.size() != 2) return Error(Code::kInvalidModel, "it has no data or no condition");
  const Result<Constant> condition = ConstantValue(inputs[1], place);
  if (!condition.ok() || condition->type != DType::kBool || condition->data.bytes.size() != 1)
    return Error(Code::kUnsupported,
                 "it is control flow of TensorFlow 1 whose condition is not constant; export the "
                 "model with tf.compat.v1.enable_control_flow_v2()");
  const Value never{.kind = Value::Kind::kNever};
  const bool taken = condition->data.bytes[0] != std::byte{0};
  outputs.values = {taken ? never : inputs[0], taken ? inputs[0] : never};
  return Status::Ok();
}

// Hands on the one input that is there, and its number.
Status Inliner::ExpandMerge(std::span<const Value> inputs, Outputs& outputs) {
  std::vector<Value> taken;
  for (const Value& input : inputs)
    if (input.kind != Value::Kind::kNever) taken.push_back(input);
  outputs.never = taken.empty();
  if (taken.size() > 1)
    return Error(Code::kUnsupported, "it joins branches that may both be taken");
  outputs.values = std::move(taken);
  return Status::Ok();
}

Result<int32_t> Inliner::ConstantBranch(const pb::NodeDef& def, const Value& condition,
                                        const Place& place) {
  if (ConstantAt(condition, place.graph) == nullptr) return -1;
  const Result<Constant> read = ConstantValue(condition, place);
  if (!read.ok())
    return read.status().code() == Code::kUnsupported ? Result<int32_t>(-1) : read.status();
  const Constant& constant = *read;
  if (constant.shape.rank() != 0) return -1;
  const auto bytes = constant.data.bytes;
  if (constant.type == DType::kBool && def.op().ends_with("If"))
    return bytes[0] != std::byte{0} ? 0 : 1;
  if (constant.type == DType::kInt32 && def.op().ends_with("Case")) {
    const int64_t branches = static_cast<int64_t>(FunctionListAttr(def, "branches").size());
    int32_t chosen = 0;
    std::copy_n(bytes.begin(), sizeof chosen, reinterpret_cast<std::byte*>(&chosen));
    // A number out of range stands for the last branch.
    return static_cast<int32_t>(chosen < 0 || chosen >= branches ? branches - 1 : chosen);
  }
  return -1;
}

Status Inliner::ExpandBranches(const pb::NodeDef& def, std::span<const Value> inputs,
                               const Place& place, Outputs& outputs) {
  std::vector<std::string_view> functions = FunctionListAttr(def, "branches");
  if (def.op().ends_with("If"))
    functions = {FunctionAttr(def, "then_branch"), FunctionAttr(def, "else_branch")};
  if (inputs.empty() || functions.empty())
    return Error(Code::kInvalidModel, "it has no condition or no branches");
  const Place inside{place.graph, Concat(place.path, def.name(), "/"), place.depth};
  EDGEML_ASSIGN_OR_RETURN(const int32_t chosen, ConstantBranch(def, inputs[0], place));
  const std::span<const Value> args = inputs.subspan(1);
  if (chosen >= 0)
    return Call(functions[static_cast<size_t>(chosen)], args,
                Place{inside.graph, inside.path, inside.depth + 1}, outputs.values);

  BuiltNode made;
  made.node.name = place.path + def.name();
  made.node.op = def.op();
  made.node.def = &def;
  EDGEML_ASSIGN_OR_RETURN(const Endpoint condition, TensorOf(inputs[0], place));
  made.node.inputs.push_back(condition);
  std::vector<Value> tensors;
  for (const Value& arg : args)
    if (arg.kind == Value::Kind::kTensor) tensors.push_back(arg);
  std::vector<std::vector<Value>> results(functions.size());
  std::vector<bool> keep(tensors.size(), false);
  for (size_t b = 0; b < functions.size(); ++b) {
    EDGEML_ASSIGN_OR_RETURN(const int32_t graph, MakeGraph(functions[b], args, inside, results[b]));
    made.node.graphs.push_back(graph);
    if (results[b].size() != results[0].size())
      return Error(Code::kInvalidModel, "its branches have different numbers of results");
    const std::vector<bool> read = ReadInputs(graph, results[b]);
    for (size_t k = 0; k < tensors.size(); ++k) keep[k] = keep[k] || read[k];
  }
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (const BuiltNode* const constant = ConstantAt(tensors[k], place.graph)) {
      const BuiltNode copy = *constant;
      for (const int32_t graph : made.node.graphs) Bind(graph, static_cast<int32_t>(k), copy);
      keep[k] = false;
    }
    if (keep[k]) made.node.inputs.push_back(tensors[k].at);
  }
  for (const int32_t graph : made.node.graphs) KeepInputs(graph, keep);
  std::vector<int32_t> numbers;  // of each result among the node's outputs; -1 for a handle
  int32_t count = 0;
  for (size_t r = 0; r < results[0].size(); ++r) {
    const bool handle = results[0][r].kind == Value::Kind::kVariable && !results[0][r].is_ref &&
                        std::all_of(results.begin(), results.end(),
                                    [&](const auto& list) { return list[r] == results[0][r]; });
    numbers.push_back(handle ? -1 : count++);
    for (size_t b = 0; b < functions.size() && !handle; ++b) {
      const int32_t graph = made.node.graphs[b];
      EDGEML_ASSIGN_OR_RETURN(const Endpoint result,
                              TensorOf(results[b][r], Place{graph, inside.path, inside.depth}));
      built_[static_cast<size_t>(graph)].outputs.push_back(result);
    }
  }
  Outputs node;
  EDGEML_RETURN_IF_ERROR(Emit(std::move(made), place, node));
  for (size_t r = 0; r < numbers.size(); ++r)
    outputs.values.push_back(
        numbers[r] < 0 ? results[0][r]
                       : Value{.kind = Value::Kind::kTensor, .at = {node.node, numbers[r]}});
  return Status::Ok();
}

}  // namespace edgeml::savedmodel
