// Resource variables that no run ever changes become constants.
#ifndef EDGEML_PASSES_FREEZE_VARIABLES_H_
#define EDGEML_PASSES_FREEZE_VARIABLES_H_

#include <string>
#include <vector>

#include "src/ir/evaluator.h"
#include "src/ir/graph.h"

namespace edgeml::passes {

// Models that were trained for sparsity and exported with the wrappers of the pruning left in
// multiply each weight by its mask and assign the product to the weight, every time they run. Such
// a variable holds the same numbers after every run: its reads become constants, its assignments go
// away, and so do graphs that only set it up. RunPasses() then finds a plain model.
//
// A variable is frozen when the model sets it up with constants (CALL_ONCE), only the main graph
// uses it, what is assigned there follows from constants and such variables, and assigning it again
// changes nothing; if the first run changes it, nothing but assignments may read it before.
// `module` must have passed ir::Verify. Returns the names of the frozen variables, sorted.
std::vector<std::string> FreezeVariables(ir::Module& module, ir::Evaluator& evaluator);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_FREEZE_VARIABLES_H_
