#include "src/kernels/recurrent/recurrent.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/base/stop.h"
#include "src/kernels/quantize/dynamic_range.h"

namespace edgeml::kernels {
namespace {

// Consecutive pieces of a scratch block, 8-byte aligned; with a null block it only counts.
class Carver {
 public:
  explicit Carver(void* block) : block_(static_cast<char*>(block)) {}
  template <typename T>
  T* Take(int64_t count) {
    T* piece =
        block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + static_cast<size_t>(used_));
    used_ += (static_cast<uint64_t>(count) * sizeof(T) + 7) & ~uint64_t{7};
    return piece;
  }
  uint64_t used() const { return used_; }

 private:
  char* block_;
  uint64_t used_ = 0;  // may be more than can be addressed, when nothing is cut yet
};

struct LstmScratch {
  float* gates[kNumGates];
  int8_t *input, *aux, *state, *hidden;
  explicit LstmScratch(Carver& carver, const LstmCell& cell) {
    for (float*& gate : gates) gate = carver.Take<float>(cell.cells);
    input = carver.Take<int8_t>(cell.inputs);
    aux = carver.Take<int8_t>(cell.aux_inputs);
    state = carver.Take<int8_t>(cell.outputs);
    hidden = carver.Take<int8_t>(cell.cells);
  }
};

void Clip(float* values, int64_t n, float limit) {
  if (!(limit > 0.0f)) return;
  for (int64_t i = 0; i < n; ++i) values[i] = std::max(-limit, std::min(limit, values[i]));
}

// values = (values - mean) / sqrt(variance + 1e-8) * weights + bias.
void LayerNorm(float* values, int64_t n, const float* weights, const float* bias) {
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) sum += values[i];
  const float mean = sum / static_cast<float>(n);
  float squares = 0.0f;
  for (int64_t i = 0; i < n; ++i) squares += (values[i] - mean) * (values[i] - mean);
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(n) + 1e-8f);
  for (int64_t i = 0; i < n; ++i) values[i] = (values[i] - mean) * inverse * weights[i] + bias[i];
}

void RunGate(const LstmCell& cell, LstmGateIndex g, const CellVector& input, const CellVector* aux,
             const CellVector& state, const float* cell_state, CellActivation activation,
             const LstmWatch* watch, float* out) {
  const LstmGate& gate = cell.gates[g];
  const int64_t cells = cell.cells;
  if (gate.layer_norm != nullptr) {
    std::fill_n(out, cells, 0.0f);
  } else {
    std::copy_n(gate.bias, cells, out);
  }
  input.MultiplyInto(gate.input, cells, out);
  if (aux != nullptr) aux->MultiplyInto(gate.aux, cells, out);
  state.MultiplyInto(gate.recurrent, cells, out);
  if (gate.peephole != nullptr)
    for (int64_t i = 0; i < cells; ++i) out[i] += gate.peephole[i] * cell_state[i];
  if (gate.layer_norm != nullptr) {
    if (watch != nullptr) (*watch)(static_cast<LstmInside>(g), out);
    LayerNorm(out, cells, gate.layer_norm, gate.bias);
  }
  for (int64_t i = 0; i < cells; ++i) out[i] = Activate(activation, out[i]);
}

// One batch row, one time step.
void StepLstm(const LstmCell& cell, const LstmScratch& scratch, const float* input_row,
              const float* aux_row, float* output_state, float* cell_state, const LstmWatch* watch,
              float* output) {
  const CellVector input(input_row, cell.inputs, scratch.input, cell.asymmetric);
  const CellVector aux(aux_row, aux_row == nullptr ? 0 : cell.aux_inputs, scratch.aux,
                       cell.asymmetric);
  const CellVector state(output_state, cell.outputs, scratch.state, cell.asymmetric);
  const auto run_gate = [&](LstmGateIndex g, CellActivation activation) {
    RunGate(cell, g, input, aux_row == nullptr ? nullptr : &aux, state, cell_state, activation,
            watch, scratch.gates[g]);
  };
  if (!cell.coupled()) run_gate(kInputGate, CellActivation::kSigmoid);
  run_gate(kForgetGate, CellActivation::kSigmoid);
  run_gate(kCellGate, cell.activation);
  const float* forget = scratch.gates[kForgetGate];
  const float* candidate = scratch.gates[kCellGate];
  for (int64_t i = 0; i < cell.cells; ++i) {
    const float write = cell.coupled() ? 1.0f - forget[i] : scratch.gates[kInputGate][i];
    cell_state[i] = forget[i] * cell_state[i];
    cell_state[i] += candidate[i] * write;
  }
  Clip(cell_state, cell.cells, cell.cell_clip);
  if (watch != nullptr) (*watch)(LstmInside::kCellState, cell_state);
  run_gate(kOutputGate, CellActivation::kSigmoid);

  float* hidden = scratch.gates[kCellGate];
  for (int64_t i = 0; i < cell.cells; ++i)
    hidden[i] = scratch.gates[kOutputGate][i] * Activate(cell.activation, cell_state[i]);
  if (watch != nullptr) (*watch)(LstmInside::kHidden, hidden);
  if (cell.projection.present()) {
    for (int64_t i = 0; i < cell.outputs; ++i)
      output_state[i] = cell.projection_bias != nullptr ? cell.projection_bias[i] : 0.0f;
    CellVector(hidden, cell.cells, scratch.hidden, cell.asymmetric)
        .MultiplyInto(cell.projection, cell.outputs, output_state);
    Clip(output_state, cell.outputs, cell.projection_clip);
  } else {
    std::copy_n(hidden, cell.outputs, output_state);
  }
  std::copy_n(output_state, cell.outputs, output);
}

float Logistic(float x) { return 1.0f / (1.0f + std::exp(-x)); }

}  // namespace

float Activate(CellActivation activation, float x) {
  switch (activation) {
    case CellActivation::kNone:
      return x;
    case CellActivation::kRelu:
      return std::max(0.0f, x);
    case CellActivation::kReluN1To1:
      return std::max(-1.0f, std::min(1.0f, x));
    case CellActivation::kRelu6:
      return std::max(0.0f, std::min(6.0f, x));
    case CellActivation::kTanh:
      return std::tanh(x);
    case CellActivation::kSignBit:
      return std::signbit(x) ? 1.0f : 0.0f;
    case CellActivation::kSigmoid:
      return Logistic(x);
  }
  return x;
}

void RowSums(const int8_t* matrix, int64_t rows, int64_t cols, int32_t* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    uint32_t sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += static_cast<uint32_t>(int32_t{matrix[r * cols + c]});
    sums[r] = static_cast<int32_t>(sum);
  }
}

CellVector::CellVector(const float* values, int64_t n, int8_t* stored, bool asymmetric)
    : values_(values), n_(n), stored_(stored) {
  if (stored != nullptr)
    QuantizeRows(values, 1, static_cast<size_t>(n), asymmetric, stored, &scale_, &zero_point_);
}

void CellVector::MultiplyInto(const WeightMatrix& matrix, int64_t rows, float* out) const {
  if (matrix.diagonal) {
    for (int64_t r = 0; r < rows; ++r) out[r] += matrix.values[r] * values_[r];
    return;
  }
  if (matrix.values != nullptr) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = matrix.values + r * n_;
      float sum = 0.0f;
      for (int64_t c = 0; c < n_; ++c) sum += row[c] * values_[c];
      out[r] += sum;
    }
    return;
  }
  const float scale = scale_ * matrix.scale;
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t* row = matrix.stored + r * n_;
    uint32_t sum = 0;  // wraps as two's complement
    for (int64_t c = 0; c < n_; ++c)
      sum += static_cast<uint32_t>(int32_t{row[c]} * int32_t{stored_[c]});
    if (zero_point_ != 0)
      sum -= static_cast<uint32_t>(zero_point_) * static_cast<uint32_t>(matrix.row_sums[r]);
    out[r] += static_cast<float>(static_cast<int32_t>(sum)) * scale;
  }
}

uint64_t LstmScratchBytes(const LstmCell& cell) {
  Carver carver(nullptr);
  LstmScratch scratch(carver, cell);
  return carver.used();
}

void RunLstm(const LstmCell& cell, const float* input, const float* aux, float* output_state,
             float* cell_state, void* scratch_block, float* output, const LstmWatch* watch) {
  Carver carver(scratch_block);
  LstmScratch scratch(carver, cell);
  const bool hybrid = cell.gates[kForgetGate].input.stored != nullptr;
  if (!hybrid) scratch.input = scratch.aux = scratch.state = scratch.hidden = nullptr;
  for (int64_t b = 0; b < cell.sequence.batch; ++b) {
    for (int64_t t = 0; t < cell.sequence.time; ++t) {
      if (StopRequested()) return;
      const int64_t row = cell.sequence.Row(b, t);
      StepLstm(cell, scratch, input + row * cell.inputs,
               aux == nullptr ? nullptr : aux + row * cell.aux_inputs,
               output_state + b * cell.outputs, cell_state + b * cell.cells, watch,
               output + row * cell.output_stride);
    }
  }
}

void RunBasicLstm(const BasicLstmShape& shape, const float* input, const float* activation,
                  const float* weights, const float* bias, const float* state,
                  float* new_activation, float* new_state, float* joined, float* gates) {
  const int64_t n = shape.cells;
  const int64_t depth = shape.inputs + n;
  for (int64_t b = 0; b < shape.batch; ++b) {
    if (StopRequested()) return;
    float* row = joined + b * depth;
    std::copy_n(input + b * shape.inputs, shape.inputs, row);
    std::copy_n(activation + b * n, n, row + shape.inputs);
    float* gate = gates + b * 4 * n;
    std::copy_n(bias, 4 * n, gate);
    WeightMatrix matrix;
    matrix.values = weights;
    CellVector(row, depth, nullptr, false).MultiplyInto(matrix, 4 * n, gate);
    for (int64_t i = 0; i < n; ++i) {
      const float next =
          Logistic(gate[i]) * std::tanh(gate[n + i]) + Logistic(gate[2 * n + i]) * state[b * n + i];
      new_state[b * n + i] = next;
      new_activation[b * n + i] = Logistic(gate[3 * n + i]) * std::tanh(next);
    }
  }
}

uint64_t RnnScratchBytes(const RnnCell& cell) {
  Carver carver(nullptr);
  carver.Take<int8_t>(cell.inputs);
  carver.Take<int8_t>(cell.aux_inputs);
  carver.Take<int8_t>(cell.units);
  return carver.used();
}

void RunRnn(const RnnCell& cell, const float* input, const float* aux, float* hidden, void* scratch,
            float* output) {
  Carver carver(scratch);
  int8_t* stored_input = carver.Take<int8_t>(cell.inputs);
  int8_t* stored_aux = carver.Take<int8_t>(cell.aux_inputs);
  int8_t* stored_hidden = carver.Take<int8_t>(cell.units);
  if (cell.input.stored == nullptr) stored_input = stored_aux = stored_hidden = nullptr;
  for (int64_t b = 0; b < cell.sequence.batch; ++b) {
    float* state = hidden + b * cell.units;
    for (int64_t t = 0; t < cell.sequence.time; ++t) {
      if (StopRequested()) return;
      const int64_t row = cell.sequence.Row(b, t);
      float* out = output + row * cell.output_stride;
      std::copy_n(cell.bias, cell.units, out);
      CellVector(input + row * cell.inputs, cell.inputs, stored_input, cell.asymmetric)
          .MultiplyInto(cell.input, cell.units, out);
      if (aux != nullptr) {
        const int64_t at = b * cell.aux_batch_stride + cell.sequence.At(t) * cell.aux_time_stride;
        CellVector(aux + at, cell.aux_inputs, stored_aux, cell.asymmetric)
            .MultiplyInto(cell.aux, cell.units, out);
      }
      CellVector(state, cell.units, stored_hidden, cell.asymmetric)
          .MultiplyInto(cell.recurrent, cell.units, out);
      for (int64_t i = 0; i < cell.units; ++i) out[i] = Activate(cell.activation, out[i]);
      std::copy_n(out, cell.units, state);
    }
  }
}

uint64_t SvdfScratchBytes(const SvdfShape& shape) {
  Carver carver(nullptr);
  carver.Take<float>(shape.filters);
  carver.Take<int8_t>(shape.inputs);
  return carver.used();
}

void RunSvdf(const SvdfShape& shape, const WeightMatrix& features, const float* time_weights,
             const float* bias, CellActivation activation, bool asymmetric, const float* input,
             float* state, void* scratch, float* output) {
  Carver carver(scratch);
  float* latest = carver.Take<float>(shape.filters);
  int8_t* stored = carver.Take<int8_t>(shape.inputs);
  if (features.stored == nullptr) stored = nullptr;
  const int64_t units = shape.units();
  for (int64_t b = 0; b < shape.batch; ++b) {
    if (StopRequested()) return;
    float* memory = state + b * shape.filters * shape.memory;
    std::fill_n(latest, shape.filters, 0.0f);
    CellVector(input + b * shape.inputs, shape.inputs, stored, asymmetric)
        .MultiplyInto(features, shape.filters, latest);
    float* out = output + b * units;
    std::fill_n(out, units, 0.0f);
    for (int64_t f = 0; f < shape.filters; ++f) {
      float* line = memory + f * shape.memory;
      std::memmove(line, line + 1, static_cast<size_t>(shape.memory - 1) * sizeof(float));
      line[shape.memory - 1] = latest[f];
      const float* weights = time_weights + f * shape.memory;
      float sum = 0.0f;
      for (int64_t m = 0; m < shape.memory; ++m) sum += weights[m] * line[m];
      out[f / shape.rank] += sum;
    }
    for (int64_t u = 0; u < units; ++u) {
      if (bias != nullptr) out[u] += bias[u];
      out[u] = Activate(activation, out[u]);
    }
  }
}

}  // namespace edgeml::kernels
