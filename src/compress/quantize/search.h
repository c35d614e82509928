// Which layers cost most when quantized, and the choice of bits layer by layer.
#ifndef EDGEML_COMPRESS_QUANTIZE_SEARCH_H_
#define EDGEML_COMPRESS_QUANTIZE_SEARCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/quantize.h"
#include "src/compress/quantize/refine.h"
#include "src/compress/quantize/samples.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

// How good a model is: accuracy as a fraction, or another score of which more is better. Given
// modules as Quantize() leaves them.
using Judge = std::function<Result<double>(const ir::Module&)>;

struct LayerCost {
  int32_t node = 0;
  std::string op, name;
  int64_t weights = 0;  // elements
  int bits = 8;         // that the cost is of
  // Mean squared error of the model's outputs, as a share of their mean square, when this layer
  // alone is quantized.
  double noise = 0;
  // How much longer the model takes when this layer alone stays float, in ms; 0 = not measured.
  double latency_ms = 0;
  // The judge's score when this layer alone is quantized, if it was asked.
  std::optional<double> score;
};

struct SensitivityOptions {
  int64_t limit = 16;  // samples; 0 = all
  int threads = 0;
  Judge judge;  // asked about each layer; null = not
};

// One entry for each layer with weights that `options` quantize, in their order. Errors: of
// Quantize and CompareLayers.
Result<std::vector<LayerCost>> MeasureSensitivity(const ir::Module& module, const Ranges& ranges,
                                                  const SampleSource& samples,
                                                  const QuantizeOptions& options,
                                                  const SensitivityOptions& how,
                                                  const runtime::Backends& backends,
                                                  const Progress& progress);

// What a search did, step by step.
struct SearchStep {
  std::string what;
  double score = 0;
  bool kept = false;
};
using OnStep = std::function<void(const SearchStep&)>;

struct SearchInput {
  const Prepared& model;
  const CalibrationResult& seen;  // with histograms
  const SampleSource& samples;
  const runtime::Backends& backends;
  Judge judge;
  double float_score = 0, max_drop = 0;
  RefineOptions refine;
  OnStep on_step;  // may be null
  Progress progress;
};

struct SearchResult {
  QuantizeOptions options;  // the best found
  Ranges ranges;
  double score = 0;
  bool within_budget = false;
  std::vector<SearchStep> steps;
  std::vector<LayerCost> costs;  // worst first; empty when they were not needed
};

// Starts with `options` as they are (kInt8, as a rule) and mends until the score is within
// `max_drop` of the float one: other methods for ranges, biases corrected, rounding learned, and at
// last the layers that cost most kept float, one, two, four … at a time. A step that does not raise
// the score is taken back.
Result<SearchResult> MendUntilGood(const SearchInput& input, QuantizeOptions options);

// As many layers as can be get `few` bits (4 or 1), the others 8: those that cost least noise per
// byte saved first, halving the interval of how many while the score stays within `max_drop`;
// rounding is learned. With `max_bytes` > 0 (weights' payload) instead as few as that takes, and
// the score is only told. `options.scheme` must be calibrated.
Result<SearchResult> MixBits(const SearchInput& input, QuantizeOptions options, int few,
                             int64_t max_bytes);

// Everything gets 8 bits; then as many layers as the budget bears stay float, those first that take
// most noise away per millisecond. How much longer each makes the model is measured here and now,
// and so is each mixture. Errors: kFailed when 8 bits everywhere take longer than `max_ms`.
Result<SearchResult> SpendLatency(const SearchInput& input, QuantizeOptions options, double max_ms);

// The shortest of some runs over the first sample, one thread, in ms. REQUIRES: inputs are those of
// the float model.
Result<double> MeasureLatency(const ir::Module& module, const SampleSource& samples,
                              const runtime::Backends& backends);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_SEARCH_H_
