// Rewrites a graph into a smaller one that computes the same: what a converter runs after reading a
// model and before writing it. Floats agree with the graph as it was to 1e-5 of the largest output
// of the model; integer and quantized values are computed as before, bit for bit. No pass makes
// more nodes than it takes away.
#ifndef EDGEML_PASSES_PASSES_H_
#define EDGEML_PASSES_PASSES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::passes {

struct Options {
  std::vector<std::string> disabled;  // names of passes to leave out, see PassNames()
  // Each round runs all passes in order; the last one changes nothing, or is this one.
  int max_rounds = 16;
  // Whether values that are no longer needed are dropped and the others renumbered. Not for a graph
  // whose tensor indices the user knows from its file: there they stay, without their data.
  bool renumber_values = false;
  // Whether weights that the model stores small (DEQUANTIZE of a constant, DENSIFY) are spread out.
  bool expand_weights = false;
  // ir::Verify after each pass and not only at the end.
#ifdef NDEBUG
  bool verify_each = false;
#else
  bool verify_each = true;
#endif
};

struct PassReport {
  std::string_view name;
  int64_t changes = 0;  // patterns rewritten, all rounds together
  double ms = 0;
};

struct Report {
  std::vector<PassReport> passes;  // in the order that they run, disabled ones left out
  int rounds = 0;
  int64_t nodes_before = 0, nodes_after = 0;  // of all graphs
};

// The names of all passes in order.
std::vector<std::string_view> PassNames();

// Runs the passes until none finds anything to do. `module` must have passed ir::Verify, and has
// when this returns Ok. `evaluator`: computes nodes of constants; null = they stay.
// Errors: kInvalidArgument for an unknown name in `disabled`; kInternal when a pass leaves a graph
// that does not verify (the module is then not to be used).
Result<Report> RunPasses(ir::Module& module, const Options& options, ir::Evaluator* evaluator);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_PASSES_H_
