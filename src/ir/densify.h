// Sparse constants in full.
#ifndef EDGEML_IR_DENSIFY_H_
#define EDGEML_IR_DENSIFY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::ir {

// The dense bytes of a sparse constant, absent elements zero. REQUIRES: value.sparsity != nullptr
// and value.is_constant(). Safe on any sparsity, verified or not: kInvalidModel when segments,
// indices, blocks or the number of stored elements contradict each other; kUnsupported for types
// narrower than a byte and for strings; kResourceExhausted beyond `max_bytes`.
//
// The format is TACO's (Kjolstad et al., "The Tensor Algebra Compiler", 2017) with blocks: level i
// walks dimension traversal_order[i] of the shape, which the blocks' dimensions follow.
Result<std::vector<std::byte>> Densify(const Value& value, uint64_t max_bytes = uint64_t{1} << 32);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_DENSIFY_H_
