// Learns the rounding of all weights of a block of layers together, so that the block's outputs
// stay as the float network has them. Source: Li et al., "BRECQ: Pushing the Limit of Post-Training
// Quantization by Block Reconstruction", 2021, with the rounding variables of AdaRound; the loss is
// the mean squared error of the outputs, without BRECQ's Fisher weights.
//
// What the descent finds is then improved by flipping weights for which a quadratic model of the
// loss (gradient, and second derivatives as Gauss and Newton have them) speaks, while the loss over
// all samples falls; so are the integers that the caller has from rounding layer by layer. The best
// of all these is the result, on samples held out for that: what a few samples make of many weights
// may be worse on others.
//
// Layers that are rounded one by one (adaround.h) cannot make up for each other, and at 4 bits that
// counts. The block is a graph of its own, cut out by the caller: its inputs are what the partly
// quantized network gives there, its outputs what the float network gives. FAKE_QUANT nodes in it
// stand for quantized activations; gradients go straight through them.
#ifndef EDGEML_COMPRESS_QUANTIZE_RECONSTRUCTION_H_
#define EDGEML_COMPRESS_QUANTIZE_RECONSTRUCTION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "edgeml/status.h"
#include "src/base/thread_pool.h"
#include "src/ir/graph.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

// A float32 constant of the block whose rounding is learned.
struct BlockWeights {
  int32_t value = 0;              // of the graph
  int axis = 0;                   // of the outputs: 0, or the last (depthwise filters)
  std::span<const float> scales;  // one for each output, or for each block of each output's weights
  int64_t block = 0;              // weights of an output that share a scale; 0 = all of them
  int32_t qmin = -127, qmax = 127;
  // Integers to begin with, and to keep if nothing better is found: those of AdaRound layer by
  // layer. In the constant's own layout; empty = to begin with the weights as they are.
  std::span<const int8_t> start;
};

// Samples side by side along the first dimension, which is the batch of every input and output.
struct BlockSamples {
  int64_t count = 0;
  // So many of them, the last ones, are not learned from: which of several results is the best is
  // told by them. 0 = by all.
  int64_t held_out = 0;
  std::vector<std::span<const float>> inputs;   // of each graph input [count, …]
  std::vector<std::span<const float>> targets;  // of each graph output [count, …]
};

struct ReconstructionOptions {
  int iterations = 1000;
  int batch = 32;  // samples in a step; at most as many as there are
  float learning_rate = 0.05f;
  // As in AdaRoundOptions, against an error that is 1 per weight for nearest rounding.
  float regularization = 20.0f;
  float beta_start = 20.0f, beta_end = 2.0f;
  float warm_start = 0.2f;
  // Afterwards, of each of the two: so often at most are some weights flipped, and kept so if the
  // error over all samples falls.
  int flip_trials = 100;
  // Float32 constants, such as biases, that are learned beside the rounding, by Adam.
  std::vector<int32_t> trained;
  float trained_learning_rate = 1e-3f;
  uint32_t seed = 1;                    // of the choice of samples
  size_t memory_cap = size_t{1} << 30;  // of the runtime's tensors, in bytes
  const std::atomic<bool>* cancel = nullptr;
  std::function<void(int done, int all)> progress;  // after each step and each trial of flips
};

struct ReconstructedBlock {
  std::vector<std::vector<int8_t>> weights;  // of each BlockWeights, in the constant's layout
  std::vector<std::vector<float>> trained;   // of options.trained
  // Mean squared error over all output elements of the samples held out, or of all if none are: of
  // nearest rounding, of `start`, and of the result, which is the best of the three.
  double nearest_error = 0, start_error = 0, error = 0;
};

// `block`: a verified graph of float32 inputs and outputs that calls no other. The result depends
// on neither the number of threads nor on time. Errors: kInvalidArgument for samples, scales or
// values that do not fit; kUnsupported for an operator on the way that has no gradient; kCancelled;
// those of the runtime.
Result<ReconstructedBlock> ReconstructBlock(const ir::Graph& block, const BlockSamples& samples,
                                            std::span<const BlockWeights> weights,
                                            const runtime::Backends& backends,
                                            const ReconstructionOptions& options,
                                            const std::shared_ptr<ThreadPool>& pool);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_RECONSTRUCTION_H_
