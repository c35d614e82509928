// What a model is calibrated and compared on: samples, each one array per graph input.
#ifndef EDGEML_COMPRESS_QUANTIZE_SAMPLES_H_
#define EDGEML_COMPRESS_QUANTIZE_SAMPLES_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/data/array.h"
#include "src/data/dataset.h"
#include "src/data/preprocess.h"
#include "src/ir/graph.h"
#include "src/runtime/graph_executor.h"

namespace edgeml::quantize {

// Immutable; several threads may ask at once.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t size() const = 0;
  // REQUIRES: 0 <= i < size(). Errors: those of what is behind it.
  virtual Result<std::vector<data::Array>> Get(int64_t i) const = 0;
  // For messages: "sample 3", and where it came from if that is known.
  virtual std::string NameOf(int64_t i) const;
};

// A data set as samples of batch 1 for a model of one input. kInvalidArgument when it has several.
// What the input is quantized with is taken from the graph, as data::ToModelInput says.
Result<std::unique_ptr<SampleSource>> MakeDatasetSamples(
    std::shared_ptr<const data::Dataset> dataset, const ir::Graph& graph,
    const data::PreprocessOptions& options);

// Arrays handed in, one per input in the graph's order, of any batch size that the model takes.
std::unique_ptr<SampleSource> MakeArraySamples(std::vector<std::vector<data::Array>> samples);

// Which of `size` samples are taken when `limit` (0 = all) are asked for: evenly spread, since data
// sets stand sorted by class. Ascending.
std::vector<int64_t> SpreadSamples(int64_t size, int64_t limit);

// Whether the model takes the sample: number, types and shapes of the arrays, and that all floats
// are finite. kInvalidArgument naming the tensor, what is expected and what is given; the caller
// names the sample.
Status CheckSample(const ir::Graph& graph, std::span<const data::Array> sample);

// Prepares the executor for the sample and copies it into its inputs; state starts anew.
// `observer`, if any, is shown the inputs. Errors: of CheckSample and of preparing.
Status FeedSample(std::span<const data::Array> sample, runtime::GraphExecutor& executor,
                  runtime::TensorObserver* observer);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_SAMPLES_H_
