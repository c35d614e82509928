#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "src/kernels/recurrent/fixed_point_16.h"
#include "src/kernels/recurrent/integer.h"
#include "src/kernels/recurrent/recurrent.h"

namespace edgeml::kernels {
namespace {

// The algorithm's own error on 16 bits reaches 12.05 quanta (tanh, around -1.08).
TEST(FixedPoint16, FollowsTanhAndLogistic) {
  for (int raw = INT16_MIN; raw <= INT16_MAX; raw += 7) {
    const auto x = static_cast<int16_t>(raw);
    for (int bits = 0; bits <= 6; ++bits) {
      const double real = std::ldexp(x, bits - 15);
      EXPECT_NEAR(TanhInt16(x, bits), std::tanh(real) * 32768, 12.5) << real;
    }
    EXPECT_NEAR(LogisticInt16(x), 32768 / (1 + std::exp(-std::ldexp(x, -12))), 12.5) << raw;
  }
  EXPECT_EQ(TanhInt16(0, 3), 0);
  EXPECT_EQ(LogisticInt16(0), 1 << 14);
}

TEST(FixedPoint16, RescalesWithSaturationAndRounding) {
  EXPECT_EQ(RescaleInt16(3, -1), 2);
  EXPECT_EQ(RescaleInt16(-3, -1), -2);
  EXPECT_EQ(RescaleInt16(20000, 1), INT16_MAX);
  EXPECT_EQ(RescaleInt16(-20000, 1), INT16_MIN);
  EXPECT_EQ(MultiplyInt16(INT16_MIN, INT16_MIN), INT16_MAX);
}

// One cell, weights of 1 from the input, none from the state, biases 0.
TEST(Lstm, StepsAsTheEquationsSay) {
  const float one = 1.0f, zero = 0.0f;
  LstmCell cell;
  cell.sequence.batch = 1;
  cell.sequence.time = 2;
  cell.inputs = cell.cells = cell.outputs = cell.output_stride = 1;
  for (LstmGate& gate : cell.gates) {
    gate.input.values = &one;
    gate.recurrent.values = &zero;
    gate.bias = &zero;
  }
  std::vector<std::byte> scratch(LstmScratchBytes(cell));
  const float input[] = {0.5f, -1.0f};
  float output[2], hidden = 0.0f, state = 0.0f;
  RunLstm(cell, input, nullptr, &hidden, &state, scratch.data(), output);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  double c = sigmoid(0.5) * std::tanh(0.5);
  EXPECT_NEAR(output[0], sigmoid(0.5) * std::tanh(c), 1e-6);
  c = sigmoid(-1.0) * c + sigmoid(-1.0) * std::tanh(-1.0);
  EXPECT_NEAR(output[1], sigmoid(-1.0) * std::tanh(c), 1e-6);
  EXPECT_NEAR(state, c, 1e-6);
  EXPECT_EQ(hidden, output[1]);

  // The same from the start, watched.
  hidden = state = 0.0f;
  std::vector<float> states, hiddens;
  const auto watch = [&](LstmInside what, float* values) {
    (what == LstmInside::kCellState ? states : hiddens).push_back(*values);
    EXPECT_TRUE(what == LstmInside::kCellState || what == LstmInside::kHidden);
  };
  const LstmWatch watching(watch);
  RunLstm(cell, input, nullptr, &hidden, &state, scratch.data(), output, &watching);
  EXPECT_EQ(hiddens, std::vector<float>(output, output + 2));
  ASSERT_EQ(states.size(), 2u);
  EXPECT_NEAR(states[0], sigmoid(0.5) * std::tanh(0.5), 1e-6);
  EXPECT_EQ(states[1], state);
}

TEST(Lstm, HybridWeightsStayNearFloatOnes) {
  const int8_t stored[] = {127, -64};
  WeightMatrix matrix;
  matrix.stored = stored;
  matrix.scale = 1.0f / 127;
  std::vector<int32_t> sums(1);
  RowSums(stored, 1, 2, sums.data());
  EXPECT_EQ(sums[0], 63);
  matrix.row_sums = sums.data();
  const float values[] = {0.3f, 0.9f};
  for (const bool asymmetric : {false, true}) {
    int8_t quantized[2];
    float out = 1.0f;
    CellVector(values, 2, quantized, asymmetric).MultiplyInto(matrix, 1, &out);
    EXPECT_NEAR(out, 1.0 + 0.3 - 0.9 * 64 / 127, 0.01);
  }
}

// One cell that keeps its state and lets it out: the same state at two scales gives one output.
TEST(IntegerLstm, TakesTheTanhOfStatesFinerThanTheGates) {
  const int8_t none = 0;
  const int32_t zero = 0, shut = INT16_MIN, open = INT16_MAX;
  for (const int log2 : {-15, -16, -17}) {
    IntegerLstmCell cell;
    cell.sequence.batch = 1;
    cell.inputs = cell.cells = cell.outputs = 1;
    cell.cell_scale_log2 = log2;
    for (IntegerLstmGate& gate : cell.gates) {
      gate.input = gate.recurrent = &none;
      gate.input_bias = &open;
      gate.recurrent_bias = &zero;
      gate.input_scale = gate.recurrent_scale = {1 << 30, 1};
    }
    cell.gates[kInputGate].input_bias = &shut;
    cell.gates[kCellGate].input_bias = &zero;
    cell.hidden_scale = {1 << 30, -22};  // 2^-23: the output has 7 fraction bits
    std::vector<std::byte> scratch(IntegerLstmScratchBytes(cell));
    const int8_t input = 0;
    int8_t hidden = 0, output = 0;
    auto state = static_cast<int16_t>(std::ldexp(0.244, -log2));
    RunIntegerLstm(cell, &input, &hidden, &state, scratch.data(), &output);
    EXPECT_EQ(output, 31) << log2;  // 128 * tanh(0.244) = 30.6
  }
}

TEST(Svdf, ShiftsItsMemory) {
  SvdfShape shape;
  shape.batch = shape.inputs = shape.filters = 1;
  shape.memory = 3;
  const float feature = 2.0f, time[] = {1.0f, 10.0f, 100.0f}, input = 1.5f;
  WeightMatrix features;
  features.values = &feature;
  float state[] = {7.0f, 8.0f, 9.0f}, output = 0.0f;
  std::vector<std::byte> scratch(SvdfScratchBytes(shape));
  RunSvdf(shape, features, time, nullptr, CellActivation::kNone, false, &input, state,
          scratch.data(), &output);
  EXPECT_EQ(state[0], 8.0f);
  EXPECT_EQ(state[1], 9.0f);
  EXPECT_EQ(state[2], 3.0f);
  EXPECT_EQ(output, 8.0f + 90.0f + 300.0f);
}

}  // namespace
}  // namespace edgeml::kernels
