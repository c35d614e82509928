// What the convolution family declines, and why. What it computes is compared with LiteRT in
// tests/conformance.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "src/backends/reference/reference_backend.h"

namespace edgeml::backends {
namespace {

struct Operand {
  DType type = DType::kInvalid;
  Shape shape;
  Quantization quantization;
};

std::string Decline(ir::OpCode op, ir::Attributes attributes, const std::vector<Operand>& inputs,
                    const Operand& output) {
  const auto views = [](const std::vector<Operand>& operands) {
    std::vector<TensorView> out(operands.size());
    for (size_t i = 0; i < out.size(); ++i) {
      out[i].type = operands[i].type;
      out[i].shape = operands[i].shape;
      out[i].quantization = &operands[i].quantization;
    }
    return out;
  };
  ir::Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  const std::vector<Operand> outputs = {output};
  const std::vector<TensorView> in = views(inputs), out = views(outputs);
  const auto kernels = ReferenceBackend().KernelsFor(op);
  if (kernels.empty()) return "no kernel";
  return kernels[0].decline({&node, in, out});
}

Quantization PerTensor(float scale, int64_t zero_point) { return {{scale}, {zero_point}}; }

class ConvDecline : public ::testing::Test {
 protected:
  std::string Decline() const {
    return backends::Decline(ir::OpCode::kConv2D, attrs, {input, filter, bias}, output);
  }
  Operand input{DType::kInt8, {1, 4, 4, 3}, PerTensor(0.1f, -5)};
  Operand filter{DType::kInt8, {2, 3, 3, 3}, {{0.1f, 0.2f}, {0, 0}}};
  Operand bias{DType::kInt32, {2}, {}};
  Operand output{DType::kInt8, {1, 4, 4, 2}, PerTensor(0.1f, 5)};
  ir::ConvAttrs attrs;
};

TEST_F(ConvDecline, TakesPerChannelInt8) { EXPECT_EQ(Decline(), ""); }

TEST_F(ConvDecline, Types) {
  output.type = DType::kUInt8;
  EXPECT_EQ(Decline(), "int8 input with int8 weights and uint8 output is not supported");
  output.type = DType::kInt8;
  bias.type = DType::kFloat32;
  EXPECT_EQ(Decline(), "a bias of float32 with int8 input is not supported");
}

TEST_F(ConvDecline, Quantization) {
  filter.quantization.zero_point[1] = 1;
  EXPECT_EQ(Decline(), "the weights tensor has a zero point of 1, not 0");
  filter.quantization.zero_point[1] = 0;
  filter.quantization.axis = 3;
  EXPECT_EQ(Decline(), "weights have 2 scales along dimension 3, expected 2 along 0");
  filter.quantization.axis = 0;
  input.quantization.zero_point[0] = 128;
  EXPECT_EQ(Decline(), "input has a zero point of 128");
  input.quantization.zero_point[0] = 0;
  output.quantization.scale[0] = 0.0f;
  EXPECT_EQ(Decline(), "output has a scale of 0");
  output.quantization.scale[0] = std::numeric_limits<float>::infinity();
  EXPECT_NE(Decline(), "");
  output.quantization = {};
  EXPECT_EQ(Decline(), "output has no quantization parameters");
}

TEST_F(ConvDecline, Activation) {
  attrs.activation = ir::Activation::kTanh;
  EXPECT_EQ(Decline(), "fused activation TANH is not supported here");
  attrs.activation = ir::Activation::kRelu6;
  EXPECT_EQ(Decline(), "");
  output.quantization.scale[0] = 1e-30f;
  EXPECT_NE(Decline(), "");
}

TEST(FullyConnectedDecline, ShuffledAndBlockwiseWeights) {
  const Operand input{DType::kFloat32, {1, 4}, {}};
  Operand weights{DType::kInt4, {2, 4}, PerTensor(0.1f, 0)};
  const Operand output{DType::kFloat32, {1, 2}, {}};
  ir::FullyConnectedAttrs attrs;
  const auto decline = [&] {
    return Decline(ir::OpCode::kFullyConnected, attrs, {input, weights}, output);
  };
  EXPECT_EQ(decline(), "");
  attrs.activation = ir::Activation::kTanh;  // hybrid weights take it
  EXPECT_EQ(decline(), "");
  weights.quantization.block_size = 32;
  EXPECT_EQ(decline(), "");
  weights.quantization.zero_point = {1};
  EXPECT_EQ(decline(), "the weights tensor has a zero point of 1, not 0");
  attrs.shuffled_4x16_weights = true;
  EXPECT_EQ(decline(), "the weights are shuffled");
}

TEST(L2NormalizationDecline, OutputParametersAreFixed) {
  const Operand input{DType::kInt8, {1, 4}, PerTensor(0.1f, 3)};
  Operand output{DType::kInt8, {1, 4}, PerTensor(1.0f / 128, 0)};
  const auto decline = [&] {
    return Decline(ir::OpCode::kL2Normalization, ir::ActivationAttrs{}, {input}, output);
  };
  EXPECT_EQ(decline(), "");
  output.quantization.scale[0] = 0.01f;
  EXPECT_EQ(decline(), "the output must have scale 1/128 and zero point 0");
}

}  // namespace
}  // namespace edgeml::backends
