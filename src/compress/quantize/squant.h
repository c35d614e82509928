// Rounding that keeps sums: without any data.
#ifndef EDGEML_COMPRESS_QUANTIZE_SQUANT_H_
#define EDGEML_COMPRESS_QUANTIZE_SQUANT_H_

#include <span>

#include "src/compress/quantize/weights.h"
#include "src/tensor/shape.h"

namespace edgeml::quantize {

// Rounds some weights the other way, so that the errors of those that see similar inputs add up to
// next to nothing: first within each kernel (the taps of one input channel, or a block that shares
// a scale), then within each output. Activations are mostly positive, and what errors add up to is
// then multiplied by their mean. As few weights as that takes, those nearest to a tie; weights that
// are exact, such as those that were pruned, stay. Guo et al., "SQuant: On-the-Fly Data-Free
// Quantization via Diagonal Hessian Approximation", 2022.
//
// `outputs`: the dimension of output channels, the first or the last. With the first and more than
// two dimensions the last one is of input channels. Does nothing to one-bit weights.
// REQUIRES: `rounded` are `weights` of this shape, each rounded to the nearest.
void BalanceRounding(std::span<const float> weights, const Shape& shape, int outputs,
                     QuantizedWeights& rounded);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_SQUANT_H_
