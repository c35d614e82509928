// What other runtimes ask of a graph beyond what it needs.
#ifndef EDGEML_PASSES_BIASES_H_
#define EDGEML_PASSES_BIASES_H_

#include "src/ir/graph.h"

namespace edgeml::passes {

// Gives convolutions of float32 without a bias one of zeros, which LiteRT insists on. Run last: it
// undoes what other passes clean up.
void AddMissingBiases(ir::Module& module);

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_BIASES_H_
