// LSTM and SVDF as integers beside the same as floats.
#include "src/compress/quantize/cells.h"

#include "src/compress/quantize/integer.h"
#include "src/compress/quantize/quantize_test.h"

namespace edgeml::quantize {
namespace {

constexpr int32_t kNone = ir::kNoValue;
constexpr size_t kOutputState = 18, kCellState = 19;

struct Form {
  const char* name;
  bool coupled = false, peephole = false, project = false, normalize = false;
};
constexpr Form kForms[] = {
    {.name = "plain"},
    {.name = "coupled", .coupled = true},
    {.name = "peephole", .peephole = true},
    {.name = "project", .project = true},
    {.name = "normalize", .normalize = true},
    {.name = "all", .coupled = true, .peephole = true, .project = true, .normalize = true},
};

class CellsTest : public QuantizeTest {
 protected:
  static constexpr int32_t kDepth = 6, kCells = 12, kWidth = 7, kSteps = 9;

  // The 24 inputs of an LSTM.
  std::vector<int32_t> Inputs(const Form& form, int32_t x) {
    const int32_t width = form.project ? kWidth : kCells;
    const auto gates = [&](const Shape& shape, float low, float high, bool there = true) {
      std::vector<int32_t> values;
      for (int g = 0; g < 4; ++g)
        values.push_back(!there || (form.coupled && g == 0) ? kNone : Weights(shape, low, high));
      return values;
    };
    std::vector<int32_t> inputs = {x};
    const auto append = [&](const std::vector<int32_t>& values) {
      inputs.insert(inputs.end(), values.begin(), values.end());
    };
    append(gates({kCells, kDepth}, -0.6f, 0.6f));
    append(gates({kCells, width}, -0.4f, 0.4f));
    std::vector<int32_t> peepholes = gates({kCells}, -0.5f, 0.5f, form.peephole);
    peepholes.erase(peepholes.begin() + 2);
    append(peepholes);
    append(gates({kCells}, -0.5f, 0.5f));
    inputs.push_back(form.project ? Weights({width, kCells}) : kNone);
    inputs.push_back(form.project ? Weights({width}) : kNone);
    inputs.push_back(b.AddVariable("output_state", DType::kFloat32, {1, width}));
    inputs.push_back(b.AddVariable("cell_state", DType::kFloat32, {1, kCells}));
    append(gates({kCells}, 0.3f, 1.2f, form.normalize));
    return inputs;
  }
  void Lstm(const Form& form, const ir::LstmAttrs& attributes = {}) {
    b = ir::GraphBuilder("main");
    const std::vector<int32_t> inputs = Inputs(form, Input({1, kSteps, kDepth}));
    Finish({Op(OpCode::kUnidirectionalSequenceLstm, inputs, attributes)});
    NameIntermediates(module.graphs[0]);
  }
  Result<ir::Module> Quantized(DType type = DType::kInt8,
                               std::vector<LayerReport>* layers = nullptr) {
    IntegerOptions options;
    options.activations = type;
    options.integer_only = layers == nullptr;
    return QuantizeToIntegers(module, Calibrate(), options, layers);
  }
  static const ir::Node& NodeOf(const ir::Module& which, OpCode op) {
    return *std::ranges::find(which.graphs[0].nodes, op, &ir::Node::op);
  }
  static const ir::Value& ValueOf(const ir::Module& which, int32_t v) {
    return which.graphs[0].values[static_cast<size_t>(v)];
  }
};

TEST_F(CellsTest, EveryFormIsCloseToFloat) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name);
    Lstm(form);
    const auto wanted = Run(module);
    auto quantized = Quantized();
    ASSERT_TRUE(quantized.ok()) << quantized.status().message();
    EXPECT_GE(Sqnr(wanted[0], Run(*quantized)[0]), 30);
    const ir::Node& node = NodeOf(*quantized, OpCode::kUnidirectionalSequenceLstm);
    ASSERT_EQ(node.intermediates.size(), 5u);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNone) continue;
      EXPECT_NE(ValueOf(*quantized, node.inputs[i]).type, DType::kFloat32) << i;
      EXPECT_EQ(ValueOf(*quantized, node.inputs[i]).quantization.scale.size(), 1u) << i;
    }
    // The state has the output's parameters; without projection so have the hidden activations.
    const Quantization& output = ValueOf(*quantized, node.outputs[0]).quantization;
    EXPECT_EQ(ValueOf(*quantized, node.inputs[kOutputState]).quantization.scale, output.scale);
    if (!form.project) {
      EXPECT_EQ(ValueOf(*quantized, node.intermediates[4]).quantization.scale, output.scale);
    }
    const ir::Value& sums = ValueOf(*quantized, node.intermediates[1]);
    EXPECT_EQ(sums.type, form.normalize ? DType::kInt16 : DType::kInt8);
  }
}

// Between its first step and its last a state may be larger than at either end.
TEST_F(CellsTest, TheStateIsSeenAtEachStep) {
  Lstm(kForms[0]);
  MinMax observer(module.graphs[0].values.size());
  Run(module, &observer);
  const ir::Node& node = module.graphs[0].nodes[0];
  const Range seen = *observer.ranges[static_cast<size_t>(node.inputs[kCellState])];
  // Stopped short, it is what it was on the way.
  Range stepwise{0, 0};
  for (int32_t steps = 1; steps <= kSteps; ++steps) {
    runtime::ModuleRunner runner(module, {&backends::ReferenceBackend()}, {});
    ASSERT_TRUE(runner.executor().SetInputShape(0, {1, steps, kDepth}).ok());
    ASSERT_TRUE(runner.executor().Prepare().ok());
    std::mt19937 random(11);
    std::uniform_real_distribution<float> draw(low_, high_);
    for (float& x : runner.executor().input(0).mutable_elements<float>()) x = draw(random);
    ASSERT_TRUE(runner.executor().Run().ok());
    for (const float c : runner.executor().view(node.inputs[kCellState]).elements<float>())
      stepwise.Include({c, c});
  }
  EXPECT_EQ(seen, stepwise);
}

TEST_F(CellsTest, TheStateHasAPowerOfTwoThatLitertKnows) {
  Lstm(kForms[0]);
  Ranges ranges = Calibrate();
  const auto state = static_cast<size_t>(module.graphs[0].nodes[0].inputs[kCellState]);
  for (const auto& [largest, bound] :
       {std::pair(0.01f, 1.0f), {1.0f, 1.0f}, {1.1f, 2.0f}, {5.0f, 8.0f}, {1e6f, 64.0f}}) {
    ranges[state] = Range{-largest / 2, largest};
    auto quantized = QuantizeToIntegers(module, ranges, {}, nullptr);
    ASSERT_TRUE(quantized.ok());
    const ir::Node& node = NodeOf(*quantized, OpCode::kUnidirectionalSequenceLstm);
    const ir::Value& value = ValueOf(*quantized, node.inputs[kCellState]);
    EXPECT_EQ(value.type, DType::kInt16);
    EXPECT_EQ(value.quantization.scale[0], bound / 32768) << largest;
  }
}

TEST_F(CellsTest, WhatHasNoFormStaysFloatWithAReason) {
  const auto reason = [&](DType type = DType::kInt8) {
    std::vector<LayerReport> layers;
    auto quantized = Quantized(type, &layers);
    EXPECT_TRUE(quantized.ok()) << quantized.status().message();
    EXPECT_FALSE(layers.at(0).quantized);
    return layers.at(0).reason;
  };
  Lstm(kForms[0]);
  EXPECT_EQ(reason(DType::kInt16), "no int16 form");
  Lstm(kForms[0], {.activation = ir::Activation::kRelu});
  EXPECT_EQ(reason(), "its activation");
  Lstm(kForms[3]);
  module.graphs[0].nodes[0].intermediates.clear();
  EXPECT_EQ(reason(), "its intermediates have no names");

  b = ir::GraphBuilder("main");
  std::vector<int32_t> inputs = Inputs(kForms[0], Input({1, kSteps, kDepth}));
  const int32_t first = Op(OpCode::kUnidirectionalSequenceLstm, inputs, ir::LstmAttrs{});
  Finish({first, Op(OpCode::kUnidirectionalSequenceLstm, inputs, ir::LstmAttrs{})});
  EXPECT_EQ(reason(), "others share its state");
  Ranges ranges = Calibrate();
  ranges[static_cast<size_t>(inputs[kCellState])].reset();
  Lstm(kForms[0]);
  std::vector<LayerReport> layers;
  ASSERT_TRUE(QuantizeToIntegers(module, ranges, {}, &layers).ok());
  EXPECT_EQ(layers[0].reason, "the range of cell_state is not known");
}

TEST_F(CellsTest, Svdf) {
  for (const ir::Activation activation : {ir::Activation::kRelu, ir::Activation::kNone}) {
    b = ir::GraphBuilder("main");
    constexpr int32_t kUnits = 5, kRank = 2, kMemory = 8;
    const std::vector<int32_t> inputs = {
        Input({2, kDepth}), Weights({kUnits * kRank, kDepth}), Weights({kUnits * kRank, kMemory}),
        Weights({kUnits}, 0, 3),
        b.AddVariable("state", DType::kFloat32, {2, kMemory * kUnits * kRank})};
    Finish({Op(OpCode::kSvdf, inputs, ir::SvdfAttrs{.rank = kRank, .activation = activation})});
    const auto wanted = Run(module);
    std::vector<LayerReport> layers;
    auto quantized = Quantized(DType::kInt8, &layers);
    ASSERT_TRUE(quantized.ok()) << quantized.status().message();
    EXPECT_EQ(layers[0].reason, activation == ir::Activation::kRelu ? "" : "its activation");
    EXPECT_EQ(layers[0].weight_bits, activation == ir::Activation::kRelu ? 8 : 0);
    if (activation == ir::Activation::kRelu) {
      EXPECT_GE(Sqnr(wanted[0], Run(*quantized)[0]), 35);
    }
  }
}

}  // namespace
}  // namespace edgeml::quantize
