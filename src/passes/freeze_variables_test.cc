#include "src/passes/freeze_variables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "src/convert/evaluator.h"
#include "src/ir/builder.h"

namespace edgeml::passes {
namespace {

using ir::OpCode;

// A module whose graph 1 sets up the variable "w" with [1, 2, 3, 4].
class FreezeVariablesTest : public testing::Test {
 protected:
  FreezeVariablesTest() {
    Must(b.Add(OpCode::kCallOnce, {}, ir::CallOnceAttrs{1},
               std::vector<ir::GraphBuilder::Output>{}));
    handle = Handle(b, "w");
    x = b.AddInput("x", DType::kFloat32, {4});
    Assign(setup, Handle(setup, "w"), Floats(setup, {1, 2, 3, 4}));
  }

  template <typename T>
  static T Must(Result<T> made) {
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *std::move(made) : T{};
  }
  static int32_t Handle(ir::GraphBuilder& to, const std::string& name) {
    return Must(to.Add(OpCode::kVarHandle, {}, ir::VarHandleAttrs{"", name},
                       {{DType::kResource, "handle", Shape{}, {}}}))[0];
  }
  static int32_t Floats(ir::GraphBuilder& to, std::vector<float> values) {
    return to.AddConstant("c", {static_cast<int32_t>(values.size())},
                          std::span<const float>(values));
  }
  static void Assign(ir::GraphBuilder& to, int32_t variable, int32_t v) {
    Must(to.Add(OpCode::kAssignVariable, {variable, v}, {},
                std::vector<ir::GraphBuilder::Output>{}));
  }
  int32_t Read() {
    return Must(
        b.Add(OpCode::kReadVariable, {handle}, {}, {{DType::kFloat32, "read", Shape{4}, {}}}))[0];
  }
  int32_t Op(OpCode op, int32_t a, int32_t c) { return Must(b.Add(op, {a, c})); }

  std::vector<std::string> Freeze(std::vector<int32_t> outputs) {
    module.graphs.push_back(b.Finish(std::move(outputs)));
    module.graphs.push_back(setup.Finish({}));
    const Status before = ir::Verify(module);
    EXPECT_TRUE(before.ok()) << before.message();
    auto names = FreezeVariables(module, evaluator);
    const Status after = ir::Verify(module);
    EXPECT_TRUE(after.ok()) << after.message();
    return names;
  }
  size_t Count(OpCode op) const {
    return static_cast<size_t>(std::ranges::count(module.graphs[0].nodes, op, &ir::Node::op));
  }

  convert::ReferenceEvaluator evaluator;
  ir::GraphBuilder b{"main"}, setup{"setup"};
  int32_t handle = 0, x = 0;
  ir::Module module;
};

TEST_F(FreezeVariablesTest, MaskedWeightsBecomeConstants) {
  const int32_t mask = Floats(b, {1, 0, 1, 0});
  Assign(b, handle, Op(OpCode::kMul, Read(), mask));  // changes the variable, in the first run only
  const int32_t y = Op(OpCode::kAdd, x, Read());
  EXPECT_EQ(Freeze({y}), std::vector<std::string>{"w"});
  ASSERT_EQ(module.graphs.size(), 1u);
  ASSERT_EQ(module.graphs[0].nodes.size(), 1u) << ir::ToString(module.graphs[0]);
  const ir::Node& add = module.graphs[0].nodes[0];
  EXPECT_EQ(add.op, OpCode::kAdd);
  const auto& read = module.graphs[0].values[static_cast<size_t>(add.inputs[1])];
  const float expected[] = {1, 0, 3, 0};
  ASSERT_EQ(read.data.bytes.size(), sizeof expected);
  EXPECT_EQ(std::memcmp(read.data.bytes.data(), expected, sizeof expected), 0);
}

TEST_F(FreezeVariablesTest, TwoReadsAreOneConstantAndAnOutputStaysOne) {
  const int32_t first = Read(), second = Read();
  const int32_t y = Op(OpCode::kAdd, first, second);
  EXPECT_EQ(Freeze({y, second}), std::vector<std::string>{"w"});
  EXPECT_TRUE(
      module.graphs[0].values[static_cast<size_t>(module.graphs[0].outputs[1])].is_constant());
}

TEST_F(FreezeVariablesTest, CountersStay) {
  Assign(b, handle, Op(OpCode::kAdd, Read(), Floats(b, {1, 1, 1, 1})));
  EXPECT_TRUE(Freeze({Op(OpCode::kAdd, x, Read())}).empty());
  EXPECT_EQ(Count(OpCode::kAssignVariable), 1u);
  EXPECT_EQ(module.graphs.size(), 2u);
}

TEST_F(FreezeVariablesTest, WhatInputsChangeStays) {
  Assign(b, handle, Op(OpCode::kMul, Read(), x));
  EXPECT_TRUE(Freeze({Op(OpCode::kAdd, x, Read())}).empty());
}

TEST_F(FreezeVariablesTest, AValueThatTheFirstRunShowsStays) {
  const int32_t early = Read();
  Assign(b, handle, Op(OpCode::kMul, early, Floats(b, {1, 0, 1, 0})));
  EXPECT_TRUE(Freeze({Op(OpCode::kAdd, x, early)}).empty());
}

TEST_F(FreezeVariablesTest, WhatFollowsFromAChangingVariableStays) {
  const int32_t other = Handle(b, "v");
  Assign(setup, Handle(setup, "v"), Floats(setup, {5, 6, 7, 8}));
  Assign(b, other, Op(OpCode::kMul, Read(), Floats(b, {1, 0, 1, 0})));
  Assign(b, handle, Op(OpCode::kAdd, Read(), Floats(b, {1, 1, 1, 1})));
  EXPECT_TRUE(Freeze({Op(OpCode::kAdd, x, Read())}).empty());
}

TEST_F(FreezeVariablesTest, OthersAreFrozenBesideAChangingOne) {
  const int32_t other = Handle(b, "v");
  Assign(setup, Handle(setup, "v"), Floats(setup, {5, 6, 7, 8}));
  Assign(
      b, other,
      Op(OpCode::kAdd,
         Must(b.Add(OpCode::kReadVariable, {other}, {}, {{DType::kFloat32, "v", Shape{4}, {}}}))[0],
         x));
  EXPECT_EQ(Freeze({Op(OpCode::kAdd, x, Read())}), std::vector<std::string>{"w"});
  EXPECT_EQ(module.graphs.size(), 2u);
  EXPECT_EQ(Count(OpCode::kCallOnce), 1u);
  EXPECT_EQ(Count(OpCode::kVarHandle), 1u);
  EXPECT_EQ(module.graphs[1].nodes.size(), 2u);
}

TEST_F(FreezeVariablesTest, AVariableThatIsNotSetUpStays) {
  handle = Handle(b, "unknown");
  EXPECT_EQ(Freeze({Op(OpCode::kAdd, x, Read())}), std::vector<std::string>{"w"});  // unused
  EXPECT_EQ(Count(OpCode::kReadVariable), 1u);
}

}  // namespace
}  // namespace edgeml::passes
