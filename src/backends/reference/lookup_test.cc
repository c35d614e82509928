// Tables and texts through the executor: what hostile models and inputs make of them.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/runtime/module_runner.h"

namespace edgeml::backends {
namespace {

using runtime::GraphExecutor;
using Strings = std::vector<std::string_view>;

class LookupTest : public testing::Test {
 protected:
  int32_t Value(DType type, Shape shape) {
    ir::Value value;
    value.type = type;
    value.shape = shape;
    graph().values.push_back(value);
    return static_cast<int32_t>(graph().values.size()) - 1;
  }
  int32_t Input(DType type, Shape shape) {
    graph().inputs.push_back(Value(type, shape));
    return graph().inputs.back();
  }
  int32_t Output(DType type, Shape shape) {
    graph().outputs.push_back(Value(type, shape));
    return graph().outputs.back();
  }
  void Node(ir::OpCode op, ir::Attributes attributes, std::vector<int32_t> inputs,
            std::vector<int32_t> outputs) {
    ir::Node node;
    node.op = op;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    graph().nodes.push_back(std::move(node));
  }
  ir::Graph& graph() {
    if (module_.graphs.empty()) module_.graphs.emplace_back();
    return module_.graphs[0];
  }
  Status Prepare() {
    EXPECT_TRUE(ir::Verify(module_).ok());
    runner_ = std::make_unique<runtime::ModuleRunner>(
        module_, runtime::Backends{&ReferenceBackend()}, options_);
    executor_ = &runner_->executor();
    return executor_->Prepare();
  }
  template <typename T>
  void Set(int32_t value, std::vector<T> data) {
    std::memcpy(executor_->view(value).data, data.data(), data.size() * sizeof(T));
  }
  template <typename T>
  std::vector<T> Get(int32_t value) {
    const auto elements = executor_->view(value).elements<T>();
    return {elements.begin(), elements.end()};
  }

  ir::Module module_;
  runtime::RunnerOptions options_{.memory_cap = 1 << 20};
  std::unique_ptr<runtime::ModuleRunner> runner_;
  GraphExecutor* executor_ = nullptr;  // the runner's
};

TEST_F(LookupTest, RefusesTablesThatAreNotThereOrNotImported) {
  const int32_t handle = Input(DType::kResource, {1}), keys = Input(DType::kString, {2});
  const int32_t numbers = Input(DType::kInt64, {1}), made = Value(DType::kResource, {1});
  const int32_t found = Output(DType::kInt64, {2}), size = Output(DType::kInt64, {1});
  ir::HashtableAttrs attrs{.table_id = 5, .key_type = DType::kString, .value_type = DType::kInt64};
  Node(ir::OpCode::kHashtable, attrs, {}, {made});
  Node(ir::OpCode::kHashtableSize, {}, {handle}, {size});
  Node(ir::OpCode::kHashtableFind, {}, {handle, keys, numbers}, {found});
  ASSERT_TRUE(Prepare().ok());
  for (const int32_t id : {-1, 0, 6, INT32_MIN, INT32_MAX}) {
    Set<int32_t>(handle, {id});
    EXPECT_EQ(executor_->Run().code(), Code::kInvalidModel) << id;
  }
  Set<int32_t>(handle, {5});
  Set<int64_t>(numbers, {-7});
  const Status unfilled = executor_->Run();
  EXPECT_EQ(unfilled.code(), Code::kInvalidModel);
  EXPECT_NE(unfilled.message().find("before it is imported"), std::string::npos);
  ASSERT_TRUE(runner_->context()
                  .resources->FillTable(5, DType::kString, std::vector<int64_t>{3}, Strings{""})
                  .ok());
  ASSERT_TRUE(executor_->StoreStrings(keys, Strings{"a", ""}).ok());
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get<int64_t>(found), (std::vector<int64_t>{-7, 3}));
  EXPECT_EQ(Get<int64_t>(size), (std::vector<int64_t>{1}));
}

TEST_F(LookupTest, RefusesATableWithOtherKeysOrTypes) {
  const int32_t handle = Value(DType::kResource, {1}), keys = Input(DType::kInt64, {2});
  const int32_t text = Input(DType::kString, {2}), found = Output(DType::kString, {2});
  ir::HashtableAttrs attrs{.table_id = 5, .key_type = DType::kString, .value_type = DType::kInt64};
  Node(ir::OpCode::kHashtable, attrs, {}, {handle});
  Node(ir::OpCode::kHashtableImport, {}, {handle, keys, text}, {});
  Node(ir::OpCode::kHashtableFind, {}, {handle, keys, text}, {found});
  ASSERT_TRUE(Prepare().ok());
  EXPECT_EQ(executor_->Run().code(), Code::kInvalidModel);
  attrs.value_type = DType::kString;
  graph().nodes[0].attributes = attrs;
  ASSERT_TRUE(Prepare().ok());
  EXPECT_EQ(executor_->Run().code(), Code::kUnsupported);
  attrs.key_type = DType::kInt64;
  graph().nodes[0].attributes = attrs;
  ASSERT_TRUE(Prepare().ok());
  Set<int64_t>(keys, {4, 4});
  ASSERT_TRUE(executor_->StoreStrings(text, Strings{"first", "second"}).ok());
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(*executor_->Strings(found), Strings({"first", "first"}));
}

TEST_F(LookupTest, RefusesSkipGramsWithoutEnd) {
  const int32_t sentence = Input(DType::kString, {1}), grams = Output(DType::kString, {1});
  Node(ir::OpCode::kSkipGram, ir::SkipGramAttrs{2, 1, false}, {sentence}, {grams});
  ASSERT_TRUE(Prepare().ok());
  ASSERT_TRUE(executor_->StoreStrings(sentence, Strings{"a b  c d"}).ok());
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(*executor_->Strings(grams), Strings({"a b", "a c", "b c", "b d", "c d"}));
  std::string words;
  for (int i = 0; i < 60; ++i) words += "w ";
  for (const ir::SkipGramAttrs& attrs :
       {ir::SkipGramAttrs{50, INT32_MAX, false}, ir::SkipGramAttrs{50, INT32_MAX, true},
        ir::SkipGramAttrs{20, 60, true}, ir::SkipGramAttrs{3, 60, true}}) {
    graph().nodes[0].attributes = attrs;
    ASSERT_TRUE(Prepare().ok());
    ASSERT_TRUE(executor_->StoreStrings(sentence, Strings{words}).ok());
    const bool few = attrs.ngram_size == 3;
    EXPECT_EQ(executor_->Run().code(), few ? Code::kOk : Code::kResourceExhausted);
  }
  EXPECT_EQ(executor_->view(grams).dim(0), 60 + 60 * 59 / 2 + 60 * 59 * 58 / 6);
  for (const ir::SkipGramAttrs& attrs :
       {ir::SkipGramAttrs{INT32_MAX, 1, true}, ir::SkipGramAttrs{INT32_MIN, 1, true},
        ir::SkipGramAttrs{0, 1, true}, ir::SkipGramAttrs{2, INT32_MIN, false}}) {
    graph().nodes[0].attributes = attrs;
    ASSERT_TRUE(Prepare().ok());
    ASSERT_TRUE(executor_->StoreStrings(sentence, Strings{words}).ok());
    ASSERT_TRUE(executor_->Run().ok());
    EXPECT_EQ(executor_->view(grams).dim(0), 0);
  }
}

TEST_F(LookupTest, RefusesSegmentsOverTheMemoryCap) {
  const int32_t data = Input(DType::kFloat32, {3}), ids = Input(DType::kInt32, {3});
  const int32_t count = Input(DType::kInt32, {}), sums = Output(DType::kFloat32, {1});
  Node(ir::OpCode::kUnsortedSegmentSum, {}, {data, ids, count}, {sums});
  ASSERT_TRUE(Prepare().ok());
  Set<float>(data, {1, 2, 3});
  Set<int32_t>(ids, {1, -4, 1});
  Set<int32_t>(count, {INT32_MAX});
  EXPECT_EQ(executor_->Run().code(), Code::kResourceExhausted);
  Set<int32_t>(count, {1});
  EXPECT_EQ(executor_->Run().code(), Code::kInvalidArgument);
  Set<int32_t>(count, {-1});
  EXPECT_EQ(executor_->Run().code(), Code::kInvalidModel);
  Set<int32_t>(count, {2});
  ASSERT_TRUE(executor_->Run().ok());
  EXPECT_EQ(Get<float>(sums), (std::vector<float>{0, 4}));
}

// A tensor that is its own diagonal: the output must not stand in its place.
TEST_F(LookupTest, SetsAMatrixAsItsOwnDiagonal) {
  const int32_t input = Input(DType::kInt32, {2, 3, 3}), copy = Value(DType::kInt32, {2, 3, 3});
  const int32_t set = Output(DType::kInt32, {2, 3, 3});
  Node(ir::OpCode::kAbs, {}, {input}, {copy});
  Node(ir::OpCode::kMatrixSetDiag, {}, {copy, copy}, {set});
  ASSERT_TRUE(Prepare().ok());
  std::vector<int32_t> values(18);
  for (int i = 0; i < 18; ++i) values[static_cast<size_t>(i)] = 100 + i;
  Set<int32_t>(input, values);
  ASSERT_TRUE(executor_->Run().ok());
  for (size_t i = 0; i < 6; ++i) values[i / 3 * 9 + i % 3 * 4] = 100 + static_cast<int32_t>(i);
  EXPECT_EQ(Get<int32_t>(set), values);
}

}  // namespace
}  // namespace edgeml::backends
