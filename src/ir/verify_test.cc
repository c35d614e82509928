#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "src/ir/graph.h"

namespace edgeml::ir {
namespace {

ConstantData Zeros(size_t size) { return ConstantData::Own(std::vector<std::byte>(size)); }

Value Make(DType type, Shape shape) {
  Value value;
  value.name = "v";
  value.type = type;
  value.shape = shape;
  return value;
}

Node Relu(int32_t in, int32_t out) {
  Node node;
  node.op = OpCode::kRelu;
  node.inputs = {in};
  node.outputs = {out};
  return node;
}

// in → RELU → 1 → RELU → 2, a constant 3 and a variable 4.
Module Good() {
  Module module;
  Graph& graph = module.graphs.emplace_back();
  for (int i = 0; i < 5; ++i) graph.values.push_back(Make(DType::kFloat32, {2, 3}));
  graph.values[3].data = Zeros(24);
  graph.values[4].is_variable = true;
  graph.nodes = {Relu(0, 1), Relu(1, 2)};
  graph.inputs = {0};
  graph.outputs = {2};
  return module;
}

Node Call(OpCode op, Attributes attributes) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  return node;
}

TEST(Verify, LegalOddities) {
  EXPECT_TRUE(Verify(Good()).ok()) << Verify(Good()).message();
  const std::vector<std::function<void(Graph&)>> oddities = {
      [](Graph& g) {
        g.outputs = {0, 3, 4, 2, 2};
      },  // inputs, constants, twice the same
      [](Graph& g) {
        g.values.push_back(Make(DType::kInt8, {-1, 7}));
      },  // unused, dynamic
      [](Graph& g) { g.values[1].has_rank = false; },
      [](Graph& g) { g.nodes[1].inputs[0] = 4; },
      [](Graph& g) {
        g.values[3].quantization = {{0.5f, 0.25f, 1.0f}, {0, 0, 0}, 1};
      },
      [](Graph& g) {
        g.values[3].quantization = {{0.5f, 0.25f, 1.0f}, {0}, 1};
      },
      [](Graph& g) { g.nodes.clear(), g.outputs.clear(), g.inputs.clear(); },
  };
  for (size_t i = 0; i < oddities.size(); ++i) {
    Module module = Good();
    oddities[i](module.graphs[0]);
    EXPECT_TRUE(Verify(module).ok()) << i << ": " << Verify(module).message();
  }
}

TEST(Verify, NamesWhatIsWrong) {
  const std::vector<std::pair<std::function<void(Graph&)>, std::string>> wrongs = {
      {[](Graph& g) { g.inputs = {9}; }, "graph input"},
      {[](Graph& g) { g.inputs = {kNoValue}; }, "graph input"},
      {[](Graph& g) { g.outputs = {-1}; }, "graph output"},
      {[](Graph& g) { g.outputs = {2}, g.nodes.pop_back(); }, "never computed"},
      {[](Graph& g) { g.nodes[0].inputs[0] = 99; }, "operator 0 (RELU): input 0 is tensor 99"},
      {[](Graph& g) { g.nodes[0].outputs[0] = 99; }, "output 0 is tensor 99"},
      {[](Graph& g) { std::swap(g.nodes[0], g.nodes[1]); }, "nothing has computed before"},
      {[](Graph& g) { g.nodes[1].outputs[0] = 1; }, "computed before"},
      {[](Graph& g) { g.nodes[1].outputs[0] = 0; }, "input of the graph"},
      {[](Graph& g) { g.nodes[1].outputs[0] = 3; }, "a constant"},
      {[](Graph& g) { g.nodes[1].intermediates = {77}; }, "intermediate"},
      {[](Graph& g) { g.values[3].data = Zeros(23); }, "tensor 3 (v): its data has 23 bytes"},
      {[](Graph& g) {
         g.values[3].shape = Shape{-1, 3};
       },
       "not known"},
      {[](Graph& g) {
         g.values[3].shape = Shape{1 << 30, 1 << 30, 1 << 30};
       },
       "too large"},
      {[](Graph& g) { g.values[1].shape = Shape{-7}; }, "dimension of -7"},
      {[](Graph& g) { g.values[1].type = static_cast<DType>(99); }, "element type"},
      {[](Graph& g) { g.values[4].data = Zeros(24); }, "variable"},
      {[](Graph& g) {
         g.values[1].quantization = {{0.5f, 0.5f}, {0, 0}, 1};
       },
       "2 scales"},
      {[](Graph& g) {
         g.values[1].quantization = {{0.5f}, {0}, 2};
       },
       "quantized dimension"},
      {[](Graph& g) {
         g.values[1].quantization = {{0.5f}, {}, 0};
       },
       "zero points"},
      {[](Graph& g) {
         g.values[1].quantization = {{-0.5f}, {0}, 0};
       },
       "scale of -0.5"},
      {[](Graph& g) {
         g.values[1].quantization = {{std::numeric_limits<float>::infinity()}, {0}, 0};
       },
       "scale of"},
      {[](Graph& g) {
         g.values[1].quantization = {{1.0f}, {int64_t{1} << 40}, 0};
       },
       "zero point of"},
      {[](Graph& g) {
         g.values[3].type = DType::kString;
         g.values[3].data = Zeros(24);
       },
       "strings"},
      {[](Graph& g) { g.nodes.push_back(Call(OpCode::kCallOnce, CallOnceAttrs{5})); },
       "calls subgraph 5"},
      {[](Graph& g) { g.nodes.push_back(Call(OpCode::kCallOnce, CallOnceAttrs{0})); },
       "calls itself"},
  };
  for (size_t i = 0; i < wrongs.size(); ++i) {
    Module module = Good();
    wrongs[i].first(module.graphs[0]);
    const Status status = Verify(module);
    EXPECT_FALSE(status.ok()) << i;
    EXPECT_EQ(status.code(), Code::kInvalidModel) << i;
    EXPECT_NE(status.message().find(wrongs[i].second), std::string::npos)
        << i << ": " << status.message();
  }
}

TEST(Verify, CyclesOfCalls) {
  Module module = Good();
  module.graphs.resize(4);
  const auto call = [&module](size_t from, int32_t to) {
    module.graphs[from].nodes.push_back(Call(OpCode::kCallOnce, CallOnceAttrs{to}));
  };
  call(0, 1), call(0, 2), call(1, 3), call(2, 3);
  EXPECT_TRUE(Verify(module).ok()) << Verify(module).message();
  call(3, 1);
  EXPECT_FALSE(Verify(module).ok());
}

TEST(Verify, Signatures) {
  Module module = Good();
  module.signatures.push_back({"s", 0, {{"x", 0}}, {{"y", 2}}});
  EXPECT_TRUE(Verify(module).ok());
  module.signatures[0].outputs[0].second = 5;
  EXPECT_FALSE(Verify(module).ok());
  module.signatures[0] = {"s", 1, {}, {}};
  EXPECT_FALSE(Verify(module).ok());
}

}  // namespace
}  // namespace edgeml::ir
