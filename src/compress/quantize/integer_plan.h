// Which nodes become integers, and with what parameters: decided for the whole graph before any of
// it is changed.
#ifndef EDGEML_COMPRESS_QUANTIZE_INTEGER_PLAN_H_
#define EDGEML_COMPRESS_QUANTIZE_INTEGER_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "src/compress/quantize/integer.h"

namespace edgeml::quantize {

struct IntegerPlan {
  struct Node {
    bool quantized = false;
    // The parameters of each input and output that is an activation; weights and biases get theirs
    // when they are made.
    std::vector<std::optional<Affine>> inputs, outputs;
  };
  const ir::Graph& graph;  // the float one
  const Ranges& ranges;
  DType activations = DType::kInt8;
  std::vector<Node> nodes;
  std::vector<std::optional<Affine>> values;  // activations that some quantized node touches

  const std::optional<Affine>& affine_of(int32_t v) const { return values[static_cast<size_t>(v)]; }
};

// Appends one report for each node that has to do with float32 values.
IntegerPlan MakeIntegerPlan(const ir::Graph& graph, const Ranges& ranges,
                            const IntegerOptions& options, std::vector<LayerReport>& layers);

}  // namespace edgeml::quantize

#endif  // EDGEML_COMPRESS_QUANTIZE_INTEGER_PLAN_H_
