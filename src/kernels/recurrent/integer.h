// Recurrent cells computed in integers. Contract and reference; every function equals LiteRT's
// kernels bit for bit. Nothing allocates; sums wrap as two's complement.
#ifndef EDGEML_KERNELS_RECURRENT_INTEGER_H_
#define EDGEML_KERNELS_RECURRENT_INTEGER_H_

#include <cstddef>
#include <cstdint>

#include "src/kernels/recurrent/recurrent.h"
#include "src/tensor/fixed_point.h"

namespace edgeml::kernels {

// INTEGER LSTM ------------------------------------------------------------------------------
// int8 activations and weights, int16 cell state and gates ("8x8_16" in LiteRT).
struct IntegerLstmGate {
  const int8_t* input = nullptr;      // [cells, inputs]; null in kInputGate couples the gates
  const int8_t* recurrent = nullptr;  // [cells, outputs]
  // Bias (without layer normalization) minus zero point times the weights' row sums, [cells] each.
  const int32_t* input_bias = nullptr;
  const int32_t* recurrent_bias = nullptr;
  FixedPointMultiplier input_scale, recurrent_scale;  // to the gate's sum
  const int16_t* peephole = nullptr;                  // [cells] or null
  FixedPointMultiplier peephole_scale;
  const int16_t* layer_norm = nullptr;  // [cells] or null
  const int32_t* layer_norm_bias = nullptr;
  FixedPointMultiplier layer_norm_scale;  // shift at most 19
  int32_t variance_guard = 1;             // stands in for a variance below 1, >= 1
};

struct IntegerLstmCell {
  SequenceShape sequence;
  int64_t inputs = 0, cells = 0, outputs = 0;  // cells >= 1
  IntegerLstmGate gates[kNumGates];
  // The cell state's scale, in [-30, -9]. LiteRT's tanh knows -15 and more; below, converters'
  // models for small states make it use the input gate in the place of tanh(state). Here it is the
  // tanh.
  int cell_scale_log2 = -12;
  int16_t cell_clip = 0;              // in quanta; 0 = none
  FixedPointMultiplier hidden_scale;  // of gate * tanh to the hidden activations
  int32_t hidden_zero_point = 0;
  const int8_t* projection = nullptr;        // [outputs, cells], or null: outputs == cells
  const int32_t* projection_bias = nullptr;  // as the gates' effective biases
  FixedPointMultiplier projection_scale;
  int32_t output_zero_point = 0;
  int8_t projection_clip = 0;
  bool coupled() const { return gates[kInputGate].input == nullptr; }
};

uint64_t IntegerLstmScratchBytes(const IntegerLstmCell& cell);

// input [batch, time, inputs], output [batch, time, outputs], output_state [batch, outputs],
// cell_state [batch, cells]; the states are read and updated.
void RunIntegerLstm(const IntegerLstmCell& cell, const int8_t* input, int8_t* output_state,
                    int16_t* cell_state, void* scratch, int8_t* output);

// The basic LSTM (see RunBasicLstm) on uint8 activations in [-1, 1) around 128, int16 states with 4
// integer bits, int32 bias. gates are int16 with 3 integer bits.
struct QuantizedBasicLstm {
  BasicLstmShape shape;
  int32_t weights_zero_point = 0;
  FixedPointMultiplier accumulator_scale;
};
void RunQuantizedBasicLstm(const QuantizedBasicLstm& cell, const uint8_t* input,
                           const uint8_t* activation, const uint8_t* weights, const int32_t* bias,
                           const int16_t* state, uint8_t* new_activation, int16_t* new_state,
                           uint8_t* joined, int16_t* gates);

// INTEGER SVDF ------------------------------------------------------------------------------
// int8 activations and features, int16 time weights and state, int32 bias or null. See RunSvdf.
struct IntegerSvdf {
  SvdfShape shape;
  FixedPointMultiplier state_scale, output_scale;
  int32_t input_zero_point = 0, output_zero_point = 0;
};
void RunIntegerSvdf(const IntegerSvdf& cell, const int8_t* input, const int8_t* features,
                    const int16_t* time_weights, const int32_t* bias, int16_t* state,
                    int8_t* output);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_RECURRENT_INTEGER_H_
