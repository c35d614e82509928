// How the gradient of each operator is computed, from the kernels' gradients. A list, not a
// registry: gradient_table.cc names every operator that has one, and why others have none.
#ifndef EDGEML_TRAIN_GRADIENT_OPS_H_
#define EDGEML_TRAIN_GRADIENT_OPS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "edgeml/status.h"
#include "src/base/aligned_floats.h"
#include "src/base/thread_pool.h"
#include "src/ir/graph.h"
#include "src/tensor/view.h"

namespace edgeml::train {

// Floats at 64 bytes that grow when asked for more.
class Scratch {
 public:
  // What was in it is lost.
  float* Get(size_t floats);

 private:
  AlignedFloats storage_;
};

// One node, after it has run. All tensors are dense; those with a gradient are float32.
struct GradientContext {
  const ir::Node* node = nullptr;
  std::span<const TensorView> inputs, outputs;
  // Of each output with respect to the scalar that is differentiated, before a fused activation;
  // null = zero.
  std::span<const float* const> output_gradients;
  // What the function ADDS to; null where no gradient is wanted.
  std::span<float* const> input_gradients;
  ThreadPool* pool = nullptr;
  Scratch* scratch = nullptr;

  bool has_input(size_t i) const { return i < inputs.size() && inputs[i].present(); }
  template <typename A>
  const A& attrs() const {
    return node->attrs<A>();
  }
};

using GradientFunction = Status (*)(const GradientContext& context);

struct GradientEntry {
  ir::OpCode op;
  GradientFunction function = nullptr;
  // Bit i: the gradient with respect to input i is computed. Bit 31 stands for all from 31 on.
  uint32_t inputs = 0;
  const char* reason = nullptr;  // why there is none, when `function` is null

  bool Takes(size_t input) const { return ((inputs >> (input < 31 ? input : 31)) & 1) != 0; }
};

// The entry of an operator; null when nothing is said of it.
const GradientEntry* FindGradient(ir::OpCode op);
// In words why there is no gradient; empty when there is.
std::string_view WhyNoGradient(ir::OpCode op);

// The parts of the table.
Status ConvolutionGradient(const GradientContext& context);  // gradient_linear.cc
Status DepthwiseConvolutionGradient(const GradientContext& context);
Status FullyConnectedGradient(const GradientContext& context);
Status BatchMatMulGradient(const GradientContext& context);
Status ArithmeticGradient(const GradientContext& context);  // gradient_elementwise.cc
Status UnaryFunctionGradient(const GradientContext& context);
Status ActivationFunctionGradient(const GradientContext& context);
Status AddNGradient(const GradientContext& context);
Status FakeQuantGradient(const GradientContext& context);
Status PoolGradient(const GradientContext& context);  // gradient_images.cc
Status ReductionGradient(const GradientContext& context);
Status SoftmaxGradient(const GradientContext& context);
Status ResizeGradient(const GradientContext& context);
Status SameBytesGradient(const GradientContext& context);  // gradient_movement.cc
Status TransposeGradient(const GradientContext& context);
Status PadGradient(const GradientContext& context);
Status SliceGradient(const GradientContext& context);
Status ConcatenationGradient(const GradientContext& context);
Status SplitGradient(const GradientContext& context);
Status BroadcastToGradient(const GradientContext& context);

}  // namespace edgeml::train

#endif  // EDGEML_TRAIN_GRADIENT_OPS_H_
