// How each operator of a quantized TFLite model is quantized, as the TFLite quantization
// specification says (tensorflow.org/lite/performance/quantization_spec) and LiteRT's kernels
// check: docs/quantization.md.
#ifndef EDGEML_COMPRESS_QUANTIZE_CONVENTIONS_H_
#define EDGEML_COMPRESS_QUANTIZE_CONVENTIONS_H_

#include <cstdint>
#include <optional>
#include <span>

#include "src/compress/quantize/range.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct Affine {
  float scale = 1;
  int32_t zero_point = 0;
  friend bool operator==(const Affine&, const Affine&) = default;
};

// The parameters of an int8, uint8 or int16 activation with these values; zero is always exact.
// int8 and uint8 use all 256 numbers, int16 is symmetric: [-32767, 32767].
Affine AffineOf(Range range, DType type);

struct Convention {
  enum class Outputs : uint8_t {
    kOwn,    // the output has its own scale
    kSame,   // all inputs and outputs that are activations have one scale
    kFixed,  // the operator says which
  };
  ir::OpCode op;
  Outputs outputs = Outputs::kOwn;
  // Places of the weights and the bias among the inputs and the dimension of the weights that the
  // scales belong to; -1 = none.
  int8_t weights = -1, bias = -1, channels = -1;
  bool int8 = true, int16 = true;  // whether LiteRT runs it so
  bool int4_weights = false;       // with int8 or int16 activations
  bool hybrid = false;             // float activations with int8 weights
  bool cell = false;               // input 0 is its operand, the rest is as cells.h says
};

// Null for operators that stay float.
const Convention* ConventionOf(ir::OpCode op);
std::span<const Convention> Conventions();

// The output's parameters of an operator whose convention is kFixed.
Affine FixedAffine(ir::OpCode op, DType type);

// The type of constants that meet activations: int8 slopes of PRELU, else that of the activations.
DType ConstantTypeOf(ir::OpCode op, DType activations);

// Why a node cannot be quantized that its convention allows, or null: attributes that LiteRT's
// quantized kernels do not take.
const char* WhyNot(const ir::Graph& graph, const ir::Node& node, DType activations);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_CONVENTIONS_H_
