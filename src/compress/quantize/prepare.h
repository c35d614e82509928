// What a model goes through before anything of it is quantized.
#ifndef EDGEML_COMPRESS_QUANTIZE_PREPARE_H_
#define EDGEML_COMPRESS_QUANTIZE_PREPARE_H_

#include <string>
#include <vector>

#include "edgeml/status.h"
#include "src/compress/quantize/integer.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::quantize {

struct Prepared {
  ir::Module module;  // float; values renumbered
  // By value of the main graph: ranges that training learned, from FAKE_QUANT operators, which are
  // gone. They count more than what calibration sees.
  Ranges learned;
  std::vector<std::string> notes;
};

// Takes FAKE_QUANT out and keeps its ranges, makes float16 and dequantized weights float32, folds
// batch normalization and fuses activations (passes::RunPasses). REQUIRES: `module` passed Verify.
// Errors: kInvalidArgument for a model that is quantized already.
Result<Prepared> Prepare(ir::Module module, ir::Evaluator& evaluator);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_PREPARE_H_
