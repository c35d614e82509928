#include "src/formats/savedmodel/graph_reader.h"

#include <gtest/gtest.h>

#include "src/formats/savedmodel/lower.h"
#include "src/formats/savedmodel/test_files.h"

namespace edgeml::savedmodel {
namespace {

Result<Model> Parse(const pb::GraphDef& graph, const GraphOptions& options = {}) {
  return ParseFrozenGraph(AsBytes(graph.SerializeAsString()), options);
}

// The operators of a graph in order, without constants.
std::string Ops(const Graph& graph) {
  std::string out;
  for (const Node& node : graph.nodes)
    if (node.op != kConstOp) out += (out.empty() ? "" : " ") + node.op;
  return out;
}

pb::FunctionDef* AddFunction(pb::GraphDef& graph, const std::string& name,
                             std::initializer_list<const char*> args,
                             std::initializer_list<std::pair<const char*, const char*>> results) {
  pb::FunctionDef* const function = graph.mutable_library()->add_function();
  function->mutable_signature()->set_name(name);
  for (const char* const arg : args) function->mutable_signature()->add_input_arg()->set_name(arg);
  for (const auto& [key, value] : results) {
    function->mutable_signature()->add_output_arg()->set_name(key);
    pb::FunctionDef::Ret* const ret = function->add_ret();
    ret->set_key(key);
    ret->set_value(value);
  }
  return function;
}

void AddCall(google::protobuf::RepeatedPtrField<pb::NodeDef>* nodes, const std::string& name,
             const std::string& function, std::initializer_list<const char*> inputs) {
  AddAttr(AddNode(nodes, name, "PartitionedCall", inputs), "f")->mutable_func()->set_name(function);
}

TEST(FrozenGraph, GuessesInputsAndOutputsAndDropsTheRest) {
  pb::GraphDef graph;
  AddPlaceholder(graph, "x", -1);
  AddConst(graph.mutable_node(), "c", {1});
  AddNode(graph.mutable_node(), "check", "Assert", {"x"});
  AddNode(graph.mutable_node(), "same", "Identity", {"x", "^check"});
  AddNode(graph.mutable_node(), "sum", "AddV2", {"same:0", "c"});
  AddNode(graph.mutable_node(), "done", "NoOp", {"^sum"});
  AddNode(graph.mutable_node(), "y", "Relu", {"sum"});
  const auto model = Parse(graph);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(Ops(model->graphs[0]), "_Arg AddV2 Relu");
  EXPECT_EQ(model->graphs[0].inputs[0].spec.shape, Shape{kUnknownDim});
  const auto module = Lower(*model, {}, nullptr);
  ASSERT_TRUE(module.ok()) << module.status().message();
  EXPECT_EQ(module->graphs[0].nodes.size(), 2u);
  // From the middle to the middle.
  const auto part = Parse(graph, {.inputs = {"same"}, .outputs = {"sum:0"}});
  ASSERT_TRUE(part.ok()) << part.status().message();
  EXPECT_EQ(Ops(part->graphs[0]), "_Arg AddV2");
  EXPECT_EQ(Parse(graph, {.inputs = {"c"}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Parse(graph, {.outputs = {"nothing"}}).status().code(), Code::kInvalidArgument);
}

TEST(FrozenGraph, InlinesFunctionsAndNamesOutputs) {
  pb::GraphDef graph;
  AddPlaceholder(graph, "x", 4);
  pb::FunctionDef* const inner = AddFunction(graph, "inner", {"a"}, {{"r", "top:indices:0"}});
  AddNode(inner->mutable_node_def(), "k", "Const");
  AddNode(inner->mutable_node_def(), "top", "TopKV2", {"a", "k:output:0"});
  pb::FunctionDef* const outer =
      AddFunction(graph, "outer", {"a"}, {{"first", "a"}, {"second", "call:output:0"}});
  AddCall(outer->mutable_node_def(), "call", "inner", {"a"});
  AddCall(graph.mutable_node(), "main", "outer", {"x"});
  AddNode(graph.mutable_node(), "y", "Pack", {"main:1", "main"});
  const auto model = Parse(graph);
  EXPECT_NE(model.status().message().find("a constant without a value"), std::string::npos);
  inner->mutable_node_def(0)->set_op("Rank");
  inner->mutable_node_def(0)->add_input("a");
  const auto again = Parse(graph);
  ASSERT_TRUE(again.ok()) << again.status().message();
  const Graph& flat = again->graphs[0];
  EXPECT_EQ(Ops(flat), "_Arg Rank TopKV2 Pack");
  EXPECT_EQ(flat.nodes[2].name, "main/call/top");
  EXPECT_EQ(flat.nodes[3].inputs[0], (Endpoint{2, 1}));
  EXPECT_EQ(flat.nodes[3].inputs[1], (Endpoint{0, 0}));
}

TEST(FrozenGraph, FreesLoopsOfWhatDoesNotChange) {
  pb::GraphDef graph;
  AddPlaceholder(graph, "x", 4);
  AddConst(graph.mutable_node(), "step", {1, 1, 1, 1});
  pb::FunctionDef* const cond = AddFunction(graph, "cond", {"v", "s"}, {{"r", "less:z:0"}});
  AddNode(cond->mutable_node_def(), "less", "Less", {"v", "s"});
  pb::FunctionDef* const body =
      AddFunction(graph, "body", {"v", "s"}, {{"v_out", "add:z:0"}, {"s_out", "s"}});
  AddNode(body->mutable_node_def(), "add", "AddV2", {"v", "s"});
  pb::NodeDef* const loop = AddNode(graph.mutable_node(), "loop", "While", {"x", "step"});
  AddAttr(loop, "cond")->mutable_func()->set_name("cond");
  AddAttr(loop, "body")->mutable_func()->set_name("body");
  AddNode(graph.mutable_node(), "y", "Mul", {"loop:0", "loop:1"});
  const auto model = Parse(graph);
  ASSERT_TRUE(model.ok()) << model.status().message();
  ASSERT_EQ(model->graphs.size(), 3u);
  EXPECT_EQ(Ops(model->graphs[0]), "_Arg While Mul");
  for (const Graph& called : {model->graphs[1], model->graphs[2]}) {
    EXPECT_EQ(called.inputs.size(), 1u);
    EXPECT_EQ(called.outputs.size(), 1u);
  }
}

TEST(FrozenGraph, RefusesGraphsThatContradictThemselves) {
  const auto refused = [](const pb::GraphDef& graph, Code code, const char* text) {
    const Status status = Parse(graph).status();
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(status.message().find(text), std::string::npos) << status.message();
  };
  pb::GraphDef start;
  AddPlaceholder(start, "x", 4);
  pb::GraphDef cycle = start;
  AddNode(cycle.mutable_node(), "a", "AddV2", {"x", "b"});
  AddNode(cycle.mutable_node(), "b", "Relu", {"a"});
  AddNode(cycle.mutable_node(), "y", "Relu", {"b"});
  refused(cycle, Code::kInvalidModel, "depends on itself");
  pb::GraphDef twins = start;
  AddNode(twins.mutable_node(), "x", "Relu", {"x"});
  AddNode(twins.mutable_node(), "y", "Relu", {"x"});
  refused(twins, Code::kInvalidModel, "two nodes are called 'x'");
  pb::GraphDef missing = start;
  AddNode(missing.mutable_node(), "y", "Relu", {"z"});
  refused(missing, Code::kInvalidModel, "no node 'z'");
  pb::GraphDef number = start;
  AddNode(number.mutable_node(), "y", "Relu", {"x:99999999999"});
  refused(number, Code::kInvalidModel, "no name of a tensor");
  pb::GraphDef old = start;
  AddNode(old.mutable_node(), "s", "Switch", {"x", "x"});
  AddNode(old.mutable_node(), "y", "Relu", {"s:1"});
  refused(old, Code::kUnsupported, "control flow of TensorFlow 1");
  pb::GraphDef lost = start;
  AddCall(lost.mutable_node(), "y", "nowhere", {"x"});
  refused(lost, Code::kInvalidModel, "no function 'nowhere'");
  pb::GraphDef variable = start;
  AddNode(variable.mutable_node(), "v", "VarHandleOp");
  AddNode(variable.mutable_node(), "read", "ReadVariableOp", {"v"});
  AddNode(variable.mutable_node(), "y", "Mul", {"x", "read"});
  refused(variable, Code::kUnsupported, "freeze it first");
  AddNode(variable.mutable_node(), "add", "AssignAddVariableOp", {"v", "x"});
  AddNode(variable.mutable_node(), "z", "Identity", {"y", "^add"});
  refused(variable, Code::kUnsupported, "is changed by 'add'");
}

TEST(FrozenGraph, BoundsWhatFunctionsComeTo) {
  pb::GraphDef self;
  AddPlaceholder(self, "x", 4);
  pb::FunctionDef* const function = AddFunction(self, "f", {"a"}, {{"r", "call:output:0"}});
  AddCall(function->mutable_node_def(), "call", "f", {"a"});
  AddCall(self.mutable_node(), "y", "f", {"x"});
  EXPECT_NE(Parse(self).status().message().find("deep"), std::string::npos);

  // Each function calls the next one twice.
  pb::GraphDef doubling;
  AddPlaceholder(doubling, "x", 4);
  for (int i = 0; i < 40; ++i) {
    pb::FunctionDef* const f =
        AddFunction(doubling, "f" + std::to_string(i), {"a"}, {{"r", "two:output:0"}});
    const std::string next = "f" + std::to_string(i + 1);
    AddCall(f->mutable_node_def(), "one", next, {"a"});
    AddCall(f->mutable_node_def(), "two", next, {"one:output:0"});
  }
  pb::FunctionDef* const last = AddFunction(doubling, "f40", {"a"}, {{"r", "n:y:0"}});
  AddNode(last->mutable_node_def(), "n", "Neg", {"a"});
  AddCall(doubling.mutable_node(), "y", "f0", {"x"});
  EXPECT_NE(Parse(doubling).status().message().find("come to more than"), std::string::npos);

  pb::GraphDef filled;
  AddPlaceholder(filled, "x", 4);
  pb::NodeDef* const huge = AddConst(filled.mutable_node(), "c", {1});
  huge->mutable_attr(1)
      ->mutable_value()
      ->mutable_tensor()
      ->mutable_tensor_shape()
      ->mutable_dim(0)
      ->set_size(1 << 30);
  AddNode(filled.mutable_node(), "y", "Sum", {"x", "c"});
  EXPECT_NE(Parse(filled).status().message().find("far more memory"), std::string::npos);
}

TEST(Lowering, ReportsAllProblemsAtOnce) {
  pb::GraphDef graph;
  AddPlaceholder(graph, "x", 4);
  AddNode(graph.mutable_node(), "a", "Mystery", {"x"});
  AddNode(graph.mutable_node(), "b", "Mystery", {"a"});
  AddNode(graph.mutable_node(), "c", "LookupTableInsertV2", {"b"});
  AddAttr(AddNode(graph.mutable_node(), "d", "Relu", {"x"}), "strange")->set_i(1);
  AddNode(graph.mutable_node(), "y", "AddN", {"c", "d"});
  const auto model = Parse(graph);
  ASSERT_TRUE(model.ok()) << model.status().message();
  const Status status = Lower(*model, {}, nullptr).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  for (const char* const part : {"4 nodes", "Mystery (2 nodes, first 'a')", "lookup tables",
                                 "Relu (1 node, 'd'): attribute 'strange'"})
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(SavedModel, ErrorsSayWhatThereIs) {
  const auto open = []() -> Result<std::unique_ptr<Bundle>> {
    return Status(Code::kNotFound, "no variables");
  };
  pb::SavedModel saved;
  const auto parse = [&](const GraphOptions& options = {}) {
    return ParseSavedModelGraph(AsBytes(saved.SerializeAsString()), open, options);
  };
  EXPECT_EQ(parse().status().code(), Code::kInvalidModel);
  pb::MetaGraph* const meta = saved.add_meta_graphs();
  meta->mutable_meta_info_def()->add_tags("train");
  EXPECT_NE(parse({.tags = {"serve"}}).status().message().find("'train'"), std::string::npos);
  EXPECT_NE(parse().status().message().find("no signature"), std::string::npos);
  AddPlaceholder(*meta->mutable_graph_def(), "x", 4);
  AddNode(meta->mutable_graph_def()->mutable_node(), "v", "VariableV2");
  AddNode(meta->mutable_graph_def()->mutable_node(), "y", "Mul", {"x", "v"});
  for (const char* const key : {"a", "b"}) {
    pb::MetaGraph::SignatureEntry* const entry = meta->add_signature_def();
    entry->set_key(key);
    pb::Signature::Item* const in = entry->mutable_value()->add_inputs();
    in->set_key("in");
    in->mutable_value()->set_name("x:0");
    in->mutable_value()->set_dtype(1);
    pb::Signature::Item* const out = entry->mutable_value()->add_outputs();
    out->set_key("out");
    out->mutable_value()->set_name("y:0");
  }
  EXPECT_NE(parse().status().message().find("it has 'a', 'b'"), std::string::npos);
  EXPECT_EQ(parse({.signature = "a"}).status().message(), "node 'v': no variables");
  EXPECT_EQ(ParseSavedModelGraph(AsBytes("\xff\xff"), open).status().code(), Code::kInvalidModel);
}

}  // namespace
}  // namespace edgeml::savedmodel
