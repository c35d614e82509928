// NON_MAX_SUPPRESSION_V4 and V5: keeps the best of the boxes that overlap. Contract and reference.
#ifndef EDGEML_KERNELS_DETECTION_NON_MAX_SUPPRESSION_H_
#define EDGEML_KERNELS_DETECTION_NON_MAX_SUPPRESSION_H_

#include <cstdint>

#include "src/base/function_ref.h"
#include "src/kernels/detection/post_process.h"

namespace edgeml::kernels {

struct SuppressionParams {
  int64_t num_boxes = 0;         // in [0, 2^31)
  int64_t max_selected = 0;      // in [0, 2^31)
  float iou_threshold = 0.5f;    // an overlap of this much or more suppresses
  float score_threshold = 0.0f;  // boxes that do not score more are left out
  float sigma = 0.0f;            // above 0: softly, overlaps lower scores (Bodla et al., 2017)
};

struct Candidate {
  int32_t box = 0;
  float score = 0.0f;
  int32_t compared = 0;  // with as many of the selected boxes
};

// Boxes [num_boxes] whose corners may come in any order, scores [num_boxes], candidates
// [num_boxes] of scratch. Writes the selected boxes, best first, to indices [max_selected] and
// unless it is null their (lowered) scores to out_scores [max_selected]; returns how many, or -1
// once `stop`, asked before each candidate, is true. Any float values.
//
// Equal to LiteRT's reference kernel, with what is odd about it: a selected box stays a candidate,
// which its overlap with itself suppresses; one that overlaps with nothing, because it has no area
// or the threshold is above 1, is therefore selected again and again. Of equal scores the heap of
// the standard library chooses, which is LiteRT's too.
int64_t SuppressNonMaxima(const SuppressionParams& params, const Box* boxes, const float* scores,
                          Candidate* candidates, int32_t* indices, float* out_scores,
                          FunctionRef<bool()> stop);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_DETECTION_NON_MAX_SUPPRESSION_H_
