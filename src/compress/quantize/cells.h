// Recurrent cells in integers: LSTM (int8 activations and weights, int16 cell state) and SVDF (int8
// activations and features, int16 time weights and state), as LiteRT's kernels compute them and
// TensorFlow's converter stores them (operator_property.cc).
#ifndef EDGEML_COMPRESS_QUANTIZE_CELLS_H_
#define EDGEML_COMPRESS_QUANTIZE_CELLS_H_

#include <cstdint>

#include "edgeml/status.h"
#include "src/compress/quantize/conventions.h"
#include "src/compress/quantize/weights.h"
#include "src/ir/graph.h"
#include "src/ir/rewriter.h"

namespace edgeml::quantize {

// Gives LSTM nodes that normalize or project five float32 intermediates, unless they have them:
// names for what calibration has to see of a cell besides its state. These are the four gates' sums
// before normalization and the hidden activations before projection.
void NameIntermediates(ir::Graph& graph);

// Why a cell cannot be quantized, or null. REQUIRES: node.op is LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM
// or SVDF.
const char* WhyNotCell(const ir::Graph& graph, const ir::Node& node);

// A value of the cell whose range has to be known, besides its input and output, and is not;
// ir::kNoValue = there is none.
int32_t UnknownInCell(const ir::Node& node, const Ranges& ranges);

// Quantizes all but the input 0 and the output of node `n`, which are int8 with these parameters.
// REQUIRES: WhyNotCell and UnknownInCell see no obstacle. kUnsupported for weights that are not
// finite.
Status QuantizeCell(ir::Rewriter& graph, int32_t n, const Ranges& ranges, const Affine& input,
                    const Affine& output);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_CELLS_H_
