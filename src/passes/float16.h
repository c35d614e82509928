// Weights of half the size.
#ifndef EDGEML_PASSES_FLOAT16_H_
#define EDGEML_PASSES_FLOAT16_H_

#include <cstdint>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::passes {

struct Float16Options {
  // Constants of fewer elements stay float32: each one costs a node.
  int64_t min_elements = 16;
};

struct Float16Report {
  int64_t constants = 0;  // stored as float16 now
  int64_t too_large = 0;  // left alone: a number of theirs would become infinite
};

// Stores float32 constants that nodes read as float16, each followed by one DEQUANTIZE for all its
// readers, as TensorFlow's converter does and runtimes expect it: those that compute in float32
// undo it once, others read the float16. Numbers are rounded to the nearest, ties to even. Run it
// after all passes. Errors: kInternal when the module does not verify afterwards.
Result<Float16Report> StoreFloat16(ir::Module& module, const Float16Options& options = {});

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_FLOAT16_H_
