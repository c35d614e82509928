// Constants that are mostly zeros, without the zeros.
#ifndef EDGEML_IR_SPARSIFY_H_
#define EDGEML_IR_SPARSIFY_H_

#include <cstdint>
#include <optional>

#include "src/ir/graph.h"

namespace edgeml::ir {

// The bytes that a constant's numbers and, if it is sparse, their places take in a file.
uint64_t StoredBytes(const Value& value);

// A dense constant in the sparse form that takes the fewest bytes: one dimension is compressed (its
// zeros are left out), alone, in blocks of 4 or 16 along it, or with everything else below it
// (whole slices are left out). Nothing unless that is at least `gain` bytes less than the dense
// form. -0 counts as 0. REQUIRES: value.is_constant(), not sparse, of its shape's size. Types
// narrower than a byte and strings have no sparse form.
std::optional<Value> Sparsify(const Value& value, uint64_t gain = 1);

}  // namespace edgeml::ir

#endif  // EDGEML_IR_SPARSIFY_H_
