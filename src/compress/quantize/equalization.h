// Cross-layer equalization: channels of neighbouring layers are brought to like ranges, which
// changes nothing in float and much in integers.
#ifndef EDGEML_COMPRESS_QUANTIZE_EQUALIZATION_H_
#define EDGEML_COMPRESS_QUANTIZE_EQUALIZATION_H_

#include <cstdint>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct EqualizationOptions {
  int max_rounds = 40;
  // RELU6 lets no channel be scaled. It becomes RELU in pairs of layers where this is set; that
  // changes the model for values above 6.
  bool relu6_to_relu = false;
};

struct EqualizationReport {
  int64_t pairs = 0;  // of layers
  int64_t relu6 = 0;  // that became RELU
  int rounds = 0;
  double largest_scale = 1;  // that a channel was multiplied or divided by
};

// For each pair of layers where the first one's output goes to the second alone, through operators
// that let a positive factor pass (channel_factors.h), channel i of the first is divided by s_i and
// the second's weights for it multiplied: s_i = sqrt(r1_i / r2_i) of the largest magnitudes of the
// weights. Rounds until the scales are 1 within 1e-3. Nagel et al., "Data-Free Quantization Through
// Weight Equalization and Bias Correction" (2019), 4.1. Constants that other nodes read too are
// copied. REQUIRES: the module has passed Verify, and ranges are observed afterwards.
EqualizationReport EqualizeLayers(ir::Module& module, const EqualizationOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_EQUALIZATION_H_
