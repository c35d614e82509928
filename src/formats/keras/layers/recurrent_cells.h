// Cells of recurrent layers: LSTM, GRU, simple, and the convolutional LSTM.
#ifndef EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_CELLS_H_
#define EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_CELLS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {

// One cell with its weights. Gates stand side by side in units: of an LSTM i, f, o, c (Keras keeps
// them as i, f, c, o), of a GRU z, r, h; so those with the recurrent activation stand together.
struct Cell {
  enum class Kind : uint8_t { kLstm, kGru, kSimple };
  Kind kind = Kind::kSimple;
  int32_t units = 0;
  bool reset_after = false;  // GRU: the reset gate works on h U + b, not on h
  bool grouped = false;      // the recurrent activation may be computed for all its gates at once
  Json activation, recurrent_activation;
  Weight kernel;            // [gates * units, in] as FULLY_CONNECTED takes it
  Weight recurrent_kernel;  // [gates * units, units]
  // Of the input and of the recurrent product, [gates * units]; empty: none.
  std::vector<float> bias, recurrent_bias;

  // Of a convolutional cell. kernel: [gates * units, k…, in], recurrent_kernel likewise.
  size_t dims = 0;  // 0: not convolutional
  ir::Window window;
  int32_t stride_d = 1, dilation_d = 1;

  int32_t gates() const { return kind == Kind::kLstm ? 4 : kind == Kind::kGru ? 3 : 1; }
  size_t num_states() const { return kind == Kind::kLstm ? 2 : 1; }
};

// The number of weights of a cell of these options.
size_t CountWeights(const Json& config);

// Reads a cell of the class `class_name` ("LSTM", "LSTMCell", …) from its options and weights.
// Errors stick to `options` and to c.e.
Cell ReadCell(LayerContext& c, std::string_view class_name, LayerOptions& options,
              const Weights& weights);

// What the input adds to the gates: [.., in] → [.., gates * units].
int32_t Project(LayerContext& c, const Cell& cell, int32_t x);

// One step: [batch, gates * units] of Project and the states before → the states after, of which
// the first is the output.
std::vector<int32_t> Step(LayerContext& c, const Cell& cell, int32_t projected,
                          std::span<const int32_t> states);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LAYERS_RECURRENT_CELLS_H_
