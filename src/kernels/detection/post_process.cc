#include "src/kernels/detection/post_process.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/base/stop.h"

namespace edgeml::kernels {
namespace {

struct Scored {
  int64_t index;  // box * score_columns + column
  float score;
};

uint64_t Aligned(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

// The scratch memory, cut in pieces.
struct Scratch {
  float* best_scores = nullptr;  // [num_boxes]: of one class, or of each box's best class
  int32_t* classes = nullptr;    // [num_boxes, num_classes], best first; fast suppression only
  int32_t* order = nullptr;      // [num_boxes]: candidates by falling score
  int32_t* selected = nullptr;   // [num_boxes]
  uint8_t* active = nullptr;     // [num_boxes]
  Scored *merged = nullptr, *other = nullptr;  // [max_detections + per_class] each, regular only

  // Cuts `memory`, or only counts when it is null.
  uint64_t Cut(const DetectionParams& p, void* memory) {
    uint64_t used = 0;
    const auto take = [&](auto*& pointer, int64_t count) {
      using T = std::remove_reference_t<decltype(*pointer)>;
      if (memory != nullptr)
        pointer = reinterpret_cast<T*>(static_cast<char*>(memory) + static_cast<size_t>(used));
      used += Aligned(static_cast<uint64_t>(count) * sizeof(T));
    };
    const int64_t kept = p.regular ? p.max_detections + std::min(p.per_class, p.max_detections) : 0;
    take(merged, kept);
    take(other, kept);
    take(best_scores, p.num_boxes);
    take(classes, p.regular ? 0 : p.num_boxes * p.num_classes);
    take(order, p.num_boxes);
    take(selected, p.num_boxes);
    take(active, p.num_boxes);
    return used;
  }
};

float IntersectionOverUnion(const Box& a, const Box& b) {
  const float area_a = (a.ymax - a.ymin) * (a.xmax - a.xmin);
  const float area_b = (b.ymax - b.ymin) * (b.xmax - b.xmin);
  if (area_a <= 0 || area_b <= 0) return 0.0f;
  const float height = std::max(std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin), 0.0f);
  const float width = std::max(std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin), 0.0f);
  const float both = height * width;
  return both / (area_a + area_b - both);
}

// Greedy suppression by scores[num_boxes]; fills scratch.selected and returns how many, at most
// `limit`.
int64_t Suppress(const DetectionParams& p, const Box* boxes, const float* scores, int64_t limit,
                 const Scratch& scratch) {
  int64_t candidates = 0;
  for (int64_t i = 0; i < p.num_boxes; ++i)
    if (scores[i] >= p.score_threshold) scratch.order[candidates++] = static_cast<int32_t>(i);
  // The index decides ties: a stable order without the memory of a stable sort.
  std::sort(scratch.order, scratch.order + candidates, [scores](int32_t a, int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::fill_n(scratch.active, candidates, uint8_t{1});
  int64_t chosen = 0;
  for (int64_t i = 0; i < candidates && chosen < limit && !StopRequested(); ++i) {
    if (scratch.active[i] == 0) continue;
    scratch.selected[chosen++] = scratch.order[i];
    const Box& winner = boxes[scratch.order[i]];
    for (int64_t j = i + 1; j < candidates; ++j) {
      if (scratch.active[j] != 0 &&
          IntersectionOverUnion(winner, boxes[scratch.order[j]]) > p.iou_threshold)
        scratch.active[j] = 0;
    }
  }
  return chosen;
}

// Each box competes with its best class only.
int64_t SelectFast(const DetectionParams& p, const Box* boxes, const float* scores,
                   const Scratch& scratch, Box* out_boxes, float* out_classes, float* out_scores) {
  const int64_t background = p.score_columns - p.num_classes;
  const int64_t kept_classes = std::min(p.max_classes, p.num_classes);
  for (int64_t i = 0; i < p.num_boxes; ++i) {
    const float* row = scores + i * p.score_columns + background;
    int32_t* classes = scratch.classes + i * p.num_classes;
    if (kept_classes == 1) {
      int32_t best = 0;
      for (int64_t c = 1; c < p.num_classes; ++c)
        if (row[c] > row[best]) best = static_cast<int32_t>(c);
      classes[0] = best;
    } else {
      std::iota(classes, classes + p.num_classes, 0);
      std::partial_sort(classes, classes + kept_classes, classes + p.num_classes,
                        [row](int32_t a, int32_t b) { return row[a] > row[b]; });
    }
    scratch.best_scores[i] = row[classes[0]];
  }
  const int64_t chosen = Suppress(p, boxes, scratch.best_scores, p.max_detections, scratch);
  for (int64_t i = 0; i < chosen; ++i) {
    const int64_t box = scratch.selected[i];
    for (int64_t c = 0; c < kept_classes; ++c) {
      const int32_t label = scratch.classes[box * p.num_classes + c];
      const int64_t slot = i * p.max_classes + c;
      out_boxes[slot] = boxes[box];
      out_classes[slot] = static_cast<float>(label);
      out_scores[slot] = scores[box * p.score_columns + background + label];
    }
  }
  return chosen;
}

// Every class by itself; the winners of all classes are merged by score.
int64_t SelectRegular(const DetectionParams& p, const Box* boxes, const float* scores,
                      Scratch scratch, Box* out_boxes, float* out_classes, float* out_scores) {
  const int64_t background = p.score_columns - p.num_classes;
  const int64_t per_class = std::min(p.per_class, p.max_detections);
  int64_t count = 0;
  for (int64_t c = 0; c < p.num_classes && !StopRequested(); ++c) {
    const int64_t column = c + background;
    for (int64_t i = 0; i < p.num_boxes; ++i)
      scratch.best_scores[i] = scores[i * p.score_columns + column];
    const int64_t chosen = Suppress(p, boxes, scratch.best_scores, per_class, scratch);
    // A stable merge: equal scores of earlier classes come first.
    int64_t left = 0, right = 0, total = 0;
    while (left < count || right < chosen) {
      const int32_t box = right < chosen ? scratch.selected[right] : 0;
      const bool take_right = left == count || (right < chosen && scratch.best_scores[box] >
                                                                      scratch.merged[left].score);
      scratch.other[total++] =
          take_right ? Scored{box * p.score_columns + column, scratch.best_scores[box]}
                     : scratch.merged[left];
      ++(take_right ? right : left);
    }
    std::swap(scratch.merged, scratch.other);
    count = std::min(total, p.max_detections);
  }
  for (int64_t i = 0; i < count; ++i) {
    const Scored& winner = scratch.merged[i];
    out_boxes[i] = boxes[winner.index / p.score_columns];
    out_classes[i] = static_cast<float>(winner.index % p.score_columns - background);
    out_scores[i] = winner.score;
  }
  return count;
}

}  // namespace

void DecodeBoxes(const DetectionParams& p, const float* encodings, int64_t stride,
                 const float* anchors, Box* boxes) {
  const double y_scale = p.y_scale, x_scale = p.x_scale, h_scale = p.h_scale, w_scale = p.w_scale;
  for (int64_t i = 0; i < p.num_boxes; ++i) {
    const float* code = encodings + i * stride;
    const double anchor_y = anchors[i * 4], anchor_x = anchors[i * 4 + 1];
    const double anchor_h = anchors[i * 4 + 2], anchor_w = anchors[i * 4 + 3];
    const auto y = static_cast<float>(double{code[0]} / y_scale * anchor_h + anchor_y);
    const auto x = static_cast<float>(double{code[1]} / x_scale * anchor_w + anchor_x);
    const auto half_h = static_cast<float>(0.5 * std::exp(double{code[2]} / h_scale) * anchor_h);
    const auto half_w = static_cast<float>(0.5 * std::exp(double{code[3]} / w_scale) * anchor_w);
    boxes[i] = {y - half_h, x - half_w, y + half_h, x + half_w};
  }
}

uint64_t DetectionScratchBytes(const DetectionParams& params) {
  return Scratch().Cut(params, nullptr);
}

bool SelectDetections(const DetectionParams& p, const Box* boxes, const float* scores,
                      void* scratch_memory, Box* out_boxes, float* out_classes, float* out_scores,
                      float* out_count) {
  for (int64_t i = 0; i < p.num_boxes; ++i)
    if (boxes[i].ymin > boxes[i].ymax || boxes[i].xmin > boxes[i].xmax) return false;
  Scratch scratch;
  scratch.Cut(p, scratch_memory);
  const int64_t slots = p.max_detections * p.max_classes;
  std::fill_n(out_boxes, slots, Box{0.0f, 0.0f, 0.0f, 0.0f});
  std::fill_n(out_classes, slots, 0.0f);
  std::fill_n(out_scores, slots, 0.0f);
  const int64_t count =
      p.regular ? SelectRegular(p, boxes, scores, scratch, out_boxes, out_classes, out_scores)
                : SelectFast(p, boxes, scores, scratch, out_boxes, out_classes, out_scores);
  *out_count = static_cast<float>(count);
  return true;
}

}  // namespace edgeml::kernels
