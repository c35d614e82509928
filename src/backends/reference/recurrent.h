// The parts of the recurrent family.
#ifndef EDGEML_BACKENDS_REFERENCE_RECURRENT_H_
#define EDGEML_BACKENDS_REFERENCE_RECURRENT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/kernels/recurrent/recurrent.h"

namespace edgeml::backends {

inline kernels::CellActivation CellActivationOf(ir::Activation activation) {
  return static_cast<kernels::CellActivation>(activation);  // the same numbers
}

// int8 weights, which old files also type as uint8 without meaning it.
inline bool IsStoredWeight(DType type) { return type == DType::kInt8 || type == DType::kUInt8; }

// A weight matrix as the kernels see it. `row_sums` receives the sums of an int8 matrix.
kernels::WeightMatrix MatrixOf(const TensorView& view, std::vector<int32_t>& row_sums);
// The values of a matrix of floats may move between runs; an int8 one is constant.
void RefreshMatrix(const TensorView& view, kernels::WeightMatrix& matrix);

// Reasons to decline a hybrid node's weight input: not constant, or not quantized per tensor.
std::string DeclineStoredWeight(const runtime::NodeView& view, size_t i);
// A state of floats that can be updated.
std::string DeclineFloatState(const runtime::NodeView& view, size_t i);

// Where one LSTM cell's weights and biases stand among a node's inputs. Gates come in the order
// input, forget, cell, output; the cell gate has no peephole.
struct LstmLayout {
  static constexpr size_t kInputWeights = 1, kRecurrentWeights = 5, kPeephole = 9, kBias = 12;
  static constexpr size_t kProjection = 16, kProjectionBias = 17, kEnd = 18;

  size_t base = 0;        // added to the positions above
  size_t layer_norm = 0;  // of the first of four coefficients; 0 = none
  size_t aux = 0;         // of the first of four auxiliary weights; 0 = none

  size_t Peephole(int gate) const {
    return base + kPeephole + static_cast<size_t>(gate == 3 ? 2 : gate);
  }
};

// The weights of a float or hybrid LSTM cell.
class LstmWeights {
 public:
  // Sets the sizes and the weights of the cell; the rest of it is the caller's.
  void Prepare(const runtime::NodeView& view, const LstmLayout& layout);
  // Values of floats may move between runs.
  void Refresh(const runtime::RunContext& context);

  kernels::LstmCell& cell() { return cell_; }

 private:
  LstmLayout layout_;
  kernels::LstmCell cell_;
  std::array<std::vector<int32_t>, 13> sums_;
  std::array<std::vector<float>, 4> peepholes_;
};

// Why the types of a node's input 0, output 0 and LSTM weights are none for RunLstm.
std::string DeclineLstmWeights(const runtime::NodeView& view, const LstmLayout& layout);

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_RECURRENT_H_
