// Strings through the executor: GATHER, twice in a row, fed by a caller.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "src/backends/reference/reference_backend.h"
#include "src/runtime/module_runner.h"
#include "src/tensor/string_buffer.h"

namespace edgeml::backends {
namespace {

using runtime::GraphExecutor;
using Strings = std::vector<std::string_view>;

ir::Value ValueOf(const char* name, DType type, Shape shape) {
  ir::Value value;
  value.name = name;
  value.type = type;
  value.shape = shape;
  return value;
}

ir::Node GatherNode(int32_t input, int32_t positions, int32_t output) {
  ir::Node node;
  node.op = ir::OpCode::kGather;
  node.attributes = ir::GatherAttrs{};
  node.inputs = {input, positions};
  node.outputs = {output};
  return node;
}

// text [4], positions [3] → found [3]; again [3] = found at the same positions.
ir::Module TwoGathers() {
  ir::Module module;
  ir::Graph& graph = module.graphs.emplace_back();
  graph.values = {ValueOf("text", DType::kString, {4}), ValueOf("positions", DType::kInt32, {3}),
                  ValueOf("found", DType::kString, {3}), ValueOf("again", DType::kString, {3})};
  graph.nodes = {GatherNode(0, 1, 2), GatherNode(2, 1, 3)};
  graph.inputs = {0, 1};
  graph.outputs = {2, 3};
  return module;
}

class GatherStringsTest : public testing::Test {
 protected:
  void Start(ir::Module module) {
    ASSERT_TRUE(ir::Verify(module).ok());
    runner_ = std::make_unique<runtime::ModuleRunner>(
        std::move(module), runtime::Backends{&ReferenceBackend()}, options_);
    executor_ = &runner_->executor();
  }
  void SetPositions(std::vector<int32_t> positions) {
    std::memcpy(executor_->view(1).data, positions.data(), positions.size() * sizeof(int32_t));
  }
  Strings Get(int32_t value) {
    const auto strings = executor_->Strings(value);
    EXPECT_TRUE(strings.ok()) << strings.status().message();
    return strings.ok() ? *strings : Strings{};
  }
  runtime::RunnerOptions options_{.memory_cap = 1 << 20};
  std::unique_ptr<runtime::ModuleRunner> runner_;
  GraphExecutor* executor_ = nullptr;  // the runner's
};

TEST_F(GatherStringsTest, GathersWhatTheCallerSet) {
  Start(TwoGathers());
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(executor_->report(0).kernel, "gather.string.reference");
  EXPECT_EQ(Get(0), Strings({"", "", "", ""}));
  EXPECT_EQ(executor_->Strings(2).status().code(), Code::kInvalidArgument);  // not run yet
  const std::string longer(1000, 'x');
  for (const std::string& last : {std::string("d"), longer, std::string()}) {
    const Strings text = {"a", "", std::string_view("c\0c", 3), last};
    ASSERT_TRUE(executor_->StoreStrings(0, text).ok());
    SetPositions({2, 3, 1});
    ASSERT_FALSE(executor_->Run().ok());  // 3 is no position in the second one's input
    SetPositions({2, 0, 1});
    ASSERT_TRUE(executor_->Run().ok());
    EXPECT_EQ(Get(0), text);
    EXPECT_EQ(Get(2), Strings({text[2], "a", ""}));
    EXPECT_EQ(Get(3), Strings({"", text[2], "a"}));
    EXPECT_EQ(executor_->string_bytes(2), 5u * 4 + 4);
  }
  EXPECT_EQ(executor_->layout_request().tensors[0].bytes, 0u);  // not in the arena
  EXPECT_EQ(executor_->StoreStrings(0, Strings({"one"})).code(), Code::kInvalidArgument);
  SetPositions({0, 0, 9});
  EXPECT_EQ(executor_->Run().code(), Code::kInvalidArgument);
}

TEST_F(GatherStringsTest, KeepsStringsWhileTheirNumberFits) {
  Start(TwoGathers());
  ASSERT_TRUE(executor_->Prepare().ok());
  ASSERT_TRUE(executor_->StoreStrings(0, Strings({"a", "b", "c", "d"})).ok());
  ASSERT_TRUE(executor_->SetInputShape(1, {2}).ok());
  ASSERT_TRUE(executor_->Prepare().ok());
  SetPositions({1, 0});
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get(2), Strings({"b", "a"}));
  EXPECT_EQ(executor_->view(2).shape, (Shape{2}));
  ASSERT_TRUE(executor_->SetInputShape(0, {5}).ok());
  ASSERT_TRUE(executor_->Prepare().ok());
  EXPECT_EQ(Get(0), Strings(5));
}

TEST_F(GatherStringsTest, RefusesABufferThatACallerSpoilt) {
  Start(TwoGathers());
  ASSERT_TRUE(executor_->Prepare().ok());
  SetPositions({0, 1, 2});
  auto* words = executor_->view(0).as_mutable<int32_t>();
  for (int word = 0; word < 6; ++word) {
    const int32_t good = words[word];
    for (const int32_t bad : {-1, 1 << 30}) {
      words[word] = bad;
      EXPECT_EQ(executor_->Run().code(), Code::kInvalidModel) << word;
    }
    words[word] = good;
  }
  EXPECT_TRUE(executor_->Run().ok());
}

TEST_F(GatherStringsTest, RefusesWhatIsOverTheMemoryCap) {
  options_.memory_cap = 10000;
  Start(TwoGathers());
  ASSERT_TRUE(executor_->Prepare().ok());
  const std::string big(9000, 'x');
  const std::string half(4000, 'x');
  EXPECT_TRUE(executor_->StoreStrings(0, Strings({half, "b", "", ""})).ok());
  EXPECT_EQ(executor_->StoreStrings(0, Strings({big, big, "", ""})).code(),
            Code::kResourceExhausted);
  EXPECT_EQ(Get(0), Strings({half, "b", "", ""}));  // as it was
  SetPositions({0, 0, 0});
  EXPECT_EQ(executor_->Run().code(), Code::kResourceExhausted);
  SetPositions({1, 1, 1});
  EXPECT_TRUE(executor_->Run().ok());
  ASSERT_TRUE(executor_->SetInputShape(0, {1 << 30, 1 << 30}).ok());
  EXPECT_EQ(executor_->Prepare().code(), Code::kResourceExhausted);
}

TEST_F(GatherStringsTest, GathersConstants) {
  ir::Module module = TwoGathers();
  const Strings text = {"zero", "one", "two", "three"};
  std::vector<std::byte> bytes(StringBufferBytes(4, 15).value());
  WriteStringBuffer(text, bytes.data());
  module.graphs[0].values[0].data = ir::ConstantData::Own(bytes);
  module.graphs[0].inputs = {1};
  Start(std::move(module));
  ASSERT_TRUE(executor_->Prepare().ok());
  SetPositions({1, 2, 0});
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get(2), Strings({"one", "two", "zero"}));
}

// No kernel that does not say so is shown strings, whatever it checks itself.
TEST_F(GatherStringsTest, RefusesOtherOperators) {
  for (const ir::OpCode op : {ir::OpCode::kRelu, ir::OpCode::kAbs, ir::OpCode::kNeg}) {
    ir::Module module = TwoGathers();
    ir::Node node;
    node.op = op;
    node.inputs = {0};
    node.outputs = {2};
    module.graphs[0].nodes[0] = node;
    module.graphs[0].values[2].shape = {4};
    Start(std::move(module));
    EXPECT_EQ(executor_->Prepare().code(), Code::kUnsupported);
  }
  ir::Module module = TwoGathers();
  module.graphs[0].values[3].is_variable = true;
  Start(std::move(module));
  EXPECT_EQ(executor_->Prepare().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace edgeml::backends
