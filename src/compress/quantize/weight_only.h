// Small weights and float activations: no calibration.
#ifndef EDGEML_COMPRESS_QUANTIZE_WEIGHT_ONLY_H_
#define EDGEML_COMPRESS_QUANTIZE_WEIGHT_ONLY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/integer.h"
#include "src/compress/quantize/weights.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct WeightOnlyOptions {
  // `block_size` counts for FULLY_CONNECTED with 4 bits, where the operator can take blocks; the
  // axis is the operator's own, and so are `outputs` where that is not -1.
  WeightFormat weights;
  bool per_channel = true;
  // Operators that can, quantize their activations as they run and multiply integers ("dynamic
  // range", "hybrid"). Else a DEQUANTIZE stands before each operator.
  bool dynamic = false;
  // Constants with fewer elements stay float; as TensorFlow's converter has it.
  int64_t min_elements = 1024;
  std::vector<std::string> keep_float;  // as in IntegerOptions
  // Likewise, of the main graph. `bias_shift` counts for nodes whose bias is a constant.
  std::map<int32_t, int> bits;
  std::map<int32_t, QuantizedWeights> rounded;
  std::map<int32_t, std::vector<float>> bias_shift;
};

// Stores the weights of all graphs so: those of convolutions, matrix products, embeddings and
// recurrent layers, whether or not LiteRT multiplies them as integers. `report` is of the main
// graph. Errors: kInvalidArgument for options that do not fit, kUnsupported for weights that are
// not finite.
Result<ir::Module> QuantizeWeightsOnly(const ir::Module& module, const WeightOnlyOptions& options,
                                       std::vector<LayerReport>* report);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_WEIGHT_ONLY_H_
