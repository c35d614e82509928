// Recurrent layers as one operator for all steps: what importers of layers and of loops make.
#ifndef EDGEML_IR_SEQUENCE_OPS_H_
#define EDGEML_IR_SEQUENCE_OPS_H_

#include <array>
#include <cstdint>
#include <string>

#include "src/ir/emitter.h"

namespace edgeml::ir {

// What importers tell whoever gets such operators in place of a layer that starts from zeros.
inline constexpr char kKeepsStateNote[] =
    "recurrent layers became operators that keep their state from run to run, as in TensorFlow's "
    "conversion; reset_all_variables() starts a new sequence";

// The weights of an LSTM with the gates input, forget, cell, output: values of the graph.
struct LstmWeights {
  std::array<int32_t, 4> input{};      // [units, size of an input]
  std::array<int32_t, 4> recurrent{};  // [units, units]
  std::array<int32_t, 4> bias{};       // [units]
};

// UNIDIRECTIONAL_SEQUENCE_LSTM with tanh over `x` [batch, time, …] → [batch, time, units]. `name`
// begins the names of its states. kUnsupported for an open batch, which its state must know.
int32_t SequenceLstm(Emitter& e, int32_t x, const LstmWeights& weights, const std::string& name);

// UNIDIRECTIONAL_SEQUENCE_RNN: activation(x W + h U + b); kernel [units, size of an input],
// recurrent_kernel [units, units], bias [units].
int32_t SequenceRnn(Emitter& e, int32_t x, int32_t kernel, int32_t recurrent_kernel, int32_t bias,
                    Activation activation, const std::string& name);

// [batch, time, …] → [batch, …] of the last step.
int32_t LastStep(Emitter& e, int32_t x);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_SEQUENCE_OPS_H_
