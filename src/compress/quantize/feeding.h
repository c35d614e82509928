// Samples into executors.
#ifndef EDGEML_COMPRESS_QUANTIZE_FEEDING_H_
#define EDGEML_COMPRESS_QUANTIZE_FEEDING_H_

#include <span>

#include "edgeml/status.h"
#include "src/data/array.h"
#include "src/runtime/graph_executor.h"

namespace edgeml::quantize {

// Shapes the inputs like the sample, prepares, lets state start anew and sets the inputs: bit by
// bit, or through the scale and zero point of an input that is quantized where the sample is float.
// REQUIRES: CheckSample() of the graph, or of the float one that a quantized one was made from.
// Errors: those of preparing; kInvalidArgument for an input of another type.
Status FeedSample(runtime::GraphExecutor& executor, std::span<const data::Array> sample);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_FEEDING_H_
