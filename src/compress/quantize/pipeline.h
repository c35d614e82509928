// From a float model to a small one: what `edgeml quantize` and Python's edge_ml.quantize do
// between reading a model and writing one.
#ifndef EDGEML_COMPRESS_QUANTIZE_PIPELINE_H_
#define EDGEML_COMPRESS_QUANTIZE_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/calibration.h"
#include "src/compress/quantize/prepare.h"
#include "src/compress/quantize/quantize.h"
#include "src/compress/quantize/refine.h"
#include "src/compress/quantize/samples.h"
#include "src/compress/quantize/search.h"
#include "src/passes/sparse_weights.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

enum class Rounding : uint8_t {
  kNearest,
  kSquant,    // keeps sums, without data (squant.h)
  kAdaRound,  // learned layer by layer, beginning with that: Refine
  kBlocks,    // and then block by block: RefineBlocks
};
// "nearest", "squant", "adaround" or "blocks". Errors: kInvalidArgument with the names there are.
Result<Rounding> ParseRounding(std::string_view name);

struct PipelineOptions {
  QuantizeOptions quantize;
  // `method`, `percentile`, `threads`, `limit` and `histograms` count; the first of threads for
  // all steps.
  CalibrationOptions calibration;
  bool equalize = false, relu6_to_relu = false;  // see EqualizationOptions
  bool smooth = false;                           // SmoothLayers, for which samples are run
  double smooth_alpha = 0.5;                     // see SmoothOptions
  Rounding rounding = Rounding::kSquant;
  bool bias_correction = false;
  int64_t rounding_samples = 0;  // of both; 0 = all
  // Ranges are those that training learned, and `default_range` elsewhere; nothing is observed.
  bool learned_only = false;
  std::optional<Range> default_range;
  // Mend until the score is at most `max_drop` below the float model's. The schemes mixed and, if
  // there is a judge, binary keep the same budget; mixed also one of bytes or of time instead.
  bool automatic = false;
  bool judged = false;  // PipelineInput::judge is given
  double max_drop = 0.01;
  int64_t max_bytes = 0;      // of weights; 0 = no such budget
  double max_latency_ms = 0;  // one thread, on this machine; 0 = no such budget
  // Measure what each layer costs when it alone is quantized: noise, and the score if there is a
  // judge.
  bool sensitivity = false;
  // In the end pruned weights are stored without their zeros where that is smaller.
  std::optional<passes::SparseOptions> sparse;

  bool Calibrates() const { return InfoOf(quantize.scheme).calibrated; }
  bool Refines() const {
    return rounding == Rounding::kAdaRound || rounding == Rounding::kBlocks || bias_correction;
  }
  // Whether forms of the model are tried and judged.
  bool Searches() const {
    return automatic || quantize.scheme == Scheme::kMixed ||
           (quantize.scheme == Scheme::kBinary && judged);
  }
  // Whether samples are run. `seen`: ranges of an earlier run are given.
  bool NeedsSamples(bool seen) const {
    return (Calibrates() && !seen && !learned_only) || smooth || Refines() || Searches() ||
           sensitivity;
  }
};

struct PipelineInput {
  Prepared model;
  const SampleSource* samples = nullptr;  // null = none
  std::optional<CalibrationResult> seen;  // an earlier calibration of the model
  std::string samples_name, seen_name;    // where both come from, for messages; may be empty
  runtime::Backends backends;
  Judge judge;                        // null = no searching
  std::optional<double> float_score;  // of the model by `judge`; asked for when missing
  OnStep on_step;                     // may be null
  // The progress of one kind of work, "smooth", "calibrate" or "refine"; empty for a search's inner
  // work.
  std::function<Progress(std::string_view work)> progress;
};

struct PipelineResult {
  Prepared model;           // float: what was quantized, channels scaled and so on
  ir::Module small;         // as Quantize() leaves it, then sparse
  QuantizeOptions options;  // that made it
  Ranges ranges;
  std::optional<CalibrationResult> seen;
  std::vector<LayerReport> layers;
  std::vector<RefinedLayer> refined;
  std::vector<SearchStep> steps;
  std::vector<LayerCost> costs;
  std::vector<std::string> notes;
  double score = 0, float_score = 0;  // of searches
  bool within_budget = true;
};

// Errors: kInvalidArgument for options that contradict each other or lack data; those of the steps.
// A search that does not meet its budget is no error: `within_budget` tells.
Result<PipelineResult> RunPipeline(PipelineInput input, const PipelineOptions& options);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_PIPELINE_H_
