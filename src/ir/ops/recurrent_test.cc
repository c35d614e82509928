// What the shape rules of the bidirectional operators refuse; what the operators compute is
// compared with LiteRT in tests/conformance.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "src/ir/op_def.h"

namespace edgeml::ir {
namespace {

TensorView Tensor(Shape shape) {
  TensorView view;
  view.type = DType::kFloat32;
  view.shape = shape;
  return view;
}

// A node of either operator that fits: batch-major [2, 5, 3], forward width 4, backward width 6.
struct Model {
  Node node;
  std::vector<TensorView> inputs, outputs;
  int64_t macs = 0;

  Status Infer() {
    InferContext context{.node = &node, .inputs = inputs, .outputs = outputs};
    EDGEML_RETURN_IF_ERROR(InferShapes(context));
    macs = DefOf(node.op).macs({&node, inputs, outputs});
    return Status::Ok();
  }
  void AddAux(int32_t depth) {
    const bool lstm = node.op == OpCode::kBidirectionalSequenceLstm;
    const size_t aux = lstm ? 39 : 9, per_direction = lstm ? 4 : 1;
    inputs[aux] = Tensor({2, 5, depth});
    for (size_t i = 0; i < 2 * per_direction; ++i)
      inputs[aux + 1 + i] = Tensor({i < per_direction ? 4 : 6, depth});
  }
};

Model Rnn(bool merge = false) {
  Model model;
  model.node.op = OpCode::kBidirectionalSequenceRnn;
  model.node.attributes = BidirectionalRnnAttrs{.merge_outputs = merge};
  model.inputs.resize(12);
  model.outputs.resize(merge ? 1 : 2, Tensor({}));
  model.inputs[0] = Tensor({2, 5, 3});
  for (size_t direction = 0; direction < 2; ++direction) {
    const int32_t n = direction == 0 ? 4 : 6;
    const Shape shapes[] = {{n, 3}, {n, n}, {n}, {2, n}};
    for (size_t i = 0; i < 4; ++i) model.inputs[1 + 4 * direction + i] = Tensor(shapes[i]);
  }
  return model;
}

Model Lstm(bool merge = false) {
  Model model;
  model.node.op = OpCode::kBidirectionalSequenceLstm;
  model.node.attributes = BidirectionalLstmAttrs{.merge_outputs = merge, .time_major = false};
  model.inputs.resize(48);
  model.outputs.resize(merge ? 1 : 2, Tensor({}));
  model.inputs[0] = Tensor({2, 5, 3});
  for (size_t direction = 0; direction < 2; ++direction) {
    const int32_t n = direction == 0 ? 4 : 6;
    const size_t base = 17 * direction;
    for (size_t g = 0; g < 4; ++g) {
      model.inputs[base + 1 + g] = Tensor({n, 3});
      model.inputs[base + 5 + g] = Tensor({n, n});
      model.inputs[base + 12 + g] = Tensor({n});
    }
    model.inputs[35 + 2 * direction] = model.inputs[36 + 2 * direction] = Tensor({2, n});
  }
  return model;
}

TEST(BidirectionalRules, Outputs) {
  for (Model model : {Rnn(), Lstm()}) {
    ASSERT_TRUE(model.Infer().ok()) << model.Infer().message();
    EXPECT_EQ(model.outputs[0].shape, (Shape{2, 5, 4}));
    EXPECT_EQ(model.outputs[1].shape, (Shape{2, 5, 6}));
    const int64_t gates = model.node.op == OpCode::kBidirectionalSequenceLstm ? 4 : 1;
    EXPECT_EQ(model.macs, 2 * 5 * gates * (4 * 3 + 4 * 4 + 6 * 3 + 6 * 6));
  }
  for (Model model : {Rnn(true), Lstm(true)}) {
    model.AddAux(7);
    ASSERT_TRUE(model.Infer().ok()) << model.Infer().message();
    EXPECT_EQ(model.outputs[0].shape, (Shape{2, 5, 10}));
    model.outputs.push_back(Tensor({}));
    EXPECT_FALSE(model.Infer().ok());  // merged outputs are one
  }
}

TEST(BidirectionalRules, RefuseWhatDoesNotFit) {
  for (const Model& good : {Rnn(), Lstm()}) {
    const size_t aux = good.node.op == OpCode::kBidirectionalSequenceLstm ? 39 : 9;
    // Every input that is there matters.
    for (size_t i = 0; i < good.inputs.size(); ++i) {
      if (!good.inputs[i].present()) continue;
      Model model = good;
      model.inputs[i].shape.push_back(2);
      EXPECT_FALSE(model.Infer().ok()) << "rank of input " << i;
      model = good;
      model.inputs[i].shape[0] += 1;
      EXPECT_FALSE(model.Infer().ok()) << "size of input " << i;
      model = good;
      model.inputs[i] = {};
      EXPECT_FALSE(model.Infer().ok()) << "absence of input " << i;
    }
    Model model = good;
    model.AddAux(7);
    EXPECT_TRUE(model.Infer().ok()) << model.Infer().message();
    for (size_t i = aux; i < model.inputs.size(); ++i) {
      Model worse = model;
      worse.inputs[i].shape[0] += 1;
      EXPECT_FALSE(worse.Infer().ok()) << "size of input " << i;
      worse = model;
      worse.inputs[i] = {};
      EXPECT_FALSE(worse.Infer().ok()) << "absence of input " << i;
    }
    // Without weights it stands for the first input.
    model = good;
    model.inputs[aux] = Tensor({2, 5, 3});
    EXPECT_TRUE(model.Infer().ok());
    model.inputs[aux] = Tensor({2, 5, 4});
    EXPECT_FALSE(model.Infer().ok());
  }
}

TEST(BidirectionalRules, RefusesMergedOutputsBeyond32Bits) {
  Model model = Rnn(true);
  const int32_t huge = std::numeric_limits<int32_t>::max() - 2;
  model.inputs[1] = Tensor({huge, 3});
  model.inputs[2] = Tensor({huge, huge});
  model.inputs[3] = Tensor({huge});
  model.inputs[4] = Tensor({2, huge});
  EXPECT_FALSE(model.Infer().ok());
}

}  // namespace
}  // namespace edgeml::ir
