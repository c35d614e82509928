// TFLite_Detection_PostProcess: decodes boxes against anchors and suppresses overlapping ones.
// Contract and reference.
#ifndef EDGEML_KERNELS_DETECTION_POST_PROCESS_H_
#define EDGEML_KERNELS_DETECTION_POST_PROCESS_H_

#include <cstddef>
#include <cstdint>

namespace edgeml::kernels {

// One corner-encoded box. ymin <= ymax and xmin <= xmax for real boxes.
struct Box {
  float ymin, xmin, ymax, xmax;
};

struct DetectionParams {
  int64_t num_boxes = 0;         // >= 0
  int64_t num_classes = 1;       // >= 1, without the background
  int64_t score_columns = 1;     // num_classes, or one more with a background class in column 0
  int64_t max_detections = 0;    // >= 0
  int64_t max_classes = 1;       // >= 1: classes per box that fast suppression keeps
  int64_t per_class = 100;       // >= 1: boxes per class that regular suppression keeps
  bool regular = false;          // suppression class by class, instead of by each box's best class
  float score_threshold = 0.0f;  // boxes below are dropped
  float iou_threshold = 0.5f;    // in (0, 1]; overlaps above are suppressed
  float y_scale = 1.0f, x_scale = 1.0f, h_scale = 1.0f, w_scale = 1.0f;
};

// Decodes center-size encodings [num_boxes, stride] (y, x, h, w first) against anchors
// [num_boxes, 4] (y, x, h, w), in double precision rounded to float32 as LiteRT does.
void DecodeBoxes(const DetectionParams& params, const float* encodings, int64_t stride,
                 const float* anchors, Box* boxes);

// Bytes of scratch that SelectDetections wants, 8-byte aligned.
uint64_t DetectionScratchBytes(const DetectionParams& params);

// Writes the best detections: out_boxes [slots], out_classes [slots], out_scores [slots] with
// slots = max_detections * max_classes, and how many there are; slots left over are zero. Scores
// [num_boxes, score_columns]. Equal scores keep the order of the boxes (and of the classes, in
// regular suppression); equal scores of one box's classes go to the lower class when one class is
// kept, else to std::partial_sort's choice, which is LiteRT's too.
// False when a box has ymin > ymax or xmin > xmax; then nothing is written. Exact. Source: LiteRT
// kernels/detection_postprocess.cc.
bool SelectDetections(const DetectionParams& params, const Box* boxes, const float* scores,
                      void* scratch, Box* out_boxes, float* out_classes, float* out_scores,
                      float* out_count);

}  // namespace edgeml::kernels

#endif  // EDGEML_KERNELS_DETECTION_POST_PROCESS_H_
