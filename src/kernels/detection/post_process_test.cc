#include "src/kernels/detection/post_process.h"

#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace edgeml::kernels {
namespace {

struct Outcome {
  std::vector<Box> boxes;
  std::vector<float> classes, scores;
  float count = -1.0f;
};

Outcome Select(const DetectionParams& p, const std::vector<Box>& boxes,
               const std::vector<float>& scores) {
  Outcome out;
  const auto slots = static_cast<size_t>(p.max_detections * p.max_classes);
  out.boxes.resize(slots);
  out.classes.resize(slots);
  out.scores.resize(slots);
  std::vector<std::byte> scratch(DetectionScratchBytes(p));
  EXPECT_TRUE(SelectDetections(p, boxes.data(), scores.data(), scratch.data(), out.boxes.data(),
                               out.classes.data(), out.scores.data(), &out.count));
  return out;
}

DetectionParams ThreeBoxes() {
  DetectionParams p;
  p.num_boxes = 3;
  p.num_classes = 2;
  p.score_columns = 3;
  p.max_detections = 3;
  p.score_threshold = 0.1f;
  p.iou_threshold = 0.5f;
  return p;
}

const std::vector<Box> kBoxes = {{0, 0, 1, 1}, {0, 0.1f, 1, 1.1f}, {5, 5, 6, 6}};
// Background, then two classes.
const std::vector<float> kScores = {0, 0.9f, 0.2f, 0, 0.8f, 0.85f, 0, 0.3f, 0.3f};

TEST(PostProcess, FastSuppressionKeepsTheBestClassOfEachBox) {
  const Outcome out = Select(ThreeBoxes(), kBoxes, kScores);
  EXPECT_EQ(out.count, 2.0f);
  EXPECT_EQ(out.classes, (std::vector<float>{0, 0, 0}));  // a tie goes to the lower class
  EXPECT_EQ(out.scores, (std::vector<float>{0.9f, 0.3f, 0}));
  EXPECT_EQ(out.boxes[1].ymin, 5.0f);
}

TEST(PostProcess, RegularSuppressionWorksClassByClass) {
  DetectionParams p = ThreeBoxes();
  p.regular = true;
  const Outcome out = Select(p, kBoxes, kScores);
  EXPECT_EQ(out.count, 3.0f);
  EXPECT_EQ(out.scores, (std::vector<float>{0.9f, 0.85f, 0.3f}));
  EXPECT_EQ(out.classes, (std::vector<float>{0, 1, 0}));
}

TEST(PostProcess, RejectsBoxesTurnedOver) {
  DetectionParams p = ThreeBoxes();
  std::vector<Box> boxes = kBoxes;
  boxes[2] = {6, 5, 5, 6};
  std::vector<std::byte> scratch(DetectionScratchBytes(p));
  Box out_boxes[3];
  float classes[3], scores[3], count;
  EXPECT_FALSE(SelectDetections(p, boxes.data(), kScores.data(), scratch.data(), out_boxes, classes,
                                scores, &count));
}

TEST(PostProcess, DecodesAgainstAnchors) {
  DetectionParams p;
  p.num_boxes = 1;
  p.y_scale = p.x_scale = 10.0f;
  p.h_scale = p.w_scale = 5.0f;
  const float code[] = {1.0f, 0.0f, 0.0f, 0.0f}, anchor[] = {0.5f, 0.5f, 1.0f, 0.4f};
  Box box;
  DecodeBoxes(p, code, 4, anchor, &box);
  EXPECT_FLOAT_EQ(box.ymin, 0.1f);
  EXPECT_FLOAT_EQ(box.ymax, 1.1f);
  EXPECT_FLOAT_EQ(box.xmin, 0.3f);
  EXPECT_FLOAT_EQ(box.xmax, 0.7f);
}

}  // namespace
}  // namespace edgeml::kernels
