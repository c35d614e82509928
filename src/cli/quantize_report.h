// What `edgeml quantize` tells of its work: lines for a terminal, JSON, a page.
#ifndef EDGEML_CLI_QUANTIZE_REPORT_H_
#define EDGEML_CLI_QUANTIZE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/evaluation.h"
#include "src/cli/output.h"
#include "src/compress/quantize/metrics.h"
#include "src/compress/quantize/pipeline.h"

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
  int64_t ops = 0;
  ModelFigures before, after;
  std::vector<std::string> notes;  // of reading, preparing and `made`
  quantize::PipelineResult made;
  std::vector<quantize::LayerError> errors;  // for the page alone; worst first

  int64_t calibration_samples() const { return made.seen ? made.seen->samples : 0; }
};

void PrintOutcome(const QuantizeOutcome& outcome);
Json ToJson(const QuantizeOutcome& outcome);
// HTML that needs nothing else.
std::string ReportPage(const QuantizeOutcome& outcome);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_QUANTIZE_REPORT_H_
