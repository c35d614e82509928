// The computation that SCATTER and REDUCE_WINDOW of StableHLO name by a graph of two scalars.
#ifndef EDGEML_BACKENDS_REFERENCE_STABLEHLO_BODY_H_
#define EDGEML_BACKENDS_REFERENCE_STABLEHLO_BODY_H_

#include "src/kernels/stablehlo/combine.h"
#include "src/runtime/backend.h"

namespace edgeml::backends {

// A graph of one operator that LiteRT recognises becomes that combination, whatever the operator's
// inputs are, as in LiteRT. Any other graph, which LiteRT refuses, is run for each pair of
// elements.
class BodyCombiner {
 public:
  enum class Use : uint8_t { kScatter, kWindow };

  BodyCombiner() = default;
  BodyCombiner(const BodyCombiner&) = delete;  // the combiner points to it
  BodyCombiner& operator=(const BodyCombiner&) = delete;

  Status Prepare(runtime::PrepareContext& context, int32_t graph, Use use, DType type);
  // Before each use; the graph may have served others since.
  Status Begin();
  const kernels::Combiner& combiner() const { return combiner_; }
  // What running the graph ended with; the elements combined after a failure are unset.
  const Status& status() const { return status_; }

 private:
  Status Settle();
  void RunOnce(const void* a, const void* b, void* out);

  kernels::Combiner combiner_;
  runtime::SubgraphRunner* graph_ = nullptr;  // null when recognised
  Status status_;
};

}  // namespace edgeml::backends

#endif  // EDGEML_BACKENDS_REFERENCE_STABLEHLO_BODY_H_
