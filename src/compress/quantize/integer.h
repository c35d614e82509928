// Integer arithmetic: activations int8 or int16, weights int8, int4 or binary, biases int32 or
// int64, as LiteRT runs it.
#ifndef EDGEML_COMPRESS_QUANTIZE_INTEGER_H_
#define EDGEML_COMPRESS_QUANTIZE_INTEGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/conventions.h"
#include "src/compress/quantize/weights.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct IntegerOptions {
  DType activations = DType::kInt8;  // or kInt16
  // Of the model; kFloat32, or integers: kInt8, kUInt8 or kInt16 as `activations` can be turned
  // into without a loss.
  DType input_type = DType::kFloat32, output_type = DType::kFloat32;
  // Of weights; the axis is the operator's own, and so are `outputs` where that is not -1. No
  // blocks.
  WeightFormat weights;
  bool per_channel = true;
  // An error that names every operator that would stay float, instead of a mixed model.
  bool integer_only = false;
  // Nodes that stay float: an operator ("SOFTMAX"), or the name of the value that the node makes.
  std::vector<std::string> keep_float;
  // By node: other bits of its weights (8, 4, 1; 32 = the node stays float), and weights rounded
  // elsewhere, which must be in the format that the node gets.
  std::map<int32_t, int> bits;
  // Not empty: only these nodes, to see what each costs by itself.
  std::vector<int32_t> only_nodes;
  std::map<int32_t, QuantizedWeights> rounded;
  // By node: what is added to the bias before it is quantized, [channels].
  std::map<int32_t, std::vector<float>> bias_shift;
};

// What became of a node of the float graph.
struct LayerReport {
  int32_t node = 0;  // position in the float graph
  ir::OpCode op_code = ir::OpCode::kCustom;
  std::string op, name;  // of its first output
  int32_t output = -1;   // that output, a value of the float graph
  int weight_bits = 0;   // 0 = no weights, or they stay float
  bool quantized = false;
  std::string reason;   // why not
  WeightFormat format;  // of the weights, when weight_bits > 0
  // The value that the node multiplies by its weights in the quantized graph.
  int32_t quantized_input = -1;
};

// A form of the module in integers. Values keep their indices: what was float32 is quantized in
// place or has a copy that is, and `ranges` tells their parameters; graphs that control flow calls
// stay float. REQUIRES: the module has passed Verify; `ranges` has one entry for each value of its
// main graph. Errors: kUnsupported naming all operators (integer_only), kInvalidArgument for
// options that do not fit.
Result<ir::Module> QuantizeToIntegers(const ir::Module& module, const Ranges& ranges,
                                      const IntegerOptions& options,
                                      std::vector<LayerReport>* report);

// The format of the weights of node `n` under these options; none when it has no weights, or stays
// float by the options.
std::optional<WeightFormat> WeightFormatOf(const ir::Graph& graph, int32_t n,
                                           const IntegerOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_INTEGER_H_
