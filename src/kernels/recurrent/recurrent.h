// Recurrent cells with float states: LSTM, RNN, SVDF, with float weights or with int8 weights and
// activations quantized row by row while running ("hybrid"). Contract and reference.
//
// Nothing allocates. Every batch row is computed by itself, so batch-major and time-major sequences
// give the same numbers. Floats may differ from LiteRT's in the order of additions and in the last
// bits of tanh and the logistic function. Weights of int8 stand for stored * scale.
#ifndef EDGEML_KERNELS_RECURRENT_RECURRENT_H_
#define EDGEML_KERNELS_RECURRENT_RECURRENT_H_

#include <cstddef>
#include <cstdint>

#include "src/base/function_ref.h"

namespace edgeml::kernels {

// What is applied to a sum, numbered as the graph's fused activations.
enum class CellActivation : uint8_t { kNone, kRelu, kReluN1To1, kRelu6, kTanh, kSignBit, kSigmoid };
float Activate(CellActivation activation, float x);

// A weight matrix [rows, cols]: float32, or int8 with one scale. A diagonal one is [rows] of
// float32.
struct WeightMatrix {
  const float* values = nullptr;
  const int8_t* stored = nullptr;
  float scale = 1.0f;
  const int32_t* row_sums = nullptr;  // [rows] of `stored`; wanted for asymmetric activations
  bool diagonal = false;

  bool present() const { return values != nullptr || stored != nullptr; }
};

// The sum of each row of an int8 matrix [rows, cols].
void RowSums(const int8_t* matrix, int64_t rows, int64_t cols, int32_t* sums);

// A vector and, when a matrix asks for it, its quantized form.
class CellVector {
 public:
  // `stored` has room for n values, or is null when no weights are int8.
  CellVector(const float* values, int64_t n, int8_t* stored, bool asymmetric);

  // out[r] += matrix[r, :] . vector for r < rows.
  void MultiplyInto(const WeightMatrix& matrix, int64_t rows, float* out) const;

 private:
  const float* values_;
  int64_t n_;
  const int8_t* stored_;
  float scale_ = 1.0f;
  int32_t zero_point_ = 0;
};

// input [batch, time, …] or, time major, [time, batch, …].
struct SequenceShape {
  int64_t batch = 0, time = 1;
  bool time_major = false;
  bool backward = false;  // from the last element to the first
  // The place in time of the step that comes t-th.
  int64_t At(int64_t t) const { return backward ? time - 1 - t : t; }
  // The row that batch element b has in step t.
  int64_t Row(int64_t b, int64_t t) const {
    return time_major ? At(t) * batch + b : b * time + At(t);
  }
};

// LSTM --------------------------------------------------------------------------------------
enum LstmGateIndex { kInputGate, kForgetGate, kCellGate, kOutputGate, kNumGates };

struct LstmGate {
  WeightMatrix input;                 // [cells, inputs]
  WeightMatrix aux;                   // [cells, aux_inputs] or absent
  WeightMatrix recurrent;             // [cells, outputs], or diagonal
  const float* peephole = nullptr;    // [cells] or null
  const float* bias = nullptr;        // [cells]
  const float* layer_norm = nullptr;  // [cells] or null
};

struct LstmCell {
  SequenceShape sequence;
  int64_t inputs = 0, aux_inputs = 0, cells = 0, outputs = 0;
  int64_t output_stride = 0;  // elements from one row of the output to the next, >= outputs
  LstmGate
      gates[kNumGates];     // without input weights in kInputGate, 1 - forget gate takes its place
  WeightMatrix projection;  // [outputs, cells] or absent: outputs == cells
  const float* projection_bias = nullptr;  // [outputs] or null
  CellActivation activation = CellActivation::kTanh;
  float cell_clip = 0.0f, projection_clip = 0.0f;  // 0 = none
  bool asymmetric = false;                         // of quantized activations
  bool coupled() const { return !gates[kInputGate].input.present(); }
};

uint64_t LstmScratchBytes(const LstmCell& cell);

// What a cell holds only while it runs: each gate's sums before layer normalization (of cells that
// have it), the hidden activations before projection, the cell state after its update.
enum class LstmInside : uint8_t {
  kInputSums,
  kForgetSums,
  kCellSums,
  kOutputSums,
  kHidden,
  kCellState
};
// Told of [cells] values for each batch row and step of time. It may change them.
using LstmWatch = FunctionRef<void(LstmInside what, float* values)>;

// input [batch, time, inputs], aux [batch, time, aux_inputs] or null, output [batch, time, outputs]
// in rows of output_stride; output_state [batch, outputs] and cell_state [batch, cells] are read
// and updated. Layer normalization divides by sqrt(variance + 1e-8).
// `watch`: null = nobody looks.
void RunLstm(const LstmCell& cell, const float* input, const float* aux, float* output_state,
             float* cell_state, void* scratch, float* output, const LstmWatch* watch = nullptr);

// One step of the "basic" LSTM: [input, activation] . weights [4 * cells, inputs + cells] + bias,
// in the order input gate, new input, forget gate, output gate. The four outputs of the operator,
// two of them intermediate: joined [batch, inputs + cells] and gates [batch, 4 * cells].
struct BasicLstmShape {
  int64_t batch = 0, inputs = 0, cells = 0;
};
void RunBasicLstm(const BasicLstmShape& shape, const float* input, const float* activation,
                  const float* weights, const float* bias, const float* state,
                  float* new_activation, float* new_state, float* joined, float* gates);

// RNN ---------------------------------------------------------------------------------------
struct RnnCell {
  SequenceShape sequence;
  int64_t inputs = 0, aux_inputs = 0, units = 0;
  int64_t output_stride = 0;  // elements from one row of the output to the next, >= units
  // Elements of aux from one batch element, and from one element in time, to the next.
  int64_t aux_batch_stride = 0, aux_time_stride = 0;
  WeightMatrix input;           // [units, inputs]
  WeightMatrix aux;             // [units, aux_inputs] or absent
  WeightMatrix recurrent;       // [units, units]
  const float* bias = nullptr;  // [units]
  CellActivation activation = CellActivation::kTanh;
  bool asymmetric = false;
};
uint64_t RnnScratchBytes(const RnnCell& cell);
// aux as its strides say, or null; hidden [batch, units] is read and updated; output
// [batch, time, units] in rows of output_stride.
void RunRnn(const RnnCell& cell, const float* input, const float* aux, float* hidden, void* scratch,
            float* output);

// SVDF --------------------------------------------------------------------------------------
struct SvdfShape {
  int64_t batch = 0, inputs = 0, filters = 0, memory = 1, rank = 1;  // filters % rank == 0
  int64_t units() const { return filters / rank; }
};
uint64_t SvdfScratchBytes(const SvdfShape& shape);
// features [filters, inputs], time_weights [filters, memory], bias [units] or null; state
// [batch, filters, memory] moves on by one; output [batch, units].
void RunSvdf(const SvdfShape& shape, const WeightMatrix& features, const float* time_weights,
             const float* bias, CellActivation activation, bool asymmetric, const float* input,
             float* state, void* scratch, float* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RECURRENT_RECURRENT_H_
