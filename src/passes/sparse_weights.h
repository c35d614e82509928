// Weights without their zeros.
#ifndef EDGEML_PASSES_SPARSE_WEIGHTS_H_
#define EDGEML_PASSES_SPARSE_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edgeml/status.h"
#include "src/ir/graph.h"

namespace edgeml::passes {

struct SparseOptions {
  // Also int8 weights that LiteRT takes with its reference and optimized kernels alone: those that
  // meet int8 activations in FULLY_CONNECTED, or float ones. With its default delegate (XNNPACK)
  // such a model is refused.
  bool without_delegates = false;
};

// "auto", "all" (without_delegates), or "off": none. kInvalidArgument for other words.
Result<std::optional<SparseOptions>> ParseSparse(std::string_view word);

struct SparseReport {
  int64_t constants = 0;     // stored sparse now
  uint64_t saved_bytes = 0;  // of the file, about
  std::string ToString() const;
};

// Stores pruned weights (float32, float16, int8) of convolutions and matrix products in the sparse
// form of TFLite where the file gets smaller, each behind one DENSIFY for all its readers. That is
// the form in which LiteRT 2.3 computes the same with all its kernels and delegates; weights that
// FULLY_CONNECTED reads sparse are taken for dense ones by XNNPACK. Run it after all passes.
// Errors: kInternal when the module does not verify afterwards.
Result<SparseReport> StoreSparse(ir::Module& module, const SparseOptions& options = {});

}  // namespace edgeml::passes

#endif  // EDGEML_PASSES_SPARSE_WEIGHTS_H_
