#include "src/convert/evaluator.h"

#include <gtest/gtest.h>

#include <cstring>

namespace edgeml::convert {
namespace {

TensorView View(std::vector<float>& data, Shape shape) {
  TensorView view;
  view.data = data.data();
  view.type = DType::kFloat32;
  view.shape = shape;
  view.SetDenseStrides();
  return view;
}

ir::Node MakeAdd() {
  ir::Node node;
  node.op = ir::OpCode::kAdd;
  node.inputs = {5, 9};
  node.outputs = {7};
  node.attributes = ir::BinaryAttrs{};
  return node;
}

TEST(ReferenceEvaluator, ComputesOneNode) {
  std::vector<float> a = {1, 2, 3, 4}, c = {10, 20};
  const TensorView inputs[] = {View(a, {2, 2}), View(c, {2})};
  std::vector<float> none;
  const TensorView outputs[] = {View(none, {2, 2})};
  ReferenceEvaluator evaluator;
  const auto result = evaluator.Evaluate(MakeAdd(), inputs, outputs);
  ASSERT_TRUE(result.ok()) << result.status().message();
  float sums[4];
  ASSERT_EQ((*result)[0].bytes.size(), sizeof sums);
  std::memcpy(sums, (*result)[0].bytes.data(), sizeof sums);
  EXPECT_EQ(std::vector<float>(sums, sums + 4), (std::vector<float>{11, 22, 13, 24}));
}

TEST(ReferenceEvaluator, RefusesWhatItCannotCompute) {
  std::vector<float> a = {1, 2, 3, 4}, none;
  const TensorView inputs[] = {View(a, {2, 2}), View(a, {2, 2})};
  const TensorView wrong[] = {View(none, {4})};
  const TensorView outputs[] = {View(none, {2, 2})};
  ReferenceEvaluator evaluator;
  EXPECT_EQ(evaluator.Evaluate(MakeAdd(), inputs, wrong).status().code(), Code::kInvalidModel);

  ir::Node custom;
  custom.attributes = ir::OpaqueAttrs{"Mine", true, {}, nullptr, 0};
  EXPECT_EQ(evaluator.Evaluate(custom, inputs, outputs).status().code(), Code::kUnsupported);

  ReferenceEvaluator small(8);
  EXPECT_EQ(small.Evaluate(MakeAdd(), inputs, outputs).status().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace edgeml::convert
