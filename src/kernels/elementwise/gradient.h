// Gradients of element-wise operators. float32, plain; each is ADDED to the gradient of the
// operand, summed over the elements that broadcasting repeats.
#ifndef EDGEML_KERNELS_ELEMENTWISE_GRADIENT_H_
#define EDGEML_KERNELS_ELEMENTWISE_GRADIENT_H_

#include <cstdint>

#include "src/kernels/elementwise/arithmetic.h"
#include "src/kernels/elementwise/broadcast.h"
#include "src/kernels/elementwise/unary.h"

namespace edgeml::kernels {

// Of kAdd, kSub, kMul, kDiv, kMaximum, kMinimum (of equal elements `a` gets all) and
// kSquaredDifference, without fused activation; nothing for another operator. `plan`: the operands'
// two shapes broadcast to the output's. a_gradient or b_gradient may be null.
void BinaryGradient(ArithmeticOp op, const BroadcastPlan& plan, const float* a, const float* b,
                    const float* output_gradient, float* a_gradient, float* b_gradient);

// Of any op of UnaryOp; 0 for those that are constant in pieces. [n]
void UnaryGradient(UnaryOp op, const float* input, const float* output,
                   const float* output_gradient, int64_t n, float* input_gradient);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_ELEMENTWISE_GRADIENT_H_
