// Sums of products in Einstein's notation, as products of matrices.
#ifndef EDGEML_FORMATS_KERAS_LAYERS_EINSUM_H_
#define EDGEML_FORMATS_KERAS_LAYERS_EINSUM_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/formats/keras/layers/common.h"

namespace edgeml::keras {

// Two operands and the result, a label for each dimension. No label twice in one of them.
struct EinsumSpec {
  std::string a, b, out;
};

// "abc,cd->abd", "...x,xy->...y" for operands of these ranks. kUnsupported, kInvalidModel.
Result<EinsumSpec> ParseEinsum(std::string_view equation, int rank_a, int rank_b);

// Errors stick to `e`.
int32_t Einsum(ir::Emitter& e, const EinsumSpec& spec, int32_t a, int32_t b);

// The same with a weight as second operand, which becomes a FULLY_CONNECTED where that can be.
// `bias`: of a dense layer, its dimensions with labels, or none.
int32_t EinsumDense(LayerContext& c, const EinsumSpec& spec, int32_t x, const Weight& kernel,
                    const Weight* bias, std::string_view bias_axes, std::string_view name);

// x [.., in] times a kernel [in.., out..] of `inputs` dimensions for the last of x and others for
// the result: [.., out..], joined into one dimension when `joined`. `factor` scales the result.
int32_t Projection(LayerContext& c, int32_t x, const Weights& weights, bool use_bias, int inputs,
                   int outputs, bool joined, float factor, std::string_view name);

}  // namespace edgeml::keras

#endif  // EDGEML_FORMATS_KERAS_LAYERS_EINSUM_H_
