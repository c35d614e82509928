// The parts of the recurrent family.
#ifndef EDGEML_BACKENDS_REFERENCE_RECURRENT_H_
#define EDGEML_BACKENDS_REFERENCE_RECURRENT_H_

#include <cstdint>
#include <vector>

#include "src/backends/reference/reference_backend.h"
#include "src/kernels/recurrent/recurrent.h"

namespace edgeml::backends {

void AddLstmKernels(KernelList& list);
void AddRnnKernels(KernelList& list);  // RNN and SVDF

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

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_RECURRENT_H_
