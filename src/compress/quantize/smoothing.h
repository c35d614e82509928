// SmoothQuant: outliers in channels of what dense layers read are moved into the layers' weights,
// which changes nothing in float and much in integers.
#ifndef EDGEML_COMPRESS_QUANTIZE_SMOOTHING_H_
#define EDGEML_COMPRESS_QUANTIZE_SMOOTHING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/compress/quantize/calibration.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct SmoothOptions {
  // How much of the difficulty goes from the activations to the weights: 0 to 1.
  double alpha = 0.5;
};

struct SmoothReport {
  int64_t sources = 0;  // values whose channels were scaled
  int64_t layers = 0;   // whose weights were
  double largest_scale = 1;
  // Dense layers that were left as they are: the tensor that each makes, and why.
  std::vector<std::string> left;
};

// What the layers that could be smoothed read: CalibrationOptions::channel_values for SmoothLayers.
std::vector<int32_t> SmoothedInputs(const ir::Module& module);

// For each value that FULLY_CONNECTED, BATCH_MATMUL with a constant as second operand, and CONV_2D
// of 1 by 1 read, and nothing else: channel j is divided by
//   s_j = max |X_j|^alpha / max |W_j|^(1 - alpha)
// and the layers' weights W_j for it are multiplied. X is what was observed, W all weights that
// read the channel. The node in front that takes the factor is a layer, or a MUL by constants (the
// scale of a layer normalization; its offsets get the factor too); between it and the layers may
// stand whatever FollowFactors lets through. Where no node can take it, the layers are left. Xiao
// et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language
// Models" (2022), equation 4. Constants that other nodes read too are copied. REQUIRES: the module
// has passed Verify, `seen` is of it, 0 <= alpha <= 1; ranges are observed anew afterwards.
SmoothReport SmoothLayers(ir::Module& module, const CalibrationResult& seen,
                          const SmoothOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_SMOOTHING_H_
