#include "src/kernels/recurrent/integer.h"

#include <algorithm>
#include <cstring>

#include "src/base/stop.h"
#include "src/kernels/recurrent/fixed_point_16.h"
#include "src/tensor/inverse_sqrt.h"

namespace edgeml::kernels {
namespace {

int16_t ClampInt16(int64_t x) {
  return static_cast<int16_t>(std::clamp<int64_t>(x, INT16_MIN, INT16_MAX));
}
int8_t ClampInt8(int64_t x) { return static_cast<int8_t>(std::clamp<int64_t>(x, -128, 127)); }

// bias + row . vector, wrapping.
int32_t Dot(const int8_t* row, const int8_t* vector, int64_t n, int32_t bias) {
  auto sum = static_cast<uint32_t>(bias);
  for (int64_t i = 0; i < n; ++i) sum += static_cast<uint32_t>(int32_t{row[i]} * vector[i]);
  return static_cast<int32_t>(sum);
}

// a * b / 2^shift, rounded, kept to 16 bits.
int16_t MultiplyShift(int16_t a, int16_t b, int shift) {
  return static_cast<int16_t>(RoundingDivideByPowerOfTwo(int32_t{a} * b, shift));
}

// x * m like MultiplyByFixedPoint, but with ties of the final shift rounded up: LiteRT runs the
// basic LSTM's matrix product through a library that rounds so, other than its own kernels.
int32_t MultiplyTiesUp(int32_t x, FixedPointMultiplier m) {
  const int right = m.shift < 0 ? -m.shift : 0;
  const int64_t high = MultiplyByFixedPoint(x, {m.mantissa, std::max(m.shift, 0)});
  return static_cast<int32_t>(right == 0 ? high : (high + (int64_t{1} << (right - 1))) >> right);
}

template <typename T>
void Clip(T* values, int64_t n, T limit) {
  if (limit <= 0) return;
  const auto low = static_cast<T>(-limit);
  for (int64_t i = 0; i < n; ++i) values[i] = std::clamp(values[i], low, limit);
}

// Normalizes the gate's sums to mean 0 and deviation 1 (with 10 more fraction bits while at it),
// then scales and shifts.
void LayerNorm(const IntegerLstmGate& gate, int64_t n, int16_t* values) {
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t value = values[i];
    sum += value;
    squares += int64_t{value} * value;
  }
  const auto mean = static_cast<int32_t>(sum * 1024 / n);
  const int64_t per_element = (1 << 20) / n;
  const int64_t variance = squares * per_element - int64_t{mean} * mean;
  auto scaled_variance = static_cast<int32_t>(variance / (1 << 20));
  if (scaled_variance < 1) scaled_variance = gate.variance_guard;
  const FixedPointMultiplier inverse = InverseSqrt(scaled_variance);
  const FixedPointMultiplier out_scale = {gate.layer_norm_scale.mantissa,
                                          gate.layer_norm_scale.shift + 12};
  for (int64_t i = 0; i < n; ++i) {
    const int32_t centered = 1024 * int32_t{values[i]} - mean;
    const int32_t normalized = MultiplyByFixedPoint(centered, inverse);
    const auto weighted = static_cast<int32_t>(
        static_cast<uint32_t>(normalized) * static_cast<uint32_t>(int32_t{gate.layer_norm[i]}) +
        static_cast<uint32_t>(gate.layer_norm_bias[i]));
    const int64_t wide = weighted;
    const auto rounded = static_cast<int32_t>((wide > 0 ? wide + 512 : wide - 512) / 1024);
    values[i] = ClampInt16(MultiplyByFixedPoint(rounded, out_scale));
  }
}

// tanh of the cell state. A state finer than 2^-15 has no integer bits at all: it is brought to
// 2^-15 first.
int16_t TanhOfCell(int16_t state, int scale_log2) {
  const int integer_bits = 15 + scale_log2;
  return integer_bits >= 0 ? TanhInt16(state, integer_bits)
                           : TanhInt16(RescaleInt16(state, integer_bits), 0);
}

struct Scratch {
  int16_t* gates[kNumGates];
  int8_t* hidden;
  Scratch(void* block, int64_t cells) {
    auto* pieces = static_cast<int16_t*>(block);
    for (int16_t*& gate : gates) {
      gate = pieces;
      pieces += cells;
    }
    hidden = reinterpret_cast<int8_t*>(pieces);
  }
};

// `row` is the batch row among the `rows` that LiteRT computes in one call. Its peephole product
// walks `outputs` elements per batch row although there are `cells`, which a projection to fewer
// outputs makes visible; the same elements are chosen here. (With more outputs than cells it would
// read past the weights; then every cell gets its own.)
void RunGate(const IntegerLstmCell& cell, const IntegerLstmGate& gate, const int8_t* input,
             const int8_t* output_state, const int16_t* cell_state, int64_t row, int64_t rows,
             bool tanh, int16_t* out) {
  const int64_t n = cell.cells;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t from_input =
        Dot(gate.input + i * cell.inputs, input, cell.inputs, gate.input_bias[i]);
    out[i] = ClampInt16(MultiplyByFixedPoint(from_input, gate.input_scale));
    const int32_t from_state =
        Dot(gate.recurrent + i * cell.outputs, output_state, cell.outputs, gate.recurrent_bias[i]);
    out[i] = ClampInt16(int64_t{MultiplyByFixedPoint(from_state, gate.recurrent_scale)} + out[i]);
  }
  if (gate.peephole != nullptr) {
    const int64_t width = std::min(n, cell.outputs);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t flat = row * n + i;
      if (flat >= rows * width) break;
      const int32_t product = int32_t{gate.peephole[flat % width]} * cell_state[i];
      out[i] = ClampInt16(int64_t{MultiplyByFixedPoint(product, gate.peephole_scale)} + out[i]);
    }
  }
  if (gate.layer_norm != nullptr) LayerNorm(gate, n, out);
  for (int64_t i = 0; i < n; ++i) out[i] = tanh ? TanhInt16(out[i], 3) : LogisticInt16(out[i]);
}

void StepIntegerLstm(const IntegerLstmCell& cell, const Scratch& scratch, const int8_t* input,
                     int8_t* output_state, int16_t* cell_state, int64_t row, int64_t rows,
                     int8_t* output) {
  const auto run_gate = [&](LstmGateIndex g) {
    RunGate(cell, cell.gates[g], input, output_state, cell_state, row, rows, g == kCellGate,
            scratch.gates[g]);
  };
  const int64_t n = cell.cells;
  if (!cell.coupled()) run_gate(kInputGate);
  run_gate(kForgetGate);
  run_gate(kCellGate);
  for (int64_t i = 0; i < n; ++i) {
    const int16_t forget = scratch.gates[kForgetGate][i];
    const int16_t write =
        cell.coupled() ? static_cast<int16_t>(INT16_MAX - forget) : scratch.gates[kInputGate][i];
    const int16_t kept = MultiplyShift(forget, cell_state[i], 15);
    const int16_t added =
        MultiplyShift(write, scratch.gates[kCellGate][i], 30 + cell.cell_scale_log2);
    cell_state[i] = SaturatingAddInt16(kept, added);
  }
  Clip(cell_state, n, cell.cell_clip);
  run_gate(kOutputGate);

  const bool project = cell.projection != nullptr;
  int8_t* hidden = project ? scratch.hidden : output_state;
  const int32_t zero_point = project ? -cell.hidden_zero_point : cell.hidden_zero_point;
  for (int64_t i = 0; i < n; ++i) {
    const int16_t bounded = TanhOfCell(cell_state[i], cell.cell_scale_log2);
    const int32_t product = int32_t{scratch.gates[kOutputGate][i]} * bounded;
    hidden[i] = ClampInt8(int64_t{MultiplyByFixedPoint(product, cell.hidden_scale)} + zero_point);
  }
  if (project) {
    for (int64_t i = 0; i < cell.outputs; ++i) {
      const int32_t sum = Dot(cell.projection + i * n, hidden, n, cell.projection_bias[i]);
      output_state[i] = ClampInt8(int64_t{MultiplyByFixedPoint(sum, cell.projection_scale)} +
                                  cell.output_zero_point);
    }
    Clip(output_state, cell.outputs, cell.projection_clip);
  }
  std::copy_n(output_state, cell.outputs, output);
}

}  // namespace

uint64_t IntegerLstmScratchBytes(const IntegerLstmCell& cell) {
  return static_cast<uint64_t>(cell.cells) * (kNumGates * sizeof(int16_t) + sizeof(int8_t));
}

void RunIntegerLstm(const IntegerLstmCell& cell, const int8_t* input, int8_t* output_state,
                    int16_t* cell_state, void* scratch_block, int8_t* output) {
  const Scratch scratch(scratch_block, cell.cells);
  const SequenceShape& sequence = cell.sequence;
  for (int64_t b = 0; b < sequence.batch; ++b) {
    for (int64_t t = 0; t < sequence.time; ++t) {
      if (StopRequested()) return;
      const int64_t at = sequence.Row(b, t);
      StepIntegerLstm(cell, scratch, input + at * cell.inputs, output_state + b * cell.outputs,
                      cell_state + b * cell.cells, sequence.time_major ? b : 0,
                      sequence.time_major ? sequence.batch : 1, output + at * cell.outputs);
    }
  }
}

void RunQuantizedBasicLstm(const QuantizedBasicLstm& cell, const uint8_t* input,
                           const uint8_t* activation, const uint8_t* weights, const int32_t* bias,
                           const int16_t* state, uint8_t* new_activation, int16_t* new_state,
                           uint8_t* joined, int16_t* gates) {
  const int64_t n = cell.shape.cells;
  const int64_t depth = cell.shape.inputs + n;
  for (int64_t b = 0; b < cell.shape.batch; ++b) {
    if (StopRequested()) return;
    uint8_t* row = joined + b * depth;
    std::copy_n(input + b * cell.shape.inputs, cell.shape.inputs, row);
    std::copy_n(activation + b * n, n, row + cell.shape.inputs);
    int16_t* gate = gates + b * 4 * n;
    for (int64_t r = 0; r < 4 * n; ++r) {
      auto sum = static_cast<uint32_t>(bias[r]);
      for (int64_t c = 0; c < depth; ++c) {
        const auto weight = static_cast<int16_t>(weights[r * depth + c] - cell.weights_zero_point);
        sum += static_cast<uint32_t>((row[c] - 128) * int32_t{weight});
      }
      gate[r] = ClampInt16(MultiplyTiesUp(static_cast<int32_t>(sum), cell.accumulator_scale));
    }
    for (int64_t i = 0; i < n; ++i) {
      const int16_t write = MultiplyInt16(LogisticInt16(gate[i]), TanhInt16(gate[n + i], 3));
      const int16_t kept = MultiplyInt16(LogisticInt16(gate[2 * n + i]), state[b * n + i]);
      const int16_t next = SaturatingAddInt16(RescaleInt16(write, -4), kept);
      const int16_t out =
          MultiplyInt16(LogisticInt16(gate[3 * n + i]), TanhInt16(RescaleInt16(next, 1), 3));
      new_state[b * n + i] = next;
      new_activation[b * n + i] =
          static_cast<uint8_t>(128 + std::clamp<int16_t>(RescaleInt16(out, -8), -128, 127));
    }
  }
}

void RunIntegerSvdf(const IntegerSvdf& cell, const int8_t* input, const int8_t* features,
                    const int16_t* time_weights, const int32_t* bias, int16_t* state,
                    int8_t* output) {
  const SvdfShape& shape = cell.shape;
  const int64_t units = shape.units();
  for (int64_t b = 0; b < shape.batch; ++b) {
    if (StopRequested()) return;
    const int8_t* vector = input + b * shape.inputs;
    int16_t* memory = state + b * shape.filters * shape.memory;
    for (int64_t u = 0; u < units; ++u) {
      uint32_t total = 0;
      for (int64_t f = u * shape.rank; f < (u + 1) * shape.rank; ++f) {
        int16_t* line = memory + f * shape.memory;
        std::memmove(line, line + 1, static_cast<size_t>(shape.memory - 1) * sizeof(int16_t));
        uint32_t feature = 0;
        for (int64_t c = 0; c < shape.inputs; ++c)
          feature += static_cast<uint32_t>(int32_t{features[f * shape.inputs + c]}) *
                     (static_cast<uint32_t>(int32_t{vector[c]}) -
                      static_cast<uint32_t>(cell.input_zero_point));
        line[shape.memory - 1] =
            ClampInt16(MultiplyByFixedPoint(static_cast<int32_t>(feature), cell.state_scale));
        const int16_t* weights = time_weights + f * shape.memory;
        for (int64_t m = 0; m < shape.memory; ++m)
          total += static_cast<uint32_t>(int32_t{weights[m]} * line[m]);
      }
      if (bias != nullptr) total += static_cast<uint32_t>(bias[u]);
      const int32_t scaled = MultiplyByFixedPoint(static_cast<int32_t>(total), cell.output_scale);
      output[b * units + u] = ClampInt8(int64_t{scaled} + cell.output_zero_point);
    }
  }
}

}  // namespace edgeml::kernels
