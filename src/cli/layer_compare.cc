#include "src/cli/layer_compare.h"

#include <algorithm>
#include <cmath>

namespace edgeml::cli {
namespace {

int MatchScore(const Layer& a, const Layer& b) {
  if (a.shape != b.shape) return 0;
  if (a.name == b.name && !a.name.empty()) return 4;
  return a.op == b.op ? 2 : 0;
}

// The table of MatchLayers has this many entries at most.
constexpr size_t kMaxTable = size_t{1} << 25;

}  // namespace

std::vector<Layer> LayersOf(Engine& engine) {
  std::vector<Layer> layers;
  for (const NodeInfo& node : engine.session().nodes()) {
    if (node.op == "QUANTIZE" || node.op == "DEQUANTIZE") continue;
    for (const int32_t t : node.outputs) {
      if (t < 0) continue;
      const TensorRef tensor = engine.session().tensor(t);
      if (tensor.data == nullptr || BitsOf(tensor.dtype) == 0) continue;
      layers.push_back(
          {node.index, node.op, engine.session().tensor_info(t).name, tensor.shape, t});
    }
  }
  return layers;
}

std::vector<std::pair<size_t, size_t>> MatchLayers(const std::vector<Layer>& a,
                                                   const std::vector<Layer>& b) {
  const size_t n = a.size(), m = b.size();
  if ((n + 1) > kMaxTable / (m + 1)) return {};
  // best[i][j]: the best score of a's layers from i on and b's from j on.
  std::vector<int32_t> best((n + 1) * (m + 1), 0);
  const auto at = [&](size_t i, size_t j) -> int32_t& { return best[i * (m + 1) + j]; };
  for (size_t i = n; i-- > 0;) {
    for (size_t j = m; j-- > 0;) {
      at(i, j) = std::max(at(i + 1, j), at(i, j + 1));
      if (const int score = MatchScore(a[i], b[j])) {
        at(i, j) = std::max(at(i, j), score + at(i + 1, j + 1));
      }
    }
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t i = 0, j = 0; i < n && j < m;) {
    const int score = MatchScore(a[i], b[j]);
    if (score > 0 && at(i, j) == score + at(i + 1, j + 1)) {
      pairs.emplace_back(i++, j++);
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      ++i;
    } else {
      ++j;
    }
  }
  return pairs;
}

Difference Compare(const std::vector<double>& a, const std::vector<double>& b) {
  Difference d;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      if (std::isfinite(a[i]) != std::isfinite(b[i])) ++d.not_finite;
      continue;
    }
    const double difference = std::fabs(a[i] - b[i]);
    d.max_abs = std::max(d.max_abs, difference);
    d.range = std::max(d.range, std::fabs(a[i]));
    signal += a[i] * a[i];
    noise += difference * difference;
  }
  if (d.max_abs > 0 || d.not_finite > 0) {
    d.relative = d.range > 0 && d.not_finite == 0 ? d.max_abs / d.range : INFINITY;
  }
  d.sqnr_db = noise > 0 ? 10 * std::log10(signal / noise) : INFINITY;
  return d;
}

}  // namespace edgeml::cli
