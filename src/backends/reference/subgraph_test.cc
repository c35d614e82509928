// Operators that call graphs, through the executor: regions that are run as they are, and outputs
// whose shapes are known before anything runs.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/runtime/module_runner.h"

namespace edgeml::backends {
namespace {

using ir::OpCode;
using runtime::GraphExecutor;

int32_t AddValue(ir::Graph& graph, Shape shape, DType type = DType::kInt32) {
  ir::Value value;
  value.name = "t" + std::to_string(graph.values.size());
  value.type = type;
  value.shape = shape;
  graph.values.push_back(std::move(value));
  return static_cast<int32_t>(graph.values.size()) - 1;
}

int32_t AddConstant(ir::Graph& graph, Shape shape, const std::vector<int32_t>& data) {
  const int32_t v = AddValue(graph, shape);
  std::vector<std::byte> bytes(data.size() * sizeof(int32_t));
  std::memcpy(bytes.data(), data.data(), bytes.size());
  graph.values.back().data = ir::ConstantData::Own(std::move(bytes));
  return v;
}

void AddNode(ir::Graph& graph, OpCode op, std::vector<int32_t> inputs, std::vector<int32_t> outputs,
             ir::Attributes attributes) {
  ir::Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.attributes = std::move(attributes);
  graph.nodes.push_back(std::move(node));
}

// (a, b) → a - 2 b, of two operators.
ir::Graph Region() {
  ir::Graph graph;
  const int32_t a = AddValue(graph, {}), b = AddValue(graph, {});
  const int32_t less = AddValue(graph, {}), result = AddValue(graph, {});
  AddNode(graph, OpCode::kSub, {a, b}, {less}, ir::BinaryAttrs{});
  AddNode(graph, OpCode::kSub, {less, b}, {result}, ir::BinaryAttrs{});
  graph.inputs = {a, b};
  graph.outputs = {result};
  return graph;
}

class SubgraphTest : public testing::Test {
 protected:
  void Start(ir::Module module) {
    const Status verified = ir::Verify(module);
    ASSERT_TRUE(verified.ok()) << verified.message();
    runner_ = std::make_unique<runtime::ModuleRunner>(
        std::move(module), runtime::Backends{&ReferenceBackend()}, options_);
    executor_ = &runner_->executor();
  }
  void Set(int i, const std::vector<int32_t>& data) {
    std::memcpy(executor_->input(i).data, data.data(), data.size() * sizeof(int32_t));
  }
  std::vector<int32_t> Get(int i) const {
    const std::span<const int32_t> data = executor_->output(i).elements<int32_t>();
    return {data.begin(), data.end()};
  }
  runtime::RunnerOptions options_{.memory_cap = 1 << 20};
  std::unique_ptr<runtime::ModuleRunner> runner_;
  GraphExecutor* executor_ = nullptr;  // the runner's
};

TEST_F(SubgraphTest, ScatterRunsARegionOfItsOwn) {
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  const int32_t target = AddValue(graph, {4}), updates = AddValue(graph, {3});
  const int32_t indices = AddConstant(graph, {3, 1}, {1, 3, 1});
  const int32_t result = AddValue(graph, {4});
  AddNode(graph, OpCode::kStablehloScatter, {target, indices, updates}, {result},
          ir::StablehloScatterAttrs{false, {}, {0}, {0}, 1, false, 1});
  graph.inputs = {target, updates};
  graph.outputs = {result};
  module.graphs.push_back(Region());
  Start(std::move(module));
  ASSERT_TRUE(executor_->Prepare().ok());
  Set(0, {10, 20, 30, 40});
  Set(1, {1, 2, 3});
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get(0), (std::vector<int32_t>{10, 20 - 2 - 6, 30, 40 - 4}));
}

TEST_F(SubgraphTest, ReduceWindowRunsARegionOfItsOwnAndRefusesOneOfAnotherType) {
  for (const bool fits : {true, false}) {
    ir::Module module;
    ir::Graph& graph = module.graphs.emplace_back();
    const int32_t input = AddValue(graph, {4}), initial = AddConstant(graph, {}, {100});
    const int32_t result = AddValue(graph, {3});
    AddNode(graph, OpCode::kStablehloReduceWindow, {input, initial}, {result},
            ir::StablehloReduceWindowAttrs{{2}, {}, {}, {}, {}, 1});
    graph.inputs = {input};
    graph.outputs = {result};
    module.graphs.push_back(Region());
    if (!fits)
      for (ir::Value& value : module.graphs[1].values) value.type = DType::kFloat32;
    Start(std::move(module));
    const Status prepared = executor_->Prepare();
    EXPECT_EQ(prepared.ok(), fits);
    if (!fits) {
      EXPECT_EQ(prepared.code(), Code::kInvalidModel);
      continue;
    }
    Set(0, {1, 2, 3, 4});
    ASSERT_TRUE(executor_->Run().ok());
    EXPECT_EQ(Get(0), (std::vector<int32_t>{94, 90, 86}));
  }
}

// while (counter < 3) { counter += 1; value = value + value or pad(value) }, then value + value.
ir::Module Loop(bool grows) {
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  const int32_t counter = AddValue(graph, {1}), value = AddValue(graph, {2});
  const int32_t last = AddValue(graph, {1}), looped = AddValue(graph, {2});
  const int32_t result = AddValue(graph, {2});
  AddNode(graph, OpCode::kWhile, {counter, value}, {last, looped}, ir::WhileAttrs{1, 2});
  AddNode(graph, OpCode::kAdd, {looped, looped}, {result}, ir::BinaryAttrs{});
  graph.inputs = {counter, value};
  graph.outputs = {result, last};

  ir::Graph& condition = module.graphs.emplace_back();
  condition.inputs = {AddValue(condition, {1}), AddValue(condition, {2})};
  condition.outputs = {AddValue(condition, {1}, DType::kBool)};
  AddNode(condition, OpCode::kLess, {0, AddConstant(condition, {1}, {3})}, {2}, {});

  ir::Graph& body = module.graphs.emplace_back();
  body.inputs = {AddValue(body, {1}), AddValue(body, {2})};
  body.outputs = {AddValue(body, {1}), AddValue(body, {2})};
  AddNode(body, OpCode::kAdd, {0, AddConstant(body, {1}, {1})}, {2}, ir::BinaryAttrs{});
  if (grows)
    AddNode(body, OpCode::kPad, {1, AddConstant(body, {1, 2}, {0, 1})}, {3}, {});
  else
    AddNode(body, OpCode::kAdd, {1, 1}, {3}, ir::BinaryAttrs{});
  return module;
}

TEST_F(SubgraphTest, ALoopThatKeepsItsShapesStandsInTheArena) {
  Start(Loop(/*grows=*/false));
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(executor_->output(0).shape, Shape{2});
  EXPECT_NE(executor_->output(0).data, nullptr);  // planned before anything ran
  for (const int32_t start : {0, 2, 7}) {
    Set(0, {start});
    Set(1, {5, -1});
    ASSERT_TRUE(executor_->Run().ok());
    const int32_t factor = start == 0 ? 16 : start == 2 ? 4 : 2;
    EXPECT_EQ(Get(0), (std::vector<int32_t>{5 * factor, -factor}));
    EXPECT_EQ(Get(1), std::vector<int32_t>{std::max(start, 3)});
  }
  EXPECT_EQ(executor_->dynamic_bytes(), 0u);
  ASSERT_TRUE(executor_->SetInputShape(1, {3}).ok());
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(executor_->output(0).shape, Shape{3});
}

TEST_F(SubgraphTest, ALoopThatGrowsTakesTheShapeThatRunningGives) {
  Start(Loop(/*grows=*/true));
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(executor_->output(0).data, nullptr);
  Set(0, {1});
  Set(1, {5, -1});
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get(0), (std::vector<int32_t>{10, -2, 0, 0}));
  EXPECT_GT(executor_->dynamic_bytes(), 0u);
}

// if (condition) pad(x) by 1 else pad(x) by `by`.
ir::Module Branches(int32_t by) {
  ir::Module module;
  module.graphs.resize(3);
  ir::Graph& graph = module.graphs[0];
  graph.inputs = {AddValue(graph, {1}), AddValue(graph, {2})};
  graph.outputs = {AddValue(graph, {3})};
  AddNode(graph, OpCode::kStablehloCase, {0, 1}, {2}, ir::CaseAttrs{{1, 2}});
  for (const int32_t i : {1, 2}) {
    ir::Graph& branch = module.graphs[static_cast<size_t>(i)];
    branch.inputs = {AddValue(branch, {2})};
    branch.outputs = {AddValue(branch, {3})};
    AddNode(branch, OpCode::kPad, {0, AddConstant(branch, {1, 2}, {0, i == 1 ? 1 : by})}, {1}, {});
  }
  return module;
}

TEST_F(SubgraphTest, BranchesOfOneShapeStandInTheArena) {
  for (const int32_t by : {1, 2}) {
    Start(Branches(by));
    ASSERT_TRUE(executor_->Prepare().ok());
    EXPECT_EQ(executor_->output(0).data != nullptr, by == 1);
    for (const int32_t branch : {0, 1, 2, -1}) {  // one that does not exist means the last
      Set(0, {branch});
      Set(1, {5, 6});
      ASSERT_TRUE(executor_->Run().ok());
      EXPECT_EQ(executor_->output(0).shape, (Shape{branch == 0 ? 3 : 2 + by}));
    }
    EXPECT_EQ(executor_->dynamic_bytes() > 0, by == 2);
  }
}

// Every graph calls the next one twice, on inputs of different shapes: 2^30 preparations if each
// were made.
TEST_F(SubgraphTest, GraphsThatMultiplyAreNotFollowedForEver) {
  constexpr int32_t kDepth = 30;
  ir::Module module;
  for (int32_t level = 0; level <= kDepth; ++level) {
    ir::Graph& graph = module.graphs.emplace_back();
    const int32_t x = AddValue(graph, {1}), padded = AddValue(graph, {2});
    AddNode(graph, OpCode::kPad, {x, AddConstant(graph, {1, 2}, {0, 1})}, {padded}, {});
    graph.inputs = {x};
    graph.outputs = {padded};
    if (level == kDepth) break;
    for (const int32_t from : {x, padded}) {
      const int32_t made = AddValue(graph, {1});
      AddNode(graph, OpCode::kStablehloComposite, {from}, {made},
              ir::CompositeAttrs{"twice", level + 1, 0, {}});
    }
  }
  Start(std::move(module));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(executor_->Prepare().ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace edgeml::backends
