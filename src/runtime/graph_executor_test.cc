// The executor against a backend of two toy kernels; real operators are covered in src/backends.
#include "src/runtime/graph_executor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "src/base/stop.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "src/runtime/module_runner.h"

namespace edgeml::runtime {
namespace {

using ir::OpCode;

// out = in + 1, in place when allowed.
class IncrementStep : public Step {
 public:
  Status Prepare(PrepareContext& context) override {
    workspace_ = context.RequestWorkspace(100);
    context.AllowInPlace(0, 0);
    return Status::Ok();
  }
  Status Run(RunContext& context) override {
    ++runs;
    std::memset(context.workspace(workspace_), 0x55, 100);
    const float* in = context.input(0).as<float>();
    float* out = context.output(0).as_mutable<float>();
    for (int64_t i = 0; i < context.output(0).num_elements(); ++i) out[i] = in[i] + 1;
    return Status::Ok();
  }
  static inline int runs = 0;  // of all steps

 private:
  int workspace_ = 0;
};

constexpr KernelEntry kToyKernels[] = {
    {OpCode::kRelu, "toy.never", ErrorBound::kExact,
     [](const NodeView&) { return std::string("always declines"); }, MakeStep<IncrementStep>},
    {OpCode::kRelu, "toy.increment", ErrorBound::kExact, nullptr, MakeStep<IncrementStep>},
};

const ListBackend& ToyBackend() {
  static const ListBackend backend("toy", {kToyKernels});
  return backend;
}

ir::Module Chain(int length, Shape shape) {
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  for (int i = 0; i <= length; ++i) {
    ir::Value value;
    value.name = "t" + std::to_string(i);
    value.shape = shape;
    graph.values.push_back(std::move(value));
  }
  for (int i = 0; i < length; ++i) {
    ir::Node node;
    node.op = OpCode::kRelu;
    node.inputs = {i};
    node.outputs = {i + 1};
    graph.nodes.push_back(std::move(node));
  }
  graph.inputs = {0};
  graph.outputs = {length};
  return module;
}

class GraphExecutorTest : public testing::Test {
 protected:
  void Start(ir::Module module) {
    runner_ = std::make_unique<ModuleRunner>(std::move(module), backends_, options_);
    executor_ = &runner_->executor();
  }
  Backends backends_ = {&ToyBackend()};
  RunnerOptions options_{.memory_cap = 1 << 20};
  std::unique_ptr<ModuleRunner> runner_;
  GraphExecutor* executor_ = nullptr;  // the runner's
};

TEST_F(GraphExecutorTest, RunsAChainInPlaceAndKeepsTheInput) {
  Start(Chain(5, {4}));
  ASSERT_TRUE(executor_->Prepare().ok());
  float* in = executor_->input(0).as_mutable<float>();
  for (int i = 0; i < 4; ++i) in[i] = static_cast<float>(i);
  for (int run = 0; run < 3; ++run) {
    ASSERT_TRUE(executor_->Run().ok());
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(in[i], static_cast<float>(i));
      EXPECT_EQ(executor_->output(0).as<float>()[i], static_cast<float>(i + 5));
    }
  }
  // Input, one block for the whole chain, scratch.
  EXPECT_EQ(executor_->layout().arena_bytes, 64u + 64u + 128u);
  EXPECT_EQ(executor_->report(0).kernel, "toy.increment");
  ASSERT_EQ(executor_->report(0).declined.size(), 1u);
  EXPECT_EQ(executor_->report(0).declined[0], "toy.never: always declines");
}

// A kernel may loop over the other dimensions, whatever their size.
TEST_F(GraphExecutorTest, DoesNotRunWhatHasNoElements) {
  Start(Chain(3, {1 << 20, 0, 1 << 20}));
  ASSERT_TRUE(executor_->Prepare().ok());
  const int before = IncrementStep::runs;
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(IncrementStep::runs, before);
}

TEST_F(GraphExecutorTest, TellsAllReasonsOfTheLastBackend) {
  static constexpr KernelEntry kFast[] = {{OpCode::kRelu, "fast.one", ErrorBound::kOneQuantum,
                                           [](const NodeView&) { return std::string("slow"); },
                                           MakeStep<IncrementStep>}};
  static constexpr KernelEntry kPlain[] = {
      {OpCode::kRelu, "plain.one", ErrorBound::kOneQuantum,
       [](const NodeView&) { return std::string("odd"); }, MakeStep<IncrementStep>},
      {OpCode::kRelu, "plain.two", ErrorBound::kOneQuantum,
       [](const NodeView&) { return std::string("even"); }, MakeStep<IncrementStep>}};
  const ListBackend fast("fast", {kFast});
  const ListBackend plain("plain", {kPlain});
  backends_ = {&fast, &plain};
  Start(Chain(1, {2}));
  const Status status = executor_->Prepare();
  EXPECT_NE(status.message().find("is not supported: plain.one: odd; plain.two: even"),
            std::string::npos)
      << status.message();
  EXPECT_EQ(status.message().find("slow"), std::string::npos);

  backends_ = {&fast, &ToyBackend()};
  Start(Chain(1, {2}));
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(executor_->report(0).declined.size(), 2u);
  EXPECT_EQ(executor_->report(0).error_bound, "exact");
}

TEST_F(GraphExecutorTest, PreservesAllTensorsWhenAsked) {
  options_.preserve_all_tensors = true;
  Start(Chain(3, {2}));
  ASSERT_TRUE(executor_->Prepare().ok());
  executor_->input(0).as_mutable<float>()[1] = 7;
  ASSERT_TRUE(executor_->Run().ok());
  for (int v = 0; v <= 3; ++v) EXPECT_EQ(executor_->view(v).as<float>()[1], 7.0f + v);
}

// What the observer is told, in order, as "graph/value:first element".
class Recorder : public TensorObserver {
 public:
  Status Observe(int32_t graph, int32_t value, const TensorView& view) override {
    seen.push_back(Concat(graph, "/", value, ":", *view.as<float>()));
    if (value == refuse) return Error(Code::kFailed, "no more");
    if (value == replace) *view.as_mutable<float>() = 100;
    return Status::Ok();
  }
  std::vector<std::string> seen;
  int32_t refuse = -1, replace = -1;
};

TEST_F(GraphExecutorTest, ShowsWhatItComputesThoughMemoryIsShared) {
  Recorder recorder;
  options_.observer = &recorder;
  Start(Chain(3, {2}));
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(recorder.seen, (std::vector<std::string>{"0/1:1", "0/2:2", "0/3:3"}));
  recorder.replace = 2;
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(*executor_->output(0).as<float>(), 101);
  recorder.refuse = 1;
  const Status refused = executor_->Run();
  EXPECT_EQ(refused.code(), Code::kFailed);
  EXPECT_EQ(refused.message(), "node 0 (RELU): no more");
}

TEST_F(GraphExecutorTest, ResizesInputs) {
  Start(Chain(2, {1, 2}));
  ASSERT_TRUE(executor_->SetInputShape(0, {3, 5}).ok());
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(executor_->output(0).shape, (Shape{3, 5}));
  EXPECT_EQ(executor_->SetInputShape(1, {1}).code(), Code::kInvalidArgument);
  EXPECT_EQ(executor_->SetInputShape(0, {-1, 5}).code(), Code::kInvalidArgument);
}

TEST_F(GraphExecutorTest, RefusesWhatIsOverTheMemoryCap) {
  options_.memory_cap = 10000;
  Start(Chain(2, {1}));
  ASSERT_TRUE(executor_->SetInputShape(0, {100000, 100000}).ok());
  EXPECT_EQ(executor_->Prepare().code(), Code::kResourceExhausted);
  ASSERT_TRUE(executor_->SetInputShape(0, {2000}).ok());  // one tensor fits, the plan does not
  EXPECT_EQ(executor_->Prepare().code(), Code::kResourceExhausted);
  ASSERT_TRUE(executor_->SetInputShape(0, {20}).ok());
  EXPECT_TRUE(executor_->Run().ok());
}

// A file may have any number of graphs, each of which is under the cap.
TEST_F(GraphExecutorTest, GraphsOfOneSessionShareTheMemoryCap) {
  options_.memory_cap = 10000;
  ir::Module module = Chain(2, {700});
  module.graphs.push_back(module.graphs[0]);
  Start(std::move(module));
  auto first = std::make_unique<GraphExecutor>(runner_->context(), 1, false);
  ASSERT_TRUE(first->Prepare().ok());
  EXPECT_EQ(executor_->Prepare().code(), Code::kResourceExhausted);
  first.reset();  // gives its memory back
  EXPECT_TRUE(executor_->Prepare().ok());
}

TEST(MemoryBudget, IsTakenAndGivenBack) {
  auto budget = std::make_shared<MemoryBudget>(100);
  {
    const auto held = AllocateAligned(60, budget);
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(AllocateAligned(41, budget).status().code(), Code::kResourceExhausted);
    EXPECT_TRUE(AllocateAligned(40, budget).ok());
    EXPECT_FALSE(budget->Take(SIZE_MAX));
  }
  EXPECT_TRUE(budget->Take(100));
  EXPECT_EQ(AllocateAligned(SIZE_MAX - 10).status().code(), Code::kResourceExhausted);
}

TEST_F(GraphExecutorTest, UsesMemoryOfTheCaller) {
  Start(Chain(2, {3}));
  float in[3] = {1, 2, 3}, out[3] = {}, other[3] = {10, 20, 30};
  executor_->Bind(0, in, sizeof in);
  executor_->Bind(2, out, sizeof out);
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(out[2], 5.0f);
  executor_->Bind(0, other, sizeof other);
  ASSERT_TRUE(executor_->prepared());
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(out[2], 32.0f);
  executor_->Bind(0, in, 4);
  EXPECT_EQ(executor_->Run().code(), Code::kInvalidArgument);
}

TEST_F(GraphExecutorTest, StopsOnRequest) {
  Start(Chain(4, {1}));
  int calls = 0;
  executor_->SetProgress([&](int done, int total) {
    ++calls;
    EXPECT_EQ(total, 4);
    return done < 2;
  });
  EXPECT_EQ(executor_->Run().code(), Code::kCancelled);
  EXPECT_EQ(calls, 3);
}

// A kernel that is asked to stop leaves its output undefined and says nothing.
TEST_F(GraphExecutorTest, SaysThatItStoppedInTheLastNode) {
  Start(Chain(1, {1}));
  ASSERT_TRUE(executor_->Prepare().ok());
  executor_->SetProgress([&](int, int) {
    EXPECT_FALSE(StopRequested());
    runner_->context().cancel = true;
    EXPECT_TRUE(StopRequested());
    return true;
  });
  EXPECT_EQ(executor_->Run().code(), Code::kCancelled);
  EXPECT_FALSE(StopRequested());
  runner_->context().cancel = true;
  ASSERT_TRUE(executor_->SetInputShape(0, {2}).ok());
  EXPECT_EQ(executor_->Prepare().code(), Code::kCancelled);
}

// As float16 models of recurrent layers have it: a node on a constant gives the state its first
// value.
TEST_F(GraphExecutorTest, ConstantsGiveVariablesTheirFirstValue) {
  ir::Module module = Chain(1, {2});
  ir::Graph& graph = module.graphs[0];
  ir::Value constant;
  constant.shape = {2};
  std::vector<std::byte> bytes(8);
  const float stored[2] = {4, 5};
  std::memcpy(bytes.data(), stored, 8);
  constant.data = ir::ConstantData::Own(bytes);
  ir::Value variable;
  variable.shape = {2};
  variable.is_variable = true;
  graph.values.push_back(constant);  // 2
  graph.values.push_back(variable);  // 3
  ir::Node node;
  node.op = OpCode::kRelu;
  node.inputs = {2};
  node.outputs = {3};
  graph.nodes.push_back(node);
  Start(std::move(module));
  ASSERT_TRUE(executor_->Run().ok());
  float* state = executor_->view(3).as_mutable<float>();
  EXPECT_EQ(state[1], 6.0f);
  state[1] = 50;
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(state[1], 50.0f);  // computed once, not in every run
  executor_->ResetVariables();
  EXPECT_EQ(state[1], 6.0f);
}

TEST_F(GraphExecutorTest, SaysWhichNodeHasNoKernel) {
  ir::Module module = Chain(2, {1});
  module.graphs[0].nodes[1].op = OpCode::kElu;
  Start(std::move(module));
  const Status status = executor_->Prepare();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_NE(status.message().find("node 1 (ELU)"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace edgeml::runtime
