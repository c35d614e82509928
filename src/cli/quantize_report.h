// What `edgeml quantize` tells of its work: lines for a terminal, JSON, a page.
#ifndef EDGEML_CLI_QUANTIZE_REPORT_H_
#define EDGEML_CLI_QUANTIZE_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/evaluation.h"
#include "src/cli/output.h"
#include "src/compress/quantize/metrics.h"
#include "src/compress/quantize/observer.h"
#include "src/compress/quantize/refine.h"
#include "src/compress/quantize/search.h"

namespace edgeml::cli {

struct ModelFigures {
  uint64_t bytes = 0;
  int64_t arena_bytes = 0;
  double latency_ms = 0;  // median, one thread; 0 = not measured, as is the arena
  std::optional<Evaluation> evaluation;
};

struct QuantizeOutcome {
  std::string in, out, scheme, method, eval, format, version;
  uint64_t input_bytes = 0;
  int64_t ops = 0, calibration_samples = 0;
  ModelFigures before, after;
  std::vector<std::string> notes;
  std::vector<quantize::LayerReport> layers;
  std::vector<quantize::RefinedLayer> refined;
  std::vector<quantize::SearchStep> steps;
  std::vector<quantize::LayerCost> costs;
  bool within_budget = true;
  // For the page alone. By value of the float graph.
  std::vector<quantize::LayerError> errors;  // worst first
  std::map<int32_t, quantize::Observer> observed;
  quantize::Ranges ranges;
};

void PrintOutcome(const QuantizeOutcome& outcome);
Json ToJson(const QuantizeOutcome& outcome);
// HTML that needs nothing else.
std::string ReportPage(const QuantizeOutcome& outcome);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_QUANTIZE_REPORT_H_
