// CONV_2D, FULLY_CONNECTED and one-channel DEPTHWISE_CONV_2D seen as one matrix product.
#ifndef EDGEML_BACKENDS_CPU_MATRIX_PROBLEM_H_
#define EDGEML_BACKENDS_CPU_MATRIX_PROBLEM_H_

#include <cstdint>
#include <string>

#include "src/kernels/convolution/convolution.h"
#include "src/kernels/gemm/gemm_plan.h"
#include "src/runtime/backend.h"

namespace edgeml::backends {

enum class MatrixOp { kConv, kDepthwise, kFullyConnected };

inline constexpr size_t kMatrixInput = 0, kMatrixWeights = 1, kMatrixBias = 2;

// The geometry of a convolution of either kind. REQUIRES: shapes known, rank 4.
kernels::ConvShape ConvShapeOf(const ir::NodeView& view, MatrixOp op);

struct MatrixProblem {
  kernels::PatchGeometry patch;
  int64_t rows = 0, n = 0, k = 0;
  int64_t images = 1, rows_per_image = 1;  // what a hybrid kernel quantizes at a time
  int64_t image_elements = 0;              // input elements of one image
  int64_t n_stride = 0, k_stride = 1;      // of the weights, in elements
};
MatrixProblem ProblemOf(const ir::NodeView& view, MatrixOp op, int element_bytes);

// Why a node is not for the cpu kernels, whatever its types: weights or bias not constant (unless
// `any_weights`), groups, odd windows, an activation that is not a clamp; "" = it is.
// `takes_channels`: whether a depthwise convolution of several channels is meant.
std::string DeclineStructure(const ir::NodeView& view, MatrixOp op, bool takes_channels,
                             bool any_weights = false);
// Whether weights and bias, if any, never change.
bool HasConstantWeights(const ir::NodeView& view);
// Input and output are `type`, and so are the weights, or int4 beside int8.
std::string DeclineInteger(const ir::NodeView& view, MatrixOp op, DType type);
// Float input and output, weights of type `weights` with a scale or one per channel; int4 ones of a
// FULLY_CONNECTED with a scale per block.
std::string DeclineHybrid(const ir::NodeView& view, MatrixOp op, DType weights);
std::string DeclineBlocks(const ir::NodeView& view);
std::string DeclineFloat(const ir::NodeView& view);

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_CPU_MATRIX_PROBLEM_H_
