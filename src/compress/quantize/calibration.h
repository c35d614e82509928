// Calibration: a float model runs over samples, and what its tensors hold is observed.
#ifndef EDGEML_COMPRESS_QUANTIZE_CALIBRATION_H_
#define EDGEML_COMPRESS_QUANTIZE_CALIBRATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/observer.h"
#include "src/compress/quantize/range_search.h"
#include "src/compress/quantize/samples.h"
#include "src/ir/graph.h"
#include "src/runtime/module_runner.h"

namespace edgeml::quantize {

// Fewer samples than this get a warning.
inline constexpr int64_t kFewSamples = 10;

struct CalibrationOptions {
  RangeMethod method = RangeMethod::kMinMax;
  double percentile = kDefaultPercentile;  // counts for that method
  int threads = 0;                         // 0 = as many as processors
  int64_t limit = 0;                       // samples taken, evenly spread; 0 = all
  // Histograms of tensors whose method does not need them, for reports and other methods later.
  bool histograms = false;
  // Values of the main graph to observe; empty = all float32 ones that depend on an input. Those of
  // graphs that control flow calls are always observed.
  std::vector<int32_t> values;
  // Of the main graph: whose last dimension's extents and sums are wanted.
  bool all_channels = false;
  std::vector<int32_t> channel_values;
  size_t memory_cap = 0;  // per thread; 0 = 80 % of the machine's memory
  const runtime::CustomOps* custom_ops = nullptr;
};

struct TensorRecord {
  int32_t graph = 0, value = 0;
  std::string name;
  Observer observer;
};

class CalibrationResult {
 public:
  RangeMethod method = RangeMethod::kMinMax;
  double percentile = kDefaultPercentile;
  int64_t samples = 0;
  uint64_t model = 0;                 // ModelHash
  std::vector<TensorRecord> tensors;  // ascending by graph and value; all were seen
  std::vector<std::string> warnings;

  // Null when the value was not observed: a constant or what depends on constants only, not of
  // float32, without elements, or in a branch that no sample took.
  const Observer* Find(int32_t graph, int32_t value) const;
  // The range of a value by the method calibrated with. Nothing where Find() finds nothing.
  std::optional<Range> RangeOf(int32_t graph, int32_t value, int bits, bool symmetric) const;
  // That it was made for this model, tensor by tensor. kInvalidArgument.
  Status CheckModel(const ir::Module& module) const;
};

// Tells models apart by their nodes, types, shapes and constants.
uint64_t ModelHash(const ir::Module& module);

// Called with the number of samples done, on the caller's thread; false stops the work.
using Progress = std::function<bool(int64_t done, int64_t total)>;

// Runs the main graph over the samples, a thread to a sample, and observes its values while it
// runs: nothing but the executors' arenas and the statistics (16 KB a tensor and thread with
// histograms) is held. State starts anew with each sample. Results do not depend on the number of
// threads. Errors name the sample: kInvalidArgument (no samples, a sample that does not fit or is
// not finite), kFailed (a tensor becomes NaN, named), kCancelled, those of reading samples and of
// running.
Result<CalibrationResult> Calibrate(const ir::Module& module, const SampleSource& samples,
                                    const CalibrationOptions& options,
                                    const runtime::Backends& backends,
                                    const Progress& progress = nullptr);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_CALIBRATION_H_
