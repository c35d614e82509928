// Whether two graphs compute the same.
#ifndef EDGEML_CONVERT_VERIFICATION_H_
#define EDGEML_CONVERT_VERIFICATION_H_

#include <cstddef>
#include <cstdint>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::convert {

struct Difference {
  double largest = 0;   // of |a - b| over all outputs and runs
  double relative = 0;  // the same as a share of the largest magnitude of its output
  int runs = 0;
};

// Runs the main graphs of both modules on the same `runs` random inputs (float32 in [-1, 1],
// integers 0 and 1; open dimensions: the batch 1, others 16) and compares their outputs, which must
// be equal in number, types and shapes. State starts anew in each. Errors: those of running;
// kUnsupported for a model that has custom operators or whose open dimensions 16 does not fit.
Result<Difference> Compare(const ir::Module& a, const ir::Module& b, int runs, uint32_t seed,
                           size_t memory_cap);

}  // namespace edgeml::convert

#endif  // EDGEML_CONVERT_VERIFICATION_H_
