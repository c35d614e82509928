#include "src/kernels/detection/non_max_suppression.h"

#include <algorithm>
#include <cmath>

namespace edgeml::kernels {
namespace {

Box Ordered(const Box& box) {
  return {std::min(box.ymin, box.ymax), std::min(box.xmin, box.xmax), std::max(box.ymin, box.ymax),
          std::max(box.xmin, box.xmax)};
}

float AreaOf(const Box& box) { return (box.ymax - box.ymin) * (box.xmax - box.xmin); }

// Intersection over union.
float Overlap(const Box& first, const Box& second) {
  const Box a = Ordered(first), b = Ordered(second);
  const float area_a = AreaOf(a), area_b = AreaOf(b);
  if (area_a <= 0.0f || area_b <= 0.0f) return 0.0f;
  const float height = std::max(std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin), 0.0f);
  const float width = std::max(std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin), 0.0f);
  const float shared = height * width;
  return shared / (area_a + area_b - shared);
}

bool ScoresLess(const Candidate& a, const Candidate& b) { return a.score < b.score; }

}  // namespace

int64_t SuppressNonMaxima(const SuppressionParams& params, const Box* boxes, const float* scores,
                          Candidate* candidates, int32_t* indices, float* out_scores,
                          FunctionRef<bool()> stop) {
  // A heap: the best candidate comes first.
  Candidate* end = candidates;
  for (int64_t i = 0; i < params.num_boxes; ++i) {
    if (!(scores[i] > params.score_threshold)) continue;
    *end++ = {static_cast<int32_t>(i), scores[i], 0};
    std::push_heap(candidates, end, ScoresLess);
  }
  const bool soft = params.sigma > 0.0f;
  const float decay = soft ? static_cast<float>(-0.5 / static_cast<double>(params.sigma)) : 0.0f;
  const int64_t wanted = std::min<int64_t>(end - candidates, params.max_selected);
  int64_t selected = 0;
  while (selected < wanted && end != candidates) {
    if (stop()) return -1;
    std::pop_heap(candidates, end, ScoresLess);
    Candidate next = *--end;
    const float score = next.score;
    bool suppressed = false;
    // Later selections score alike and are likelier to overlap.
    for (int64_t i = selected - 1; i >= next.compared; --i) {
      const float overlap = Overlap(boxes[next.box], boxes[indices[i]]);
      suppressed = overlap >= params.iou_threshold;
      if (suppressed) break;
      if (soft) next.score *= std::exp(decay * overlap * overlap);
      if (next.score <= params.score_threshold) break;
    }
    if (suppressed) continue;
    next.compared = static_cast<int32_t>(selected);
    if (next.score == score) {
      indices[selected] = next.box;
      if (out_scores != nullptr) out_scores[selected] = score;
      ++selected;
    }
    if (next.score > params.score_threshold) {
      *end++ = next;
      std::push_heap(candidates, end, ScoresLess);
    }
  }
  return selected;
}

}  // namespace edgeml::kernels
