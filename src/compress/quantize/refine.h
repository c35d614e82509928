// Better rounding of weights and corrected biases, from what layers see on calibration samples.
#ifndef EDGEML_COMPRESS_QUANTIZE_REFINE_H_
#define EDGEML_COMPRESS_QUANTIZE_REFINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/adaround.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/quantize.h"
#include "src/compress/quantize/samples.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

struct RefineOptions {
  bool round = true;         // AdaRound; else weights are rounded to the nearest
  bool correct_bias = true;  // so that the mean of each channel stays
  // Layers are refined in so many groups, first to last, each seeing what those before it became;
  // 0 = one for each layer, but no more than kMostStages.
  int stages = 0;
  int64_t limit = 0;  // samples taken, evenly spread; 0 = all
  int threads = 0;    // 0 = as many as processors
  AdaRoundOptions rounding;
  size_t memory_cap = 0;  // per network that is run; 0 = 80 % of the machine's memory
};
inline constexpr int kMostStages = 16;

struct RefinedLayer {
  int32_t node = 0;
  std::string op, name;
  int64_t weights = 0, changed = 0;  // of them not rounded to the nearest
  // Mean squared error of the layer's output, summed over its channels, less what no rounding
  // changes: with rounding to the nearest, and now.
  double nearest_error = 0, error = 0;
  std::string note;  // what became of its block, or why it has none; empty = it was not asked for
};

// Fills `options.rounded` and `options.bias_shift` for layers with quantized weights:
// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED. The float network and the quantized one, as it is
// by then, run over the samples side by side. Layers that are too deep for their Gram matrices are
// left as they are. `progress` counts samples of all stages. Errors: of Quantize and of running;
// kInvalidArgument without samples; kCancelled.
Result<std::vector<RefinedLayer>> Refine(const ir::Module& module, const Ranges& ranges,
                                         const SampleSource& samples, const RefineOptions& how,
                                         const runtime::Backends& backends,
                                         const Progress& progress, QuantizeOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_REFINE_H_
