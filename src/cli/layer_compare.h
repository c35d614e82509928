// Where two models of the same network part, layer by layer.
#ifndef EDGEML_CLI_LAYER_COMPARE_H_
#define EDGEML_CLI_LAYER_COMPARE_H_

#include <string>
#include <vector>

#include "src/cli/engine.h"

namespace edgeml::cli {

// The output of one node.
struct Layer {
  int node = 0;
  std::string op, name;
  std::vector<int32_t> shape;
  int tensor = 0;
};

// The node outputs of the main graph that hold numbers after a run, in order; QUANTIZE and
// DEQUANTIZE left out. REQUIRES: the session preserves all tensors.
std::vector<Layer> LayersOf(Engine& engine);

// Pairs of positions in `a` and `b`, ascending in both: layers of the same shape with the same name
// or, failing that, the same operator; as many as can be had (longest common subsequence).
std::vector<std::pair<size_t, size_t>> MatchLayers(const std::vector<Layer>& a,
                                                   const std::vector<Layer>& b);

struct Difference {
  double max_abs = 0;      // largest |a - b|
  double range = 0;        // largest |a|
  double relative = 0;     // max_abs / range; infinite when only `range` is 0
  double sqnr_db = 0;      // signal to noise; infinite when equal
  int64_t not_finite = 0;  // places where exactly one of the two is not finite
};
// REQUIRES: a.size() == b.size().
Difference Compare(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_LAYER_COMPARE_H_
